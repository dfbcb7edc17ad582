"""helpers.images: own archives on a local server, torchvision as the oracle, and bad files."""

import hashlib
import io
import shutil
import subprocess
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import d2l, download, images
from helpers.download import DownloadError, File
from tests.fault_server import free_port


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def served(tmp_path_factory, monkeypatch):
    """A folder that a local server serves, and its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0)
    folder = tmp_path_factory.mktemp("served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """An empty data folder; what a test makes known is forgotten afterwards."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(images, "REGISTRY", dict(images.REGISTRY))
    monkeypatch.setitem(d2l.DATA_HUB, "hotdog", d2l.DATA_HUB["hotdog"])
    images.cifar10.cache_clear()
    yield tmp_path / "data"
    images.cifar10.cache_clear()


def picture(colour, size=(40, 30), kind="JPEG") -> bytes:
    """A picture with a pattern, so that resizing matters."""
    pixels = np.random.default_rng(sum(colour)).integers(0, 60, (*size[::-1], 3)) + colour
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, kind)
    return out.getvalue()


def folder_of_pictures(root: Path, n: int = 3) -> Path:
    for label, name in enumerate(("cats", "dogs")):
        (root / name).mkdir(parents=True)
        for i in range(n):
            (root / name / f"{i}.jpg").write_bytes(picture((90 * label + 10, 20 * i, 50)))
    return root


