"""How an answer is checked, and how the verdict is told."""

import copy
import difflib
import functools
import importlib
import inspect
import linecache
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType

import torch
from torch import Tensor

from .values import agree, contrast, short, show, wrapped

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
    if (getattr(f, "__module__", None) or "").startswith(__package__):  # made from the answer
        given += f"; compared: {f.__name__.replace('_', ' ')}"
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
        return lambda answer=...: print(wrapped(self._judge(name, exercises[name], answer)))

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
            torch.default_generator.manual_seed(0)  # torch.manual_seed would reach the GPUs too
            failed = next(filter(None, map(failure, exercise(watched(answer)))), None)
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


class NothingReturned(Exception):
    """A function that should return something returned None."""


def watched(answer: object) -> object:
    """The answer; a function raises if it returns nothing, and an error notes the line it is at."""
    if not isinstance(answer, FunctionType):
        return answer

    @functools.wraps(answer)
    def function(*args, **kwargs):
        try:
            result = answer(*args, **kwargs)
        except Exception as error:
            file = answer.__code__.co_filename
            places = [n for frame, n in traceback.walk_tb(error.__traceback__)
                      if frame.f_code.co_filename == file]  # fmt: skip
            if source := linecache.getline(file, places[-1] if places else 0).strip():
                error.add_note(f"at: {source}")
            raise
        if result is None:
            raise NothingReturned
        return result

    return function


NO_RETURN = ("函数什么也没有返回：漏了 return？", "Nothing was returned: is a return missing?")
NO_NAME = (
    "这个名字还没有定义：开头的导入单元运行过了吗？名字拼对了吗？",
    "There is no such name yet: did you run the imports at the top, and is it spelled right?",
)
NO_TENSOR = ("要返回张量，不是列表。", "Return a tensor, not a list.")


def failure(one: Case) -> list[str] | None:
    """The lines that say what went wrong, or None if nothing did."""
    try:
        got = one.run()
        if agree(one.expected, got, one.tolerance):
            return None
        hint = NO_TENSOR if isinstance(one.expected, Tensor) and isinstance(got, list) else one.hint
        expected, got = contrast(one.expected, got, one.tolerance)
    except NothingReturned:
        expected, got, hint = show(one.expected), "None", NO_RETURN
    except Exception as error:
        place = "".join(f", {note}" for note in getattr(error, "__notes__", []))
        expected = show(one.expected)
        got = short(f"{type(error).__name__}: {error}", 160) + short(place, 80)
        hint = NO_NAME if isinstance(error, NameError) else one.hint
    chinese, english = hint
    return [
        f"  input     {one.given}",
        f"  expected  {expected}",
        f"  got       {got}",
        f"  提示：{chinese}",
        f"  Hint: {english}",
    ]
