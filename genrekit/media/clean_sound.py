"""Sound files without their tags: no names, no comments, no place of a recording, no pictures; the same sound."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from genrekit.errors import MediaError
from genrekit.media.content_keys import content_key
from genrekit.types import Modality

# ISO/IEC 14496-12: boxes that describe. Telephones write the place of a recording into udta or meta.
_BOXES_WITHIN = frozenset((b"moov", b"trak", b"moof", b"traf", b"mdia"))
_BOXES_ABOUT = frozenset((b"udta", b"meta", b"uuid", b"free", b"skip"))
_SUFFIXES = (
    (0, b"RIFF", ".wav"),
    (0, b"FORM", ".aiff"),
    (0, b"fLaC", ".flac"),
    (28, b"OpusHead", ".opus"),
    (0, b"OggS", ".ogg"),
    (4, b"ftyp", ".m4a"),
    (0, b"\x30\x26\xb2\x75", ".wma"),
    *((0, bytes((0xFF, second)), ".aac") for second in b"\xf0\xf1\xf8\xf9"),
    (0, b"\xff", ".mp3"),
)
# Chunks of RIFF and AIFF that say nothing of samples.
_CHUNKS_ABOUT = frozenset(
    (
        b"LIST",
        b"bext",
        b"iXML",
        b"axml",
        b"_PMX",
        b"id3 ",
        b"ID3 ",
        b"cart",
        b"NAME",
        b"AUTH",
        b"ANNO",
        b"(c) ",
    )
)


def clean_sound(source: Path, target: Path) -> str:
    """Write a song without its tags.

    Parameters
    ----------
    source : Path
    target : Path
        Gets the content, whatever its suffix.

    Returns
    -------
    str
        A suffix of the format; empty if it has no usual one.

    Raises
    ------
    MediaError
        If the song cannot be read, or is of a kind whose tags cannot be removed.
    """
    key = content_key(source, Modality.AUDIO)
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        head = file.read(16)
    if head[4:8] == b"ftyp":
        _blank(target, _boxes(target.read_bytes()))
    elif head[:4] in (b"RIFF", b"FORM"):
        order = "little" if head[:4] == b"RIFF" else "big"
        _blank(target, _chunks(target.read_bytes(), order))
    else:
        _without_tags(target, head)
    if content_key(target, Modality.AUDIO) != key:
        raise MediaError("The tags of the file cannot be removed without a change of the sound.")
    with target.open("rb") as file:
        head = file.read(64)
    return next((suffix for at, magic, suffix in _SUFFIXES if head.startswith(magic, at)), "")


def _boxes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield start and end of the contents of descriptive boxes, and their new type."""
    waiting = [(0, len(data))]
    while waiting:
        at, stop = waiting.pop()
        while at + 8 <= stop:
            size, start = int.from_bytes(data[at : at + 4], "big"), at + 8
            if size == 1:
                size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
            end = stop if size == 0 else min(at + size, stop)
            if end < start:
                break
            kind = data[at + 4 : at + 8]
            if kind in _BOXES_WITHIN:
                waiting.append((start, end))
            elif kind in _BOXES_ABOUT:
                yield at + 4, at + 8, b"free"
                yield start, end, b""
            at = end


def _chunks(data: bytes, order: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield start and end of the contents of descriptive chunks, and their new name."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little" if order == "little" else "big")
        end = min(at + 8 + size, len(data))
        if data[at : at + 4] in _CHUNKS_ABOUT:
            yield at, at + 4, b"JUNK"
            yield at + 8, end, b""
        at = at + 8 + size + size % 2


def _blank(path: Path, parts: Iterator[tuple[int, int, bytes]]) -> None:
    """Overwrite parts of a file with other bytes, or with zeros; no offset changes."""
    with path.open("r+b") as file:
        for start, end, content in parts:
            file.seek(start)
            file.write(content or bytes(end - start))


def _without_tags(path: Path, head: bytes) -> None:
    import mutagen
    from mutagen import apev2, id3
    from mutagen.asf import ASF
    from mutagen.flac import FLAC
    from mutagen.ogg import OggFileType

    known = (
        b"ID3",
        b"TAG",
        b"\xff",
        b"OggS",
        b"fLaC",
        b"MAC ",
        b"wvpk",
        b"MPCK",
        b"MP+",
        b"\x30\x26\xb2\x75",
    )
    if not head.startswith(known):
        raise MediaError("The tags of this kind of file cannot be removed.")
    try:
        if not head.startswith(b"OggS"):
            id3.delete(str(path))
            apev2.delete(str(path))
        file = mutagen.File(str(path))
        if isinstance(file, FLAC):
            file.metadata_blocks = [one for one in file.metadata_blocks if one.code in (0, 3)]
            file.save(padding=lambda info: 0)
        elif isinstance(file, OggFileType | ASF):
            file.delete()
    except (mutagen.MutagenError, ValueError, OSError) as error:
        raise MediaError(f"The tags of the file cannot be removed: {str(error)[:120]}.") from None
