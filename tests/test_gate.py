"""tests.nbval_gate: what nbval 0.11 lets pass or fails wrongly, each seen both ways.

All notebooks with holes lie in one folder, on which nbval alone and the gate run once each.
"""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from nbformat import v4

from tests.gate_cases import code, notebook, png, run_pytest, shown, stderr, stdout, write

PLAIN = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=5")
GATE = ("-p", "tests.nbval_gate", "--nbval", "--durations=9")
LAX = ("-p", "tests.nbval_gate", "--nbval-lax")

SET_UP = """
import os, sys, time
from IPython.display import display
class Figure:  # stands for a matplotlib figure, whose digest helpers.plotting prints
    def __init__(self, *ys): self.ys = ys
    def __repr__(self): return f"line: {len(self.ys)} points, {self.ys[0]} ... {self.ys[-1]}"
    def _repr_png_(self): return bytes.fromhex("89504e470d0a1a0a")
"""
LINE = "line: 3 points, 0.9 ... 0.1"
UPDATES = """
handle = display(Figure(0.9), display_id=True)
for n in range(3): handle.update(Figure(0.9, 0.5, 0.1))
"""
ZERO = v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero")
MAY_RAISE, LOOSE = ["raises-exception"], ["nbval-tol:0.02"]
TWO_PERCENT = "they differ by 0.0189 and the tolerance is 1e-05 + 0.0001 x |stored|"

PASS, FAIL = "passed", "failed"
# name: (cell, nbval alone, the gate, what the gate says)
CASES = {
    "set up": (code(SET_UP), PASS, PASS, ""),
    # false alarms of nbval alone
    "last digit": (code("print(0.1 + 0.2)", stdout("0.30000000000000001\n")), FAIL, PASS, ""),
    "tagged": (code("print(0.8312)", stdout("0.8501\n"), tags=LOOSE), FAIL, PASS, ""),
    "speed": (code("print('12,345 examples/s')", stdout("9,876 examples/s\n")), FAIL, PASS, ""),
    "updates": (code(UPDATES, shown(LINE, png())), FAIL, PASS, ""),
    "raises": (code("1 / 0", ZERO, tags=MAY_RAISE), PASS, PASS, ""),
    # what both must see
    "number": (code("print(0.8312)", stdout("0.8501\n")), FAIL, FAIL, TWO_PERCENT),
    "wide": (code("print(0.8312)", stdout("0.8601\n"), tags=LOOSE), FAIL, FAIL, "is 0.02"),
    "integer": (code("print(600)", stdout("601\n"), tags=LOOSE), FAIL, FAIL, "stored 601, now 600"),
    "deleted": (code("print(6)"), FAIL, FAIL, "now gives stdout, which is not stored"),
    "curve": (code("display(Figure(0.9, 0.5, 0.1))", shown("line: 3 points, 0.9 ... 0.2")),
              FAIL, FAIL, "stored 0.2, now 0.1"),
    "error": (code("{}['key']"), FAIL, FAIL, "raised KeyError: 'key'"),
    "no error": (code("1 / 1", ZERO, tags=MAY_RAISE), FAIL, FAIL, "no longer gives it"),
    # holes of nbval alone
    "never run": (code("print(5)"), PASS, FAIL, "now gives stdout, which is not stored"),
    "stderr": (code("print('!', file=sys.stderr)", stderr("!\n")), PASS, FAIL, "wrote to stderr"),
    "C stderr": (code("_ = os.write(2, b'from C')"), PASS, FAIL, "wrote to stderr: from C"),
    "magic": (code("%no_such\nraise KeyError", tags=["nbval-ignore-output", "why:a trial"]),
              PASS, FAIL, "raised UsageError: Line magic function `%no_such` not found"),
    # neither sees it by running; the guard does
    "semicolon": (code("4;"), FAIL, PASS, ""),
    "noise": (code("display(Figure(0.9, 0.5, 0.1))", shown(LINE, "bm9pc2U=")), PASS, PASS, ""),
    "picture": (code("display(Figure(0.9, 0.5, 0.1))", shown(LINE, png())), PASS, PASS, ""),
}  # fmt: skip
NAMES = list(CASES)


def fillers(count: int) -> list:
    return [code("_ = 1") for _ in range(count)]


