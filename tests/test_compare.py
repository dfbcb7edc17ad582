"""tools.compare: what counts as the same output."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.gate_cases import png, result, shown, stderr, stdout
from tools.compare import adopt, agree, outputs_agree

ATOL, RTOL = 1e-5, 1e-4

finite = st.floats(-1e6, 1e6, allow_nan=False)
words = st.text("abcdefgxyz_(),:= \n", max_size=12)


def printed(value: float) -> str:
    return f"{value:.12g}" if "." in f"{value:.12g}" else f"{value:.1f}"


def allowed(stored: str) -> Fraction:
    """The tolerance, exactly, by another arithmetic than the one under test."""
    return Fraction("0.00001") + Fraction("0.0001") * abs(Fraction(stored))


@given(st.text())
def test_a_text_agrees_with_itself(text):
    assert agree(text, text, 0.0, 0.0) is None


@given(words, finite, finite, words)
def test_floats_agree_exactly_within_the_tolerance(before, a, b, after):
    stored, new = printed(a), printed(b)
    inside = abs(Fraction(new) - Fraction(stored)) <= allowed(stored)
    sentence = agree(f"{before} {stored} {after}", f"{before} {new} {after}", ATOL, RTOL)
    assert (sentence is None) == inside
    if sentence:
        assert stored in sentence and new in sentence


@given(finite, st.floats(-1, 1))
def test_a_float_moved_by_less_than_its_tolerance_agrees(a, share):
    stored = printed(a)
    new = float(Fraction(stored) + allowed(stored) * Fraction(share) * Fraction("0.999"))
    assert agree(f"loss {stored}", f"loss {new!r}", ATOL, RTOL) is None


@given(words, st.integers(), st.integers(), words)
def test_a_changed_integer_never_agrees(before, a, b, after):
    assume(a != b)
    assert agree(f"{before} {a} {after}", f"{before} {b} {after}", 1e9, 1.0)


@given(
    st.from_regex("[a-zA-Z]{1,8}", fullmatch=True), st.from_regex("[a-zA-Z]{1,8}", fullmatch=True)
)
def test_a_changed_word_never_agrees(a, b):
    assume(a != b and a.lower() != b.lower())
    assert agree(f"loss {a} 0.5", f"loss {b} 0.5", 1e9, 1.0)


@given(st.lists(finite, max_size=4), st.lists(st.floats(-2e-4, 2e-4), min_size=4, max_size=4))
def test_adopt_gives_back_the_stored_text_exactly_when_it_agrees(values, moves):
    stored = [stdout(" ".join(map(printed, values)))]
    new = [stdout(" ".join(printed(v * (1 + m)) for v, m in zip(values, moves, strict=False)))]
    adopted = adopt(stored, new, ATOL, RTOL)
    agreed = outputs_agree(stored, new, ATOL, RTOL) is None
    assert adopted[0].text == (stored if agreed else new)[0].text


@pytest.mark.parametrize(
    ("stored", "new"),
    [
        ("tensor([ 1e-9, 0.5])", "tensor([-1e-9, 0.5])"),  # the sign takes the blank's place
        ("tensor([1., 2.])", "tensor([1.0000, 2.0001])"),
        ("[1.     2.0001 3.    ]", "[1. 2.0001 3.]"),  # numpy pads
        ("    a    b\n0  0.5  1", "   a   b\n0 0.5 1"),  # so does pandas
        ("0.0", "-0.0"),
        ("nan -inf", "nan -inf"),
        ("83.10 %", "83.1 %"),
        ("1,234.5", "1234.5"),
        ("12,345 examples/s", "9.9e3 examples/s"),
        ("98.7 k examples/s on cpu", "101 k examples/s on cpu"),
        ("  5%|#   | 1/20\r100%|####| 20/20\n", "100%|####| 20/20\n"),
    ],
)
def test_these_agree(stored, new):
    assert agree(stored, new, ATOL, RTOL) is None


@pytest.mark.parametrize(
    ("stored", "new", "names"),
    [
        ("a\nb\nacc 0.8312", "a\nb\nacc 0.8501", "line 3: stored 0.8312, now 0.8501, they differ"),
        ("all 60,000 images", "all 60,001 images", "60,000, now 60,001, and integers are exact"),
        ("all 60000. Next", "all 60001. Next", "60000, now 60001"),  # a full stop, not a point
        ("1", "1.0", "stored 1, now 1.0"),
        ("conv1 0.5", "conv2 0.5", '"conv1 0.5", now "conv2 0.5"'),  # a digit in a word is text
        ("28x28", "28x29", "28x29"),
        ("torch 2.14.1", "torch 2.14.2", "2.14.2"),
        ("0.5", "nan", "stored 0.5, now nan"),
        ("inf", "0.5", "stored inf, now 0.5"),
        ("inf", "-inf", "now -inf"),
        ("1.0-2.0", "1.0-2.5", "stored 2.0, now 2.5"),
        ("loss 0.5, 10 examples/s", "loss 0.6, 20 examples/s", "stored 0.5, now 0.6"),
        ("a\nb", "a", "stored 2 lines, now 1"),
        ("a b", "ab", '"a b", now "ab"'),
        ("tensor([0.1, 0.2])", "tensor([0.1, 0.2, 0.3])", "0.3"),
    ],
)
def test_these_do_not(stored, new, names):
    assert names in agree(stored, new, ATOL, RTOL)


def test_the_tolerance_is_decimal():
    """0.85 - 0.83 is 0.020000000000000018 in binary."""
    assert agree("0.83", "0.85", 0.02, 0.0) is None
    assert "the tolerance is 0.02" in agree("0.83", "0.8501", 0.02, 0.0)


def test_outputs_are_paired_by_kind_and_pieces_of_a_stream_joined():
    stored = [stdout("a 0.5\n"), shown("line 1.0", png()), result("2.0")]
    new = [shown("line 1.00001"), stdout("a "), result("2.00001"), stdout("0.50001\n")]
    assert outputs_agree(stored, [new[0], *new[1:]], ATOL, RTOL) == (
        "output 1 (image/png) is stored, but the cell no longer gives it"
    )
    new[0].data["image/png"] = "other pixels"
    assert outputs_agree(stored, new, ATOL, RTOL) is None
    assert [o.get("text") or o.data["text/plain"] for o in adopt(stored, new, ATOL, RTOL)] == [
        "line 1.0", "a 0.5\n", "2.0",
    ]  # fmt: skip
    assert new[1].text == "a ", "adopt works on a copy"


def test_an_output_more_or_less_is_named():
    assert "now gives stderr" in outputs_agree([], [stderr("warning")], ATOL, RTOL)
    assert "stdout is stored" in outputs_agree([stdout("x")], [], ATOL, RTOL)
    assert "output 2 (text/plain)" in outputs_agree([result("1")], [shown("1"), result("1")], 0, 0)
