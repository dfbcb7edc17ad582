"""helpers.weights: what is saved comes back; what does not belong is refused whole."""

import copy
import pickle

import pytest
import torch
from torch import nn

from helpers import weights


def network(outputs: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, outputs))


def same(a: nn.Module, b: dict) -> bool:
    return all(torch.equal(value, b[name]) for name, value in a.state_dict().items())


def test_weights_come_back_with_what_was_noted(tmp_path):
    net, other = network(), network()
    weights.save_weights(net, tmp_path / "w.pt", command="python -m tools.x", seed=0)
    assert weights.load_weights(other, tmp_path / "w.pt") == {
        "command": "python -m tools.x",
        "seed": 0,
    }
    assert same(other, net.state_dict())
    assert [p.name for p in tmp_path.iterdir()] == ["w.pt"]


def test_a_plain_state_dict_is_read_too(tmp_path):
    net, other = network(), network()
    torch.save(net.state_dict(), tmp_path / "w.pt")
    assert weights.load_weights(other, tmp_path / "w.pt") == {}
    assert same(other, net.state_dict())


class Payload:
    """What a malicious file holds: unpickling it would call a function."""

    def __reduce__(self):
        return (open, ("/nonexistent/payload", "w"))


def without_a_layer(path):
    torch.save(network()[:2].state_dict(), path)


def half(path):
    weights.save_weights(network(), path)
    path.write_bytes(path.read_bytes()[:600])


BAD = {
    "wrong shape": (
        lambda path: weights.save_weights(network(5), path),
        r"does not fit this network: 2\.weight is \(5, 4\) in the file and \(2, 4\) in the network",
    ),
    "missing": (without_a_layer, r"the file has no 2\.weight"),
    "too many": (
        lambda path: torch.save(nn.Sequential(*network(), nn.Linear(2, 1)).state_dict(), path),
        r"the network has no 3\.weight",
    ),
    "payload": (lambda path: torch.save({"w": Payload()}, path), "holds more than numbers"),
    "bare pickle": (lambda path: path.write_bytes(pickle.dumps(Payload(), 2)), "more than numbers"),
    "whole network": (lambda path: torch.save(network(), path), "holds more than numbers"),
    "half": (half, "damaged or no file of weights"),
    "web page": (lambda path: path.write_bytes(b"<html>404</html>"), "damaged"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or no file of weights"),
    "one tensor": (lambda path: torch.save(torch.zeros(3), path), r"the file has no 0\.weight"),
    "no tensors": (lambda path: torch.save({"0.weight": 3}, path), r"0\.weight is \(\) in the"),
}


@pytest.mark.parametrize("make, words", BAD.values(), ids=list(BAD))
def test_a_bad_file_is_one_sentence_and_the_network_stays_as_it_was(tmp_path, make, words):
    net = network()
    before = copy.deepcopy(net.state_dict())
    make(tmp_path / "w.pt")
    with pytest.raises(ValueError, match=words) as caught:
        weights.load_weights(net, tmp_path / "w.pt")
    assert str(tmp_path / "w.pt") in str(caught.value)
    assert same(net, before)


def test_no_file_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="There are no weights at"):
        weights.load_weights(network(), tmp_path / "w.pt")


# ---- ImageNet ----------------------------------------------------------------------------------

NAME = "resnet18-f37072fd.pth"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of torch.hub, and no network."""
    from torchvision.models import ResNet18_Weights

    assert ResNet18_Weights.IMAGENET1K_V1.url.endswith(NAME)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_imagenet_weights_come_from_the_cache_of_torch_hub(hub):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    there = resnet18().state_dict()
    torch.save(there, hub / NAME)
    assert same(weights.imagenet_resnet18(), there)


def test_weights_of_another_network_in_the_cache_are_refused(hub):
    from torchvision.models import resnet18

    torch.save(resnet18(num_classes=2).state_dict(), hub / NAME)
    with pytest.raises(ValueError, match=r"fc\.weight is \(2, 512\) in the file and \(1000, 512\)"):
        weights.imagenet_resnet18()


def test_without_a_network_the_error_says_what_to_download_and_where_to_put_it(hub, monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError("host not found")

    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(OSError) as caught:
        weights.imagenet_resnet18()
    assert "download it by hand and save it as" in str(caught.value)
    assert f"https://download.pytorch.org/models/{NAME}" in str(caught.value)
    assert str(hub / NAME) in str(caught.value)
    assert not list(hub.iterdir())


def test_a_trial_takes_random_weights_for_what_is_not_there(hub, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "trial")
    assert weights.imagenet_resnet18().fc.out_features == 1000
    assert "random ones take their place" in capsys.readouterr().out
