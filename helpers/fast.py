"""Training steps that a GPU is told once and then repeats: `train(..., fast=True)`.

A small network leaves a GPU idle: each of the hundred kernels of a step takes longer to launch than
to run. A CUDA graph records them once and launches them together. A replay does the same work on
the same memory, so each batch is first copied to where the recorded one was.

What is known not to repeat is computed as ever, with the same numbers; `FastStep.why_not` says why,
and so does a printed line where there is a GPU. What Python alone decides in a step, such as by its
own random numbers, is decided once.
(Tested on CPUs with an emulated graph; no run on a GPU is recorded yet.)
"""

import warnings
from collections.abc import Callable
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torch.optim import SGD

from .step import Step

WARM_UP = 3  # steps before the recording, in which libraries and optimizers set themselves up
RECORDABLE = ("cuda",)  # kinds of devices
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
STEP_HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")


class FastStep:
    """A `Step` that is recorded and replayed where that is safe; the sums are the same.

    The tensor that a replay returns is overwritten by the next one. Plain SGD without a scheduler
    and without hooks is recorded too, with its learning rate as it is; every other optimizer and
    every scheduler works as usual after each replay.
    """

    def __init__(self, step: Step):
        plain = type(step.optimizer) is SGD and step.scheduler is None
        self.with_update = plain and not any(getattr(step.optimizer, name) for name in STEP_HOOKS)
        self.step, self.kind, self.replay, self.taken = step, None, None, 0
        self._fall_back(why_not(step))

    def _fall_back(self, reason: str | None) -> None:
        self.why_not = reason
        if reason and torch.cuda.is_available():
            print(f"fast: steps are computed one by one, since {reason}.")

    def __call__(self, X: Tensor, y: Tensor) -> Tensor:
        kind = X.shape, X.dtype, y.shape, y.dtype
        self.kind = self.kind or kind
        if self.why_not or kind != self.kind:  # such as an odd last batch
            return self.step(X, y)
        if self.taken < WARM_UP:
            return self._warm_up(X, y)
        if self.replay is None:
            self._record(X, y)
        return self.step(X, y) if self.why_not else self._replay(X, y)

    def _warm_up(self, X: Tensor, y: Tensor) -> Tensor:
        before = attributes(self.step.net)
        sums, waited = on_side_stream(lambda: self.step(X, y), self.step.device)
        self.taken += 1
        after = attributes(self.step.net)
        if self.taken == WARM_UP and waited:
            self._fall_back("a step waits for a number, as .item() does")
        elif self.taken == WARM_UP and any(a is not b for a, b in zip_longest(before, after)):
            self._fall_back("forward gives attributes of the network new values")
        return sums

    def _record(self, X: Tensor, y: Tensor) -> None:
        """Record a step, which computes nothing yet: no parameter, state or random number moves."""
        step = self.step
        self.X, self.y = (t.to(step.device, copy=True) for t in (X, y))
        try:
            self.replay, self.sums = record(self._work, step.device)
        except RuntimeError as error:
            self._fall_back("recording failed: " + str(error).partition("\n")[0].rstrip("."))
        parameters = [p for group in step.optimizer.param_groups for p in group["params"]]
        self.grads = [(p, p.grad) for p in parameters]  # where each replay leaves them

    def _work(self) -> Tensor:
        sums = self.step.gradients(self.X, self.y)
        if self.with_update:
            self.step.update(len(self.X))
        return sums

    def _replay(self, X: Tensor, y: Tensor) -> Tensor:
        self.X.copy_(X, non_blocking=True)
        self.y.copy_(y, non_blocking=True)
        self.replay()
        for parameter, grad in self.grads:
            parameter.grad = grad
        if not self.with_update:
            self.step.update(len(X))
        return self.sums


def why_not(step: Step) -> str | None:
    """Why the steps of a run cannot be recorded; None if nothing is known against it."""
    if step.by_hand:
        return "the parameters are updated by hand"
    if step.device is None or step.device.type not in RECORDABLE:
        return "the network is not on a CUDA device"
    parallel = isinstance(step.net, nn.DataParallel | nn.parallel.DistributedDataParallel)
    if parallel or len({p.device for p in step.net.parameters()}) > 1:
        return "several devices share the step"
    if any(getattr(module, hooks) for module in step.net.modules() for hooks in HOOKS):
        return "a replay does not call the hooks of the network"
    return None


def attributes(net: nn.Module) -> list[object]:
    """What the names in each module stand for: a replay changes numbers, and binds no name anew."""
    held = [part for module in net.modules() for part in (vars(module), module._buffers)]
    return [value for part in held for value in part.values()]


def on_side_stream(work: Callable[[], Tensor], device: torch.device) -> tuple[Tensor, bool]:
    """Do `work` on a stream of its own, as CUDA graphs want it before they record.

    Returns its result, and whether it waited for the GPU: a recording would fail, and before
    PyTorch 2.12 one that failed makes what comes after it fail too.
    """
    stream, main = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(main)
    with torch.cuda.stream(stream), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            result = work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    main.wait_stream(stream)
    return result, any("called a synchronizing" in str(w.message) for w in caught)


def record(work: Callable[[], Tensor], device: torch.device) -> tuple[Callable[[], None], Tensor]:
    """Record the kernels of `work` without running them: (replay, where its result will be).

    Raises RuntimeError for work that a graph cannot hold.
    """
    generator = torch.cuda.default_generators[device.index]
    before = generator.clone_state()
    streams = torch.cuda.current_stream(device), torch.cuda.current_stream()
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)
    try:
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            result = work()
    except RuntimeError:  # it leaves both waiting for the end of the recording
        for used in streams:  # the last one makes its device the current one
            torch.cuda.set_stream(used)
        generator.graphsafe_set_state(before)
        raise
    return graph.replay, result
