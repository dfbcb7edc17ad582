"""The book's downloads: verified, whole, and never outside their folder."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers import d2l, download
from helpers.download import DownloadError
from tests.fault_server import BODY, FaultServer

SHA1 = hashlib.sha1(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty data folder; DATA_HUB gets its entries back afterwards."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    hub = dict(d2l.DATA_HUB)
    yield tmp_path
    d2l.DATA_HUB.clear()
    d2l.DATA_HUB.update(hub)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0)
    server = FaultServer()
    yield server
    server.stop()


def add(path: Path) -> None:
    """Name a file that is there in DATA_HUB, under its name."""
    sha1 = hashlib.sha1(path.read_bytes()).hexdigest()
    d2l.DATA_HUB[path.name] = (d2l.DATA_URL + path.name, sha1)


def zipped(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    add(path)


def tarred(path: Path, *names: str, mode: str = "w") -> None:
    with tarfile.open(path, mode) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            archive.addfile(info, io.BytesIO(name.encode()))
    add(path)


def below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_the_books_files_are_named_with_address_and_sha1():
    assert {"kaggle_house_train", "kaggle_house_test", "hotdog"} <= d2l.DATA_HUB.keys()
    assert d2l.DATA_URL.startswith("https://")
    for url, sha1 in d2l.DATA_HUB.values():
        assert url.startswith(d2l.DATA_URL) and len(sha1) == 40


def test_a_reader_adds_an_entry_and_gets_a_verified_file(folder, server):
    d2l.DATA_HUB["images"] = (server.url("good"), SHA1)
    path = d2l.download("images", folder / "cache")
    assert isinstance(path, str) and Path(path).read_bytes() == BODY
    asked = server.requests["good"]
    assert d2l.download("images", folder / "cache") == path and server.requests["good"] == asked


def test_the_default_folder_is_the_courses(folder, server):
    d2l.DATA_HUB["images"] = (server.url("good"), SHA1)
    assert Path(d2l.download("images")).parent == folder


def test_https_is_tried_before_http(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("helpers.d2l.hub._size", lambda urls, path: asked.extend(urls) or 1)
    monkeypatch.setattr("helpers.d2l.hub.fetch", lambda *args, **kwargs: None)
    d2l.DATA_HUB["images"] = ("http://example.org/images.gz", SHA1)
    d2l.download("images")
    assert asked == ["https://example.org/images.gz", "http://example.org/images.gz"]


@pytest.mark.parametrize("fault", ["missing", "page", "wrong", "cut", "refused"])
def test_what_is_not_the_file_is_never_kept(folder, server, fault):
    d2l.DATA_HUB["images"] = (server.url(fault), SHA1)
    with pytest.raises(DownloadError, match=r"images\.gz"):
        d2l.download("images", folder)
    assert not (folder / "images.gz").exists()


def test_a_name_that_is_not_in_the_hub_is_one_sentence():
    with pytest.raises(ValueError, match="no 'cats'; it has kaggle_house_train"):
        d2l.download("cats")


def test_download_all_gets_every_entry(folder, server):
    d2l.DATA_HUB.clear()
    d2l.DATA_HUB["images"] = (server.url("good"), SHA1)
    d2l.download_all()
    assert (folder / "images.gz").read_bytes() == BODY


def test_a_zip_is_unpacked_once(folder):
    zipped(folder / "hotdog.zip", "hotdog/train/1.txt", "hotdog/test/2.txt")
    path = d2l.download_extract("hotdog.zip")
    assert path == str(folder / "hotdog") and (folder / "hotdog/train/1.txt").is_file()
    (folder / "hotdog/train/1.txt").write_text("mine", encoding="utf-8")
    assert d2l.download_extract("hotdog.zip") == path
    assert (folder / "hotdog/train/1.txt").read_text(encoding="utf-8") == "mine"
    assert below(folder) == {"hotdog.zip", "hotdog/train/1.txt", "hotdog/test/2.txt"}


def test_a_folder_within_may_be_named(folder):
    tarred(folder / "VOC.tar", "VOCdevkit/VOC2012/a.txt")
    path = d2l.download_extract("VOC.tar", "VOCdevkit/VOC2012")
    assert path == str(folder / "VOCdevkit/VOC2012") and Path(path, "a.txt").is_file()


def test_both_endings_of_a_tar_gz_are_no_part_of_the_path(folder):
    tarred(folder / "SNLI.tar.gz", "SNLI/a.txt", mode="w:gz")
    assert d2l.download_extract("SNLI.tar.gz") == str(folder / "SNLI")


def test_no_archive_writes_outside_its_folder(folder, monkeypatch):
    inner = folder / "inner"
    inner.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(inner))
    zipped(inner / "a.zip", "a/good.txt", "../evil.txt", "/evil.txt")
    tarred(inner / "b.tar", "b/good.txt", "../evil.txt")
    with pytest.raises(
        ValueError, match=r"a\.zip was not unpacked: .*'\.\./evil\.txt', a path outside"
    ):
        d2l.download_extract("a.zip")
    with pytest.raises(ValueError, match=r"b\.tar was not unpacked"):
        d2l.download_extract("b.tar")
    assert below(folder) == {"inner/a.zip", "inner/b.tar"}
    assert {p.name for p in inner.iterdir()} <= {"a.zip", "b.tar", ".incoming"}


def test_two_dots_within_a_name_are_no_way_out(folder):
    zipped(folder / "a.zip", "a/b..c.txt")
    assert Path(d2l.download_extract("a.zip"), "b..c.txt").is_file()


@pytest.mark.parametrize("damage", ["check sum", "cut", "deflated"])
def test_a_damaged_archive_is_one_sentence_and_nothing_is_unpacked(folder, damage):
    path, text = folder / "a.zip", b"0123456789" * 20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/good.txt", "good")
        stored = zipfile.ZIP_STORED if damage == "check sum" else zipfile.ZIP_DEFLATED
        archive.writestr("a/text.txt", text, stored)
    raw = bytearray(path.read_bytes())
    start = raw.index(b"a/text.txt") + len(b"a/text.txt")
    raw[start : start + 4] = b"\xff" * 4
    path.write_bytes(raw[:-9] if damage == "cut" else raw)
    add(path)
    with pytest.raises(ValueError, match=r"^a\.zip was not unpacked: "):
        d2l.download_extract("a.zip")
    assert below(folder) == {"a.zip"}


def test_what_is_no_archive_is_one_sentence(folder):
    (folder / "table.csv").write_text("1,2", encoding="utf-8")
    add(folder / "table.csv")
    with pytest.raises(ValueError, match="only zip and tar"):
        d2l.download_extract("table.csv")
