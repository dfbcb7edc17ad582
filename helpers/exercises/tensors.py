"""Exercises of the chapters on tensors: data operations, linear algebra, derivatives."""

import math

import torch
import torch.nn.functional as F

from .checking import Case, case


def chessboard(f):
    """chessboard(n): a tensor (n, n), 1 for a white square and 0 for a black one."""
    hint = (
        "左上角是白格（1），上下左右相邻的两格颜色不同。",
        "The top left square is white, 1, and neighbours differ in colour.",
    )
    yield case(f, (2,), torch.eye(2), hint)
    hint = (
        "n 是多少，棋盘就有多大；切片的步长让图案重复下去。",
        "The board is as large as n says; the step of a slice repeats the pattern.",
    )
    for n in (8, 5, 1):
        i = torch.arange(n)
        yield case(f, (n,), 1.0 - (i + i.reshape(n, 1)) % 2, hint)


def pairwise_distances(f):
    """pairwise_distances(P): (n, d) -> (n, n)."""
    hint = (
        "两两之差的形状是 (n, n, d)，求和之后应当消失的是坐标那一维。",
        "The differences have shape (n, n, d), and the axis of the coordinates should disappear.",
    )
    yield case(f, (torch.tensor([[0.0], [1.0]]),), torch.tensor([[0.0, 1.0], [1.0, 0.0]]), hint)
    P = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    hint = (
        "距离是差的平方和的平方根。",
        "A distance is the root of the sum of squared differences.",
    )
    yield case(f, (P,), torch.tensor([[0.0, 5.0], [5.0, 0.0]]), hint)
    hint = (
        "先相减再平方：两个很大的数相减，有效数字所剩无几。",
        "Subtract first, then square: the difference of two large numbers has few digits left.",
    )
    for P in (torch.randn(6, 3), torch.rand(4, 2) + 1000):
        points = P.tolist()
        expected = torch.tensor([[math.dist(p, q) for q in points] for p in points])
        yield case(f, (P,), expected, hint, tolerance=1e-3)


def fill_gaps(f):
    """fill_gaps(X, train): (n, d), (m, d) -> (n, d); a gap is nan."""
    nan = math.nan
    train = torch.tensor([[1.0, 10.0], [3.0, nan]])
    hint = (
        "每一列用自己的均值，只对没有缺的数求平均。",
        "Each column has a mean of its own, of the numbers that are there.",
    )
    yield case(f, (train, train), torch.tensor([[1.0, 10.0], [3.0, 10.0]]), hint)
    hint = (
        "均值从 train 上算，与 X 里有什么数无关；X 里不缺的数不动。",
        "The means come from train, whatever X holds; the numbers of X that are there stay.",
    )
    X = torch.tensor([[nan, 20.0], [50.0, nan], [9.0, 30.0]])
    yield case(f, (X, train), torch.tensor([[2.0, 20.0], [50.0, 10.0], [9.0, 30.0]]), hint)
    X, train = torch.rand(2, 20, 3)
    gaps = X > 0.7
    X[gaps], train[train > 0.7] = nan, nan
    means = [sum(known) / len(known) for c in train.T if (known := c[c == c].tolist())]
    yield case(f, (X, train), torch.where(gaps, torch.tensor(means), X), hint)


def normalize_columns(f):
    """normalize_columns(R): (m, n) -> (m, n)."""
    hint = (
        "求和的那个轴会消失：想得到每列的和，该消失的是哪个轴？",
        "The axis of a sum disappears: which one should, to leave a sum for each column?",
    )
    yield case(f, (torch.tensor([[1], [1], [2]]),), torch.tensor([[0.25], [0.25], [0.5]]), hint)
    hint = (
        "每列除以它自己的和，不是总和。",
        "Each column is divided by its own sum, not by the total.",
    )
    yield case(f, (torch.tensor([[2, 4, 5]]),), torch.ones(1, 3), hint)
    R = torch.randint(1, 9, (4, 6))
    expected = torch.stack([column / column.sum() for column in R.T], dim=1)
    yield case(f, (R,), expected, hint)


