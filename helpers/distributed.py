"""Train with several processes, on one machine or on many:

    torchrun --nproc-per-node=2 -m helpers.distributed --epochs 3 --checkpoint run.pt

Every process holds a copy of the network and takes its part of each batch; DistributedDataParallel
averages the gradients, so that all make the step that one process would make with the whole batch
(but for batch norm, which sees its own part only). Without torchrun there is one process.
With several machines and `--max-restarts`, set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 on each.
"""

import argparse
import importlib
import math
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .checkpoint import read_checkpoint, restore, save_checkpoint
from .data import ResidentLoader, load_data_fashion_mnist
from .devices import seed_everything
from .metrics import Timer, evaluating, num_correct
from .processes import agree, local_device, process_group, total
from .recipes import make_optimizer
from .shards import Shards, backward, mixed
from .training import History


def lenet() -> nn.Sequential:
    """The LeNet of chapter 15: images (n, 1, 28, 28) -> scores (n, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    )  # fmt: skip


class Run:
    """A training run that can be killed at any moment and goes on from its last checkpoint.

    The order of the examples and the random numbers of a step follow from the seed, the step and
    the rank. So a resumed run computes what an undisturbed one does, on a CPU to the last bit.
    shards, test: the training and test examples of this process, on the device of `net`.
    recipe: epochs, optimizer and lr (see `make_optimizer`), seed, net and num_test (their names),
        save_every (steps) and checkpoint, a file in a folder that all machines share, or None.
    """

    def __init__(self, net: nn.Module, shards: Shards, test: ResidentLoader, recipe):
        self.net, self.shards, self.test, self.recipe = net, shards, test, recipe
        self.device = shards.X.device
        ids = [self.device] if self.device.type == "cuda" else None
        self.replica = DistributedDataParallel(net, device_ids=ids)
        optimizer, scheduler = make_optimizer(net, recipe, len(shards) * recipe.epochs)
        self.parts = dict(net=net, optimizer=optimizer, scheduler=scheduler)
        self.history = History(num_examples=len(shards.X), device=str(self.device))
        self.step, self.seconds = 0, 0.0  # seconds and sums of this epoch, up to the last save
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self.path = Path(recipe.checkpoint) if recipe.checkpoint else None

    def train(self) -> History:
        """Go on from the checkpoint, if there is one, to the end.

        Raises ValueError when the loss is no finite number any more, and keeps the last checkpoint.
        """
        self.resume()
        timer, sums = Timer(), torch.zeros_like(self.sums)  # of this process since the last save
        while self.step < len(self.shards) * self.recipe.epochs:
            sums += self.advance()
            ended = self.step % len(self.shards) == 0
            if ended or self.step % self.recipe.save_every == 0:
                self.sums, self.seconds = self.sums + total(sums), self.seconds + timer.stop()
                if not math.isfinite(self.sums[0]):
                    raise ValueError(
                        f"The loss is no finite number any more up to step {self.step}: "
                        "try a smaller learning rate."
                    )
                if ended:
                    self.end_epoch()
                self.save()
                timer, sums = Timer(), torch.zeros_like(sums)
        return self.history

    def advance(self) -> Tensor:
        """One step; returns the sums of this process."""
        torch.manual_seed(mixed(self.recipe.seed, self.step, self.shards.rank))  # for dropout
        optimizer, scheduler = self.parts["optimizer"], self.parts["scheduler"]
        self.net.train()
        optimizer.zero_grad()
        sums = backward(self.replica, *self.shards[self.step])
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        self.step += 1
        return sums

    def end_epoch(self) -> None:
        """Note the means of the epoch, test, and let the first process tell."""
        loss, right, examples = self.sums.tolist()
        self.history.train_loss.append(loss / examples)
        self.history.train_acc.append(right / examples)
        self.history.test_acc.append(self.test_accuracy())
        self.history.seconds.append(self.seconds)
        self.sums, self.seconds = torch.zeros_like(self.sums), 0.0
        if self.shards.rank == 0:
            done = len(self.history.train_loss)
            print(f"epoch {done}/{self.recipe.epochs}: {self.history}", flush=True)

    def test_accuracy(self) -> float:
        for buffer in self.net.buffers():  # running statistics, as the first process has them
            dist.broadcast(buffer, 0)
        counts = torch.zeros(2, dtype=torch.float64, device=self.device)
        with evaluating(self.net):
            for X, y in self.test:
                counts += torch.stack([num_correct(self.net(X), y), counts.new_tensor(len(y))])
        right, examples = total(counts).tolist()
        return right / examples

    def save(self) -> None:
        if self.path and self.shards.rank == 0:
            state = dict(step=self.step, seconds=self.seconds, sums=self.sums.cpu())
            state |= dict(history=self.history.as_dict(), recipe=self.about())
            save_checkpoint(self.path, **self.parts, **state)

    def resume(self) -> None:
        """Take up the checkpoint. Raises ValueError where it is of another run, or not for all."""
        if self.path and self.path.exists():
            state = read_checkpoint(self.path)
            if state.get("recipe") != self.about():
                raise ValueError(
                    f"{self.path} is of a run with {state.get('recipe')}; this one has "
                    f"{self.about()}. Give it another file, or delete this one."
                )
            restore(self.path, state, **self.parts)
            self.history = History(**state["history"])
            self.step, self.seconds = state["step"], state["seconds"]
            self.sums = state["sums"].to(self.device)
        if not agree(self.step, self.device):
            raise ValueError(
                "The processes found different checkpoints; put it in a folder that they share."
            )

    def about(self) -> dict:
        """What a checkpoint must have been made with for this run to go on from it."""
        names = "net", "epochs", "optimizer", "lr", "seed", "num_test"
        sizes = dict(examples=len(self.shards.X), batch_size=self.shards.batch_size)
        return {name: getattr(self.recipe, name) for name in names} | sizes


def make_net(name: str) -> nn.Module:
    """What the function of the name "module:function" returns. Raises ValueError without it."""
    module, _, function = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"--net {name} is no module:function ({error}).") from None
    return make()


def positive(text: str) -> int:
    """A number of things on the command line."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return int(text)


