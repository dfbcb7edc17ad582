"""Exercises: starters are untouched, solutions pass, plausible wrong answers get the right hint."""

import importlib
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.exercises import MODULES, check
from helpers.exercises.checking import RIGHT, UNTOUCHED, WRONG, Check, agree, attempted, case, show
from tools.course import ROOT, code_cells, notebooks, read

SOLUTIONS = sorted((ROOT / "solutions").glob("*.md"))
CHAPTERS = [path for path in notebooks() if ROOT / "solutions" / f"{path.stem}.md" in SOLUTIONS]
PRELUDE = {"torch": torch, "nn": nn, "F": F}
WRONG_ANSWERS = {
    name: answers
    for module in MODULES
    for name, answers in importlib.import_module(f"tests.wrong_answers.{module}").WRONG.items()
}


def verdict(name, answer, capsys):
    getattr(check, name)(answer)
    return capsys.readouterr().out


def answers(path):
    """The names that the python blocks of a solution define, and their values."""
    blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    names = dict(PRELUDE)
    for block in blocks:
        exec(compile(block, path.name, "exec"), names)
    return names


def calls(path):
    """The exercises that a notebook checks -> what is stored as the outcome."""
    found = {}
    for cell in code_cells(read(path)):
        for name in re.findall(r"^check\.(\w+)\(\w", cell.source, re.M):
            found[name] = "".join(output.get("text", "") for output in cell.outputs)
    return found


# ---- the three kinds of evidence ---------------------------------------------------------------


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_has_two_exercises_in_code_and_stores_them_untouched(path):
    stored = calls(path)
    assert len(stored) >= 2
    for name, text in stored.items():
        assert f"{name}: {UNTOUCHED}" in text.splitlines()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_links_to_its_solutions(path):
    text = "".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    assert text.count(f"(../solutions/{path.stem}.md)") == 2  # in each language once


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_solution_passes(path, capsys):
    names = answers(path)
    for name in calls(ROOT / "notebooks" / f"{path.stem}.ipynb"):
        assert verdict(name, names[name], capsys) == f"{name}: {RIGHT}\n"


def test_every_exercise_is_asked_in_one_chapter():
    asked = [name for path in notebooks() for name in calls(path)]
    assert sorted(asked) == sorted(check.exercises())


def test_every_exercise_has_two_wrong_answers():
    assert {name for name, found in WRONG_ANSWERS.items() if len(found) >= 2} == set(
        check.exercises()
    )


@pytest.mark.parametrize(
    "name, answer, word",
    [
        pytest.param(name, answer, word, id=f"{name}-{what}")
        for name, found in WRONG_ANSWERS.items()
        for what, answer, word in found
    ],
)
def test_a_wrong_answer_gets_its_hint(name, answer, word, capsys):
    first, *lines = verdict(name, answer, capsys).splitlines()
    assert first == f"{name}: {WRONG}"
    assert [line.split(maxsplit=1)[0] for line in lines[:3]] == ["input", "expected", "got"]
    assert "提示：" in lines[3]
    assert word in lines[4]


# ---- how checking works --------------------------------------------------------------------------


def test_what_counts_as_attempted():
    def stub(x, y=2):
        """With a docstring."""
        ...

    def forgot_to_return(x):
        x += 1

    class Stub(nn.Module):
        def __init__(self):
            super().__init__()

        def forward(self, X): ...

    assert not any(map(attempted, (stub, Stub, ...)))
    assert all(map(attempted, (forgot_to_return, nn.ReLU, 3, lambda x: x, lambda x: 5)))


def test_an_answer_that_raises_is_wrong_and_says_so(capsys):
    text = verdict("huber", lambda error: error, capsys)
    assert "TypeError" in text
    assert "Hint:" in text


def test_an_answer_cannot_change_the_inputs_nor_the_random_numbers(capsys):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    seen = []

    def spoils(error, delta):
        seen.append(error.clone())
        return error.zero_()

    verdict("huber", spoils, capsys)
    verdict("class_accuracies", lambda *args: None, capsys)
    assert seen[0].any()
    assert torch.rand(2).equal(expected)


def test_an_unknown_exercise_is_one_sentence():
    with pytest.raises(AttributeError, match=r"no exercise 'hubert'\. Did you mean 'huber'"):
        _ = check.hubert


def test_progress_tells_what_was_checked_here(capsys):
    mine = Check("helpers.exercises", ["linear"])
    mine.progress()
    mine.huber(lambda error, delta: F.huber_loss(error, 0 * error, "none", delta))
    mine.huber(lambda error, delta: F.huber_loss(error, 0 * error, reduction="none", delta=delta))
    mine.cheapest(...)
    capsys.readouterr()
    mine.progress()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("1 of 2 right")
    assert lines[1:] == [f"  huber: {RIGHT}", f"  cheapest: {UNTOUCHED}"]


def test_agreement():
    assert agree(torch.ones(2), torch.ones(2) + 1e-6)
    assert not agree(torch.ones(2), torch.ones(2, 1))
    assert not agree(torch.ones(2), 1.0)
    assert agree(1.0, torch.tensor(1.0))
    assert agree((1, 2), [1, 2])
    assert not agree(1, True)
    assert not agree(True, 1.0)


def test_a_tensor_is_shown_in_a_line():
    assert show(torch.tensor([1.0, 0.33333])) == "tensor([1.0, 0.3333])"
    assert show(torch.zeros(3, 4)) == "a tensor of shape (3, 4)"
    assert case(abs, (-1.5,), 1.5, ("", "")).given == "-1.5"
