"""How an answer is checked, and how the verdict is told."""

import copy
import difflib
import importlib
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType

import numpy as np
import torch
from torch import Tensor

Exercise = Callable[[object], Iterator["Case"]]


@dataclass
class Case:
    """One thing that an answer must do right: for `given`, `run()` is `expected`.

    given: what to show as the input. hint: one line in Chinese, one in English.
    """

    given: str
    expected: object
    run: Callable[[], object]
    hint: tuple[str, str]
    tolerance: float = 1e-4


def case(f: Callable, inputs: Sequence, expected: object, hint: tuple[str, str], **more) -> Case:
    """The case `f(*inputs)`; `f` works on copies of the inputs, so it can do them no harm."""
    given = ", ".join(show(value) for value in inputs)
    return Case(given, expected, lambda: f(*copy.deepcopy(tuple(inputs))), hint, **more)


class Check:
    """`check.<exercise>(answer)` prints a verdict, `check.progress()` those of this kernel."""

    def __init__(self, package: str, modules: Sequence[str]):
        self._package, self._modules = package, list(modules)
        self._verdicts: dict[str, str] = {}

    def __getattr__(self, name: str) -> Callable[[object], None]:
        exercises = self.exercises()
        if name not in exercises:
            near = difflib.get_close_matches(name, exercises, n=1)
            more = f" Did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"There is no exercise {name!r}.{more}")
        return lambda answer: print(self._judge(name, exercises[name], answer))

    def __dir__(self) -> list[str]:
        return ["progress", *self.exercises()]

    def exercises(self) -> dict[str, Exercise]:
        """All exercises by name."""
        found = {}
        for name in self._modules:
            module = importlib.import_module(f".{name}", self._package)
            for key, value in vars(module).items():
                if inspect.isgeneratorfunction(value) and value.__module__ == module.__name__:
                    found[key] = value
        return found

    def progress(self) -> None:
        """Print what was checked in this kernel, and with which verdict."""
        if not self._verdicts:
            print("还没有检查过练习 · nothing checked yet")
            return
        right = sum(verdict == RIGHT for verdict in self._verdicts.values())
        n = len(self._verdicts)
        print(f"{n} 题中答对 {right} 题 · {right} of {n} right")
        for name, verdict in self._verdicts.items():
            print(f"  {name}: {verdict}")

    def _judge(self, name: str, exercise: Exercise, answer: object) -> str:
        if not attempted(answer):
            self._verdicts[name] = UNTOUCHED
            return f"{name}: {UNTOUCHED}"
        with torch.random.fork_rng(devices=[]):  # the random numbers of the kernel stay as they are
            torch.manual_seed(0)
            failed = next(filter(None, map(failure, exercise(answer))), None)
        self._verdicts[name] = WRONG if failed else RIGHT
        return "\n".join([f"{name}: {self._verdicts[name]}", *(failed or [])])


UNTOUCHED, RIGHT, WRONG = "还没有作答 · not attempted", "正确 · right", "不对 · wrong"


def attempted(answer: object) -> bool:
    """Whether anything was filled in: `...` alone, or a function or method of it, is no answer."""
    if isinstance(answer, FunctionType):
        code, steps = answer.__code__, slice(None, None, 2)  # the operations without their operands
        nothing = code.co_code[steps] == _empty.__code__.co_code[steps]
        return not (nothing and set(code.co_consts) <= {None, answer.__doc__})
    if isinstance(answer, type):
        methods = [value for value in vars(answer).values() if isinstance(value, FunctionType)]
        return all(attempted(method) for method in methods)
    return answer is not ...


def _empty(): ...


def failure(one: Case) -> list[str] | None:
    """The lines that say what went wrong, or None if nothing did."""
    try:
        got = one.run()
    except Exception as error:
        got = f"{type(error).__name__}: {error}".splitlines()[0]
        right = False
    else:
        right = agree(one.expected, got, one.tolerance)
        got = show(got)
    if right:
        return None
    chinese, english = one.hint
    return [
        f"  input     {one.given}",
        f"  expected  {show(one.expected)}",
        f"  got       {got}",
        f"  提示：{chinese}",
        f"  Hint: {english}",
    ]


def agree(expected: object, got: object, tolerance: float = 1e-4) -> bool:
    """Whether two values are the same: floats and tensors but for rounding, the rest exactly."""
    if isinstance(expected, Tensor | np.ndarray):
        if not isinstance(got, Tensor | np.ndarray) or tuple(got.shape) != tuple(expected.shape):
            return False
        a, b = (torch.as_tensor(value).detach().double().cpu() for value in (expected, got))
        return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(expected, list | tuple):
        same = isinstance(got, list | tuple | torch.Size) and len(got) == len(expected)
        return same and all(agree(a, b, tolerance) for a, b in zip(expected, got, strict=True))
    if isinstance(got, Tensor) and got.ndim == 0:
        got = got.item()
    if isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and got == expected
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    return math.isclose(expected, got, rel_tol=tolerance, abs_tol=tolerance)


def show(value: object) -> str:
    """A value in one short line."""
    if isinstance(value, Tensor):
        if value.numel() > 8:
            return f"a tensor of shape {tuple(value.shape)}"
        numbers = (
            torch.round(value.detach().double(), decimals=4)
            if value.dtype.is_floating_point
            else value
        )
        return f"tensor({numbers.tolist()})"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = getattr(value, "__name__", None) or repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
