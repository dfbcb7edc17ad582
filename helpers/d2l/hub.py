"""The book's data sets: `DATA_HUB` names them, `download` and `download_extract` get them."""

import hashlib
import os
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ..download import DownloadError, File, data_dir, fetch
from ..images import open_zip

DATA_URL = "https://d2l-data.s3-accelerate.amazonaws.com/"

# name -> (address, SHA-1); readers add their own
DATA_HUB: dict[str, tuple[str, str]] = {
    "kaggle_house_train": (
        DATA_URL + "kaggle_house_pred_train.csv",
        "585e9cc93e70b39160e7921475f9bcd7d31219ce",
    ),
    "kaggle_house_test": (
        DATA_URL + "kaggle_house_pred_test.csv",
        "fa19780a7b011d9b009e8bff8e99922a8ee2eb90",
    ),
    "hotdog": (DATA_URL + "hotdog.zip", "fba480ffa8aa7e0febbb511d181409f899b9baa5"),
}


def download(name: str, cache_dir: str | Path | None = None) -> str:
    """The path of a local copy of a file of DATA_HUB, downloaded if need be.

    cache_dir: by default the course's data folder. Not as in d2l, whose default is `../data`: the
    copy always has the SHA-1 of DATA_HUB, https is tried before http, and a file that cannot be
    had raises a DownloadError. Raises ValueError for a name that is not in DATA_HUB.
    """
    if name not in DATA_HUB:
        raise ValueError(f"DATA_HUB has no {name!r}; it has {', '.join(DATA_HUB)}.")
    url, sha1 = DATA_HUB[name]
    path = Path(cache_dir or data_dir()).absolute() / url.rsplit("/", 1)[-1]
    if not (path.is_file() and _sha1(path) == sha1):
        urls = tuple(dict.fromkeys([re.sub("^http:", "https:", url), url]))
        file = File(path.name, urls, _size(urls, path), f"sha1:{sha1}", licence="unknown")
        fetch(path.name, registry={path.name: file}, data=path.parent)
    return str(path)


def download_extract(name: str, folder: str | None = None) -> str:
    """Download and unpack an archive beside it; the path of what it held, or of `folder` in that.

    Not as in d2l: it is unpacked once, whole or not at all, and never outside its folder; of
    `a.tar.gz` the path is `a`. Raises ValueError for what is neither zip nor tar, is damaged, or
    holds a path outside its folder.
    """
    archive = Path(download(name))
    held = re.sub(r"\.(zip|tar|tar\.gz|tgz)$", "", archive.name)
    if held == archive.name:
        raise ValueError(f"{archive.name} cannot be unpacked; only zip and tar archives can.")
    target = archive.parent / (folder or held)
    if not target.exists():
        _unpack(archive)
    return str(target)


def download_all() -> None:
    """Download every file of DATA_HUB."""
    for name in DATA_HUB:
        download(name)


def _unpack(archive: Path) -> None:
    with TemporaryDirectory(dir=archive.parent, prefix=".unpacking-") as scratch:
        try:
            if archive.suffix == ".zip":
                with open_zip(archive) as file:
                    file.extractall(scratch)
            else:
                shutil.unpack_archive(archive, scratch, filter="data")
        except Exception as error:  # each kind of archive, and of damage, has its own
            raise ValueError(f"{archive.name} was not unpacked: {error}") from None
        for item in Path(scratch).iterdir():
            if not (archive.parent / item.name).exists():
                os.replace(item, archive.parent / item.name)


def _sha1(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha1").hexdigest()


def _size(urls: tuple[str, ...], path: Path) -> int:
    """How many bytes the server says the file has; DATA_HUB does not know."""
    import requests

    for url in urls:
        try:
            options = dict(stream=True, timeout=(10, 30), headers={"Accept-Encoding": "identity"})
            with requests.get(url, **options) as answer:
                answer.raise_for_status()
                return int(answer.headers["Content-Length"])
        except (requests.RequestException, KeyError):
            continue
    raise DownloadError(
        f"Could not download {path.name}: no answer from {urls[-1]}. Try again later, or download "
        f"it by hand and save it as {path}."
    )
