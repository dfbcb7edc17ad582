"""The two recipes of a chapter, `quick` and `full`, and how to train by one."""

from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn
from torch.optim import Optimizer

from .data import load_data_fashion_mnist
from .devices import profile, seed_everything, try_gpu
from .training import History, train

CHECKPOINTS = Path("checkpoints")  # below the working directory


def choose_recipe(*, quick: dict, full: dict) -> SimpleNamespace:
    """The hyper-parameters of this run, as attributes: `recipe.lr`, `recipe.num_epochs`.

    A name that only one of the two recipes gives is None in the other, so that code can ask
    `if recipe.resize:` whichever of them runs.
    """
    chosen = quick if profile() == "quick" else full
    if profile() == "trial":
        few = dict(num_train=2 * full.get("batch_size", 128), num_test=256, seeds=[0])
        chosen = full | few | {name: 1 for name in full if name.startswith("num_epochs")}
    return SimpleNamespace(**{name: chosen.get(name) for name in quick | full | chosen})


def init_xavier(module: nn.Module) -> None:
    """Xavier's uniform weights, for `net.apply(init_xavier)`; biases stay as they are.

    As in the book it goes by the exact type, so that a LazyLinear which has not seen data yet keeps
    PyTorch's default. The published results were made so.
    """
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


def make_optimizer(
    net: nn.Module, recipe: SimpleNamespace, num_steps: int
) -> tuple[Optimizer, object]:
    """The optimizer that `recipe.optimizer` names and its scheduler: (optimizer, scheduler).

    'sgd': the rate recipe.lr throughout, no scheduler, as published. 'adam': one cycle of
    `num_steps` steps, up to recipe.lr and down to 0, so that a short run ends calmly.
    """
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=recipe.lr), None
    if recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(net.parameters(), lr=recipe.lr, fused=True)
        one_cycle = torch.optim.lr_scheduler.OneCycleLR
        return optimizer, one_cycle(optimizer, recipe.lr, total_steps=num_steps)
    raise ValueError(f"recipe.optimizer is {recipe.optimizer!r}; it is 'sgd' or 'adam'.")


def train_recipe(net: nn.Module, recipe: SimpleNamespace, seed: int = 0, **options) -> History:
    """Train `net` on Fashion-MNIST as `recipe` says, tested on all test images.

    recipe: batch_size, num_epochs, optimizer and lr; where it has them, resize and num_train (see
        `load_data_fashion_mnist`), bf16 (see `train`) and checkpoint, a name: the run then leaves
        its state in checkpoints/ after each epoch, goes on from there, and clears it at its end.
    seed: of the order of the images. options: more arguments of `train`.
    """
    has = vars(recipe).get
    device = try_gpu()
    train_iter, test_iter = load_data_fashion_mnist(
        recipe.batch_size,
        has("resize"),
        num_train=has("num_train"),
        num_test=has("num_test"),
        device=device,
    )
    if device.type == "cpu":
        net.to(memory_format=torch.channels_last)  # convolutions take a fifth to a third less time
    optimizer, scheduler = make_optimizer(net, recipe, len(train_iter) * recipe.num_epochs)
    checkpoint = has("checkpoint") and CHECKPOINTS / f"{recipe.checkpoint}-seed{seed}.pt"
    seed_everything(seed)
    history = train(
        net,
        train_iter,
        test_iter,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        num_epochs=recipe.num_epochs,
        device=device,
        bf16=bool(has("bf16")),
        checkpoint=checkpoint or None,
        **options,
    )
    if checkpoint:
        checkpoint.unlink()
    return history
