"""Looking into a network: what each layer does to the shape, what it costs, where it errs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .data import FASHION_LABELS
from .metrics import device_of, evaluating
from .plotting import show_images


@dataclass
class Layer:
    """One layer as an example went through it."""

    name: str  # where it stands in the network, as in its state_dict: "2.conv1"
    kind: str  # the class of the module
    shape: tuple[int, ...]  # of the output, without the batch
    parameters: int
    flops: int  # of convolutions and products of matrices, for one example


def trace_layers(net: nn.Module, shape: Sequence[int], depth: int = 1) -> list[Layer]:
    """The layers of `net` in the order in which an example of `shape` goes through them.

    depth: 1 for the children of `net`, 2 for theirs where they have any, and so on.
    One multiplication with its addition counts as two FLOPs. A network that was built under
    `with torch.device("meta")` has shapes but no numbers, and is traced at no cost.
    """
    from torch.utils.flop_counter import FlopCounterMode

    layers, started, handles = [], {}, []
    counter = FlopCounterMode(display=False)

    def before(module, args):
        started[module] = counter.get_total_flops()

    def after(name):
        def hook(module, args, output):
            flops = counter.get_total_flops() - started.pop(module)
            parameters = sum(p.numel() for p in module.parameters())
            kind = type(module).__name__
            layers.append(Layer(name, kind, tuple(output.shape[1:]), parameters, flops))

        return hook

    for name, module in net.named_modules():
        level = name.count(".") + 1
        if name and (level == depth or (level < depth and not any(module.children()))):
            handles += [module.register_forward_pre_hook(before)]
            handles += [module.register_forward_hook(after(name))]
    try:
        with evaluating(net), counter:
            net(torch.zeros(1, *shape, device=device_of(net)))
    finally:
        for handle in handles:
            handle.remove()
    return layers


def show_layers(net: nn.Module, shape: Sequence[int], depth: int = 1) -> None:
    """Print the layers of `net` as a table: output shape, parameters and millions of FLOPs."""
    layers = trace_layers(net, shape, depth)
    width = max(len(layer.name) for layer in layers) + 2
    print(f"{'':{width}}{'layer':20}{'output shape':16}{'parameters':>13}{'MFLOPs':>11}")
    print(f"{'':{width}}{'input':20}{_times(shape):16}")
    for one in layers:
        numbers = f"{one.parameters or '':>13,}" if one.parameters else " " * 13
        numbers += f"{one.flops / 1e6:>11,.2f}" if one.flops else ""
        print(f"{one.name:{width}}{one.kind:20}{_times(one.shape):16}{numbers}".rstrip())
    totals = sum(p.numel() for p in net.parameters()), sum(one.flops for one in layers) / 1e6
    print(f"{'':{width}}{'total':36}{totals[0]:>13,}{totals[1]:>11,.2f}")


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def show_confusion(y: Tensor, predictions: Tensor, labels: Sequence[str] = FASHION_LABELS) -> None:
    """Draw how often each true class was taken for which: rows are the truth and sum to 1.

    y, predictions: classes (n,).
    """
    from matplotlib import pyplot as plt
    from matplotlib.colors import PowerNorm

    n = len(labels)
    confusion = torch.bincount(y * n + predictions, minlength=n * n).reshape(n, n).float()
    confusion /= confusion.sum(dim=1, keepdim=True).clamp(min=1)
    fig, ax = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    picture = ax.imshow(confusion.numpy(), cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    ax.set_xticks(range(n), labels, rotation=60, ha="right")
    ax.set_yticks(range(n), labels)
    ax.set(xlabel="prediction", ylabel="truth")
    fig.colorbar(picture, label="share of the true class")


def show_mistakes(
    images: Tensor,
    y: Tensor,
    scores: Tensor,
    which: Sequence[int] | int = 9,
    labels: Sequence[str] = FASHION_LABELS,
) -> None:
    """Show mistakes with the truth and, below it, the prediction.

    images: (m, 1, h, w); y: classes (m,); scores: the network's outputs (m, classes).
    which: the numbers of the images, or how many of those in which the network was surest.
    """
    confidence, predictions = scores.softmax(dim=1).max(dim=1)
    if isinstance(which, int):
        which = confidence.masked_fill(predictions == y, -1).topk(which).indices.tolist()
    titles = [f"{labels[y[i]]}\n{labels[predictions[i]]}?" for i in which]
    show_images(images[which], -(-len(which) // 9), min(len(which), 9), titles=titles)
