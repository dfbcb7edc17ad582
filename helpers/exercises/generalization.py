"""Exercises of the chapters on model selection and regularization."""

import numpy as np
import torch

from .checking import Case, case


def early_stopping(f):
    """early_stopping(errors, patience) -> (best, last): two epochs, counted from 0."""

    def stopped(errors, patience, hint):
        last = len(errors) - 1
        for epoch in reversed(range(len(errors))):
            if epoch - int(np.argmin(errors[: epoch + 1])) >= patience:
                last = epoch
        return case(f, (errors, patience), (int(np.argmin(errors[: last + 1])), last), hint)

    go_on = (
        "上升得不够久就不停，出现新的最低值就从它重新数起；周期从 0 数起。",
        "A short rise does not stop training, and a new minimum starts the count anew. Epochs "
        "count from 0.",
    )
    stop = (
        "停在最低值之后的第 patience 个周期；后面的误差训练时还不存在，不能看。",
        "Stop `patience` epochs after the minimum. Errors beyond that do not exist yet and must "
        "not be looked at.",
    )
    yield stopped([0.9, 0.7, 0.5], 2, go_on)
    yield stopped([0.9, 0.5, 0.6, 0.4, 0.5, 0.3], 2, go_on)
    yield stopped([0.9, 0.5, 0.6, 0.7, 0.8, 0.1], 2, stop)
    yield stopped([0.9, 0.5, 0.6, 0.4], 1, stop)
    yield stopped([0.5, 0.4, 0.6], 5, stop)
    for n in (1, 5, 20, 20, 20):
        yield stopped(torch.rand(n).tolist(), 3, stop)


def features_by_fold(f):
    """features_by_fold(X, y, k, folds): (n, d), (n,) -> (number of folds, k), whole numbers."""
    correlation = (
        "相关系数不受平移和缩放的影响：先减均值，再除以标准差；负相关也是相关。",
        "A correlation is the same however a feature is shifted or scaled: subtract means, divide "
        "by standard deviations. A negative one counts as much.",
    )
    leak = (
        "这一折的验证样本也参加了挑选；每一折只准看它的训练样本。",
        "Examples of the validation part had a say; in each fold only its training part may.",
    )

    def strongest(X, y, k, folds, hint):
        rows = [
            [-abs(np.corrcoef(X[train, j], y[train])[0, 1]) for j in range(X.shape[1])]
            for train, _ in folds
        ]
        return case(f, (X, y, k, folds), torch.tensor(np.argsort(rows))[:, :k], hint)

    y = torch.tensor([1.0, 1, 1, 1, -1, -1])
    noise = torch.randn(6, 4) * torch.tensor([0.1, 0.5, 90.0, 2.0])
    X = torch.stack([30 - y, y, 50 * y, y], dim=1) + noise
    everything = [(torch.arange(6), torch.arange(0))]
    yield strongest(X, y, 2, everything, correlation)
    for n, d, k in ((12, 8, 2), (30, 20, 5)):
        X, y = torch.randn(n, d) * (1 + torch.arange(d)), 2.0 * torch.randint(2, (n,)) - 1
        y[:2] = torch.tensor([1.0, -1.0])
        parts = torch.randperm(n).tensor_split(3)
        folds = [(torch.cat(parts[:i] + parts[i + 1 :]), parts[i]) for i in range(3)]
        yield strongest(X, y, k, folds, leak)


def sine_frequency(f):
    """sine_frequency(labels): n labels of 1 or -1 -> a number."""
    plus = (
        "标签全是 1 时，所有 ωx 都要落在 0 与 π 之间，两端不算。",
        "With all labels 1, every ωx has to lie between 0 and π, without the ends.",
    )
    half = (
        "给 ω 加上 π·10^i，x_i 处的角度就多转半圈；看它使前面和后面的点各转了多少。",
        "π·10^i more in ω is half a turn more for point i. See how far it turns the points before "
        "and after it.",
    )

    def signs(labels):
        x = 0.1 ** torch.arange(1, len(labels) + 1, dtype=torch.float64)
        return torch.sin(f(labels) * x).sign()

    signs.__name__ = "signs"
    yield case(signs, (torch.ones(3),), torch.ones(3), plus)
    for n in range(1, 6):
        for labels in 2.0 * torch.cartesian_prod(*[torch.arange(2)] * n).reshape(-1, n) - 1:
            yield case(signs, (labels,), labels, half)


def l1_step(f):
    """l1_step(w, gradient, lr, lambd): (n,), (n,) -> (n,)."""
    constant = (
        "ℓ1 的拉力与权重的大小无关：每步向 0 移动 ηλ。",
        "The pull of ℓ1 does not depend on the size of a weight: ηλ towards 0 in each step.",
    )
    stop = (
        "走过头的权重停在 0，不越到另一边；已经是 0 的不动。",
        "A weight that would go beyond 0 stops at 0, and one that is already 0 stays.",
    )
    order = (
        "先按数据的梯度走一步，再从走到的地方向 0 拉。",
        "First the step along the gradient of the data, then the pull, from where that has led.",
    )
    zero = torch.zeros(3)
    yield case(
        f, (torch.tensor([1.0, -2, 3]), zero, 0.1, 2), torch.tensor([0.8, -1.8, 2.8]), constant
    )
    yield case(f, (torch.tensor([0.1, -0.1, 0]), zero, 0.1, 2), zero, stop)
    for lr, lambd in ((0.1, 1), (0.5, 0.3), (0.1, 0)):
        w, gradient = torch.randn(2, 50)
        v = w - lr * gradient
        yield case(f, (w, gradient, lr, lambd), v - v.clamp(-lr * lambd, lr * lambd), order)


def PlainDropout(cls):
    """PlainDropout(p): a module; any shape -> the same shape."""
    X = torch.arange(1.0, 10001).reshape(10, 1000)

    def outputs(p, training):
        layer = cls(p).train(training)
        return [layer(X.clone()) for _ in range(2)]

    def shares(p):  # of 0 and of the numbers that have stayed, to 1 digit
        Y, _ = outputs(p, True)
        return [round(Y.eq(value).double().mean().item(), 1) for value in (0, X)]

    def masks():  # how many different ones there are among the 2 * 10 examples
        return len({tuple(row) for Y in outputs(0.5, True) for row in (Y == 0).tolist()})

    hint = (
        "训练时平均只剩 1 − p 的份量；推理时全都在，所以要乘 1 − p。",
        "Training leaves 1 − p of it on average; in inference all is there, so multiply by 1 − p.",
    )
    for p in (0.2, 0.5, 1):
        yield Case(f"p = {p}, eval()", (1 - p) * X, lambda p=p: outputs(p, False)[0], hint)
    hint = (
        "训练时每个数以概率 p 变成 0，其余保持原样。",
        "In training a number becomes 0 with probability p, or else stays as it is.",
    )
    given = "p = {}, train(); the shares of 0 and of what stays"
    yield Case(given.format(1), [1, 0], lambda: shares(1), hint)
    each = (
        "每个样本的每个数都单独抽，每次调用都重新抽。",
        "Each number of each example is drawn by itself, and anew in every call.",
    )
    yield Case("p = 0.5, train(), 2 times 10 examples; different masks", 20, masks, each)
    for p in (0.2, 0.5, 0):
        yield Case(given.format(p), [p, 1 - p], lambda p=p: shares(p), hint)
