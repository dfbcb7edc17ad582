"""The runner behind `make run-all`, on small notebooks in git repositories made for the purpose."""

import io
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import course, run_all, store
from tools.progress import Run, Screen

DRAW = """
import os, pathlib
figures = pathlib.Path(os.environ["COURSE_OUT"], "figures")
(figures / "{name}.svg").write_text("<svg>{text}" + "." * ({dots}) + "</svg>", encoding="utf-8")
"""


def notebook(*sources: str, budget: float = 20, tags: dict[int, list[str]] | None = None):
    """A notebook with a code cell for each source; `tags` are by cell number."""
    cells = [new_code_cell(source.strip(), id=f"cell-{i}") for i, source in enumerate(sources)]
    for number, names in (tags or {}).items():
        cells[number].metadata["tags"] = names
    nb = new_notebook(cells=[new_markdown_cell("# Title", id="title"), *cells])
    nb.metadata["course"] = {"budget": budget}
    return nb


def write(root: Path, **notebooks) -> None:
    for name, nb in notebooks.items():
        path = root / "notebooks" / f"{name.removeprefix('n')}.ipynb"
        course.write_atomic(path, course.dumps(course.canonical(nb)).encode())


def git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(root: Path) -> None:
    (root / ".gitignore").write_text(".run/\n.incoming/\nresults/full/\n", encoding="utf-8")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "stored")


def run(root: Path, *options: str) -> int:
    return run_all.main(["--root", str(root), *options])


def cells(root: Path, name: str):
    return course.code_cells(course.read(root / "notebooks" / f"{name}.ipynb"))


def texts(root: Path, name: str) -> list[str]:
    """What each cell of a stored notebook shows."""
    return [
        "".join(o.get("text") or o.data["text/plain"] for o in c.outputs) for c in cells(root, name)
    ]


def rewrite(root: Path, name: str, change) -> None:
    """Store a notebook again after `change(code cells)`."""
    nb = course.read(root / "notebooks" / f"{name}.ipynb")
    change(course.code_cells(nb))
    write(root, **{name: nb})


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for hidden ones."""
    paths = [p for p in folder.rglob("*") if p.is_file() and "/." not in p.as_posix()]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def kernels(root: Path) -> list[psutil.Process]:
    """The kernels that now run for a course."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(root) in line and "ipykernel" in line and process.info["status"] != "zombie":
            found.append(process)
    return found


