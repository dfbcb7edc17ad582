"""Wrong answers to the exercises in `helpers.exercises.generalization`."""

import math

import torch
from torch import nn


def stops(errors, patience, late=0, anew=True):
    """Early stopping with a count of epochs without a new minimum."""
    best, count = 0, 0
    for epoch in range(1, len(errors)):
        if errors[epoch] < errors[best]:
            best, count = epoch, 0 if anew else count
        else:
            count += 1
        if count == patience + late:
            return best, epoch
    return best, len(errors) - 1


def strongest(X, y, k):
    correlation = torch.corrcoef(torch.cat([X, y[:, None]], dim=1).T)[-1, :-1]
    return correlation.abs().topk(k).indices


def covariance(X, y):
    return (X - X.mean(dim=0)).T @ (y - y.mean())


def by_fold(rank):
    """`rank` on the training part of each fold."""
    return lambda X, y, k, folds: torch.stack(
        [rank(X[train], y[train]).topk(k).indices for train, _ in folds]
    )


def dropout(training, inference, shape=lambda X: X.shape):
    """A dropout layer: training(X, mask, p) in training, inference(X, p) in inference."""

    class Dropout(nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p = p

        def forward(self, X):
            mask = torch.rand(shape(X)) >= self.p
            return training(X, mask, self.p) if self.training else inference(X, self.p)

    return Dropout


def masked(X, mask, p):
    return X * mask


def scaled(X, p):
    return X * (1 - p)


WRONG = {
    "early_stopping": [
        ("best of all", lambda e, p: (e.index(min(e)), len(e) - 1), "must not be looked at"),
        ("one too late", lambda e, p: stops(e, p, late=1), "Stop `patience`"),
        ("count goes on", lambda e, p: stops(e, p, anew=False), "starts the count anew"),
        ("first rise", lambda e, p: stops(e, 1), "short rise"),
        ("from 1", lambda e, p: tuple(t + 1 for t in stops(e, p)), "from 0"),
    ],
    "features_by_fold": [
        (
            "chosen once",
            lambda X, y, k, folds: torch.stack([strongest(X, y, k)] * len(folds)),
            "had a say",
        ),
        ("covariance", by_fold(lambda X, y: covariance(X, y).abs()), "divide"),
        ("not centred", by_fold(lambda X, y: (X.T @ y / X.norm(dim=0)).abs()), "means"),
        ("signed", by_fold(lambda X, y: covariance(X, y) / X.std(dim=0)), "negative"),
    ],
    "sine_frequency": [
        (
            "nothing for +1",
            lambda y: math.pi * sum(10.0 ** (i + 1) for i, s in enumerate(y) if s < 0),
            "between 0 and π",
        ),
        (
            "from 10^0",
            lambda y: math.pi * (1 + sum(10.0**i for i, s in enumerate(y) if s < 0)),
            "half a turn",
        ),
        (
            "powers of 3",
            lambda y: math.pi * (1 + sum(3.0 ** (i + 1) for i, s in enumerate(y) if s < 0)),
            "half a turn",
        ),
    ],
    "l1_step": [
        (
            "jumps over 0",
            lambda w, g, lr, lambd: w - lr * (g + lambd * w.sign()),
            "stops at 0",
        ),
        ("decay", lambda w, g, lr, lambd: (1 - lr * lambd) * w - lr * g, "size of a weight"),
        (
            "not times lr",
            lambda w, g, lr, lambd: (w - lr * g).sign() * ((w - lr * g).abs() - lambd).relu(),
            "ηλ",
        ),
        (
            "pull first",
            lambda w, g, lr, lambd: w.sign() * (w.abs() - lr * lambd).relu() - lr * g,
            "First the step",
        ),
    ],
    "PlainDropout": [
        ("nothing in inference", dropout(masked, lambda X, p: X), "multiply by 1 − p"),
        ("times p", dropout(masked, lambda X, p: X * p), "multiply by 1 − p"),
        (
            "always on",
            dropout(masked, lambda X, p: masked(X, torch.rand(X.shape) >= p, p)),
            "all is",
        ),
        ("scaled", dropout(lambda X, mask, p: X * mask / (1 - p), scaled), "stays as it is"),
        ("p is kept", dropout(lambda X, mask, p: X * ~mask, scaled), "probability p"),
        ("a mask per unit", dropout(masked, scaled, lambda X: X.shape[1:]), "each example"),
        ("a mask per example", dropout(masked, scaled, lambda X: (len(X), 1)), "Each number"),
    ],
}
