"""Wrong answers to the exercises in `helpers.exercises.perceptrons`."""

import torch


def perceptron_epoch(w, b, X, y, lr, wrong, lr_of_b=None):
    """An epoch in order, with a test of one's own for a mistake."""
    mistakes = 0
    for x, label in zip(X, y, strict=True):
        if wrong(label, x @ w + b):
            w, b = w + lr * label * x, b + (lr_of_b or lr) * label
            mistakes += 1
    return w, b, mistakes


def batch_epoch(w, b, X, y, lr):
    push = lr * y * (y * (X @ w + b) <= 0)
    return w + push @ X, b + push.sum(), push.count_nonzero()


def layers(W1, b1, w2, b2):
    return lambda: (torch.tensor(W1), torch.tensor(b1), torch.tensor(w2), b2)


def ramps(n, weights):
    return torch.ones(n, n), -torch.arange(float(n)), torch.tensor(weights)[:, None], torch.zeros(1)


def line(x, y, weights, first):
    """The network with a kink at each x but the last, and the given output weights."""
    return torch.ones(1, len(x) - 1), -x[:-1], weights[:, None], first


def slopes(x, y):
    return y.diff() / x.diff()


def changes(x, y):
    return torch.cat([slopes(x, y)[:1], slopes(x, y).diff()])


WRONG = {
    "at_least": [
        ("on the border", lambda k, n: (torch.ones(n), -k), "between which"),
        ("all of them", lambda k, n: (torch.ones(n), 0.5 - n), "between which"),
        ("two bits", lambda k, n: (torch.ones(2), 0.5 - k), "the count"),
    ],
    "perceptron_epoch": [
        (
            "away",
            lambda w, b, X, y, lr: perceptron_epoch(w, b, X, y, -lr, lambda y, z: y * z <= 0),
            "Only a mistake",
        ),
        ("always", lambda *a: perceptron_epoch(*a, lambda y, z: True), "Only a mistake"),
        ("border is right", lambda *a: perceptron_epoch(*a, lambda y, z: y * z < 0), "border"),
        ("predict", lambda *a: perceptron_epoch(*a, lambda y, z: (z > 0) != (y > 0)), "border"),
        ("b without lr", lambda *a: perceptron_epoch(*a, lambda y, z: y * z <= 0, 1.0), "both"),
        ("all at once", batch_epoch, "One after another"),
    ],
    "xor_layers": [
        ("one neuron", layers([[1.0], [1.0]], [-0.5], [1.0], 0.0), "Each column"),
        ("AND twice", layers([[1.0, 2.0]] * 2, [-1.5, -3.0], [1.0, 1.0], 0.5), "one place"),
        (
            "or of bits",
            layers([[1.0, -1.0], [-1.0, 1.0]], [-0.5] * 2, [1.0] * 2, -0.5),
            "+1 and -1",
        ),
    ],
    "parity_network": [
        ("all -2", lambda n: ramps(n, [1.0] + [-2.0] * (n - 1)), "flips"),
        ("steps of 1", lambda n: ramps(n, [(-1.0) ** k for k in range(n)]), "h1 − 2 h2"),
        ("n = 2 only", lambda n: ramps(2, [1.0, -2.0]), "number of ones"),
    ],
    "broken_line": [
        ("slopes", lambda x, y: line(x, y, slopes(x, y), y[:1]), "change of the slope"),
        ("starts at 0", lambda x, y: line(x, y, changes(x, y), torch.zeros(1)), "first point"),
        ("no distances", lambda x, y: line(x, y, y.diff(), y[:1]), "difference in x"),
        ("kinks at -x", lambda x, y: line(-x, y, changes(x, y), y[:1]), "right of x[k]"),
    ],
}