def wait_for(condition, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return bool(met)


@pytest.fixture(autouse=True)
def no_options_from_outside(monkeypatch):
    for name in ("ONLY", "PROFILE", "JOBS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    """A course that was run, with JOBS=2, and committed."""
    root = tmp_path_factory.mktemp("stored")
    write(
        root,
        n01_numbers=notebook("x = 0.5\nprint('x', x)", "2 * x", "print('loss', 0.25)", "y = 1"),
        n02_figure=notebook(DRAW.format(name="curve", text="0.25", dots=9), "print('drawn')"),
    )
    assert run(root, "--jobs", "2") == 0
    commit(root)
    return root


@pytest.fixture
def root(stored, tmp_path) -> Path:
    """A copy of that course, to change."""
    return Path(shutil.copytree(stored, tmp_path / "course"))


# --- what is stored ---------------------------------------------------------------------------


def test_a_run_stores_outputs_counts_and_figures(stored):
    assert texts(stored, "01_numbers") == ["x 0.5\n", "1.0", "loss 0.25\n", ""]
    assert [cell.execution_count for cell in cells(stored, "01_numbers")] == [1, 2, 3, 4]
    assert files(stored / "figures") == {"curve.svg": b"<svg>0.25.........</svg>"}
    assert not list((stored / ".run").iterdir())


def test_a_second_run_with_other_jobs_changes_no_byte(root):
    before = files(root)
    assert run(root, "--jobs", "1") == 0
    assert files(root) == before


def test_cleared_outputs_and_figures_come_back_as_committed(root, monkeypatch):
    def drift(code):  # what another machine had stored, within the tolerance
        code[0].outputs[0].text = "x 0.500001\n"

    rewrite(root, "01_numbers", drift)
    (root / "figures" / "curve.svg").write_text("<svg>0.250001</svg>", encoding="utf-8")
    git(root, "commit", "--all", "--quiet", "--message", "stored elsewhere")
    for name in ("01_numbers", "02_figure"):
        rewrite(root, name, lambda code: [c.update(outputs=[], execution_count=None) for c in code])
    (root / "figures" / "curve.svg").unlink()
    digests_are_numbers(monkeypatch)

    assert run(root) == 0
    assert git(root, "diff", "HEAD") == ""


def digests_are_numbers(monkeypatch) -> None:
    """Let the digest of a test's figure be the number in it, instead of importing torch."""

    def read_digest(path: Path) -> str:
        return path.read_text(encoding="utf-8").split("<")[1].removeprefix("svg>").strip(".")

    monkeypatch.setitem(sys.modules, "helpers", SimpleNamespace(read_digest=read_digest))


def test_only_what_left_its_tolerance_or_changed_its_code_is_new(root, monkeypatch, capsys):
    def change(code):
        code[0].outputs[0].text = "x 0.500001\n"  # agrees
        code[1].source = "4 * x"
        code[2].outputs[0].text = "loss 0.26\n"  # does not

    rewrite(root, "01_numbers", change)
    (root / "figures" / "curve.svg").write_text("<svg>0.26</svg>", encoding="utf-8")
    digests_are_numbers(monkeypatch)

    assert run(root) == 0
    assert texts(root, "01_numbers") == ["x 0.500001\n", "2.0", "loss 0.25\n", ""]
    assert b"0.25..." in (root / "figures" / "curve.svg").read_bytes()
    shown = capsys.readouterr().out
    assert "cell 2 has new outputs" in shown and "0.26" in shown
    assert "1 written" in shown


def test_a_tag_widens_the_tolerance_of_its_cell_and_of_its_figure(root, monkeypatch):
    def change(code):
        code[0].metadata["tags"] = ["nbval-tol:0.02"]
        if code[0].outputs:
            code[0].outputs[0].text = "x 0.51\n"

    rewrite(root, "01_numbers", change)
    rewrite(root, "02_figure", change)
    (root / "figures" / "curve.svg").write_text("<svg>0.26</svg>", encoding="utf-8")
    digests_are_numbers(monkeypatch)
    before = files(root)

    assert run(root) == 0
    assert files(root) == before


def test_fresh_takes_everything_new(root, monkeypatch):
    rewrite(root, "01_numbers", lambda code: code[0].outputs[0].update(text="x 0.500001\n"))
    (root / "figures" / "curve.svg").write_text("<svg>0.250001</svg>", encoding="utf-8")
    digests_are_numbers(monkeypatch)

    assert run(root, "--fresh") == 0
    assert git(root, "diff", "HEAD") == ""


def test_an_exempt_cell_keeps_its_outputs_until_code_up_to_it_changes(tmp_path):
    timing = "import time; print('took', time.time_ns())"
    tags = {1: ["nbval-ignore-output", "why: live timing"]}
    write(tmp_path, n01_timing=notebook("x = 1", timing, tags=tags))
    run(tmp_path)
    commit(tmp_path)
    first = texts(tmp_path, "01_timing")
    run(tmp_path)
    assert texts(tmp_path, "01_timing") == first
    rewrite(tmp_path, "01_timing", lambda code: code[0].update(source="x = 2"))
    run(tmp_path)
    assert texts(tmp_path, "01_timing") != first


def test_without_git_the_files_alone_count(root):
    shutil.rmtree(root / ".git")
    rewrite(root, "01_numbers", lambda code: code[0].outputs[0].update(text="x 0.500001\n"))
    before = files(root)
    assert run(root, "--only", "01") == 0
    assert files(root) == before


def test_a_notebook_that_is_not_committed_yet_has_nothing_stored(root):
    git(root, "rm", "--cached", "--quiet", "notebooks/01_numbers.ipynb")
    git(root, "commit", "--quiet", "--message", "forget it")
    rewrite(root, "01_numbers", lambda code: code[0].outputs[0].update(text="x 0.500001\n"))
    assert run(root, "--only", "01") == 0
    assert texts(root, "01_numbers")[0] == "x 0.5\n"


def test_kept_results_carry_the_count_of_their_new_place(root):
    nb = course.read(root / "notebooks" / "01_numbers.ipynb")
    nb.cells.insert(1, new_code_cell("z = 0", id="inserted"))
    write(root, n01_numbers=nb)
    assert run(root, "--only", "1") == 0
    count = cells(root, "01_numbers")[2]
    assert (count.execution_count, count.outputs[0].execution_count) == (3, 3)


def test_figures_that_nobody_writes_or_two_write_are_reported(root, capsys):
    (root / "figures" / "old.svg").write_text("<svg/>", encoding="utf-8")
    write(root, n03_again=notebook(DRAW.format(name="curve", text="0.25", dots=9)))
    assert run(root) == 0
    shown = capsys.readouterr().out
    assert "figures/old.svg is an orphan" in shown and (root / "figures" / "old.svg").exists()
    assert "figures/curve.svg is written by 02_figure and by 03_again" in shown
    assert run(root, "--only", "01") == 0
    assert "orphan" not in capsys.readouterr().out  # a part of the course cannot tell


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_figure_is_held_against_the_stored_one_by_its_digest(tmp_path, monkeypatch, suffix):
    from matplotlib.figure import Figure

    from helpers import save_figure

    def drawn(out: str, y: float) -> Path:
        fig = Figure()
        fig.add_subplot().plot([0, 1], [0, y])
        monkeypatch.setenv("COURSE_OUT", str(tmp_path / out))
        save_figure(f"line.{suffix}", fig)
        return tmp_path / out / "figures" / f"line.{suffix}"

    target = drawn("stored", 0.25)
    first, near, far = target.read_bytes(), drawn("near", 0.250001), drawn("far", 0.26)
    assert store.store_figure(near, target, tmp_path, (1e-5, 1e-4)) == "kept"
    assert target.read_bytes() == first
    assert store.store_figure(far, target, tmp_path, (1e-5, 1e-4)) == "written"
    assert target.read_bytes() == far.read_bytes() != first
    target.write_bytes(first[:200])  # a broken file is not kept
    assert store.store_figure(near, target, tmp_path, (1e-5, 1e-4)) == "written"


def test_cells_that_tell_of_recorded_runs_are_new_together(root):
    run_cell, table = "record_result = print\nprint(0.5)", "results_table = print\nprint(0.7)"
    called = "\nrecord_result()", "\nresults_table()"
    tagged = [new_code_cell(c + w, metadata={"tags": ["nbval-tol:0.1"]}) for c, w in
              zip((run_cell, table), called, strict=True)]  # fmt: skip
    nb = notebook("print(0.25)")
    nb.cells += tagged
    write(root, n03_runs=nb)
    assert run(root, "--only", "03") == 0
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "03")

    def moved(code):
        code[0].outputs[0].update(text="0.250001\n")  # within its tolerance, as the next one
        code[1].outputs[0].update(text="0.55\n\n")
        code[2].outputs[0].update(text=code_2)

    code_2 = "0.75\n\n"  # also within: all three stay
    rewrite(root, "03_runs", moved)
    assert run(root, "--only", "03") == 0
    assert texts(root, "03_runs") == ["0.250001\n", "0.55\n\n", "0.75\n\n"]
    code_2 = "0.95\n\n"  # beyond: the cell that trained goes with it, the first one stays
    rewrite(root, "03_runs", moved)
    assert run(root, "--only", "03") == 0
    assert texts(root, "03_runs") == ["0.250001\n", "0.5\n\n", "0.7\n\n"]


def test_results_of_a_notebook_are_merged_and_summed_up(tmp_path, monkeypatch):
    calls = []
    results = SimpleNamespace(
        merge=lambda lines, store, replace: calls.append((lines.read_text(), store, replace)),
        write_markdown=lambda store, target: calls.append((store, target)),
    )
    monkeypatch.setitem(sys.modules, "helpers", SimpleNamespace(results=results))
    record = "import os; print('{}', file=open(os.environ['COURSE_OUT'] + '/results.jsonl', 'a'))"
    record += "  # as record_result() does"
    write(tmp_path, n01_a=notebook(record), n02_b=notebook(record, "1/0"))
    into, summary = tmp_path / "results" / "results.json", tmp_path / "results" / "RESULTS.md"
    course.write_atomic(into, b"[]")

    assert run(tmp_path, "--fresh") == 1
    assert calls == [("{}\n", into, True), (into, summary)]  # a failed notebook has no results
    calls.clear()
    assert run(tmp_path, "--only", "01") == 0  # nothing changed, so the records that are there stay
    assert calls[0] == ("{}\n", into, False)


def test_full_leaves_notebooks_and_figures_alone_and_knows_no_limit(root, monkeypatch, capsys):
    monkeypatch.setattr(run_all, "PATIENCE", 0.001)
    show = "import os; print(os.environ['COURSE_PROFILE'])"
    write(root, n02_figure=notebook(show, DRAW.format(name="curve", text="9", dots=9), budget=0.1))
    before = files(root)

    assert run(root, "--only", "02", "--profile", "full") == 0
    after = files(root)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"figures/full/curve.svg", "results/full/02_figure.ipynb"}
    assert b"<svg>9" in after["figures/full/curve.svg"]
    assert "full\\n" in after["results/full/02_figure.ipynb"].decode()
    assert "over budget" not in capsys.readouterr().out


