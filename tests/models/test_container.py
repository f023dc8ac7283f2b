"""Hostile, damaged and plain containers."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest

from genrekit.errors import BundleError
from genrekit.models import container
from genrekit.models.container import pack, unpack

MEMBERS = {"manifest.json": b"{}", "model.onnx": bytes(range(256)), "README.md": b"# A model\n"}


def archive(*entries: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for info, content in entries:
            file.writestr(info, content)
    return out.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(BundleError) as caught:
        unpack(data)
    return caught.value.message


def test_gives_back_what_was_packed() -> None:
    assert unpack(pack(MEMBERS)) == MEMBERS
    assert unpack(pack({"empty": b""})) == {"empty": b""}


def test_members_are_stored_in_the_order_of_their_names() -> None:
    infos = zipfile.ZipFile(io.BytesIO(pack(MEMBERS))).infolist()
    assert [info.filename for info in infos] == sorted(MEMBERS)
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in infos} == {stat.S_IFREG | 0o644}


def test_the_same_members_are_the_same_bytes() -> None:
    assert pack(MEMBERS) == pack(dict(reversed(MEMBERS.items())))


def test_reads_what_another_zip_program_stored() -> None:
    assert unpack(archive(*MEMBERS.items())) == MEMBERS


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a zip archive"),
        (b"PK\x03\x04", "incomplete"),
        (b"PK\x05\x06" + bytes(18), "not a zip archive"),  # an empty zip
        (b"#!/bin/sh\n" + pack(MEMBERS), "not a zip archive"),
        (pack(MEMBERS) + b"!", "incomplete"),
        (pack(MEMBERS)[:-1], "incomplete"),
        (pack(MEMBERS)[:100], "incomplete"),
        (b"PK\x03\x04" + pack(MEMBERS), "contradicts"),
    ],
)
def test_refuses_what_is_not_a_whole_zip(data: bytes, said: str) -> None:
    assert said in refusal(data)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../model.onnx",
        "a/../../b",
        "folder/model.onnx",
        "folder/",
        "..",
        ".hidden",
        "C:model.onnx",
        "C:\\model.onnx",
        "..\\model.onnx",
        "model.onnx ",
        "modèle.onnx",
        "a\nb",
        "x" * 200,
    ],
)
def test_refuses_every_name_that_is_no_plain_file_name(name: str) -> None:
    assert "plain file names" in refusal(archive((name, b"content")))
    with pytest.raises(BundleError, match="plain file names"):
        pack({name: b"content"})


def test_refuses_a_name_that_zipfile_would_cut_short() -> None:
    assert "plain file names" in refusal(archive(("model.onnxZ.pkl", b"")).replace(b"onnxZ", b"onnx\0"))


def test_a_long_name_is_not_repeated_in_the_error() -> None:
    data = bytearray(pack({"model.onnx": bytes(100_000)}))
    data[26:28] = b"\xff\xff"  # the length of the member's name
    with pytest.raises(BundleError, match="damaged zip archive") as caught:
        unpack(bytes(data))
    assert len(str(caught.value)) < 1500


def test_refuses_a_name_that_differs_between_directory_and_member() -> None:
    data = archive(("model.onnx", b"content"))
    assert "damaged" in refusal(data.replace(b"model.onnx", b"other.onnx", 1))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR])
def test_refuses_links_and_special_files(kind: int) -> None:
    info = zipfile.ZipInfo("model.onnx")
    info.external_attr = (kind | 0o777) << 16
    assert "link" in refusal(archive((info, b"/etc/passwd")))


def test_refuses_two_members_of_one_name() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = archive(("model.onnx", b"one"), ("model.onnx", b"two"))
    assert "two members named 'model.onnx'" in refusal(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_refuses_a_bomb_before_unpacking_it(compression: int) -> None:
    bomb = archive(("model.onnx", bytes(20_000_000)), compression=compression)
    assert len(bomb) < 50_000
    assert "compressed" in refusal(bomb)


def patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    start = data.rindex(signature) + offset
    return data[:start] + value + data[start + len(value) :]


def test_refuses_an_encrypted_member() -> None:
    data = patched(archive(("model.onnx", b"content")), b"PK\x01\x02", 8, b"\x01\x00")
    assert "encrypted" in refusal(data)


def test_refuses_sizes_beyond_the_file() -> None:
    claimed = struct.pack("<2L", 10**9, 10**9)
    assert "claim 1000000000 bytes" in refusal(
        patched(archive(("model.onnx", b"content")), b"PK\x01\x02", 20, claimed)
    )


def test_refuses_members_that_share_their_bytes() -> None:
    """The overlapping kind of bomb: many entries of the directory point at one large member."""
    content = bytes(10_000)
    plain = archive(("a", content))
    start = plain.index(b"PK\x01\x02")
    entry = plain[start : plain.index(b"PK\x05\x06")]
    entries = b"".join(entry[:-1] + name.encode() for name in "abcdefgh")
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 8, 8, len(entries), start, 0)
    assert "claim 80000 bytes" in refusal(plain[:start] + entries + end)


def test_refuses_a_comment_and_64_bit_extensions() -> None:
    out = io.BytesIO(archive(("a", b"content")))
    with zipfile.ZipFile(out, "a") as file:
        file.comment = b"PK"
    assert "incomplete" in refusal(out.getvalue())
    plain = archive(("a", b"content"))
    start = plain.index(b"PK\x05\x06")
    entry = plain[plain.index(b"PK\x01\x02") : start]
    locator = b"PK\x06\x07" + bytes(16)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) + 20, start - len(entry), 0)
    assert "contradicts" in refusal(plain[:start] + locator + end)


def test_refuses_a_directory_too_large_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive(*((f"m{k}", b"") for k in range(container.MAX_MEMBERS + 1)))

    def never(*args: object) -> None:
        raise AssertionError("the directory was parsed")

    monkeypatch.setattr(zipfile, "ZipFile", never)
    assert f"it lists {container.MAX_MEMBERS + 1} members" in refusal(data)


def test_packs_no_more_than_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match="too large"):
        pack({f"m{k}": b"" for k in range(container.MAX_MEMBERS + 1)})
    monkeypatch.setattr(container, "MAX_BYTES", container.MAX_DIRECTORY_BYTES + 100)
    assert pack({"a": bytes(100)})
    with pytest.raises(BundleError, match="too large"):
        pack({"a": bytes(101)})