def options(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line, which is a recipe too."""
    form = argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser("helpers.distributed", formatter_class=form)
    add = parser.add_argument
    add("--net", default="helpers.distributed:lenet", help="module:function that makes the network")
    add("--epochs", type=positive, default=3)
    add("--batch-size", type=positive, default=256, help="of all processes together")
    add("--optimizer", default="adam", help="adam (one cycle) or sgd (constant rate)")
    add("--lr", type=float, default=3e-3)
    add("--num-train", type=positive, help="take the first so many images")
    add("--num-test", type=positive)
    add("--seed", type=int, default=0)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--checkpoint", help="a file to go on from, and to leave the result in")
    add("--save-every", type=positive, default=100, help="steps between two checkpoints")
    add("--patience", type=float, default=30, help="seconds to wait for another process")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> History:
    """Join the other processes and train with them. Raises ValueError for what cannot be."""
    device = local_device(args.device)
    with process_group(device, args.patience) as (rank, world):
        train, test = load_data_fashion_mnist(
            args.batch_size, num_train=args.num_train, num_test=args.num_test, device=device
        )
        shards = Shards(*train.tensors, args.batch_size, rank, world, args.seed)
        mine = ResidentLoader(*(t[rank::world] for t in test.tensors), batch_size=500)
        seed_everything(args.seed)
        net = make_net(args.net).to(device)
        if rank == 0:
            print(f"processes: {world}, on {device.type}, {dist.get_backend()}", flush=True)
        return Run(net, shards, mine, args).train()


if __name__ == "__main__":
    try:
        run(options())
    except (ValueError, OSError) as error:
        sys.exit(f"helpers.distributed: {error}")
