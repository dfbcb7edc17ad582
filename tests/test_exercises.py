"""Exercises: starters are untouched, solutions pass, plausible wrong answers get the right hint."""

import importlib
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.exercises import MODULES, check
from helpers.exercises.checking import (
    RIGHT,
    UNTOUCHED,
    WRONG,
    Check,
    attempted,
    case,
    failure,
)
from helpers.exercises.values import agree, show
from tools.course import ROOT, code_cells, notebooks, read, tags

SOLUTIONS = sorted((ROOT / "solutions").glob("*.md"))
CHAPTERS = notebooks()
PRELUDE = {"torch": torch, "nn": nn, "F": F}
WRONG_ANSWERS = {
    name: answers
    for module in MODULES
    for name, answers in importlib.import_module(f"tests.wrong_answers.{module}").WRONG.items()
}


def verdict(name, answer, capsys):
    getattr(check, name)(answer)
    return re.sub(r"\n {8,}", " ", capsys.readouterr().out)  # a long line goes on in the next


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
    assert len(asked) >= 50


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_asks_three_to_six_questions_and_each_has_an_answer(path):
    cells = read(path).cells
    first = next(i for i, cell in enumerate(cells) if cell.source == "## 练习 · Exercises")
    solution = (ROOT / "solutions" / f"{path.stem}.md").read_text(encoding="utf-8")
    answered = re.findall(r"^## (\d)(?: `(\w+)`)?$", solution, re.M)
    for language in ("zh", "en"):
        texts = [cell.source for cell in cells[first:] if language in tags(cell)]
        asked = [n for text in texts for n in re.findall(r"^(\d)\. ", text, re.M)]
        assert asked == [n for n, _ in answered] == [str(n + 1) for n in range(len(asked))]
        assert 3 <= len(asked) <= 6
    assert [name for _, name in answered if name] == list(calls(path))


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
    X = torch.ones(2)
    one = case(lambda X: X.zero_(), (X,), torch.zeros(2), ("", ""))
    assert failure(one) is None
    assert X.all()
    verdict("class_accuracies", lambda *args: torch.rand(3), capsys)
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
    assert not agree(61706, 61707)  # counts are exact
    assert agree((2, 1), (np.int64(2), np.float32(1)))
    assert agree(False, np.bool_(False))


def test_two_large_tensors_are_told_apart():
    one = case(lambda X: X + torch.eye(3), (torch.zeros(3, 3),), torch.zeros(3, 3), ("", ""))
    assert failure(one)[1:3] == [
        "  expected  a tensor of shape (3, 3), 0 at [0, 0]",
        "  got       a tensor of shape (3, 3), 1 at [0, 0]",
    ]


@pytest.mark.parametrize(
    "strange",
    [np.array([None, None]), nn.UninitializedParameter(), [torch.ones(2, 2)] * 2, 10**400, nn.ReLU],
    ids=str,
)
def test_whatever_an_answer_returns_the_verdict_is_six_lines(strange):
    for expected in (torch.ones(2), 1.0, 1, (1, 2), True, "a"):
        assert [
            len(line.splitlines())
            for line in failure(case(lambda: strange, (), expected, ("", "")))
        ] == [1] * 5


def test_a_tensor_is_shown_in_a_line():
    assert show(torch.tensor([1.0, 0.33333])) == "tensor([1.0, 0.3333])"
    assert show(torch.zeros(3, 4)) == "a tensor of shape (3, 4)"
    assert case(abs, (-1.5,), 1.5, ("", "")).given == "-1.5"