def zipped(root: Path, target: Path, within: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(root.rglob("*.*")):
            archive.write(file, f"{within}{file.relative_to(root).as_posix()}")
    return target


def below(folder: Path) -> set[str]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")
    return {p.relative_to(folder).as_posix() for p in files}


# ---- the cat -------------------------------------------------------------------------------------


def test_the_cat_ships_with_the_course():
    assert images.cat().size == (451, 300) and images.cat().mode == "RGB"
    assert (download.data_dir() / "README.md").read_text(encoding="utf-8").count("CC0") >= 1


def test_what_ships_needs_no_network_whatever_folder_the_data_is_in(data, monkeypatch):
    monkeypatch.setattr(download, "_download", lambda *args: pytest.fail("went to the network"))
    assert images.cat().size == (451, 300)
    for name in download.REGISTRY:
        assert download.fetch(name) == download.shipped_dir() / name
    (data / "cat.png").write_bytes(
        Path(images.fetch("cat.png", registry=images.REGISTRY)).read_bytes()
    )
    assert images.fetch("cat.png", registry=images.REGISTRY) == data / "cat.png"
    assert below(data) == {"cat.png"}


@pytest.mark.skipif(not (shutil.which("git")), reason="needs git")
def test_git_keeps_what_ships_and_ignores_what_is_downloaded():
    def ignored(name):
        command = ["git", "check-ignore", "--no-index", "-q", f"data/{name}"]
        return subprocess.run(command, cwd=download.shipped_dir().parent).returncode

    if ignored("README.md") == 128:
        pytest.skip("no checkout of git")
    kept = ["README.md", "cat.png", "weights/fashion_clothes_resnet18.pt", *download.REGISTRY]
    loaded = [Path(url).name for url, _ in d2l.DATA_HUB.values()]
    decoded = [
        f"hotdog-{d2l.DATA_HUB['hotdog'][1][:8]}-{part}-256.pt" for part in ("train", "test")
    ]
    assert [ignored(name) for name in kept] == [1] * len(kept)
    for name in (images.CIFAR10.name, *loaded, *decoded, "hotdog/train/hotdog/1.png"):
        assert ignored(name) == 0, name


# ---- CIFAR-10 ------------------------------------------------------------------------------------


def cifar_archive(path: Path, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An archive of CIFAR-10's form with 5 x n + n random images, the batches out of order."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randint(256, (6 * n, 3, 32, 32), dtype=torch.uint8, generator=generator)
    y = torch.randint(10, (6 * n,), generator=generator)
    records = torch.cat([y[:, None].byte(), X.flatten(1)], dim=1).numpy()
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", "readme.html"]
    with tarfile.open(path, "w:gz") as archive:
        for i in (6, 3, 5, 0, 2, 1, 4):
            raw = records[i * n : (i + 1) * n].tobytes()
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{names[i]}")
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return X, y


def announce_cifar(url: str, path: Path) -> None:
    raw = path.read_bytes()
    name, sha = images.CIFAR10.name, hashlib.sha256(raw).hexdigest()
    images.REGISTRY[name] = File(name, (url + path.name,), len(raw), f"sha256:{sha}", "unknown")


def test_cifar10_is_downloaded_verified_and_read(served, data):
    folder, url = served
    X, y = cifar_archive(folder / "cifar.tar.gz", n=4)
    announce_cifar(url, folder / "cifar.tar.gz")
    for train, part in ((True, slice(0, 20)), (False, slice(20, 24))):
        images_, labels = images.cifar10(train)
        assert images_.dtype == torch.uint8 and labels.dtype == torch.int64
        assert torch.equal(images_, X[part]) and torch.equal(labels, y[part])
    assert below(data) == {images.CIFAR10.name}


def test_without_a_network_the_error_says_what_to_download_and_where_to_put_it(data, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    file = images.CIFAR10
    url = f"http://127.0.0.1:{free_port()}/{file.name}"
    images.REGISTRY[file.name] = File(file.name, (url,), file.size, file.hash, file.licence)
    with pytest.raises(DownloadError) as caught:
        images.cifar10(True)
    assert url in str(caught.value) and str(data / file.name) in str(caught.value)
    d2l.DATA_HUB["hotdog"] = (url.replace(file.name, "hotdog.zip"), "0" * 40)
    with pytest.raises(DownloadError, match=r"download it by hand and save it as .*hotdog\.zip"):
        images.hotdogs(True)
    assert below(data) == set()


# ---- hotdogs -------------------------------------------------------------------------------------


def test_hotdogs_come_from_the_archive_once_and_decoded_from_then_on(served, data):
    folder, url = served
    source = folder_of_pictures(folder / "pictures")
    with zipfile.ZipFile(folder / "hotdog.zip", "w") as archive:
        for part in ("train", "test"):
            for file in sorted(source.rglob("*.jpg")):
                name = file.relative_to(source).as_posix()
                name = name.replace("cats", "hotdog").replace("dogs", "not-hotdog")
                archive.write(file, f"hotdog/{part}/{name}")
    sha1 = hashlib.sha1((folder / "hotdog.zip").read_bytes()).hexdigest()
    d2l.DATA_HUB["hotdog"] = (url + "hotdog.zip", sha1)
    X, y = images.hotdogs(True, size=16)
    assert X.shape == (6, 3, 16, 16) and y.tolist() == [0, 0, 0, 1, 1, 1]
    kept = f"hotdog-{sha1[:8]}-train-16.pt"
    assert below(data) == {"hotdog.zip", kept}
    (data / "hotdog.zip").unlink()
    (folder / "hotdog.zip").unlink()
    assert torch.equal(images.hotdogs(True, size=16)[0], X)
    (data / kept).write_bytes((data / kept).read_bytes()[:500])  # no longer whole
    with pytest.raises(DownloadError):  # so the archive is wanted again
        images.hotdogs(True, size=16)


def test_a_corrupt_picture_among_the_hotdogs_leaves_nothing_decoded(data):
    with zipfile.ZipFile(data / "hotdog.zip", "w") as archive:
        archive.writestr("hotdog/train/hotdog/1.png", picture((9, 9, 9), kind="PNG"))
        archive.writestr("hotdog/train/not-hotdog/1.png", picture((9, 9, 9), kind="PNG")[:99])
    sha1 = hashlib.sha1((data / "hotdog.zip").read_bytes()).hexdigest()
    d2l.DATA_HUB["hotdog"] = ("https://example.org/hotdog.zip", sha1)
    with pytest.raises(ValueError, match=r"not-hotdog/1\.png is damaged"):
        images.hotdogs(True, size=16)
    assert below(data) == {"hotdog.zip"}


def test_ctrl_c_while_the_pictures_are_kept_leaves_nothing_half(tmp_path, monkeypatch):
    def save(made, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(KeyboardInterrupt):
        images._keep(tmp_path / "kept.pt", lambda: (torch.zeros(1), torch.zeros(1)))
    assert below(tmp_path) == set()


# ---- folders of one's own pictures ---------------------------------------------------------------


def test_a_folder_is_read_as_torchvision_reads_it(tmp_path):
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    folder_of_pictures(tmp_path)
    (tmp_path / "cats" / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "dogs" / "grey.PNG").write_bytes(picture((9, 9, 9), kind="PNG"))
    steps = transforms.Compose([transforms.Resize([16, 16]), transforms.PILToTensor()])
    theirs = ImageFolder(tmp_path, transform=steps, allow_empty=True)
    X, y, classes = images.image_folder(tmp_path, size=16)
    assert classes == ["cats", "dogs"] and y.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert torch.equal(X, torch.stack([theirs[i][0] for i in range(7)]))
    zipped(tmp_path, tmp_path / "all.zip", "a/b/")
    assert torch.equal(images.image_folder(tmp_path / "all.zip", 16, "a/b")[0], X)


@pytest.mark.parametrize("archived", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:300], lambda raw: b"", lambda raw: b"<html>no picture</html>"]
)
def test_a_picture_that_cannot_be_read_is_named(tmp_path, archived, damage):
    root = folder_of_pictures(tmp_path / "all")
    bad = root / "dogs" / "1.jpg"
    bad.write_bytes(damage(bad.read_bytes()))
    path = zipped(root, tmp_path / "all.zip") if archived else root
    with pytest.raises(ValueError, match=r"dogs/1\.jpg is damaged, .*no picture; delete it"):
        images.image_folder(path, 16)


def change_entry(path: Path, name: str, offset: int, value: int) -> None:
    """Overwrite two bytes of an entry of the central directory of a zip archive."""
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(name.encode()) - 46
    assert raw[entry : entry + 4] == b"PK\1\2"
    raw[entry + offset : entry + offset + 2] = value.to_bytes(2, "little")
    path.write_bytes(raw)


ENTRIES = {"encrypted": (8, 1), "unknown compression": (10, 97)}  # flags, method


@pytest.mark.parametrize("offset, value", ENTRIES.values(), ids=list(ENTRIES))
def test_a_picture_that_cannot_be_unpacked_is_named(tmp_path, offset, value):
    path = zipped(folder_of_pictures(tmp_path / "all"), tmp_path / "all.zip")
    change_entry(path, "dogs/1.jpg", offset, value)
    with pytest.raises(ValueError, match=r"dogs/1\.jpg is damaged, encrypted, .*delete it"):
        images.image_folder(path, 16)


def test_a_damaged_deflated_picture_is_named(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dogs/1.bmp", picture((9, 9, 9), kind="BMP"))
    raw = bytearray(path.read_bytes())
    raw[60:90] = b"\xff" * 30
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"dogs/1\.bmp is damaged"):
        images.image_folder(path, 16)


def test_a_picture_of_too_many_pixels_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # 40 x 30 are more than twice as many
    with pytest.raises(ValueError, match=r"\.jpg is .*far too large"):
        images.image_folder(folder_of_pictures(tmp_path), 16)


@pytest.mark.parametrize("hidden", [[], ["._1.png"]], ids=["nothing", "a hidden file"])
def test_an_empty_class_folder_is_named(tmp_path, hidden):
    root = folder_of_pictures(tmp_path)
    (root / "birds").mkdir()
    for name in hidden:  # as some systems leave beside each picture
        (root / "birds" / name).write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"class folder .*birds holds no picture \(\.jpg"):
        images.image_folder(root)


def test_no_folders_at_all_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="one folder for each class"):
        images.image_folder(tmp_path)
    with pytest.raises(ValueError, match="There is no folder"):
        images.image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"There is no archive .*nowhere\.zip"):
        images.image_folder(tmp_path / "nowhere.zip")


