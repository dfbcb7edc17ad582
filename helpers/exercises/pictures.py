"""Exercises of the chapters on image augmentation and fine-tuning."""

import torch
from torch import nn

from .checking import Case, case


def pepper_batch(f):
    """pepper_batch(X, u, p): (b, c, h, w), (b, h, w), a number -> (b, c, h, w)."""
    X = torch.full((1, 1, 1, 4), 0.5)
    u = torch.tensor([0.05, 0.15, 0.85, 0.95]).reshape(1, 1, 4)
    expected = torch.tensor([0.0, 0.5, 0.5, 1.0]).reshape(1, 1, 1, 4)
    hint = (
        "p 是黑点和白点合起来的比例，各占一半；其余像素不变。",
        "p is the share of black and white dots together, half of it each; the rest stays.",
    )
    yield case(f, (X, u, 0.2), expected, hint)
    X, u = torch.rand(2, 3, 4, 5), torch.rand(2, 4, 5)
    dots = torch.stack([u] * 3, dim=1)
    expected = X * ((dots >= 0.3) & (dots <= 0.7)) + (dots > 0.7)
    hint = (
        "一个像素只有一个随机数，三个通道一起变：u 要多一个通道轴，才与 X 对得上。",
        "A pixel has one random number, and its channels turn together: u needs an axis for the "
        "channels to meet X.",
    )
    yield case(f, (X, u, 0.6), expected, hint)
    yield Case(
        "X before and after the call",
        X.clone(),
        lambda: _kept(f, X.clone(), u),
        ("不要改动 X 本身：训练图片还要再用。", "Leave X itself alone: it is needed again."),
    )


def _kept(f, X, u):
    f(X, u, 0.6)
    return X


def mixup(f):
    """mixup(X, y, order, weight, num_classes): the mixed images and labels."""

    def images(*inputs):
        return f(*inputs)[0]

    def labels(*inputs):
        return f(*inputs)[1]

    X, y = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1), torch.tensor([0, 2])
    inputs = X, y, torch.tensor([1, 0]), torch.tensor([0.75, 0.75]), 3
    hint = (
        "自己占 weight，伙伴占 1 - weight。",
        "Its own share is weight, and its partner's is 1 - weight.",
    )
    yield case(images, inputs, torch.tensor([1.5, 2.5]).reshape(2, 1, 1, 1), hint)
    hint = (
        "标签先变成独热，再按与图片同样的比例混合。",
        "Labels become one-hot first, and are then mixed in the same proportion as the images.",
    )
    yield case(labels, inputs, torch.tensor([[0.75, 0, 0.25], [0.25, 0, 0.75]]), hint)
    X, y, order = torch.rand(5, 2, 5, 5), torch.randint(4, (5,)), torch.tensor([2, 0, 1, 4, 3])
    inputs, hot = (X, y, order, torch.rand(5), 4), torch.eye(4)[y]
    pairs = [(i, int(j), inputs[3][i]) for i, j in enumerate(order)]
    hint = (
        "每张图有自己的 weight，伙伴是 order[i]：weight 要变成 (b, 1, 1, 1) 才能与图片相乘。",
        "Each image has its own weight, and its partner is order[i]: weight goes from (b,) to "
        "(b, 1, 1, 1) to meet the images.",
    )
    yield case(images, inputs, torch.stack([torch.lerp(X[j], X[i], w) for i, j, w in pairs]), hint)
    expected = torch.stack([torch.lerp(hot[j], hot[i], w) for i, j, w in pairs])
    yield case(labels, inputs, expected, hint)


def flip_average(f):
    """flip_average(net, X): the mean probabilities (b, classes)."""
    left = nn.Flatten()  # 2 x 2 pixels as four scores
    X = torch.tensor([[0.0, 2.0], [0.0, 0.0]]).reshape(1, 1, 2, 2)
    both = torch.tensor([[0.0, 2.0, 0, 0], [2.0, 0.0, 0, 0]])
    hint = (
        "镜像是沿最后一个轴（宽）翻转；先各自 softmax，再取平均。",
        "A mirror image is flipped along the last axis, the width; take the softmax of each, and "
        "then the mean.",
    )
    yield case(f, (left, X), both.softmax(dim=1).mean(dim=0, keepdim=True), hint)
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    X = 4 * torch.randn(5, 1, 3, 4)
    with torch.no_grad():
        p, q = (net(Z).softmax(dim=1) for Z in (X, X[..., [3, 2, 1, 0]]))
    yield case(f, (net, X), (p + q) / 2, hint)


def layer_rates(f):
    """layer_rates(num_groups, lr, decay): a list of learning rates, that of the input first."""
    hint = (
        "最后一组（头部）用 lr，每往输入退一组乘一次 decay；列表从输入一侧开始。",
        "The last group, the head, has lr; each group nearer to the input has decay times as much. "
        "The list begins at the input.",
    )
    yield case(f, (3, 0.1, 0.5), [0.025, 0.05, 0.1], hint)
    yield case(f, (1, 0.3, 0.5), [0.3], hint)
    yield case(f, (6, 1e-3, 0.3), [1e-3 * 0.3**k for k in (5, 4, 3, 2, 1, 0)], hint)
    yield case(f, (4, 2.0, 1.0), [2.0] * 4, hint)


def warm_up(f):
    """warm_up(step, num_steps, warm, lr): the learning rate of that step."""
    hint = (
        "热身时第 0 步已是 lr / warm，第 warm - 1 步到达 lr。",
        "While warming up, step 0 has lr / warm already, and step warm - 1 reaches lr.",
    )
    for step, rate in ((0, 0.25), (1, 0.5), (3, 1.0)):
        yield case(f, (step, 12, 4, 1.0), rate, hint)
    hint = (
        "热身之后从 lr 直线下降：第 warm 步是 lr，第 num_steps 步（已在训练之外）恰好是 0。",
        "After that it falls in a straight line, from lr at step warm to 0 at step num_steps, "
        "which is just beyond the training.",
    )
    for step, rate in ((4, 1.0), (8, 0.5), (11, 0.125)):
        yield case(f, (step, 12, 4, 1.0), rate, hint)
    hint = (
        "warm 为 0 就是不热身，不要除以 0。",
        "Without warm-up, warm is 0; do not divide by it.",
    )
    yield case(f, (5, 10, 0, 0.2), 0.1, hint)


def early_stop(f):
    """early_stop(losses, patience): (epochs that were trained, the best epoch)."""
    hint = (
        "最好的周期是验证损失最小的那个；此后连续 patience 个周期没有更小，就停。",
        "The best epoch has the smallest loss; stop once patience epochs in a row have not beaten "
        "it.",
    )
    yield case(f, ([0.9, 0.7, 0.8, 0.75, 0.6], 2), (4, 1), hint)
    hint = (
        "没等到该停的时候，就把所有周期训练完。",
        "Where the time to stop never comes, all epochs are trained.",
    )
    yield case(f, ([0.9, 0.8, 0.85, 0.7], 2), (4, 3), hint)
    hint = (
        "一有更小的损失，就从头数起。",
        "Begin to count anew at each smaller loss.",
    )
    yield case(f, ([0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.75, 0.5], 2), (7, 4), hint)
    hint = ("打平不算更小。", "A tie does not beat it.")
    yield case(f, ([0.5, 0.5, 0.5, 0.4], 2), (3, 0), hint)
