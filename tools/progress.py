"""What a run shows: live lines while notebooks run, and the table at the end."""

import asyncio
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO


@dataclass
class Run:
    """One notebook of a run; a status other than ok and over budget says what went wrong."""

    path: Path
    status: str = "not run"
    started: float | None = None
    seconds: float | None = None
    budget: float | None = None  # None: no limit
    cells: int = 0
    done: int = 0  # cells that have run, so the number, from 0, of the one that runs
    changes: dict[int, str] = field(default_factory=dict)  # cells with new outputs -> why
    figures: dict[str, str] = field(default_factory=dict)  # name -> written or kept

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def succeeded(self) -> bool:
        return self.status in ("ok", "over budget")


class Screen:
    """On a terminal one updating line per running notebook; elsewhere only lines that stay."""

    def __init__(self, stream: TextIO, runs: list[Run]):
        self.stream, self.runs = stream, runs
        self.live = stream.isatty()
        self.drawn = 0  # live lines that now stand on the terminal

    def say(self, *lines: str) -> None:
        """Print lines that stay, above the live ones."""
        self._erase()
        for line in lines:
            print(line, file=self.stream)
        self.draw()

    def draw(self) -> None:
        """Show where each running notebook is, in place of what was shown before."""
        if self.live:
            self._erase()
            width = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be erased
            lines = [_where(run)[:width] for run in self.runs if run.status == "running"]
            self.stream.write("".join(f"{line}\n" for line in lines))
            self.drawn = len(lines)
        self.stream.flush()

    async def keep_drawing(self) -> None:
        """Redraw for ever, so that the seconds pass."""
        while True:
            self.draw()
            await asyncio.sleep(0.5)

    def _erase(self) -> None:
        if self.drawn:
            self.stream.write(f"\x1b[{self.drawn}F\x1b[J")
        self.drawn = 0


def _where(run: Run) -> str:
    elapsed = time.monotonic() - run.started
    limit = f" of {run.budget:g} s" if run.budget else ""
    return f"  {run.name}  cell {run.done} of {run.cells}  {elapsed:.0f} s{limit}"


def table(runs: Iterable[Run]) -> str:
    """A line a notebook: time, budget, cells run, cells with new outputs, figures, status."""
    head = ("notebook", "time", "budget", "cells", "new", "figures", "status")
    rows = [head] + [_row(run) for run in runs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(run: Run) -> tuple[str, ...]:
    verdicts = list(run.figures.values())
    counts = [f"{verdicts.count(v)} {v}" for v in ("written", "kept") if v in verdicts]
    return (
        run.name,
        "-" if run.seconds is None else f"{run.seconds:.1f} s",
        "-" if run.budget is None else f"{run.budget:g} s",
        f"{run.done}/{run.cells}",
        str(len(run.changes)),
        ", ".join(counts) or "-",
        run.status,
    )
