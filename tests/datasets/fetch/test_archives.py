"""Hostile and damaged archives are refused whole; good ones are unpacked a member at a time."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from genrekit.datasets.fetch.archives import Member, members, unpack
from genrekit.errors import DatasetError


def a_zip(path: Path, *entries: tuple[str, bytes], mode: int = 0, compress: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = compress
            archive.writestr(info, data)
    return path


def a_tar(path: Path, *entries: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(data))
    return path


NAMES = (
    "../out",
    "a/../../out",
    "/etc/out",
    "..\\out",
    "C:\\out",
    "c:out",
    "a\x07b",
    "a/" * 600 + "b",
    "x" * 250,
    "..",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [a_zip, a_tar])
def test_names_that_lead_out_are_refused(tmp_path, name, make):
    path = make(tmp_path / ("a.zip" if make is a_zip else "a.tar"), ("good", b"1"), (name, b"2"))
    with pytest.raises(DatasetError, match="was refused"):
        members(path)


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_no_links_and_devices_in_a_zip(tmp_path, mode):
    with pytest.raises(DatasetError, match="is a link, a device"):
        members(a_zip(tmp_path / "a.zip", ("link", b"/etc/passwd"), mode=mode | 0o777))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_no_links_and_devices_in_a_tar(tmp_path, kind):
    with pytest.raises(DatasetError, match="is a link, a device"):
        members(a_tar(tmp_path / "a.tar", ("link", b""), kind=kind, link="../../x"))


@pytest.mark.parametrize(
    "entries",
    [
        (("a", b"1"), ("a", b"2")),
        (("a", b"1"), ("A", b"2")),
        (("a", b"1"), ("./a", b"2")),
        (("a", b"1"), ("a/b", b"2")),
        (("a/b", b"1"), ("a", b"2")),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_is_one_file(tmp_path, entries):
    with pytest.raises(DatasetError, match=r"is there twice|lies below a file"):
        members(a_tar(tmp_path / "a.tar", *entries))


def test_a_bomb_is_refused_before_it_unfolds(tmp_path):
    zeros = bytes(2**20)
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(zeros)
    with pytest.raises(DatasetError, match="unpacks to more than 100 times"):
        members(path)


def test_a_bomb_that_lies_about_its_length_stops_there(tmp_path):
    path = a_zip(tmp_path / "a.zip", ("zeros", bytes(2**22)), compress=zipfile.ZIP_DEFLATED)
    data = path.read_bytes().replace((2**22).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    path.write_bytes(data)
    folder = tmp_path / "out"
    with pytest.raises(DatasetError):
        unpack(path, folder, set(), lambda member, sha256: None)
    assert not [p for p in folder.rglob("*") if p.is_file() and p.stat().st_size > 1000]


def test_an_encrypted_member_is_refused(tmp_path):
    path = a_zip(tmp_path / "a.zip", ("a", b"1"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match="encrypted"):
        members(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"PK\x05\x06", b"\x1f\x8b\x08" + bytes(50), b"BZh9" + bytes(60)]
)
def test_what_is_no_archive_is_said(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged, or is not an archive"):
        members(tmp_path / name)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_cut_archive_is_refused(tmp_path, name):
    entries = [(f"d/{i}", bytes([i]) * 5000) for i in range(20)]
    path = (a_zip if name.endswith("zip") else a_tar)(tmp_path / name, *entries)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def go():
        members(path)
        unpack(path, tmp_path / "out", set(), lambda member, sha256: None)

    with pytest.raises(DatasetError):
        go()


def test_a_damaged_member_is_named_by_its_archive(tmp_path):
    path = a_zip(tmp_path / "a.zip", ("a", b"music" * 100))
    path.write_bytes(path.read_bytes().replace(b"musicmusic", b"mosicmusic", 1))
    with pytest.raises(DatasetError, match=r"a\.zip is damaged"):
        unpack(path, tmp_path / "out", set(), lambda member, sha256: None)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_what_is_there_is_skipped(tmp_path, name):
    entries = [("./d/one", b"1"), ("d/two", b"22"), ("three", b"")]
    path = (a_zip if name.endswith("zip") else a_tar)(tmp_path / name, *entries)
    assert members(path) == [Member("d/one", 1), Member("d/two", 2), Member("three", 0)]
    done = []
    unpack(path, tmp_path / "out", {"d/one"}, lambda member, sha256: done.append(member.name))
    assert done == ["d/two", "three"]
    assert sorted(p.name for p in (tmp_path / "out").rglob("*") if p.is_file()) == ["three", "two"]
