"""helpers.weights: what is saved comes back; what does not belong is refused whole."""

import copy
import pickle
import random
import socket
import warnings
from http.client import HTTPException

import pytest
import torch
from torch import nn

from helpers import download, weights


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


def with_value(name, change):
    """A maker of a file that fits, but for one tensor."""

    def make(path):
        state = network().state_dict()
        state[name] = change(state[name])
        torch.save(state, path)

    return make


def quantized(t):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(t, 0.1, 0, torch.qint8)


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
    "no tensors": (lambda path: torch.save({"0.weight": 3}, path), r"0\.weight is no plain"),
    "a number": (with_value("1.num_batches_tracked", int), "tracked is no plain tensor of real"),
    "sparse": (with_value("0.weight", torch.Tensor.to_sparse), r"0\.weight is no plain tensor"),
    "meta": (with_value("2.bias", lambda t: t.to("meta")), r"2\.bias is no plain tensor"),
    "quantized": (with_value("2.weight", quantized), r"2\.weight is no plain tensor"),
    "complex": (with_value("2.weight", lambda t: t + 1j), r"2\.weight is no plain tensor of real"),
    "whole numbers": (
        with_value("2.weight", torch.Tensor.long),
        r"is torch\.int64 in the file and",
    ),
    "nan": (with_value("2.bias", lambda t: t * torch.nan), r"2\.bias holds numbers that are not"),
    "overflow": (with_value("2.bias", lambda t: t.double() + 1e300), r"2\.bias holds numbers that"),
    "weights is a number": (
        lambda path: torch.save({"weights": 3}, path),
        r"file has no 0\.weight",
    ),
    "weights is none": (lambda path: torch.save({"weights": None}, path), r"has no 0\.weight"),
    "weights is a tensor": (
        lambda path: torch.save({"weights": torch.ones(2)}, path),
        r"has no 0\.weight",
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, about what it meets
@pytest.mark.parametrize("make, words", BAD.values(), ids=list(BAD))
def test_a_bad_file_is_one_sentence_and_the_network_stays_as_it_was(tmp_path, make, words):
    net = network()
    before = copy.deepcopy(net.state_dict())
    make(tmp_path / "w.pt")
    with pytest.raises(ValueError, match=words) as caught:
        weights.load_weights(net, tmp_path / "w.pt")
    assert str(tmp_path / "w.pt") in str(caught.value)
    assert same(net, before)


def test_a_parameter_may_be_called_weights(tmp_path):
    net = nn.ParameterDict({"weights": torch.rand(3)})
    other = nn.ParameterDict({"weights": torch.zeros(3)})
    torch.save(net.state_dict(), tmp_path / "w.pt")
    assert weights.load_weights(other, tmp_path / "w.pt") == {}
    assert same(other, net.state_dict())


def test_what_was_noted_is_a_dictionary_or_nothing(tmp_path):
    torch.save({"weights": network().state_dict(), "about": 3}, tmp_path / "w.pt")
    assert weights.load_weights(network(), tmp_path / "w.pt") == {}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, about what it meets
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_whatever_bytes_are_damaged_it_is_a_sentence_with_the_path(tmp_path, zipped):
    path, net = tmp_path / "w.pt", network()
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=zipped)
    raw, chance, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(raw)
        for _ in range(4):
            damaged[chance.randrange(len(raw))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            weights.load_weights(net, path)
        except ValueError as error:
            refused += str(path) in str(error)
    assert refused > 20


def test_no_file_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="There are no weights at"):
        weights.load_weights(network(), tmp_path / "w.pt")


def test_shipped_weights_are_found_whatever_folder_the_data_is_in(tmp_path, monkeypatch):
    name, other = "fashion_clothes_resnet18.pt", tmp_path / "data"
    monkeypatch.setenv("COURSE_DATA", str(other))
    assert weights.shipped_weights(name) == download.shipped_dir() / "weights" / name
    (other / "weights").mkdir(parents=True)
    (other / "weights" / name).write_bytes(b"mine")
    assert weights.shipped_weights(name) == other / "weights" / name
    with pytest.raises(FileNotFoundError, match=r"git checkout -- data.*python -m tools\.pretrain"):
        weights.shipped_weights("nobody.pt")


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
    with pytest.raises(ValueError, match=r"is \(2, 512\) in the file and \(1000, 512\)") as caught:
        weights.imagenet_resnet18()
    assert f"Delete {hub / NAME}, and the next run downloads it again" in str(caught.value)


def test_a_damaged_file_in_the_cache_is_refused(hub):
    (hub / NAME).write_bytes(b"half")
    with pytest.raises(ValueError, match=r"damaged.* Delete .*, and the next run downloads it"):
        weights.imagenet_resnet18()


@pytest.mark.parametrize("error", [OSError("host not found"), HTTPException("half an answer")])
def test_without_a_network_the_error_says_what_to_download_and_where_to_put_it(
    hub, monkeypatch, error
):
    patience = []

    def no_network(*args, **kwargs):
        patience.append(socket.getdefaulttimeout())
        raise error

    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(OSError) as caught:
        weights.imagenet_resnet18()
    assert "download it by hand and save it as" in str(caught.value)
    assert f"https://download.pytorch.org/models/{NAME}" in str(caught.value)
    assert str(hub / NAME) in str(caught.value)
    assert not list(hub.iterdir())
    assert patience == [weights.TIMEOUT] and socket.getdefaulttimeout() is None


def test_a_trial_takes_random_weights_for_what_is_not_there(hub, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "trial")
    assert weights.imagenet_resnet18().fc.out_features == 1000
    assert "random ones take their place" in capsys.readouterr().out
