"""Train the backbone of chapter 25: `python -m tools.pretrain`, some minutes on two cores.

A small ResNet-18 learns the six classes of Fashion-MNIST that are clothes; chapter 25 transfers it
to the other four, shoes and bags, which it has never seen. The file holds the weights, and the
command, the seed, the versions and the accuracy that go with them.
"""

import argparse
import platform
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import ResidentLoader, augment, fashion_mnist, resnet18, seed_everything, train
from helpers.data import FASHION_LABELS
from helpers.training import History
from helpers.weights import save_weights
from tools import course

CLOTHES = ("t-shirt", "trouser", "pullover", "dress", "coat", "shirt")
WIDTH = 1 / 8
TARGET = course.ROOT / "data" / "weights" / "fashion_clothes_resnet18.pt"


def clothes(is_train: bool) -> tuple[Tensor, Tensor]:
    """The images of the six classes, and labels 0 to 5 in the order of CLOTHES."""
    X, y = fashion_mnist(is_train)
    new = torch.full((10,), -1)
    new[[FASHION_LABELS.index(name) for name in CLOTHES]] = torch.arange(len(CLOTHES))
    return X[new[y] >= 0], new[y][new[y] >= 0]


def pretrain(seed: int, num_epochs: int, num_train: int | None = None) -> tuple[nn.Module, History]:
    """The trained network and its history; Adam, one cycle, shifts and flips."""
    seed_everything(seed)
    net = resnet18(len(CLOTHES), width=WIDTH)
    X, y = (t[:num_train] for t in clothes(is_train=True))
    change = augment.compose(augment.random_shift(3), augment.random_flip())
    train_iter = ResidentLoader(X, y, batch_size=128, shuffle=True, transform=change)
    test_iter = ResidentLoader(*clothes(is_train=False), batch_size=500)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    steps = len(train_iter) * num_epochs
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    loss, options = nn.CrossEntropyLoss(), dict(num_epochs=num_epochs, animate=False)
    fitted = dict(loss=loss, optimizer=optimizer, scheduler=scheduler)
    return net, train(net, train_iter, test_iter, **fitted, **options)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="pretrain", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--num-train", type=int, help="take only the first so many images")
    parser.add_argument("--target", type=Path, default=TARGET)
    given = parser.parse_args(argv)
    net, history = pretrain(given.seed, given.epochs, given.num_train)
    fewer = "" if given.num_train is None else f" --num-train {given.num_train}"
    about = {
        "command": f"python -m tools.pretrain --seed {given.seed} --epochs {given.epochs}{fewer}",
        "seed": given.seed,
        "classes": ", ".join(CLOTHES),
        "network": f"resnet18({len(CLOTHES)}, width={WIDTH})",
        "test_acc": history.test_acc[-1],
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
    save_weights(net, given.target, **about)
    print(f"{given.target}: {given.target.stat().st_size / 1e6:.2f} MB, {history}")


if __name__ == "__main__":
    main()
