"""Wrong answers to the exercises on image augmentation and fine-tuning."""

import torch
import torch.nn.functional as F


def pepper(X, u, low, high):
    u = u[:, None]
    return X.masked_fill(u < low, 0).masked_fill(u > high, 1)


def pepper_in_place(X, u, p):
    u = u[:, None].expand_as(X)
    X[u < p / 2] = 0
    X[u > 1 - p / 2] = 1
    return X


def mix(X, y, order, weight, num_classes, own=None):
    """Mixup where the images take the share `own`, and the labels `weight`."""
    y = F.one_hot(y, num_classes).float()
    w, v = (weight if own is None else own)[:, None, None, None], weight[:, None]
    return w * X + (1 - w) * X[order], v * y + (1 - v) * y[order]


def averaged(probabilities, flipped, net, X):
    with torch.no_grad():
        return probabilities(net(X), net(flipped(X)))


def mean_of_softmax(a, b):
    return (a.softmax(dim=1) + b.softmax(dim=1)) / 2


def warm(step, num_steps, warm, lr, late=0, divide=True, whole=False):
    if step < warm:
        return lr * (step + 1 - late) / warm
    if divide and warm == 0:
        raise ZeroDivisionError
    return lr * (num_steps - step) / (num_steps if whole else num_steps - warm)


def stop(losses, patience, beats=lambda new, old: new < old, anew=True, off=0):
    best, since = 0, 0
    for epoch in range(1, len(losses)):
        if beats(losses[epoch], losses[best]):
            best, since = epoch, since * (not anew)
        else:
            since += 1
        if since == patience + off:
            return epoch + 1, best
    return len(losses), best


def until_it_rises(losses, patience):
    for epoch in range(1, len(losses)):
        if losses[epoch] >= losses[epoch - 1]:
            return epoch + 1, epoch - 1
    return len(losses), len(losses) - 1


WRONG = {
    "pepper_batch": [
        ("p each", lambda X, u, p: pepper(X, u, p, 1 - p), "half of it each"),
        ("no channels", lambda X, u, p: pepper(X, u[:, 0], p / 2, 1 - p / 2), "an axis for"),
        ("broadcast", lambda X, u, p: X.masked_fill(u < p / 2, 0), "half of it each"),
        (
            "channel by channel",
            lambda X, u, p: (
                pepper(X, torch.rand_like(X)[:, 0], p / 2, 1 - p / 2)
                if X.shape[1] > 1
                else pepper(X, u, p / 2, 1 - p / 2)
            ),
            "an axis for",
        ),
        ("in place", pepper_in_place, "itself alone"),
    ],
    "mixup": [
        ("labels not mixed", lambda X, y, o, w, n: (mix(X, y, o, w, n)[0], y), "one-hot"),
        ("shares swapped", lambda X, y, o, w, n: mix(X, y, o, 1 - w, n), "Its own share"),
        (
            "one weight",
            lambda X, y, o, w, n: mix(X, y, o, w[:1].expand(len(w)), n),
            "its own weight",
        ),
        (
            "back to front",
            lambda X, y, o, w, n: mix(X, y, torch.arange(len(X)).flip(0), w, n),
            "partner is order",
        ),
    ],
    "flip_average": [
        (
            "upside down",
            lambda net, X: averaged(mean_of_softmax, lambda X: X.flip(2), net, X),
            "the width",
        ),
        (
            "scores",
            lambda net, X: averaged(
                lambda a, b: ((a + b) / 2).softmax(dim=1), lambda X: X.flip(3), net, X
            ),
            "softmax of each",
        ),
        (
            "sum",
            lambda net, X: 2 * averaged(mean_of_softmax, lambda X: X.flip(3), net, X),
            "the mean",
        ),
    ],
    "layer_rates": [
        ("head first", lambda n, lr, decay: [lr * decay**k for k in range(n)], "begins at the"),
        ("one too many", lambda n, lr, decay: [lr * decay**k for k in range(n, 0, -1)], "the head"),
    ],
    "warm_up": [
        ("from 0", lambda *a: warm(*a, late=1), "lr / warm already"),
        ("from lr / 2", lambda *a: warm(*a, whole=True), "straight line"),
        ("division", lambda *a: warm(*a), "do not divide"),
    ],
    "early_stop": [
        ("at once", until_it_rises, "in a row"),
        ("one too late", lambda *a: stop(*a, off=1), "in a row"),
        ("never anew", lambda *a: stop(*a, anew=False), "count anew"),
        ("ties", lambda *a: stop(*a, beats=lambda new, old: new <= old), "A tie"),
        ("beyond the end", lambda *a: (stop(*a)[1] + a[1] + 1, stop(*a)[1]), "never comes"),
    ],
}
