"""Exercises of the chapters on linear regression, softmax regression and the perceptron."""

import torch
import torch.nn.functional as F

from .checking import case


def huber(f):
    """huber(error, delta): shapes (n,) -> (n,)."""
    for delta in (1.0, 0.5, 2.0):
        small = torch.linspace(-1, 1, 5) * delta
        expected = F.huber_loss(small, torch.zeros(5), delta=delta, reduction="none")
        hint = ("误差不超过 δ 时是平方损失的一半。", "Up to δ it is half the square of the error.")
        yield case(f, (small, delta), expected, hint)
        large = torch.tensor([-3.0, 1.5, 2.5]) * delta
        expected = F.huber_loss(large, torch.zeros(3), delta=delta, reduction="none")
        hint = (
            "大误差的斜率是 δ；减去一个常数，两段才在 |误差| = δ 处接上。",
            "Beyond δ the slope is δ, and a constant makes the two parts meet at |error| = δ.",
        )
        yield case(f, (large, delta), expected, hint)


def class_accuracies(f):
    """class_accuracies(y, predictions, num_classes): (n,), (n,) -> (num_classes,)."""
    y = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2])
    predictions = torch.tensor([0, 0, 0, 1, 1, 1, 0, 1, 0])
    hint = (
        "除以真正属于该类的样本数，而不是预测成该类的样本数，也不是样本总数。",
        "Divide by the number of examples that belong to the class, not by how often it was "
        "predicted, nor by all examples.",
    )
    yield case(f, (y, predictions, 3), torch.tensor([0.75, 1.0, 0.0]), hint)
    y, predictions = torch.randint(0, 10, (2, 500))
    expected = torch.stack([(predictions[y == k] == k).float().mean() for k in range(10)])
    yield case(f, (y, predictions, 10), expected, hint)


def cheapest(f):
    """cheapest(probabilities, cost): (n, q), (q, q) -> (n,); cost[i, j]: truth i, decision j."""
    probabilities = torch.tensor([[0.6, 0.4], [0.95, 0.05]])
    cost = torch.tensor([[0.0, 1.0], [10.0, 0.0]])
    hint = (
        "决定 j 的期望代价是对真实类别 i 求和：概率 p_i 乘 cost[i, j]；选期望代价最小的 j。",
        "The expected cost of decision j is a sum over the truth i, of p_i times cost[i, j]; "
        "take the j where it is smallest.",
    )
    yield case(f, (probabilities, cost), torch.tensor([1, 0]), hint)
    probabilities, cost = torch.rand(50, 4).softmax(dim=1), torch.rand(4, 4)
    expected = torch.tensor([
        min(range(4), key=lambda j: sum(p[i] * cost[i, j] for i in range(4))) for p in probabilities
    ])  # fmt: skip
    yield case(f, (probabilities, cost), expected, hint)
