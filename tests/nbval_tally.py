"""What the gate prints at the end: cells compared, cells exempt, the widest tolerances."""

import pytest

from tools.course import ATOL

MOST_EXEMPT, SMALL = 0.02, 50  # share of exempt cells; not asked of a handful of cells


class Tally:
    """Counts cells by the facts that each brings along, also from the workers of xdist."""

    def __init__(self):
        self.cells = []

    @property
    def exempt(self) -> list[dict]:
        return [cell for cell in self.cells if cell["exempt"]]

    @property
    def too_many(self) -> bool:
        return len(self.cells) > SMALL and len(self.exempt) > MOST_EXEMPT * len(self.cells)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.cells += [facts for key, facts in report.user_properties if key == "nbval"]
            self.cells.sort(key=lambda cell: (cell["notebook"], cell["cell"]))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.too_many and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.cells:
            for line in self.lines():
                terminalreporter.write_line(line)

    def lines(self) -> list[str]:
        """The summary: what was compared, what was not and why, the five widest tolerances."""
        books = len({cell["notebook"] for cell in self.cells})
        compared = sum(cell["compared"] for cell in self.cells)
        share = 100 * len(self.exempt) / len(self.cells)
        names = ", ".join(f"{_place(cell)} ({cell['exempt']})" for cell in self.exempt)
        wide = [cell for cell in self.cells if cell["compared"] and cell["tolerance"] > ATOL]
        wide = sorted(wide, key=lambda cell: cell["tolerance"], reverse=True)[:5]
        widest = ", ".join(f"{cell['tolerance']:g} in {_place(cell)}" for cell in wide)
        lines = [
            f"notebooks: {books}, cells compared: {compared}, "
            f"exempt: {len(self.exempt)} ({share:.1f} %)" + (f": {names}" if names else ""),
            f"widest tolerances: {widest or f'{ATOL:g} everywhere'}",
        ]
        if self.too_many:
            lines.append(f"FAILED: more than {MOST_EXEMPT:.0%} of the cells are exempt")
        return lines


def _place(cell: dict) -> str:
    return f"{cell['notebook']} cell {cell['cell']}"
