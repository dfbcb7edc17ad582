"""Wrong answers to the exercises on linear regression, softmax regression and the perceptron."""

import torch

WRONG = {
    "huber": [
        ("no half", lambda e, d: torch.where(e.abs() <= d, e**2, d * (e.abs() - d / 2)), "half"),
        ("torn", lambda e, d: torch.where(e.abs() <= d, e**2 / 2, d * e.abs()), "meet"),
        ("d = 1", lambda e, d: torch.where(e.abs() <= 1, e**2 / 2, e.abs() - 0.5), "δ"),
    ],
    "class_accuracies": [
        (
            "by prediction",
            lambda y, p, n: torch.stack([(y[p == k] == k).float().mean() for k in range(n)]),
            "how often it was predicted",
        ),
        (
            "by all",
            lambda y, p, n: torch.stack([((y == k) & (p == k)).float().mean() for k in range(n)]),
            "belong to the class",
        ),
    ],
    "cheapest": [
        ("the most probable", lambda p, cost: p.argmax(dim=1), "expected cost"),
        ("transposed", lambda p, cost: (p @ cost.T).argmin(dim=1), "over the truth"),
        ("dearest", lambda p, cost: (p @ cost).argmax(dim=1), "smallest"),
    ],
}