def ellipse(f):
    """ellipse(a, b, angle): (2, 2); compared by A @ A.T, which any right matrix shares."""
    hints = [
        (
            "矩阵的两列是 (1, 0) 和 (0, 1) 被送到的地方：角度为 0 时，一列长 a，一列长 b。",
            "The columns are where (1, 0) and (0, 1) go: at angle 0 one is a long, the other b.",
        ),
        (
            "先拉伸，后旋转；先做的写在右边。",
            "Stretch first, then rotate; what is done first stands on the right.",
        ),
        ("角度为正时逆时针转。", "A positive angle turns counter-clockwise."),
    ]
    for quarter, hint in zip((0, 1, 1 / 3), hints, strict=True):
        angle = torch.tensor(quarter * math.pi / 2)
        c, s = math.cos(angle), math.sin(angle)
        squares = [4 * c * c + s * s / 4, 3.75 * s * c, 4 * s * s + c * c / 4]
        expected = torch.tensor([squares[:2], squares[1:]])
        given = f"2, 0.5, {angle:.4f}; compared: A @ A.T of your A"
        yield Case(given, expected, lambda angle=angle: (A := f(2.0, 0.5, angle)) @ A.T, hint)


def cosine_similarities(f):
    """cosine_similarities(X, C): (n, d), (m, d) -> (n, m)."""
    hint = ("点积要除以两个向量的长度。", "Divide the dot product by the lengths of both vectors.")
    x, c = torch.tensor([[3.0, 4.0]]), torch.tensor([[6.0, 8.0]])
    yield case(f, (x, c), torch.ones(1, 1), hint)
    hint = (
        "每一行有它自己的长度；除的时候，X 的长度排成一列，C 的长度排成一行。",
        "Each row has a length of its own; those of X divide as a column, those of C as a row.",
    )
    for n, m in ((3, 3), (5, 4)):
        X, C = torch.randn(n, 3), 5 * torch.randn(m, 3)
        yield case(f, (X, C), F.cosine_similarity(X[:, None], C[None], dim=2), hint)


def derivative(f):
    """derivative(f, x): f works element by element; (n,) -> (n,)."""
    x = torch.linspace(-2, 2, 5)
    hint = (
        "先让 x 需要梯度。每个输出只依赖自己的输入，所以求和再 backward；求平均会多出因子 1/n。",
        "x must require a gradient first. Each output depends on its own input only, so sum, then "
        "backward; a mean brings in 1/n.",
    )
    yield case(f, (torch.sin, x), x.cos(), hint)
    x = torch.linspace(0.1, 0.9, 5)
    yield case(f, (torch.logit, x), 1 / (x * (1 - x)), hint)
    x.requires_grad_().grad = torch.ones(5)
    hint = (
        "x 可能带着旧的梯度来，新的会加在上面。",
        "x may come with an old gradient, and a new one is added to it.",
    )
    yield case(f, (torch.exp, x), x.detach().exp(), hint)


class Value:
    """A number with its sources, as in the engine of chapter 03."""

    def __init__(self, data, sources=()):
        self.data, self.sources, self.grad = data, sources, 0.0


def value_relu(f):
    """value_relu(value): the Value max(value, 0), whose source is (value, derivative)."""

    def slope(data):
        value = Value(data)
        return sum(derivative for source, derivative in f(value).sources if source is value)

    hint = ("数值是 data 与 0 中较大的一个。", "Its number is data or 0, whichever is larger.")
    for data in (2.5, -2.0, 0.0):
        yield Case(f"Value({data})", max(data, 0.0), lambda data=data: f(Value(data)).data, hint)
    hint = (
        "sources 里放一对：来源 value，和对它的导数。导数在 0 的右边是 1，左边是 0。",
        "The sources hold one pair, value and the derivative by it: 1 right of 0, 0 left of it.",
    )
    for data in (2.5, -2.0):
        given = f"Value({data}); compared: the derivative by it"
        yield Case(given, float(data > 0), lambda data=data: slope(data), hint)
    hint = ("在 0 处，[0, 1] 中的任何数都行。", "At 0 any number in [0, 1] will do.")
    given = "Value(0.0); compared: is the derivative in [0, 1]?"
    yield Case(given, True, lambda: bool(0 <= slope(0.0) <= 1), hint)


def jacobian(f):
    """jacobian(f, x): (m, n) for f from (n,) to (m,)."""

    def layer(A):
        def tanh_layer(x):
            return torch.tanh(A @ x)

        return tanh_layer

    hints = [
        (
            "形状是 (m, n)：第 i 行是第 i 个输出的梯度，哪怕只有一个输出。",
            "The shape is (m, n): row i is the gradient of output i, even if there is only one.",
        ),
        (
            "每个输出都要倒着走一遍：计算图要留着，上一遍的梯度不能加进来。",
            "Each output takes a backward pass of its own: keep the graph for the next, and keep "
            "out the gradient of the last.",
        ),
    ]
    for m, hint in zip((1, 2, 5), (*hints, hints[1]), strict=True):
        A, x = torch.randn(m, 3), torch.randn(3)
        yield case(f, (layer(A), x), (1 - torch.tanh(A @ x) ** 2).reshape(m, 1) * A, hint)
