"""nbval with judgement: `pytest -p tests.nbval_gate --nbval notebooks`.

nbval collects the cells, compares and reports. The gate runs them as the runner does, lets a number
move within its cell's tolerance, and fails what nbval lets pass: cells that were never executed,
stale or badly stored ones (tools/guard.py), stderr, unknown magics, a dead kernel. With
--nbval-lax cells are executed and not compared. Without either option nothing changes.

A cell is judged when it ends: a display that a later cell updates belongs in that later cell.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from copy import deepcopy
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, coalesce_streams

from tests.nbval_tally import Tally
from tools import compare, course, guard
from tools.execute import ANSI, CLIENT, Failure, fresh_kernel

PATIENCE = 5  # a cell is stopped at this many times its notebook's budget


class Notebook(IPyNbFile):
    """A notebook: its guard, then its code cells, in one kernel that starts with the first cell."""

    client = None  # nbclient's, once the kernel runs
    broken = None  # why no further cell can run

    def collect(self) -> Iterator[pytest.Item]:
        yield Guard.from_parent(self, name="guard")
        for c in super().collect():
            yield Cell.from_parent(
                self, name=c.name, cell_num=c.cell_num, cell=c.cell, options=c.options
            )

    def setup(self) -> None:
        self.setup_sanitize_files()
        self.loop = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)  # zmq on Windows
        self.stack = AsyncExitStack()

    def teardown(self) -> None:
        self.loop.run(self.stack.aclose())
        self.loop.close()

    @property
    def timeout(self) -> float:
        """Seconds that a cell may take."""
        given = self.config.option.nbval_cell_timeout
        try:
            return min(given, PATIENCE * course.budget(self.nb))
        except (KeyError, TypeError, ValueError):  # which the guard reports
            return given

    async def run(self, number: int) -> list[NotebookNode]:
        """Run the code cell `number` of a copy of the notebook; returns its outputs."""
        if self.client is None:
            await self.start()
        cells = [(i, c) for i, c in enumerate(self.client.nb.cells) if c.cell_type == "code"]
        place, cell = cells[number]
        cell.outputs = []
        try:
            await self.client.async_execute_cell(cell, place)
        except DeadKernelError:
            if asyncio.current_task().cancelling():  # Ctrl-C looks like a dead kernel to nbclient
                raise asyncio.CancelledError from None
            raise
        return cell.outputs

    async def start(self) -> None:
        out = tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True)
        kernel = fresh_kernel(Path(self.stack.enter_context(out)), "quick", cwd=self.path.parent)
        manager, channels = await self.stack.enter_async_context(kernel)
        options = CLIENT | {"timeout": max(1, round(self.timeout))}
        self.client = NotebookClient(deepcopy(self.nb), km=manager, **options)
        self.client.kc = channels


class Guard(pytest.Item):
    """What is wrong with a notebook before it runs."""

    def runtest(self) -> None:
        if found := guard.problems(self.parent.nb, self.path.name):
            raise AssertionError("\n".join(found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo) -> str:
        found = excinfo.errisinstance(AssertionError)
        return str(excinfo.value) if found else super().repr_failure(excinfo)

    def reportinfo(self) -> tuple:
        return self.path, 0, f"{self.path.name}::guard"


class Cell(IPyNbCell):
    """A code cell: run as the runner does, compared by nbval once its numbers are judged."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        lax = self.config.option.nbval_lax
        exempt = self.options["skip"] or not (self.options["check"] or lax)
        self.tolerance = _valid(course.tolerance, self.cell) or (course.ATOL, course.RTOL)
        why = _valid(course.exempt, self.cell) or "no reason given"
        facts = {
            "notebook": self.path.stem,
            "cell": self.cell_num,
            "compared": self.options["check"] and not exempt,
            "exempt": why if exempt else None,
            "tolerance": self.tolerance[0],
        }
        self.user_properties.append(("nbval", facts))

    def runtest(self) -> None:
        if self.options["skip"]:
            pytest.skip("tagged nbval-skip")
        if self.parent.broken:
            self.raise_cell_error(f"was not run, {self.parent.broken}")
        new = self.test_outputs = self.execute()
        stored = deepcopy(self.cell.outputs)
        noise = "".join(o.text for o in new if o.get("name") == "stderr")
        if noise and not (self.config.option.nbval_lax or self.options["check_exception"]):
            self.raise_cell_error(f"wrote to stderr: {noise.strip().splitlines()[0]}", noise)
        if self.options["check"]:
            why = compare.outputs_agree(stored, new, *self.tolerance)
            adopted = compare.adopt(stored, new, *self.tolerance)
            same = self.compare_outputs(coalesce_streams(adopted), coalesce_streams(stored))
            if why or not same:
                details = "\n".join(self.comparison_traceback)
                self.raise_cell_error(why or "its outputs differ", details)

    def execute(self) -> list[NotebookNode]:
        """The outputs of the cell. A kernel that dies or hangs breaks the rest of the notebook."""
        book = self.parent
        try:
            return book.loop.run(book.run(self.cell_num))
        except CellExecutionError as error:
            story = ANSI.sub("", error.traceback)
            self.raise_cell_error(f"raised {error.ename}: {error.evalue}", story)
        except DeadKernelError:
            why = "the kernel died while it ran (out of memory?)"
        except CellTimeoutError as error:
            lost = "IOPub" in str(error)
            why = "its outputs did not all arrive" if lost else f"took over {book.timeout:g} s"
        except Failure as error:
            why = str(error)
        book.broken = f"cell {self.cell_num} failed: {why}"
        self.raise_cell_error(why)

    def repr_failure(self, excinfo: pytest.ExceptionInfo) -> str:
        if not excinfo.errisinstance(NbCellError):
            return pytest.Item.repr_failure(self, excinfo)
        head = f"{self.path.name}, cell {self.cell_num}: {excinfo.value}"
        return f"{head}\n\n{super().repr_failure(excinfo)}"


def _valid(read, cell: NotebookNode):
    """What `read` finds in the tags of a cell, or None where they are wrong: the guard says so."""
    try:
        return read(cell)
    except ValueError:
        return None


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of xdist reports to the main process
        config.pluginmanager.register(Tally(), "nbval-tally")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    """Put the gate's Notebook in the place of nbval's."""
    collected = yield
    return [
        Notebook.from_parent(parent, path=file_path) if type(c) is IPyNbFile else c
        for c in collected
    ]
