"""What `make bench` is made of; the bars themselves are `make bench`'s business, not a test's."""

import json
import os
from pathlib import Path

import pytest
import torch

from tools import bench, bench_nets, bench_rows, course


def test_both_are_timed_in_turn_after_one_warm_round():
    calls = []
    times = bench_rows.versus(lambda: calls.append("o"), lambda: calls.append("t"), rounds=2)
    assert "".join(calls) == "ot" + "otot" and all(time >= 0 for time in times)


def test_a_line_of_the_table():
    assert bench_rows.line("LeNet epoch", 2.0, 7.0, 1.5).split() == [
        *("LeNet", "epoch", "2.000", "s", "7.000", "s", "3.5x", "1.5x")
    ]
    assert bench_rows.line("run-all", 60, None, None).split()[-2:] == ["–", "–"]


def test_the_record_names_hardware_versions_and_ratios():
    pytest.importorskip(
        "d2l", reason="d2l is missing: pip install --no-deps -r requirements-d2l.txt"
    )
    found = bench.record({"epoch of batches": [0.05, 2.0], "run-all": [60.0, None]})
    assert found["seconds"]["epoch of batches"] == dict(helpers=0.05, d2l=2.0, ratio=40.0, bar=20)
    assert found["seconds"]["run-all"] == {"helpers": 60.0}
    assert found["hardware"].endswith(f"{bench.processor()}, {os.cpu_count()} cores")
    assert found["versions"]["d2l"] == "0.17.6"


def test_the_processor_has_a_name():
    name = bench.processor()
    info = Path("/proc/cpuinfo")
    if info.exists() and "model name" in (text := info.read_text(encoding="utf-8")):
        assert f": {name}\n" in text
    assert name.strip() == name != ""


def test_each_machine_has_a_record_in_which_a_new_row_replaces_the_old_one():
    two = dict(hardware="2 cores", versions={}, seconds={"run-all": 1, "epoch of batches": 2})
    gpu = dict(hardware="a GPU", versions={}, seconds={"epoch of batches": 1})
    new = dict(hardware="2 cores", versions={}, seconds={"epoch of batches": 3})
    assert bench.merged([], two) == [two]
    assert bench.merged([two], gpu) == [two, gpu]
    first, second = bench.merged([two, gpu], new)
    assert [*first["seconds"].items()] == [("epoch of batches", 3), ("run-all", 1)]
    assert second == gpu
    assert bench.merged([two], new | {"versions": {"torch": "3"}})[0] == two


def test_the_stored_records_have_the_bars_that_the_rows_ask_for():
    first, *_ = json.loads((course.RESULTS / "bench.json").read_text(encoding="utf-8"))
    assert first["hardware"].endswith("2 cores")
    for name, row in first["seconds"].items():
        assert row["helpers"] > 0 and row.get("ratio", 1) >= row.get("bar", 0), name


def test_a_row_that_is_not_there_is_one_sentence(capsys):
    assert bench.main(["LeNet"]) == 2
    assert capsys.readouterr().out.startswith("bench: no row is called LeNet; there are: epoch of")


@pytest.mark.parametrize(
    "net, size, parameters",  # counted by hand from the notes' definitions
    [
        (bench_nets.lenet, 28, 61_706),
        (lambda: bench_nets.lenet(norm=True), 28, 61_706 - 144 * 120 + 2 * (6 + 16 + 120)),
        (bench_nets.alexnet, 224, 60_314_442),
        (lambda: bench_nets.vgg(16), 224, 43_093_322),
        (bench_nets.nin, 224, 1_992_166),
        (bench_nets.googlenet, 96, 5_977_530),
    ],
    ids=["lenet", "lenet+bn", "alexnet", "vgg", "nin", "googlenet"],
)
def test_the_networks_are_those_of_the_notes(net, size, parameters):
    with torch.device("meta"):
        net = net()
        assert net(torch.empty(2, 1, size, size)).shape == (2, 10)
    assert sum(p.numel() for p in net.parameters()) == parameters
