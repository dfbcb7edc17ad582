"""Colour images: the cat, CIFAR-10, the hotdogs of the book, and folders of one's own pictures.

As everywhere in the course they become whole uint8 tensors, ready for a `ResidentLoader`. What does
not ship with the course is downloaded at its first use, verified; a picture is decoded once.
"""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from .devices import profile
from .download import File, data_dir, fetch

CIFAR10_LABELS = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
Examples = tuple[Tensor, Tensor]  # images (n, 3, h, w) uint8, labels (n,) int64

SKIMAGE = "https://raw.githubusercontent.com/scikit-image/scikit-image/v0.25.2/skimage/data/"
CAT = File(
    "cat.png",
    (SKIMAGE + "chelsea.png",),
    240_512,
    "sha256:596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "CC0",
)
CIFAR10 = File(  # the binary version: records of bytes, where the Python version is a pickle
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    170_052_171,
    "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    "unknown",
)
REGISTRY = {file.name: file for file in (CAT, CIFAR10)}


def cat():
    """Chelsea the cat as a PIL image, 451 pixels wide and 300 high.

    Photograph by Stefan van der Walt, CC0, from scikit-image; it ships in data/.
    """
    from PIL import Image

    return Image.open(fetch(CAT.name, registry=REGISTRY)).convert("RGB")


@lru_cache(maxsize=2)
def cifar10(train: bool) -> Examples:
    """CIFAR-10: images (n, 3, 32, 32) and labels, 50,000 to train on or 10,000 to test on.

    170 MB at the first use. Raises DownloadError, which says what to download and where to put it.
    Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    if _absent_in_trial(data_dir() / CIFAR10.name):
        return _noise(10, 32)
    parts = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
    with tarfile.open(fetch(CIFAR10.name, registry=REGISTRY)) as archive:
        found = {
            Path(member.name).name: archive.extractfile(member).read()
            for member in archive
            if Path(member.name).name in parts
        }
    records = np.frombuffer(bytearray().join(found[part] for part in parts), np.uint8)
    records = records.reshape(-1, 3073)
    y, X = np.split(records, [1], axis=1)  # a label, then 1,024 red, green and blue pixels
    return torch.from_numpy(X.reshape(-1, 3, 32, 32)), torch.from_numpy(y[:, 0]).long()


def hotdogs(train: bool, size: int = 256) -> Examples:
    """The book's hotdogs (class 0) and other food (1): 2,000 pictures to train on, 800 to test on.

    Each is resized to size x size and kept in the data folder, so that later runs find it decoded.
    Raises DownloadError, which says what to download and where to put it.
    """
    from .d2l.hub import DATA_HUB, download

    folder, (url, sha1) = data_dir(), DATA_HUB["hotdog"]
    part = "train" if train else "test"
    kept = folder / f"hotdog-{sha1[:8]}-{part}-{size}.pt"
    if _absent_in_trial(kept, folder / url.rsplit("/", 1)[-1]):
        return _noise(2, size)
    return _keep(kept, lambda: image_folder(download("hotdog"), size, f"hotdog/{part}")[:2])


def image_folder(
    path: str | Path, size: int = 256, inside: str = ""
) -> tuple[Tensor, Tensor, list[str]]:
    """All pictures of a folder with one subfolder per class: images, labels, names of the classes.

    path: the folder, or a .zip archive that holds it as `inside`; nothing is unpacked to the disk.
    Each picture is resized to size x size: (n, 3, size, size) uint8. Classes are in the order of
    their names. Raises ValueError for a class without pictures, a picture that cannot be read and
    an archive that is damaged or holds paths outside its folder.
    """
    path = Path(path)
    is_zip = path.suffix.lower() == ".zip" and not path.is_dir()
    root = zipfile.Path(open_zip(path)) if is_zip else path
    root = root.joinpath(*PurePosixPath(inside).parts)
    if not root.is_dir():
        raise ValueError(f"There is no folder {root}.")
    classes = sorted(
        (f for f in root.iterdir() if f.is_dir() and f.name[0] not in "._"), key=lambda f: f.name
    )
    files = [(file, label) for label, folder in enumerate(classes) for file in _pictures(folder)]
    if not files:
        raise ValueError(f"{root} has no folders with pictures; make one folder for each class.")
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda one: _decode(one[0], size), files))
    return torch.stack(images), torch.tensor([y for _, y in files]), [f.name for f in classes]


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip archive, open to read; ValueError for a damaged one and a path outside its folder."""
    if not path.exists():
        raise ValueError(f"There is no archive {path}.")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise ValueError(f"{path} is no whole zip archive; download it again.") from None
    for name in archive.namelist():
        if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name:
            raise ValueError(
                f"{path} holds {name!r}, a path outside its folder; do not use that archive."
            )
    return archive


def _pictures(folder: Path | zipfile.Path) -> list:
    files = [f for f in folder.iterdir() if f.name[0] != "."]
    files = [f for f in files if Path(f.name).suffix.lower() in PICTURES]
    if not files:
        raise ValueError(
            f"The class folder {folder} holds no picture ({', '.join(PICTURES)}); put some there, "
            "or delete it."
        )
    return sorted(files, key=lambda f: f.name)


def _decode(file: Path | zipfile.Path, size: int) -> Tensor:
    """A picture as a tensor (3, size, size), resized as by torchvision's Resize on PIL images."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    except Exception:  # each format has its own, and so has each kind of damage to an archive
        raise ValueError(
            f"{file} is damaged, encrypted, far too large or no picture; delete it or replace it "
            "by a good copy."
        ) from None
    picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _keep(path: Path, make: Callable[[], Examples]) -> Examples:
    """What `make` returned the first time, which `path` holds from then on, whole or not at all."""
    with suppress(Exception):  # not there, or no longer whole: then it is made anew
        X, y = torch.load(path, weights_only=True)
        return X, y
    made = make()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with suppress(OSError, RuntimeError):  # no room for it: then the next run decodes again
            torch.save(made, partial)
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return made


def _absent_in_trial(*paths: Path) -> bool:
    return profile() == "trial" and not any(path.exists() for path in paths)


def _noise(num_classes: int, size: int, n: int = 32) -> Examples:
    """Stands in for images that are not here, so that a trial run needs no network."""
    print(f"trial without the data: {n} images of noise take their place")
    X = torch.randint(256, (n, 3, size, size), dtype=torch.uint8)
    return X, torch.arange(n) % num_classes
