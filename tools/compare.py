"""Do two outputs of a cell agree? Numbers within a tolerance, everything else to the letter."""

import json
import re
from copy import deepcopy
from decimal import Decimal, localcontext

from nbformat import NotebookNode

from tools.course import joined_streams

# A number stands alone: the digits of conv1, 28x28, 3.2s and 2.14.1 are text. "1." is a float where
# torch prints it (before a comma or a bracket); elsewhere its point ends a sentence.
NUMBER = re.compile(
    r"""(?<![\w.])
    ([-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+|\.(?=[ \t]*[],)]))?(?:e[-+]?\d+)?
            |\.\d+(?:e[-+]?\d+)?
            |nan|inf))
    (?!\w|\.\d)""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
INTEGER = re.compile(r"[-+]?[\d,]+", re.ASCII)
BLANKS = re.compile(r"[ \t]+")
REDRAWN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)  # what a progress bar wrote over
LIVE_TIMING = re.compile(
    r"(?<!\d)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?[ \t]*[kM]?[ \t]*(?=examples/s)"
)

IMAGES = {"image/png", "image/jpeg"}
WIDGET = "application/vnd.jupyter.widget-view+json"  # a random id


def agree(stored: str, new: str, atol: float, rtol: float) -> str | None:
    """None when two texts agree, else a sentence that says where they do not.

    Floats agree when |new - stored| <= atol + rtol * |stored|, nan with nan; integers and words are
    exact. Runs of blanks count as one, blanks beside a number not at all (torch and numpy pad),
    and the speed in "12,345 examples/s" is not looked at.
    """
    old_lines, new_lines = _lines(stored), _lines(new)
    for number, (old, now) in enumerate(zip(old_lines, new_lines, strict=False), start=1):
        if old != now and (sentence := _line_differs(old, now, atol, rtol)):
            return f"line {number}: {sentence}"
    if len(old_lines) != len(new_lines):
        return f"stored {len(old_lines)} lines, now {len(new_lines)}"
    return None


def outputs_agree(stored: list, new: list, atol: float, rtol: float) -> str | None:
    """None when two lists of nbformat outputs agree, else a sentence.

    All text is compared, pixels are not; an image must still be there.
    """
    old, now = _texts(joined_streams(stored)), _texts(joined_streams(new))
    for name in old | now:
        if name not in now:
            return f"{name} is stored, but the cell no longer gives it"
        if name not in old:
            return f"the cell now gives {name}, which is not stored"
        if sentence := agree(_text(*old[name]), _text(*now[name]), atol, rtol):
            return f"{name}: {sentence}"
    return None


def adopt(stored: list, new: list, atol: float, rtol: float) -> list:
    """A copy of `new` in which every text that agrees with the stored one is the stored one."""
    adopted = joined_streams(deepcopy(new))
    old, now = _texts(joined_streams(stored)), _texts(adopted)
    for name in old.keys() & now.keys():
        (holder, key), (source, _) = now[name], old[name]
        if key in IMAGES or agree(_text(source, key), _text(holder, key), atol, rtol):
            continue
        holder[key] = source[key]
    return adopted


def _lines(text: str) -> list[str]:
    text = REDRAWN.sub("", text.replace("\r\n", "\n"))
    return [BLANKS.sub(" ", line).rstrip() for line in LIVE_TIMING.sub("# ", text).split("\n")]


def _line_differs(old: str, now: str, atol: float, rtol: float) -> str | None:
    old_parts, new_parts = NUMBER.split(old), NUMBER.split(now)  # words, number, words, ...
    if len(old_parts) != len(new_parts):
        return _words_differ(old, now)
    for place, (a, b) in enumerate(zip(old_parts, new_parts, strict=True)):
        if place % 2 == 0:
            sentence = _words_differ(old, now) if a.strip() != b.strip() else None
        else:
            sentence = _number_differs(a, b, atol, rtol) if a != b else None
        if sentence:
            return sentence
    return None


def _words_differ(old: str, now: str) -> str:
    same = next((i for i, (x, y) in enumerate(zip(old, now, strict=False)) if x != y), 0)
    start = max(0, same - 20)
    return f'stored "{old[start : start + 80]}", now "{now[start : start + 80]}"'


def _number_differs(a: str, b: str, atol: float, rtol: float) -> str | None:
    if INTEGER.fullmatch(a) or INTEGER.fullmatch(b):
        return f"stored {a}, now {b}, and integers are exact"
    with localcontext(prec=60):  # decimal, as printed: 0.85 is within 0.02 of 0.83
        old, now = Decimal(a.replace(",", "")), Decimal(b.replace(",", ""))
        if old == now or (old.is_nan() and now.is_nan()):
            return None
        if not (old.is_finite() and now.is_finite()):
            return f"stored {a}, now {b}"
        gap = abs(now - old)
        if gap <= Decimal(str(atol)) + Decimal(str(rtol)) * abs(old):
            return None
    allowed = f"{atol:g} + {rtol:g} x |stored|" if rtol else f"{atol:g}"
    return f"stored {a}, now {b}, they differ by {gap:.3g} and the tolerance is {allowed}"


def _texts(outputs: list[NotebookNode]) -> dict[str, tuple[dict, str]]:
    """Where each text of a cell's outputs stands: its name -> (mapping, key)."""
    texts, count = {}, 0
    for output in outputs:
        if output.output_type == "stream":
            texts[output.name] = (output, "text")
            continue
        count += 1
        if output.output_type == "error":
            texts |= {f"output {count} ({key})": (output, key) for key in ("ename", "evalue")}
        else:
            texts |= {f"output {count} ({mime})": (output.data, mime) for mime in output.data}
            texts.pop(f"output {count} ({WIDGET})", None)
    return texts


def _text(holder: dict, key: str) -> str:
    if key in IMAGES:
        return ""
    value = holder[key]
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
