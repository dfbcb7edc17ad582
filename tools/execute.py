"""Executes one notebook in a fresh kernel of this interpreter."""

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from tools import course

PATIENCE = 60  # seconds for a kernel to start, and for the last outputs of a cell to arrive
TAIL = 12  # lines of a traceback or a log that are worth showing
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

CLIENT = dict(
    coalesce_streams=True,
    iopub_timeout=PATIENCE,
    raise_on_iopub_timeout=True,
    record_timing=False,
    skip_cells_with_tag="",  # no cell is skipped
    store_widget_state=False,
    timeout=None,
)

# A kernel ends itself when its parent goes, but first looks once it is up: this looks before.
# (On Windows the parent is a handle, and ipykernel watches it from the start.)
LEAVE_IF_ORPHANED = """
import os as _os
if _os.name == "posix" and _os.getppid() != int(_os.environ["JPY_PARENT_PID"]): _os._exit(1)
del _os
"""


class Failure(Exception):
    """Why a notebook failed: the first line of the error, and in `tail` the end of its story."""

    def __init__(self, error: str, story: str = ""):
        super().__init__(ANSI.sub("", error).strip().partition("\n")[0])
        self.tail = [line for line in ANSI.sub("", story).splitlines() if line.strip()][-TAIL:]


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """A folder of this run's own in `root/.run`; what dead runs left there is removed first."""
    home = root / ".run"
    home.mkdir(exist_ok=True)
    for folder in [path for path in home.iterdir() if path.is_dir()]:
        try:
            with FileLock(home / f"{folder.name}.lock").acquire(timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except Timeout:  # its run is alive
            continue
        (home / f"{folder.name}.lock").unlink(missing_ok=True)
    folder = home / f"{os.getpid()}-{secrets.token_hex(4)}"
    lock = home / f"{folder.name}.lock"
    try:
        with FileLock(lock):  # before the folder exists, so that nobody takes it for a dead run's
            folder.mkdir()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)


class ThisInterpreter(KernelSpecManager):
    """Offers the interpreter that runs this program, whatever kernels the machine knows."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


@asynccontextmanager
async def fresh_kernel(
    out: Path, profile: str, cwd: Path, threads: int = 1
) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    """A kernel that is ready; it is killed, with all that it started, on the way out."""
    manager = AsyncKernelManager(
        kernel_spec_manager=ThisInterpreter(), connection_file=str(out / "kernel.json")
    )
    with (out / "kernel.log").open("wb") as log:
        try:
            await manager.start_kernel(
                env=course.kernel_env(out, profile, threads),
                cwd=str(cwd),
                stdout=log,
                stderr=log,
                extra_arguments=[
                    "--HistoryManager.hist_file=:memory:",
                    f"--IPKernelApp.exec_lines={LEAVE_IF_ORPHANED}",
                ],
            )
            client = await _connect(manager, out / "kernel.log")
            try:
                yield manager, client
            finally:
                client.stop_channels()
        finally:
            await manager.shutdown_kernel(now=True)


async def _connect(manager: AsyncKernelManager, log: Path) -> AsyncKernelClient:
    manager.context.rcvhwm = 0  # no limit: a cell's many messages are not dropped
    client = manager.client()
    client.allow_stdin = False
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE)
    except RuntimeError as error:
        story = log.read_text(encoding="utf-8", errors="replace")
        raise Failure(f"the kernel did not start: {error}", story) from None
    return client


async def execute(
    nb: NotebookNode,
    out: Path,
    profile: str,
    cwd: Path,
    on_cell: Callable[[int], None],
    threads: int = 1,
) -> dict[str, int]:
    """Run the code cells of `nb` in place; returns figure file -> number of the cell that wrote it.

    `out` is the empty folder that takes figures and results; `on_cell(number)` is called before
    each cell. Raises Failure; when cancelled, the kernel is gone before this returns.
    """
    cells = course.code_cells(nb)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    authors, before = {}, {}
    async with fresh_kernel(out, profile, cwd, threads) as (manager, kernel):
        client = NotebookClient(nb, km=manager, **CLIENT)
        client.kc = kernel
        for number, cell in enumerate(cells):
            on_cell(number)
            await _run_cell(client, cell, number)
            after = _stamps(out / "figures")
            authors |= {name: number for name in after if after[name] != before.get(name)}
            before = after
    return authors


async def _run_cell(client: NotebookClient, cell: NotebookNode, number: int) -> None:
    place = next(i for i, other in enumerate(client.nb.cells) if other is cell)
    try:
        await client.async_execute_cell(cell, place, execution_count=number + 1)
    except CellExecutionError as error:
        raise Failure(f"cell {number}: {error.ename}: {error.evalue}", error.traceback) from None
    except DeadKernelError:
        if asyncio.current_task().cancelling():  # nbclient takes a cancelled cell for a dead kernel
            raise asyncio.CancelledError from None
        raise Failure(f"cell {number}: the kernel died (out of memory?)") from None
    except CellTimeoutError:
        raise Failure(f"cell {number}: its outputs did not arrive in {PATIENCE} s") from None
    streams = [output for output in cell.outputs if output.output_type == "stream"]
    if noise := "".join(stream.text for stream in streams if stream.name == "stderr"):
        raise Failure(f"cell {number}: wrote to stderr: {noise.strip()}", noise)


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Name -> (time, size) of every file below `folder`, to see what a cell wrote."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".incoming" not in path.parts]
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in files
    }
