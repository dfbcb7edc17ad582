"""Wrong answers to the exercises in `helpers.exercises.linear`."""

import torch


def sgd_step(w, b, X, y, lr, scale):
    """A step along the summed gradient times `scale`."""
    error = X @ w + b - y.reshape(-1, 1)  # (n, 1)
    return w - lr * scale * X.T @ error, b - lr * scale * error.sum()


def broadcast_step(w, b, X, y, lr):
    error = X @ w + b - y
    return w - lr * X.T @ error / len(X), b - lr * error.mean()


def one_error_for_all(w, b, X, y, lr):
    error = (X @ w + b - y.reshape(-1, 1)).mean()
    return w - lr * error * X.mean(dim=0)[:, None], b - lr * error


def eigenvalues(X):
    return torch.linalg.eigvalsh(X.T @ X / len(X))


WRONG = {
    "sgd_step": [
        ("uphill", lambda w, b, X, y, lr: sgd_step(w, b, X, y, lr, -1 / len(X)), "against"),
        ("no half", lambda w, b, X, y, lr: sgd_step(w, b, X, y, lr, 2 / len(X)), "½"),
        ("sum", lambda w, b, X, y, lr: sgd_step(w, b, X, y, lr, 1), "in this batch"),
        ("fixed batch size", lambda w, b, X, y, lr: sgd_step(w, b, X, y, lr, 0.1), "½"),
        ("mean error", one_error_for_all, "its own column"),
        ("broadcast", broadcast_step, "broadcasts"),
    ],
    "critical_lr": [
        ("half", lambda X: 1 / eigenvalues(X)[-1], "down to which"),
        ("no mean", lambda X: 2 / torch.linalg.eigvalsh(X.T @ X)[-1], "mean over n"),
        ("flattest", lambda X: 2 / eigenvalues(X)[0], "steepest"),
        ("trace", lambda X: 2 / eigenvalues(X).sum(), "steepest"),
    ],
    "to_original_units": [
        ("times std", lambda w, b, m, s: (w * s[:, None], b - w.T @ (m * s)), "by 1 / std"),
        ("old bias", lambda w, b, m, s: (w / s[:, None], b), "the mean"),
        ("mean not divided", lambda w, b, m, s: (w / s[:, None], b - m @ w), "the mean"),
        ("broadcast", lambda w, b, m, s: (w / s, b - (m / s) @ w), "quotient"),
    ],
    "huber": [
        ("no half", lambda e, d: torch.where(e.abs() <= d, e**2, d * (e.abs() - d / 2)), "half"),
        ("torn", lambda e, d: torch.where(e.abs() <= d, e**2 / 2, d * e.abs()), "meet"),
        ("d = 1", lambda e, d: torch.where(e.abs() <= 1, e**2 / 2, e.abs() - 0.5), "meet"),
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
