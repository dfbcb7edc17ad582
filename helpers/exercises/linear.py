"""Exercises of the chapters on linear regression and softmax regression."""

import torch
import torch.nn.functional as F

from .checking import case


def sgd_step(f):
    """sgd_step(w, b, X, y, lr): the new w and b; (d, 1), (1,), (n, d), (n, 1) or (n,)."""

    def w_then_b(*inputs):
        w, b = f(*inputs)
        return torch.cat([w.flatten(), b.flatten()])

    step = w_then_b

    w, b, X, y = torch.zeros(1, 1), torch.zeros(1), torch.tensor([[2.0]]), torch.tensor([[3.0]])
    expected = torch.tensor([3.0, 1.5])  # w and b
    hint = (
        "½ 平方误差对预测的导数是预测减标签；再乘上特征，就是对权重的导数。要逆着梯度走。",
        "The derivative of ½ the squared error is prediction minus label, times the feature for a "
        "weight; and the step goes against the gradient.",
    )
    yield case(step, (w, b, X, y, 0.5), expected, hint)
    hint = (
        "跟着损失的平均走：除以这一批真正的样本数。",
        "Follow the mean of the losses: divide by the number of examples in this batch.",
    )
    yield case(step, (w, b, X.repeat(4, 1), y.repeat(4, 1), 0.5), expected, hint)
    w, b = torch.randn(3, 1).requires_grad_(), torch.randn(1).requires_grad_()
    X, y = torch.randn(7, 3), torch.randn(7, 1)
    gradients = torch.autograd.grad(F.mse_loss(X @ w + b, y) / 2, (w, b))
    w, b = w.detach(), b.detach()
    new = torch.cat([w.flatten(), b]) - 0.1 * torch.cat([g.flatten() for g in gradients])
    hint = (
        "每个权重的导数，是误差与它自己那一列特征的点积，再除以 n。",
        "The derivative of a weight is the dot product of the errors with its own column, over n.",
    )
    yield case(step, (w, b, X, y, 0.1), new, hint)
    hint = (
        "标签也可能是 (n,)：一列减一个向量，会广播成 (n, n)。",
        "Labels may also come as (n,): a column minus a vector broadcasts to (n, n).",
    )
    yield case(step, (w, b, X, y.flatten(), 0.1), new, hint)


def critical_lr(f):
    """critical_lr(X): (n, d) -> a number; the loss is the mean of ½ (Xw - y)²."""
    hint = (
        "一维时，每一步把到谷底的距离乘以 1 - ηh；它到 -1 为止还不发散。h 是二阶导数。",
        "In one dimension a step multiplies the distance by 1 - ηh, where h is the second "
        "derivative; down to which value does that not diverge?",
    )
    yield case(f, (torch.tensor([[2.0]]),), 0.5, hint)
    hint = ("损失是 n 个样本的平均，h 也是。", "The loss is a mean over n examples, and so is h.")
    yield case(f, (torch.tensor([[1.0], [2.0], [3.0], [2.0]]),), 2 / 4.5, hint)
    hint = (
        "碗在每个特征向量的方向上弯得不一样；最陡的方向最先发散。",
        "The bowl is curved differently along each eigenvector; the steepest diverges first.",
    )
    for n, scales in ((2, [1.0, 3.0]), (50, [1.0, 10.0, 0.1])):
        X = torch.randn(n, len(scales)) * torch.tensor(scales)
        yield case(f, (X,), 2 * n / torch.linalg.svdvals(X)[0].item() ** 2, hint)


def to_original_units(f):
    """to_original_units(w, b, mean, std): the new w and b; (d, 1), (1,), (d,), (d,)."""

    def predictions(w, b, mean, std, X):
        w, b = f(w, b, mean, std)
        return X @ w + b

    w, b, one = torch.tensor([[6.0]]), torch.tensor([1.0]), torch.ones(1)
    hint = (
        "z = (x - mean) / std：x 增加 1，z 增加 1 / std。",
        "z = (x - mean) / std: where x grows by 1, z grows by 1 / std.",
    )
    X, expected = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [4.0]])
    yield case(predictions, (w, b, 0 * one, 2 * one, X), expected, hint)
    hint = (
        "x 等于 mean 时 z 是 0，预测是原来的 b：新的 b 要补上这一段。",
        "Where x is the mean, z is 0 and the prediction is the old b: the new one makes up for it.",
    )
    yield case(predictions, (w, b, 10 * one, 2 * one, 10 + X), expected, hint)
    hint = (
        "w 是一列 (d, 1)，std 是向量 (d,)：直接相除会广播成 (d, d)。",
        "w is a column (d, 1) and std a vector (d,): their quotient broadcasts to (d, d).",
    )
    w, mean, std, X = torch.randn(3, 1), torch.randn(3), torch.rand(3) + 0.5, torch.randn(9, 3)
    yield case(predictions, (w, b, mean, std, X), (X - mean) / std @ w + b, hint)


def huber(f):
    """huber(error, delta): shapes (n,) -> (n,)."""
    for delta in (1.0, 0.5, 2.0):
        small = torch.linspace(-1, 1, 5) * delta
        expected = F.huber_loss(small, torch.zeros(5), delta=delta, reduction="none")
        hint = (
            "每个误差各有一个损失，各选各的公式：不超过 δ 时，是误差平方的一半。",
            "Each error has a loss and a formula of its own: up to δ it is half its square.",
        )
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