def test_a_folder_may_be_called_as_an_archive(tmp_path):
    root = folder_of_pictures(tmp_path / "mine.zip")
    assert images.image_folder(root, 16)[2] == ["cats", "dogs"]


@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg"])
def test_an_archive_with_a_path_outside_its_folder_is_refused(tmp_path, name):
    root = folder_of_pictures(tmp_path / "all")
    path = zipped(root, tmp_path / "all.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "evil")
    before = below(tmp_path)
    with pytest.raises(ValueError, match="a path outside its folder; do not use that archive"):
        images.image_folder(path)
    assert below(tmp_path) == before


def test_a_damaged_archive_is_one_sentence(tmp_path):
    path = zipped(folder_of_pictures(tmp_path / "all"), tmp_path / "all.zip")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="no whole zip archive; download it again"):
        images.image_folder(path)


# ---- trial ---------------------------------------------------------------------------------------


def test_a_trial_takes_noise_for_what_is_not_there(data, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "trial")
    assert images.cifar10(True)[0].shape[1:] == (3, 32, 32)
    X, y = images.hotdogs(False, size=8)
    assert X.shape[1:] == (3, 8, 8) and set(y.tolist()) == {0, 1}
    assert capsys.readouterr().out.count("images of noise take their place") == 2
    assert below(data) == set()
