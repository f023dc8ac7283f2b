"""Vorbis comments: FLAC and Ogg (https://xiph.org/vorbis/doc/v-comment.html)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from genrekit.errors import MediaError
from genrekit.library.tags.base import NAMES, TagFile, digest, texts
from genrekit.library.tags.fields import Field


class VorbisTags(TagFile):
    """Vorbis comments with the `NAMES` of a field, in any case; they keep their position among the others."""

    def __init__(self, path: Path, format: str, sound: Any) -> None:
        super().__init__(path, format, sound)
        # mutagen replaces bytes that are not UTF-8, and drops comments whose name is not allowed.
        if self._tagged and bytes(sound.tags.write(framing=False)) not in _stored(path):
            raise MediaError("The file has comments that could not be kept unchanged; it is left alone.")

    def put(self, field: Field, values: Sequence[str]) -> None:
        there = {name.lower(): name for name, _ in self._entries(field)}
        first = next((name for name in NAMES[field] if name in there), NAMES[field][0])
        self._replace(field, [(there.get(first, first.upper()), value) for value in values])

    def _texts(self, field: Field) -> Sequence[str]:
        return [value for _, value in self._entries(field)]

    def _state(self, field: Field) -> Any:
        return [list(entry) for entry in self._entries(field)] or None

    def _restore(self, field: Field, state: Any) -> None:
        entries = [(name, value) for name, value in map(texts, state or [])]
        if any(name.lower() not in NAMES[field] for name, _ in entries):
            raise ValueError("another field")
        self._replace(field, entries)

    def others(self, fields: Collection[Field]) -> Mapping[str, str]:
        tags = self._sound.tags
        names = {name for field in fields for name in NAMES[field]}
        rest = [entry for entry in _listed(tags) if entry[0].lower() not in names]
        found = {"comments": digest(rest), "vendor": digest(tags.vendor)}
        for number, picture in enumerate(getattr(self._sound, "pictures", ())):
            found[f"picture {number}"] = digest(picture.write())
        blocks = [b for b in getattr(self._sound, "metadata_blocks", ()) if b.code not in (1, 4)]
        found["blocks"] = digest([(block.code, block.write()) for block in blocks])
        return found

    def _entries(self, field: Field) -> list[tuple[str, str]]:
        return [entry for entry in _listed(self._sound.tags) if entry[0].lower() in NAMES[field]]

    def _replace(self, field: Field, entries: list[tuple[str, str]]) -> None:
        listed, names = _listed(self._sound.tags), NAMES[field]
        place = next((i for i, (name, _) in enumerate(listed) if name.lower() in names), len(listed))
        rest = [entry for entry in listed if entry[0].lower() not in names]
        self._sound.tags[:] = [*rest[:place], *entries, *rest[place:]]


def _listed(tags: Any) -> list[tuple[str, str]]:
    return list(tags[:])


def _stored(path: Path) -> bytes:
    """Return the comment block of a FLAC file, or the pages of an Ogg file before the first page of sound."""
    with path.open("rb") as file:
        head = file.read(10)
        if head.startswith(b"OggS"):
            return _first_pages(file)
        start = 0
        if head.startswith(b"ID3"):
            start = 10 + sum(
                (byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
            )
        file.seek(start + 4)
        last = False
        while not last and len(header := file.read(4)) == 4:
            last, code, length = header[0] >= 128, header[0] & 127, int.from_bytes(header[1:], "big")
            if code == 4:
                return file.read(length)
            file.seek(length, 1)
    return b""


def _first_pages(file: BinaryIO) -> bytes:
    """Return the joined content of header pages, whose position in the sound is 0 or missing (RFC 3533)."""
    bodies = []
    file.seek(0)
    while len(header := file.read(27)) == 27 and header[6:14] in (bytes(8), b"\xff" * 8):
        bodies.append(file.read(sum(file.read(header[26]))))
    return b"".join(bodies)
