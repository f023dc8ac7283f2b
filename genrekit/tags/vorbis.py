"""Vorbis comments: FLAC and Ogg (https://xiph.org/vorbis/doc/v-comment.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from genrekit.errors import MediaError
from genrekit.tags.base import TagFile, digest, texts


class VorbisTags(TagFile):
    """The comments ``GENRE``, whatever their case; they keep their place among the others."""

    def __init__(self, path: Path, format: str, sound: Any) -> None:
        super().__init__(path, format, sound)
        # mutagen replaces what is no UTF-8, and drops comments whose name is not allowed.
        if self._tagged and bytes(sound.tags.write(framing=False)) not in _stored(path):
            raise MediaError("The file has comments that could not be kept as they are; it is left alone.")

    @property
    def genres(self) -> tuple[str, ...]:
        return tuple(value for _, value in self._entries() if value)

    def set_genres(self, genres: Sequence[str]) -> None:
        entries = self._entries()
        self._put([(entries[0][0] if entries else "GENRE", genre) for genre in genres])

    def _genre_state(self) -> Any:
        return [list(entry) for entry in self._entries()] or None

    def _restore_genre(self, state: Any) -> None:
        entries = [(key, value) for key, value in map(texts, state or [])]
        if any(key.lower() != "genre" for key, _ in entries):
            raise ValueError("no genre")
        self._put(entries)

    def others(self) -> Mapping[str, str]:
        tags = self._sound.tags
        rest = [entry for entry in _listed(tags) if entry[0].lower() != "genre"]
        found = {"comments": digest(rest), "vendor": digest(tags.vendor)}
        for number, picture in enumerate(getattr(self._sound, "pictures", ())):
            found[f"picture {number}"] = digest(picture.write())
        blocks = [b for b in getattr(self._sound, "metadata_blocks", ()) if b.code not in (1, 4)]
        found["blocks"] = digest([(block.code, block.write()) for block in blocks])
        return found

    def _entries(self) -> list[tuple[str, str]]:
        return [entry for entry in _listed(self._sound.tags) if entry[0].lower() == "genre"]

    def _put(self, entries: list[tuple[str, str]]) -> None:
        listed = _listed(self._sound.tags)
        place = next((i for i, (key, _) in enumerate(listed) if key.lower() == "genre"), len(listed))
        rest = [entry for entry in listed if entry[0].lower() != "genre"]
        self._sound.tags[:] = [*rest[:place], *entries, *rest[place:]]


def _listed(tags: Any) -> list[tuple[str, str]]:
    return list(tags[:])


def _stored(path: Path) -> bytes:
    """The comment block of a FLAC file, or the first pages of an Ogg file up to the first of sound."""
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
    """What Ogg pages carry, joined; headers are on pages whose position in the sound is 0, or none (RFC 3533)."""
    bodies = []
    file.seek(0)
    while len(header := file.read(27)) == 27 and header[6:14] in (bytes(8), b"\xff" * 8):
        bodies.append(file.read(sum(file.read(header[26]))))
    return b"".join(bodies)