# --- what goes wrong ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """A course where almost everything fails, after one run: (root, exit status, lines shown)."""
    root = tmp_path_factory.mktemp("failures")
    draw = DRAW.format(name="never", text="0", dots=1)
    write(
        root,
        n01_error=notebook("x = 1", draw + "raise ValueError('first line\\nsecond')"),
        n02_noise=notebook("import sys", "print('careful', file=sys.stderr)"),
        n03_death=notebook("import os; os._exit(3)"),
        n04_sleep=notebook("import time; time.sleep(60)", budget=0.6),
        n05_raises=notebook("1/0", tags={0: ["raises-exception"]}),
        n06_why=notebook("1", tags={0: ["nbval-skip"]}),
        n07_good=notebook("print('good')"),
    )
    (root / "notebooks" / "08_broken.ipynb").write_text("{", encoding="utf-8")
    commit(root)
    command = [sys.executable, "-m", "tools.run_all", "--root", str(root), "--jobs", "2"]
    done = subprocess.run(command, cwd=course.ROOT, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return root, done.returncode, done.stdout.splitlines()


def status(shown: list[str], name: str) -> str:
    """The last column of a notebook's line in the table."""
    head = next(i for i, line in enumerate(shown) if line.startswith("notebook "))
    row = next(line for line in shown[head:] if line.startswith(f"{name} "))
    return row[shown[head].index("status") :]


def test_the_others_still_run_and_the_exit_status_tells(failures):
    root, code, shown = failures
    assert code == 1
    changed = {line.split()[-1] for line in git(root, "status", "--porcelain").splitlines()}
    assert changed == {"notebooks/05_raises.ipynb", "notebooks/07_good.ipynb"}
    assert texts(root, "07_good") == ["good\n"]
    assert not (root / "figures").exists()
    assert status(shown, "07_good") == status(shown, "05_raises") == "ok"
    assert len([line for line in shown if line.startswith("0") and ": started" not in line]) == 16


@pytest.mark.parametrize(
    "name, said",
    [
        ("01_error", "failed: cell 1: ValueError: first line"),
        ("02_noise", "failed: cell 1: wrote to stderr: careful"),
        ("03_death", "failed: cell 0: the kernel died (out of memory?)"),
        ("04_sleep", "failed: cell 0: stopped at 5 times the budget"),
        ("06_why", "failed: ValueError: an exempt cell says why"),
        ("08_broken", "failed: NotJSONError: "),
    ],
)
def test_a_failure_says_which_cell_and_why(failures, name, said):
    _, _, shown = failures
    assert status(shown, name).startswith(said)
    assert any(line.startswith(f"{name}: {said}") for line in shown)


def test_a_failure_shows_the_end_of_its_traceback_without_colours(failures):
    _, _, shown = failures
    start = next(i for i, line in enumerate(shown) if line.startswith("01_error: failed"))
    tail = shown[start + 1 : start + 13]
    assert all(line.startswith("    |") for line in tail)
    assert tail[-2:] == ["    | ValueError: first line", "    | second"]
    assert "\x1b" not in "".join(shown)


def test_over_budget_is_reported_and_no_failure(root, monkeypatch, capsys):
    monkeypatch.setattr(run_all, "PATIENCE", 1000)
    write(root, n03_slow=notebook("import time; time.sleep(0.2)", budget=0.1))
    assert run(root, "--only", "03") == 0
    assert status(capsys.readouterr().out.splitlines(), "03_slow") == "over budget"


def test_a_notebook_edited_while_it_runs_is_not_overwritten(root, capsys):
    edit = "open('01_numbers.ipynb', 'a').write('\\n')"
    rewrite(root, "01_numbers", lambda code: code[3].update(source=edit))
    before = (root / "notebooks" / "01_numbers.ipynb").read_bytes()
    assert run(root, "--only", "01") == 1
    assert (root / "notebooks" / "01_numbers.ipynb").read_bytes() == before + b"\n"
    assert "was changed while it ran" in capsys.readouterr().out


def test_the_kernel_is_this_interpreter_whatever_the_machine_has_registered(tmp_path, monkeypatch):
    spec = tmp_path / "share" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = {"argv": ["no-such-program"], "display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps(argv), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    write(tmp_path, n01_who=notebook("import sys; print(sys.executable)"))
    assert run(tmp_path) == 0
    assert texts(tmp_path, "01_who") == [f"{sys.executable}\n"]


# --- options and the screen --------------------------------------------------------------------

NAMES = ["01_data_ops", "02_linear_algebra", "05_softmax", "10_stability"]


@pytest.mark.parametrize(
    "only, chosen",
    [
        ("", NAMES),
        ("05", NAMES[2:3]),
        ("5", NAMES[2:3]),
        ("10,01", [NAMES[0], NAMES[3]]),
        ("01, 05 05", [NAMES[0], NAMES[2]]),
        ("0*", NAMES[:3]),
        ("*a*,10", [NAMES[0], NAMES[1], NAMES[2], NAMES[3]]),
        ("notebooks/05_softmax.ipynb", NAMES[2:3]),
    ],
)
def test_only_takes_numbers_lists_names_and_patterns(only, chosen):
    paths = [Path("notebooks", f"{name}.ipynb") for name in NAMES]
    assert [path.stem for path in run_all.select(only, paths)] == chosen


@pytest.mark.parametrize(
    "options, said",
    [
        (["--only", "01,99"], "ONLY='99' names no notebook; there are: 01_numbers, 02_figure."),
        (["--jobs", "two"], "JOBS is a whole number from 1 up, not 'two'."),
        (["--jobs", "0"], "JOBS is a whole number from 1 up, not '0'."),
        (["--profile", "fast"], "PROFILE is quick, full, trial, not 'fast'."),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_2(stored, capsys, options, said):
    assert run(stored, *options) == 2
    assert capsys.readouterr().err == f"run-all: {said}\n"


def test_make_passes_options_by_the_environment(monkeypatch):
    for name, value in {"ONLY": "05", "PROFILE": "full", "JOBS": "2"}.items():
        monkeypatch.setenv(name, value)
    opts = run_all.options([])
    assert (opts.only, opts.profile, opts.jobs) == ("05", "full", 2)


def test_kernels_share_two_cores(tmp_path):
    show = "import os\nprint('threads:', os.environ['OMP_NUM_THREADS'])"
    for jobs, threads in (("1", "2"), ("2", "1"), ("3", "1")):
        write(tmp_path / jobs, n01_threads=notebook(show))
        assert run(tmp_path / jobs, "--jobs", jobs) == 0
        (cell,) = course.code_cells(course.read(tmp_path / jobs / "notebooks" / "01_threads.ipynb"))
        assert cell.outputs[0].text == f"threads: {threads}\n"


def test_a_terminal_shows_one_updating_line_for_each_running_notebook():
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    now = time.monotonic()
    runs = [Run(Path(f"0{i}_x.ipynb"), "running", now - 7, budget=20, cells=9) for i in (1, 2)]
    screen = Screen(terminal, [*runs, Run(Path("03_waits.ipynb"))])
    screen.draw()
    first = terminal.getvalue()
    assert first == "  01_x  cell 0 of 9  7 s of 20 s\n  02_x  cell 0 of 9  7 s of 20 s\n"
    runs[0].status, runs[1].done = "ok", 4
    screen.say("01_x: ok")
    up_two_and_erase = "\x1b[2F\x1b[J"
    last = f"{up_two_and_erase}01_x: ok\n  02_x  cell 4 of 9  7 s of 20 s\n"
    assert terminal.getvalue() == first + last


# --- runs that are cut off -----------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_keeps_what_is_finished_ends_the_kernels_and_shows_the_table(root):
    waits = "open('../here', 'w').close(); import time; time.sleep(600)"
    write(root, n01_numbers=notebook("print(1)"), n02_figure=notebook(waits), n03_x=notebook("1"))
    command = [sys.executable, "-m", "tools.run_all", "--root", str(root)]
    runner = subprocess.Popen(command, cwd=course.ROOT, stdout=subprocess.PIPE, text=True)
    assert wait_for((root / "here").exists, 30)
    runner.send_signal(signal.SIGINT)
    shown = runner.communicate(timeout=120)[0].splitlines()
    assert runner.returncode == 130
    assert not kernels(root)
    assert status(shown, "01_numbers") == "ok" and texts(root, "01_numbers") == ["1\n"]
    assert status(shown, "02_figure") == "interrupted in cell 0"
    assert status(shown, "03_x") == "not run"
    assert not list((root / ".run").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_kill_9_at_any_moment_leaves_every_file_whole_and_no_kernel(tmp_path):
    names, options = ["01_a", "02_b"], ["--jobs", "2", "--fresh"]
    for name in names:  # each run stores other outputs and another figure
        draw = DRAW.format(name=name, text="x", dots="10**6 + os.getpid()")
        write(tmp_path, **{name: notebook(draw, "print(os.getpid(), '........\\n' * 10**4)")})
    fork = multiprocessing.get_context("forkserver")  # saves importing all for each of the runs
    fork.set_forkserver_preload(["tools.run_all"])
    began = time.monotonic()
    assert run(tmp_path, *options) == 0
    whole_run = time.monotonic() - began

    chance = random.Random(0)
    for _ in range(20):
        runner = fork.Process(target=run, args=(tmp_path, *options))
        runner.start()
        assert wait_for(lambda runner=runner: list((tmp_path / ".run").glob(f"{runner.pid}-*/")))
        time.sleep(chance.uniform(0, 1) * whole_run)
        runner.kill()
        runner.join()
        for path in (tmp_path / "notebooks").glob("*.ipynb"):
            assert len(json.loads(path.read_text(encoding="utf-8"))["cells"]) == 3
        for path in (tmp_path / "figures").glob("*.svg"):
            text = path.read_text(encoding="utf-8")
            assert text.startswith("<svg>") and text.endswith("</svg>") and len(text) > 10**6
    assert wait_for(lambda: not kernels(tmp_path)), kernels(tmp_path)
    assert sorted(path.stem for path in (tmp_path / "figures").glob("*.svg")) == names

    assert run(tmp_path, *options) == 0
    assert not list((tmp_path / ".run").iterdir())  # what the dead runs left is gone


def test_two_runs_at_once_leave_each_other_alone(root):
    with run_all.scratch_folder(root) as mine, run_all.scratch_folder(root) as other:
        assert mine != other and mine.is_dir() and other.is_dir()
    assert not mine.exists() and not other.exists()
    assert store.committed(root / "no_such_file", root) is None
