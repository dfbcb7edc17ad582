"""`helpers.download.fetch` against a server that plays every fault.

Each test ends with the right bytes in place, or with one error that names the cause, the address
and the path; and the data folder never holds anything else.
"""

import errno
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import download
from helpers.download import DownloadError, File, fetch
from tests.fault_server import BODY, WRONG, FaultServer

NAME = "Set/raw/images.gz"
HASH = f"sha256:{hashlib.sha256(BODY).hexdigest()}"

FAULTS = {  # how the server behaves -> the words in the error
    "refused": "connection refused",
    "no tls": "no secure connection",
    "stall": "timed out",
    "stall midway": "timed out",
    "hang up": "connection failed",
    "missing": "HTTP 404",
    "broken": "HTTP 503",
    "page": "a web page instead of the file",
    "cut": "only 1,000 of 300,000 bytes",
    "short": "only 1,000 of 300,000 bytes",
    "long": "wrong bytes: 300,001",
    "wrong": f"wrong bytes: 300,000, not the 300,000 with {HASH}",
}
PASSING = {"stall", "stall midway", "hang up", "broken", "cut"}  # asked a second time


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0)
    server = FaultServer()
    yield server
    server.stop()


def registry(server, *faults):
    urls = tuple(server.url(fault) for fault in faults)
    return {NAME: File(NAME, urls, len(BODY), HASH, "unknown")}


def patience(fault):
    return (5, 0.4 if fault.startswith("stall") else 10)


