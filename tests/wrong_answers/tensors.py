"""Wrong answers to the exercises in `helpers.exercises.tensors`."""

import torch
from torch.linalg import vector_norm

from helpers.exercises.tensors import Value


def board(n, *starts, size=None):
    """A board with 1 at every second row and column from each start."""
    X = torch.zeros(size or n, size or n)
    for i, j in starts:
        X[i::2, j::2] = 1
    return X


def gram_distances(P):
    squares = (P * P).sum(dim=1)
    return (squares[:, None] - 2 * P @ P.T + squares).clamp(min=0).sqrt()


def filled(X, means):
    return torch.where(X.isnan(), means, X)


def rotation(angle):
    c, s = angle.cos(), angle.sin()
    return torch.tensor([[c, -s], [s, c]])


def stretch(a, b):
    return torch.diag(torch.tensor([a, b]))


def derivative(f, x, reduce):
    x.requires_grad_()
    reduce(f(x)).backward()
    return x.grad


def accumulated_rows(f, x):
    x.requires_grad_()
    rows = []
    for output in f(x):
        output.backward(retain_graph=True)
        rows.append(x.grad.clone())
    return torch.stack(rows)


def rows_of_a_freed_graph(f, x):
    x.requires_grad_()
    return torch.stack([torch.autograd.grad(output, x)[0] for output in f(x)])


WRONG = {
    "chessboard": [
        ("black corner", lambda n: board(n, (0, 1), (1, 0)), "white"),
        ("one assignment", lambda n: board(n, (0, 0)), "neighbours"),
        ("8 squares", lambda n: board(n, (0, 0), (1, 1), size=8 if n > 2 else n), "as n says"),
    ],
    "pairwise_distances": [
        ("wrong axis", lambda P: ((P[:, None] - P) ** 2).sum(dim=1).sqrt(), "disappear"),
        ("no root", lambda P: ((P[:, None] - P) ** 2).sum(dim=2), "root"),
        ("L1", lambda P: (P[:, None] - P).abs().sum(dim=2), "squared differences"),
        ("square first", gram_distances, "Subtract first"),
    ],
    "fill_gaps": [
        ("one mean", lambda X, train: filled(X, train.nanmean()), "a mean of its own"),
        ("plain mean", lambda X, train: filled(X, train.mean(dim=0)), "a mean of its own"),
        (
            "gaps count",
            lambda X, train: filled(X, train.nansum(0) / len(train)),
            "a mean of its own",
        ),
        ("own mean", lambda X, train: filled(X, X.nanmean(dim=0)), "come from train"),
    ],
    "normalize_columns": [
        ("rows", lambda R: R / R.sum(axis=1, keepdim=True), "which one should"),
        ("no keepdim", lambda R: R / R.sum(axis=1), "which one should"),
        ("total", lambda R: R / R.sum(), "by the total"),
    ],
    "ellipse": [
        ("squared", lambda a, b, angle: rotation(angle) @ stretch(a * a, b * b), "a long"),
        ("order", lambda a, b, angle: stretch(a, b) @ rotation(angle), "on the right"),
        ("clockwise", lambda a, b, angle: rotation(-angle) @ stretch(a, b), "counter-clockwise"),
    ],
    "cosine_similarities": [
        ("dot product", lambda X, C: X @ C.T, "lengths of both"),
        ("one length", lambda X, C: X @ C.T / vector_norm(X, dim=1, keepdim=True), "both"),
        ("whole norm", lambda X, C: X @ C.T / vector_norm(X) / vector_norm(C), "length of its own"),
        (
            "no keepdim",
            lambda X, C: X @ C.T / vector_norm(X, dim=1) / vector_norm(C, dim=1),
            "as a column",
        ),
    ],
    "derivative": [
        ("mean", lambda f, x: derivative(f, x, torch.mean), "1/n"),
        ("no sum", lambda f, x: derivative(f, x, lambda y: y), "sum, then backward"),
        ("added up", lambda f, x: derivative(f, x, torch.sum), "old gradient"),
    ],
    "value_relu": [
        ("absolute", lambda v: Value(abs(v.data), [(v, float(v.data > 0))]), "larger"),
        ("no source", lambda v: Value(max(v.data, 0.0)), "sources hold"),
        ("slope 1", lambda v: Value(max(v.data, 0.0), [(v, 1.0)]), "left of it"),
        ("itself", lambda v: Value(max(v.data, 0.0), [(v, max(v.data, 0.0))]), "the derivative"),
        (
            "2 at 0",
            lambda v: Value(
                max(v.data, 0.0), [(v, 2.0 - bool(v.data)) if v.data >= 0 else (v, 0.0)]
            ),
            "any number",
        ),
    ],
    "jacobian": [
        ("transposed", lambda f, x: torch.autograd.functional.jacobian(f, x).T, "row i"),
        ("summed", lambda f, x: derivative(f, x, torch.sum), "The shape"),
        ("added up", accumulated_rows, "keep out"),
        ("freed graph", rows_of_a_freed_graph, "keep the graph"),
    ],
}
