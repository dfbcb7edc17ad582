"""Execute the notebooks and store what changed: `python -m tools.run_all`, or `make run-all`.

Each notebook runs in a fresh kernel. Outputs and figures that agree with the stored ones are left
as stored. A notebook that fails, or a run that is killed, leaves every stored file whole.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tools import course, store
from tools.execute import Failure, execute, scratch_folder
from tools.progress import Run, Screen, table

PROFILES = ("quick", "full", "trial")
PATIENCE = 5  # a quick notebook is stopped at this many times its budget


@dataclass(frozen=True)
class Options:
    root: Path
    only: str = ""
    profile: str = "quick"
    jobs: int = 1
    fresh: bool = False

    @property
    def full(self) -> bool:
        return self.profile != "quick"

    @property
    def threads(self) -> int:
        """Of each kernel."""
        return max(1, course.CORES // self.jobs)


def options(argv: list[str] | None = None) -> Options:
    """The options of the command line, else of ONLY, PROFILE and JOBS. Raises ValueError."""
    parser = argparse.ArgumentParser(prog="run_all", description=__doc__.splitlines()[0])
    env = os.environ.get
    add = parser.add_argument
    add("--only", default=env("ONLY", ""), help="05, a list such as 01,05, or a pattern such as 0*")
    add("--profile", default=env("PROFILE") or "quick", help="quick (default), full, or trial")
    add("--jobs", default=env("JOBS") or "1", help="how many notebooks run at once (default 1)")
    add("--fresh", action="store_true", help="take all new outputs, keep nothing as stored")
    add("--root", type=Path, default=course.ROOT, help="the course's folder")
    given = parser.parse_args(argv)
    if given.profile not in PROFILES:
        raise ValueError(f"PROFILE is {', '.join(PROFILES)}, not {given.profile!r}.")
    if not (given.jobs.isdecimal() and int(given.jobs) > 0):
        raise ValueError(f"JOBS is a whole number from 1 up, not {given.jobs!r}.")
    return Options(given.root.resolve(), given.only, given.profile, int(given.jobs), given.fresh)


def select(only: str, paths: list[Path]) -> list[Path]:
    """The notebooks that `only` names: numbers, names or patterns; an empty `only` names all.

    Raises ValueError for a word that names none.
    """
    chosen = set()
    for word in only.replace(",", " ").split() or ["*"]:
        stem = Path(word).name.removesuffix(".ipynb")
        found = [
            path
            for path in paths
            if fnmatchcase(path.stem, stem) or path.stem.partition("_")[0] == stem.zfill(2)
        ]
        if not found:
            names = ", ".join(path.stem for path in paths) or "none at all"
            raise ValueError(f"ONLY={word!r} names no notebook; there are: {names}.")
        chosen |= set(found)
    return sorted(chosen)


async def run_notebook(run: Run, opts: Options, out: Path, screen: Screen) -> None:
    """Execute one notebook and store it; whatever goes wrong becomes its status."""
    run.started, run.status = time.monotonic(), "running"
    tail = []
    try:
        before = run.path.read_bytes()
        nb = course.canonical(course.read(run.path))
        run.cells = len(course.code_cells(nb))
        run.budget = None if opts.full else course.budget(nb)
        if not screen.live:
            screen.say(f"{run.name}: started, code cells: {run.cells}")

        def on_cell(number: int) -> None:
            run.done = number
            screen.draw()

        (out / "figures").mkdir(parents=True)
        async with asyncio.timeout(run.budget and PATIENCE * run.budget):
            authors = await execute(nb, out, opts.profile, run.path.parent, on_cell, opts.threads)
        run.done = run.cells
        if run.path.read_bytes() != before:
            raise Failure("the file was changed while it ran; left as it is now")
        if opts.profile != "trial":  # of which nothing is worth keeping
            run.changes, run.figures = store.store(
                nb, run.path, authors, out, opts.root, full=opts.full, fresh=opts.fresh
            )
        run.status = "ok"
    except asyncio.CancelledError:
        run.status = f"interrupted in cell {run.done}"
        raise
    except TimeoutError:
        run.status = f"failed: cell {run.done}: stopped at {PATIENCE} times the budget"
    except Failure as failure:
        run.status, tail = f"failed: {failure}", failure.tail
    except Exception as error:  # a file that is no notebook, a full disk: the others still run
        run.status = f"failed: {type(error).__name__}: {error}"
    finally:
        run.seconds = time.monotonic() - run.started
    if run.succeeded and run.budget and run.seconds > run.budget:
        run.status = "over budget"
    screen.say(f"{run.name}: {run.status}, {run.seconds:.1f} s", *(f"    | {t}" for t in tail))
    for number, why in run.changes.items():
        if why != store.NEW:
            screen.say(f"    cell {number} has new outputs: {why}")


async def run_all(runs: list[Run], opts: Options, screen: Screen) -> None:
    """Execute all, `opts.jobs` at once. When cancelled, the kernels are gone before it returns."""
    free = asyncio.Semaphore(opts.jobs)

    async def when_free(run: Run, out: Path) -> None:
        async with free:
            await run_notebook(run, opts, out, screen)

    with scratch_folder(opts.root) as scratch:
        drawing = asyncio.create_task(screen.keep_drawing())
        try:
            async with asyncio.TaskGroup() as group:
                for run in runs:
                    group.create_task(when_free(run, scratch / run.name))
        finally:
            drawing.cancel()


def warnings(runs: list[Run], figures: Path | None) -> Iterator[str]:
    """What deserves a look: a figure that two notebooks write, or that none writes any more."""
    authors = {}
    for run in runs:
        for name in run.figures:
            authors.setdefault(name, []).append(run.name)
    for name, names in authors.items():
        if len(names) > 1:
            yield f"warning: figures/{name} is written by {' and by '.join(names)}"
    for name in store.figure_names(figures) if figures else ():
        if name not in authors:
            yield f"warning: figures/{name} is an orphan, no notebook writes it"


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 all went well, 1 a notebook failed, 2 a wrong option, 130 interrupted."""
    sys.stdout.reconfigure(errors="replace")
    try:
        opts = options(argv)
        every = course.notebooks(opts.root / "notebooks")
        runs = [Run(path) for path in select(opts.only, every)]
    except ValueError as error:
        print(f"run-all: {error}", file=sys.stderr)
        return 2
    screen, interrupted = Screen(sys.stdout, runs), False
    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:  # zmq on Windows
            runner.run(run_all(runs, opts, screen))
    except KeyboardInterrupt:
        interrupted = True
    screen.say("", table(runs), f"{len(runs)} of {len(every)} notebooks, profile {opts.profile}")
    complete = len(runs) == len(every) and all(run.succeeded for run in runs) and not opts.full
    screen.say(*warnings(runs, opts.root / "figures" if complete else None))
    store.write_summary(opts.root)
    return 130 if interrupted else int(not all(run.succeeded for run in runs))


if __name__ == "__main__":
    sys.exit(main())