def loose() -> list:
    return [code("print(0.5)", stdout("0.5\n"), tags=[f"nbval-tol:0.0{n}"]) for n in (1, 3, 2)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, tuple[dict[str, str], str, int]]:
    """What pytest said of the notebooks below: its verdicts, its text, its exit status."""
    holes, few, many, off = map(tmp_path_factory.mktemp, ("holes", "few", "many", "off"))
    cases = notebook(*(cell for cell, *_ in CASES.values()))
    cases.cells[1 + NAMES.index("never run")].execution_count = None
    write(
        holes,
        holes=cases,
        killed=notebook(code("import os"), code("os.kill(os.getpid(), 9)"), code("_ = 2")),
        slow=notebook(code("import time; time.sleep(99)"), code("_ = 2"), budget=0.6),
        good=notebook(code("print(0.5)", stdout("0.5\n")), code("_ = 1"), code("_ = 2")),
    )
    exempt = code("now = 5", tags=["nbval-ignore-output", "why:live timing"])
    skipped = code("1 / 0", tags=["nbval-skip", "why:needs two GPUs"])
    write(few, a=notebook(*loose(), exempt, *fillers(46)), b=notebook(*loose()))
    write(many, a=notebook(exempt, *fillers(50), skipped))
    write(off, a=notebook(*(CASES[name][0] for name in ("set up", "number", "stderr", "error"))))
    calls = {
        "plain": (holes, *PLAIN),
        "gate": (holes, *GATE),
        "few": (few, *GATE, "-n", "2", "--dist", "loadfile"),
        "many": (many, *GATE),
        "lax": (off, *LAX),
        "off": (off, *GATE[:2]),
    }
    with ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda call: run_pytest(*call), calls.values())
        return dict(zip(calls, said, strict=True))


@pytest.fixture(scope="module")
def alone(runs) -> dict[str, str]:
    return runs["plain"][0]


@pytest.fixture(scope="module")
def gated(runs) -> dict[str, str]:
    return runs["gate"][0]


@pytest.mark.parametrize("name", CASES)
def test_nbval_alone_and_the_gate(alone, gated, name):
    number, (cell, plain, gate, sentence) = NAMES.index(name), CASES[name]
    without, verdict = alone[f"holes::Cell {number}"], gated[f"holes::Cell {number}"]
    assert (without == PASS) == (plain == PASS), without
    assert (verdict == PASS) == (gate == PASS), verdict
    if gate == FAIL:
        assert verdict.startswith(f"holes.ipynb, cell {number}: ")
        assert sentence in verdict.partition("\n")[0]
        assert cell.source in verdict, "the details show the cell"


def test_the_guard_names_what_running_cannot_show(gated):
    said = gated["holes::guard"].splitlines()
    for name, sentence in {
        "never run": "was never executed",
        "stderr": "stores text on stderr",
        "magic": "uses %no_such",
        "semicolon": "ends a line with ';'",
        "noise": "stores an image that is no readable PNG",
    }.items():
        number = NAMES.index(name)
        assert any(s.startswith(f"holes.ipynb, cell {number}: {sentence}") for s in said), name
    number = NAMES.index("picture")  # a whole picture of something else: nothing can see that
    assert not any(s.startswith(f"holes.ipynb, cell {number}: ") for s in said)


def test_a_good_notebook_passes_all_of_it(gated):
    assert {v for name, v in gated.items() if name.startswith("good::")} == {PASS}


def test_a_dead_kernel_is_seen_and_fails_what_follows(alone, gated):
    """nbval alone waits for its time-out, 2000 s by default, and reports only that."""
    assert "Timeout of 5 seconds" in alone["killed::Cell 1"]
    died = "the kernel died while it ran (out of memory?)"
    assert gated["killed::Cell 1"].startswith(f"killed.ipynb, cell 1: {died}")
    not_run = f"killed.ipynb, cell 2: was not run, cell 1 failed: {died}"
    assert gated["killed::Cell 2"].startswith(not_run)


def test_a_dead_kernel_is_seen_within_seconds(runs):
    times = dict(re.findall(r"([\d.]+)s call +killed\.ipynb::(Cell \d)", runs["gate"][1]))
    assert max(map(float, times)) < 30


def test_a_cell_is_stopped_at_five_times_the_budget_of_its_notebook(gated):
    assert gated["slow::Cell 0"].startswith("slow.ipynb, cell 0: took over 3 s")
    assert gated["slow::Cell 1"].startswith("slow.ipynb, cell 1: was not run")


def test_the_summary_counts_and_a_few_exempt_cells_pass(runs):
    verdicts, said, status = runs["few"]
    assert set(verdicts.values()) == {PASS}
    assert status == pytest.ExitCode.OK
    assert (
        "notebooks: 2, cells compared: 52, exempt: 1 (1.9 %): a cell 3 (live timing)\n"
        "widest tolerances: 0.03 in a cell 1, 0.03 in b cell 1, 0.02 in a cell 2, 0.02 in b cell 2"
    ) in said


def test_more_than_two_percent_exempt_fail_the_session(runs):
    verdicts, said, status = runs["many"]
    assert set(verdicts.values()) == {PASS, "skipped"}
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "cells compared: 50, exempt: 2 (3.8 %): a cell 0 (live timing), a cell 51 (needs" in said
    assert "FAILED: more than 2% of the cells are exempt" in said


def test_lax_executes_everything_and_compares_nothing(runs):
    verdicts, said, _ = runs["lax"]
    failed = {name for name, verdict in verdicts.items() if verdict != PASS}
    assert failed == {"a::guard", "a::Cell 3"}
    assert verdicts["a::Cell 3"].startswith("a.ipynb, cell 3: raised KeyError: 'key'")
    assert "cells compared: 0, exempt: 0" in said


def test_without_the_option_the_plugin_does_nothing(runs):
    verdicts, said, status = runs["off"]
    assert not verdicts and "notebooks:" not in said
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED
