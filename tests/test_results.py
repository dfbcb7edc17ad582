"""One record per run, and the table made of them."""

import json

import pytest

from helpers import History, record_result, results, results_table
from tools.course import code_cells, notebooks, read

RECORDS = json.loads(results.STORE.read_text(encoding="utf-8"))
QUICK = {(r["notebook"], r["run"]): r for r in RECORDS if r["profile"] == "quick"}
PUBLISHED = {(r["notebook"], r["run"]): r for r in RECORDS if r["profile"] == "published"}
IMAGE_CLASSIFIERS = [key for key in QUICK if "15" <= key[0][:2] <= "23"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of its own, nothing recorded, profile quick, no runner."""
    monkeypatch.setattr(results, "STORE", tmp_path / "results.json")
    monkeypatch.setattr(results, "_this_run", [])
    monkeypatch.delenv("COURSE_OUT", raising=False)
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    return tmp_path / "results.json"


def history(acc, loss=0.5):
    return History(
        train_loss=[1.0, loss], train_acc=[0.1, acc], test_acc=[0.1, acc], seconds=[1.0, 3.0],
        num_examples=100,
    )  # fmt: skip


def lines(path, *records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def test_a_record_holds_the_last_epoch(store):
    record = record_result("nb", "run", history(0.9), seeds=3)
    assert (record["epochs"], record["test_acc"], record["train_loss"]) == (2, 0.9, 0.5)
    assert (record["profile"], record["seeds"], record["device"]) == ("quick", [3], "cpu")
    assert "date" not in record and "seconds" not in record  # a quick record has nothing that moves


def test_seeds_give_mean_and_standard_deviation(store):
    record = record_result("nb", "run", [history(0.8), history(0.9)], seeds=[0, 1])
    assert record["test_acc"] == pytest.approx(0.85)
    assert record["test_acc_std"] == pytest.approx(0.07071, abs=1e-5)
    with pytest.raises(ValueError, match="2 runs were given with 1 seeds"):
        record_result("nb", "run", [history(0.8), history(0.9)], seeds=[0])


def test_a_full_record_says_when_where_and_how_fast(store, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "full")
    record = record_result("nb", "run", history(0.9))
    assert record["examples_per_s"] == 50 and record["seconds"] == 4
    assert record["hardware"] and record["date"]


def test_a_learners_run_writes_nothing_and_a_runners_one_line_each(store, tmp_path, monkeypatch):
    record_result("nb", "run", history(0.9))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    record_result("nb", "run", history(0.8))
    record_result("nb", "other", history(0.7))
    written = (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["test_acc"] for line in written] == [0.8, 0.7]


def test_merge_replaces_or_keeps(store, tmp_path):
    old = {"notebook": "nb", "run": "a", "profile": "quick", "test_acc": 0.80}
    published = {"notebook": "nb", "run": "a", "profile": "published", "test_acc": 0.9}
    results.merge(lines(tmp_path / "1", old, published), store)
    new = [old | {"test_acc": 0.81}, old | {"run": "b"}]
    results.merge(lines(tmp_path / "2", *new), store, replace=False)
    kept = [(r["run"], r["test_acc"]) for r in results._load(store)]
    assert kept == [("a", 0.8), ("a", 0.9), ("b", 0.8)]
    results.merge(lines(tmp_path / "3", *new), store)
    assert [r["test_acc"] for r in results._load(store)] == [0.81, 0.9, 0.8]
    before = store.read_bytes()
    results.merge(tmp_path / "missing", store)
    assert store.read_bytes() == before


def test_the_table_sets_published_quick_and_full_side_by_side(store, tmp_path):
    published = {"notebook": "nb", "run": "scratch", "profile": "published", "device": "RTX 3080"}
    results.merge(lines(tmp_path / "1", published), store)
    record_result("nb", "scratch", [history(0.8), history(0.9)], seeds=[0, 1])
    record_result("other", "scratch", history(0.1))
    rows = results_table("nb").data.splitlines()
    assert (
        rows[2]
        == "| scratch | published | 1 | figure only | figure only | figure only | RTX 3080 |"
    )
    assert rows[3] == "| scratch | quick | 2 | 0.500 | 0.850 | 0.850 ± 0.071 | cpu |"
    assert rows[4] == "| scratch | full | | | | | not yet run |"
    assert len(rows) == 5


def test_results_md_is_made_from_the_store(store, tmp_path):
    record = {"notebook": "nb", "run": "a", "profile": "quick", "device": "cpu", "test_acc": 0.8}
    results.merge(lines(tmp_path / "1", record), store)
    results.write_markdown(store, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "## nb" in text and "| a | quick | 1 | – | – | 0.800 | cpu |" in text


def test_the_committed_tables_agree_with_the_committed_records(tmp_path):
    results.write_markdown(results.STORE, tmp_path / "RESULTS.md")
    stored = results.STORE.with_name("RESULTS.md").read_text(encoding="utf-8")
    assert stored == (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", notebooks(), ids=lambda p: p.stem)
def test_the_table_in_a_chapter_shows_the_committed_records(path):
    records = [r for r in RECORDS if r["notebook"] == path.stem]
    for cell in code_cells(read(path)):
        shown = [
            o.data["text/markdown"] for o in cell.outputs if "text/markdown" in o.get("data", {})
        ]
        for table in shown if "results_table(" in cell.source else []:
            assert table == results._table(records)


@pytest.mark.parametrize("key", IMAGE_CLASSIFIERS, ids=lambda key: " ".join(key))
def test_a_quick_run_learns_on_a_laptop(key):
    bar = 0.85 if key[0] in ("15_lenet", "20_batch_norm") else 0.80
    assert QUICK[key]["test_acc"] >= bar, "of all 10,000 test images"


@pytest.mark.parametrize("record", [r for r in RECORDS if r["profile"] == "full"], ids=str)
def test_a_full_run_reaches_what_was_published(record):
    published = PUBLISHED.get((record["notebook"], record["run"]), {}).get("test_acc", 0)
    assert record["test_acc"] >= published - 0.02
    assert len(record["seeds"]) >= 3 or record["seconds"] >= 60
