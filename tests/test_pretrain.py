"""The shipped weights of chapter 25, and the script that makes them."""

import shlex

import torch

from helpers import ResidentLoader, evaluate_accuracy, fashion_labels, resnet18
from helpers.weights import load_weights
from tools import pretrain


def test_the_shipped_weights_are_small_and_say_how_they_were_made():
    assert pretrain.TARGET.stat().st_size <= 3e6
    about = load_weights(resnet18(6, width=pretrain.WIDTH), pretrain.TARGET)
    assert about["command"].startswith("python -m tools.pretrain --seed ")
    assert {"seed", "torch", "python", "test_acc", "classes"} <= about.keys()


def test_the_shipped_weights_tell_clothes_apart():
    net = resnet18(6, width=pretrain.WIDTH)
    about = load_weights(net, pretrain.TARGET)
    X, y = (t[:1000] for t in pretrain.clothes(is_train=False))
    accuracy = evaluate_accuracy(net, ResidentLoader(X, y, batch_size=500))
    assert abs(accuracy - about["test_acc"]) < 0.04 and accuracy > 0.75


def test_clothes_are_six_classes_and_nothing_else():
    from helpers import fashion_mnist

    X, y = pretrain.clothes(is_train=False)
    assert X.shape == (6000, 1, 28, 28) and y.bincount().tolist() == [1000] * 6
    whole, labels = fashion_mnist(train=False)
    names = fashion_labels(labels)
    first = next(i for i, name in enumerate(names) if name == "shirt")
    assert torch.equal(X[y == 5][0], whole[first])


def test_the_script_makes_the_same_weights_twice(tmp_path, capsys):
    made, options = [], ["--epochs", "1", "--num-train", "256", "--seed", "3"]
    for name in ("a.pt", "b.pt"):
        pretrain.main([*options, "--target", str(tmp_path / name)])
        made.append(resnet18(6, width=pretrain.WIDTH))
        about = load_weights(made[-1], tmp_path / name)
        python, m, module, *options = shlex.split(about["command"])  # the second time as noted
        assert (python, m, module) == ("python", "-m", "tools.pretrain") and about["seed"] == 3
    a, b = (net.state_dict() for net in made)
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert " MB, train loss" in capsys.readouterr().out
