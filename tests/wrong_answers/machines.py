"""Wrong answers to the exercises in `helpers.exercises.machines`."""

import torch
import torch.nn.functional as F


def weighted(gradients, counts):
    return sum(n * g for g, n in zip(gradients, counts, strict=True)) / sum(counts)


def merged(means, variances, counts, between=True):
    """Mean and variance, weighted by counts; the spread of the means may be forgotten."""
    shares = (counts / counts.sum())[:, None]
    mean = (shares * means).sum(dim=0)
    spread = (means - mean) ** 2 if between else 0
    return mean, (shares * (variances + spread)).sum(dim=0)


def accumulated(share, zero=True):
    """Gradients of pieces, each loss of which is `share(losses, all)`."""

    def gradients(net, X, y, size):
        if zero:
            net.zero_grad()
        for X_part, y_part in zip(X.split(size), y.split(size), strict=True):
            share(F.cross_entropy(net(X_part), y_part, reduction="none"), len(X)).backward()
        return [p.grad for p in net.parameters()]

    return gradients


def whole(net, X, y, size):
    return torch.autograd.grad(F.cross_entropy(net(X), y), net.parameters())


def order(n, seed):
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


WRONG = {
    "mean_gradient": [
        ("sum", lambda gradients, counts: sum(gradients), "not their sum"),
        ("mean of means", lambda gs, ns: torch.stack(gs).mean(dim=0), "weighs more"),
        ("0 times nan", weighted, "skip a part"),
    ],
    "merge_moments": [
        ("within only", lambda *args: merged(*args, between=False), "The means of the parts"),
        (
            "not weighted",
            lambda means, variances, counts: merged(means, variances, torch.ones(len(counts))),
            "weight them",
        ),
        (
            "mean of variances",
            lambda means, variances, counts: (means.mean(dim=0), variances.mean(dim=0)),
            "The means of the parts",
        ),
        ("0 times nan", merged, "skip a part"),
    ],
    "accumulated_gradients": [
        ("all at once", whole, "At most"),
        ("sum of means", accumulated(lambda losses, n: losses.mean()), "times too large"),
        (
            "mean of means",
            lambda net, X, y, size: [
                g / len(X.split(size))
                for g in accumulated(lambda losses, n: losses.mean())(net, X, y, size)
            ],
            "may be short",
        ),
        ("old ones", accumulated(lambda losses, n: losses.sum() / n, zero=False), "to zero"),
    ],
    "backup_times": [
        ("mean", lambda times, backups: times.mean(dim=1), "the slowest"),
        (
            "one too many",
            lambda times, backups: times.sort(dim=1).values[:, -1 - 2 * backups],
            "number n - b",
        ),
        ("over steps", lambda times, b: times.sort(dim=0).values[:, -1 - b], "slowest"),
    ],
    "rank_indices": [
        ("own order", lambda n, r, w, s: torch.randperm(n).tensor_split(w)[r], "one random order"),
        ("all", lambda n, r, w, s: order(n, s), "one random order"),
        ("cut off", lambda n, r, w, s: order(n, s)[: n // w * w][r::w], "nor drop"),
        (
            "filled up",
            lambda n, r, w, s: torch.cat([p := order(n, s), p[: -n % w]])[r::w],
            "neither fill up",
        ),
        (
            "rest to the last",
            lambda n, r, w, s: order(n, s)[
                r * (n // w) : None if r == w - 1 else (r + 1) * (n // w)
            ],
            "by 1 at most",
        ),
        ("in order", lambda n, r, w, s: torch.arange(n)[r::w], "shuffled"),
        ("one seed", lambda n, r, w, s: order(n, 0)[r::w], "Another seed"),
    ],
}
