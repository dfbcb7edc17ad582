"""Data files: where each comes from, and `fetch`, which hands out a verified local copy.

A file is used only when its size and hash are the registry's. It is downloaded into a hidden folder
`.incoming` beside its place and moved there whole: nobody ever sees an interrupted or wrong one.
"""

import errno
import hashlib
import os
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

PAUSE = 1.0  # seconds before a mirror whose fault may pass is asked a second time


@dataclass(frozen=True)
class File:
    """A file of the course: where it belongs, where it comes from, and how to know it."""

    name: str  # its path below the data folder, with "/"
    urls: tuple[str, ...]  # mirrors, asked in turn
    size: int  # bytes
    hash: str  # "md5:..." or "sha256:...", as pooch writes it
    licence: str  # "unknown" where its publisher states none


class DownloadError(OSError):
    """A file is neither here nor to be had; the message says why, and what to do."""


FASHION_MNIST = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)


def _fashion_mnist(file: str, size: int, md5: str) -> File:
    urls = tuple(mirror + file for mirror in FASHION_MNIST)
    return File(f"FashionMNIST/raw/{file}", urls, size, f"md5:{md5}", "MIT")


REGISTRY: dict[str, File] = {
    file.name: file
    for file in (
        # a new file is one line more: File(name, urls, size, hash, licence)
        _fashion_mnist("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        _fashion_mnist("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
        _fashion_mnist("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
        _fashion_mnist("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
    )
}


def shipped_dir() -> Path:
    """The repository's `data/`, with what ships with the course."""
    return Path(__file__).resolve().parent.parent / "data"


def data_dir() -> Path:
    """The data folder: $COURSE_DATA, else the repository's `data/`, else the user's cache."""
    if os.environ.get("COURSE_DATA"):
        return Path(os.environ["COURSE_DATA"]).expanduser()
    if shipped_dir().is_dir():
        return shipped_dir()
    import pooch

    return pooch.os_cache("d2l-course")


def fetch(
    name: str,
    *,
    registry: Mapping[str, File] = REGISTRY,
    data: str | Path | None = None,
    timeout: tuple[float, float] = (10, 30),
) -> Path:
    """The absolute path of a verified file below `data` (default: `data_dir()`).

    A good file that is there, or ships with the course, needs no network; else the mirrors are
    asked in turn.
    `timeout`: seconds to connect, and seconds of silence while reading.
    Raises ValueError for a name that is not in the registry, DownloadError for everything else.
    """
    if name not in registry:
        raise ValueError(f"No data file is called {name!r}; known are {', '.join(registry)}.")
    file = registry[name]
    path = Path(data or data_dir()).absolute() / name
    incoming = path.parent / ".incoming"
    part = incoming / f"{path.name}.part"
    try:
        for there in (path, *([] if data else [shipped_dir() / name])):
            if _is_right(there, file):
                return there
        from filelock import FileLock

        incoming.mkdir(parents=True, exist_ok=True)
        with FileLock(incoming / f"{path.name}.lock"):
            causes: dict[str, str] = {}
            try:
                if not _is_right(path, file):  # else another process fetched it while we waited
                    causes = _download(file, part, timeout)
                    if not causes:
                        os.replace(part, path)
            finally:  # also a half file that a killed run left
                part.unlink(missing_ok=True)
    except OSError as error:
        raise DownloadError(_disk_sentence(error, file, path)) from None
    if causes:
        raise DownloadError(_network_sentence(causes, file, path))
    return path


def _is_right(path: Path, file: File) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    algorithm, _, digest = file.hash.partition(":")
    with open(path, "rb") as stream:  # not by pooch, whose import would slow down every notebook
        return hashlib.file_digest(stream, algorithm).hexdigest() == digest.lower()


def _download(file: File, part: Path, timeout: tuple[float, float]) -> dict[str, str]:
    """Fill `part` with the right bytes and return {}, or return the cause for each mirror."""
    import requests

    causes: dict[str, str] = {}
    given_up: set[str] = set()
    for url in file.urls * 2:  # once more for faults that may pass
        if url in given_up:
            continue
        time.sleep(PAUSE if url in causes else 0)
        try:
            _save(url, file, part, timeout)
            if _is_right(part, file):
                return {}
            causes[url], may_pass = _content_cause(part, file), False
        except requests.RequestException as error:
            causes[url], may_pass = _network_cause(error, file)
        if not may_pass:
            given_up.add(url)
    return causes


def _save(url: str, file: File, part: Path, timeout: tuple[float, float]) -> None:
    import pooch
    from tqdm import tqdm

    label = f"{Path(file.name).name} from {urlsplit(url).netloc}"
    hidden = not (sys.stderr.isatty() or "ipykernel" in sys.modules)
    headers = {"Accept-Encoding": "identity"}  # a .gz is to arrive as it is, not unpacked
    with tqdm(total=file.size, desc=label, unit="B", unit_scale=True, disable=hidden) as bar:
        get = pooch.HTTPDownloader(bar, chunk_size=1 << 16, timeout=timeout, headers=headers)
        get(url, str(part), None)


def _network_cause(error: Exception, file: File) -> tuple[str, bool]:
    """Why a mirror did not deliver, and whether that may pass."""
    import requests

    link: BaseException | None = error
    while link is not None:  # by type: the system's own words may be in any language
        match link:
            case requests.HTTPError(response=response):
                return f"HTTP {response.status_code}", response.status_code >= 500
            case requests.exceptions.ProxyError():
                return "stopped at the proxy that HTTP_PROXY or HTTPS_PROXY names", True
            case IncompleteRead(partial=int(received)):
                return f"only {received:,} of {file.size:,} bytes", True
            case ConnectionRefusedError():
                return "connection refused", True
            case socket.gaierror():
                return "host not found (no network?)", True
            case ssl.SSLError():
                return "no secure connection (wrong certificate?)", False
            case TimeoutError():
                return "timed out", True
        link = link.__cause__ or link.__context__
    return f"connection failed ({type(error).__name__})", True


def _content_cause(part: Path, file: File) -> str:
    """What a mirror delivered instead of the file."""
    size = part.stat().st_size
    with open(part, "rb") as stream:
        head = stream.read(512).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page instead of the file"
    if size < file.size:
        return f"only {size:,} of {file.size:,} bytes"
    return f"wrong bytes: {size:,}, not the {file.size:,} with {file.hash}"


def _network_sentence(causes: dict[str, str], file: File, path: Path) -> str:
    mirrors = "\n".join(f"  {url}: {cause}" for url, cause in causes.items())
    old = "\nThe file there now has other bytes; it was left as it is." if path.exists() else ""
    return (
        f"Could not download {file.name} ({file.size:,} bytes):\n{mirrors}\n"
        f"Try again later, or download it by hand from one of these addresses and save it as\n"
        f"  {path}{old}"
    )


def _disk_sentence(error: OSError, file: File, path: Path) -> str:
    folders = (path.parent / ".incoming", *path.parents)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = f"the disk is full; free {file.size:,} bytes"
    elif blocker := next(filter(os.path.isfile, folders), None):
        why = f"{blocker} is a file where a folder should be; move it away"
    else:
        why = f"{error.strerror or error}; make it readable and its folder writable"
    return f"Cannot fetch {path}: {why}, or set COURSE_DATA to another folder."