def files(folder):
    """Every file below the folder, with its bytes; but not the locks, which stay."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def put(folder, body):
    path = folder / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(body)


# One mirror, one fault


@pytest.mark.parametrize("manner", ["good", "packing"])
def test_downloads_a_file_that_is_not_there(server, tmp_path, manner):
    path = fetch(NAME, registry=registry(server, manner), data=tmp_path)
    assert path == tmp_path / NAME
    assert files(tmp_path) == {NAME: BODY}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_with_address_and_path_and_leaves_nothing(server, tmp_path, fault):
    known = registry(server, fault)
    with pytest.raises(DownloadError) as caught:
        fetch(NAME, registry=known, data=tmp_path, timeout=patience(fault))
    message = str(caught.value)
    assert f"{known[NAME].urls[0]}: {FAULTS[fault]}" in message
    assert f"save it as\n  {tmp_path / NAME}" in message
    assert files(tmp_path) == {}
    if fault not in ("refused", "no tls"):  # these never reach the server
        assert server.requests[fault] == (2 if fault in PASSING else 1)


def test_name_server_without_an_answer_is_named(server, tmp_path, monkeypatch):
    def unknown_host(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    with pytest.raises(DownloadError, match="host not found"):
        fetch(NAME, registry=registry(server, "good"), data=tmp_path)


def test_dead_proxy_is_named(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url("refused"))
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DownloadError, match="stopped at the proxy"):
        fetch(NAME, registry=registry(server, "good"), data=tmp_path)


def test_a_fault_that_passes_is_overcome(server, tmp_path):
    fetch(NAME, registry=registry(server, "broken once"), data=tmp_path)
    assert files(tmp_path) == {NAME: BODY}
    assert server.requests["broken once"] == 2


# Mirrors


@pytest.mark.parametrize("fault", FAULTS)
def test_second_mirror_helps_out(server, tmp_path, fault):
    fetch(NAME, registry=registry(server, fault, "good"), data=tmp_path, timeout=patience(fault))
    assert files(tmp_path) == {NAME: BODY}
    assert server.requests["good"] == 1


def test_every_dead_mirror_has_its_cause(server, tmp_path):
    known = registry(server, "missing", "page", "wrong")
    with pytest.raises(DownloadError) as caught:
        fetch(NAME, registry=known, data=tmp_path)
    lines = str(caught.value).splitlines()[1:4]
    for line, url, fault in zip(lines, known[NAME].urls, ("missing", "page", "wrong"), strict=True):
        assert line.startswith(f"  {url}: {FAULTS[fault]}")


# What is there already


def test_good_file_needs_no_network(server, tmp_path):
    put(tmp_path, BODY)
    fetch(NAME, registry=registry(server, "good"), data=tmp_path)
    assert not server.requests
    assert [path.name for path in (tmp_path / NAME).parent.iterdir()] == ["images.gz"]


@pytest.mark.parametrize("damaged", [WRONG, BODY[:9], b""], ids=["other bytes", "short", "empty"])
def test_damaged_file_is_replaced_by_the_right_bytes(server, tmp_path, damaged):
    put(tmp_path, damaged)
    fetch(NAME, registry=registry(server, "good"), data=tmp_path)
    assert files(tmp_path) == {NAME: BODY}


@pytest.mark.parametrize("fault", ["refused", "wrong", "cut"])
def test_damaged_file_stays_when_nothing_better_is_to_be_had(server, tmp_path, fault):
    put(tmp_path, BODY[:9])
    with pytest.raises(DownloadError, match="has other bytes; it was left as it is"):
        fetch(NAME, registry=registry(server, fault), data=tmp_path)
    assert files(tmp_path) == {NAME: BODY[:9]}


# The disk


@pytest.mark.parametrize("blocker", ["Set", "Set/raw", "Set/raw/.incoming"])
def test_file_where_a_folder_should_be(server, tmp_path, blocker):
    (tmp_path / blocker).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / blocker).write_bytes(b"mine")
    with pytest.raises(DownloadError) as caught:
        fetch(NAME, registry=registry(server, "good"), data=tmp_path)
    assert f"{tmp_path / blocker} is a file where a folder should be" in str(caught.value)
    assert str(tmp_path / NAME) in str(caught.value)
    assert files(tmp_path) == {blocker: b"mine"}
    assert not server.requests


def writing_raises(monkeypatch, error):
    """Let every write of a download raise `error` after some bytes."""

    class Broken(io.FileIO):
        def write(self, chunk):
            super().write(chunk[:100])
            raise error

    monkeypatch.setattr("pooch.downloaders.open", Broken, raising=False)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full; free 300,000 bytes"), (errno.EROFS, "folder writable")],
)
def test_write_that_fails_ends_at_once(server, tmp_path, monkeypatch, number, words):
    writing_raises(monkeypatch, OSError(number, os.strerror(number)))
    with pytest.raises(DownloadError, match=words) as caught:
        fetch(NAME, registry=registry(server, "good", "good"), data=tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)
    assert "COURSE_DATA" in str(caught.value)
    assert files(tmp_path) == {}
    assert server.requests["good"] == 1


def test_ctrl_c_leaves_nothing_half(server, tmp_path, monkeypatch):
    writing_raises(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        fetch(NAME, registry=registry(server, "good"), data=tmp_path)
    assert files(tmp_path) == {}


# Several processes

CHILD = """
import json, sys
sys.path.append(sys.argv[1])  # the module alone: nothing else of the package is needed
from download import File, fetch
print("started", flush=True)
name, url, size, digest, data = json.loads(sys.argv[2])
print(fetch(name, registry={name: File(name, (url,), size, digest, "unknown")}, data=data))
"""


def child(server, fault, data):
    task = json.dumps([NAME, server.url(fault), len(BODY), HASH, str(data)])
    command = [sys.executable, "-c", CHILD, str(Path(download.__file__).parent), task]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")
    assert process.stdout.readline() == "started\n", process.stderr.read()
    return process


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the other process did not get there"
        time.sleep(0.01)


def test_two_processes_share_one_download(server, tmp_path):
    first = child(server, "wait", tmp_path)
    wait_for(lambda: server.requests["wait"])
    second = child(server, "wait", tmp_path)
    time.sleep(0.5)  # the second stands at the lock
    assert first.poll() is None and second.poll() is None
    server.resume.set()
    for process in (first, second):
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, f"{tmp_path / NAME}\n", "")
    assert files(tmp_path) == {NAME: BODY}
    assert server.requests["wait"] == 1


def test_killed_download_is_repeated_and_tidied_up(server, tmp_path):
    process = child(server, "stall midway", tmp_path)
    wait_for(lambda: any(files(tmp_path).values()))
    process.kill()  # SIGKILL
    process.communicate(timeout=30)
    (half,) = files(tmp_path).values()
    assert BODY.startswith(half) and NAME not in files(tmp_path)

    fetch(NAME, registry=registry(server, "good"), data=tmp_path)
    assert files(tmp_path) == {NAME: BODY}


# What the reader sees


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_in_a_terminal_and_never_on_stdout(
    server, tmp_path, capsys, monkeypatch, terminal
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    fetch(NAME, registry=registry(server, "good"), data=tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("images.gz from 127.0.0.1" in err) == terminal


def test_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError) as caught:
        fetch("MNIST", data=tmp_path)
    assert all(name in str(caught.value) for name in ("MNIST", *download.REGISTRY))


def test_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert download.data_dir() == tmp_path
    monkeypatch.delenv("COURSE_DATA")
    repository = Path(__file__).resolve().parent.parent
    assert download.data_dir() == repository / "data"
    monkeypatch.setattr(download, "__file__", str(tmp_path / "site-packages/helpers/download.py"))
    assert "d2l-course" in download.data_dir().parts  # the user's cache


# The registry

PUBLISHED = {  # SHA-256, as Keras publishes them for its own download of the same files
    "train-images-idx3": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_shipped_fashion_mnist_is_the_published_one(name, monkeypatch):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(download, "_download", lambda *args: pytest.fail("went to the network"))
    path = fetch(f"FashionMNIST/raw/{name}-ubyte.gz")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == PUBLISHED[name]


def test_registry_is_well_formed():
    for name, file in download.REGISTRY.items():
        algorithm, _, digest = file.hash.partition(":")
        assert file.name == name and file.size > 0 and file.licence
        assert len(digest) == 2 * hashlib.new(algorithm).digest_size
        assert all(url.startswith("http") and url.endswith(Path(name).name) for url in file.urls)
