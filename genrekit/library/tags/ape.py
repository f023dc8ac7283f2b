"""APEv2 tags, at the end of a file (https://wiki.hydrogenaudio.org/index.php?title=APEv2_specification)."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from mutagen.apev2 import APETextValue

from genrekit.errors import MediaError
from genrekit.library.tags.base import NAMES, TagFile, digest, texts
from genrekit.library.tags.fields import Field
from genrekit.library.tags.id3 import read_v1

_NEW = {
    Field.GENRE: "Genre",
    Field.GROUPING: "Grouping",
    Field.COMMENT: "Comment",
    Field.BPM: "BPM",
    Field.KEY: "InitialKey",
}
_FOOTER = 32
_HAS_HEADER = 1 << 31


class ApeTags(TagFile):
    """APEv2 items with the `NAMES` of a field, in any case; an ID3v1 tag after the APEv2 tag is kept."""

    def __init__(self, path: Path, format: str, sound: Any) -> None:
        super().__init__(path, format, sound)
        self._v1 = read_v1(path)

    def put(self, field: Field, values: Sequence[str]) -> None:
        there = self._items(field)
        name = next(iter(there), _NEW[field])
        for other in there:
            del self._sound.tags[other]
        self._sound.tags[name] = list(values)

    def _texts(self, field: Field) -> Sequence[str]:
        return [text for values in self._items(field).values() for text in values]

    def _state(self, field: Field) -> Any:
        return self._items(field) or None

    def _restore(self, field: Field, state: Any) -> None:
        if isinstance(state, list):  # journals of version 1
            state = {_NEW[field]: state}
        for name in self._items(field):
            del self._sound.tags[name]
        for name, values in (state or {}).items():
            if name.lower() not in NAMES[field]:
                raise ValueError("another field")
            self._sound.tags[name] = list(texts(values))

    def others(self, fields: Collection[Field]) -> Mapping[str, str]:
        names = {name for field in fields for name in NAMES[field]}
        found = {
            f"item {name}": digest((value.kind, bytes(value)))
            for name, value in self._sound.tags.items()
            if name.lower() not in names
        }
        found["ID3v1"] = digest(self._v1)
        return found

    def _items(self, field: Field) -> dict[str, list[str]]:
        """Return the items of a field with their texts, the preferred name first."""
        named = {name.lower(): (name, value) for name, value in self._sound.tags.items()}
        found = {}
        for name, value in (named[name] for name in NAMES[field] if name in named):
            if not isinstance(value, APETextValue):
                raise MediaError(f"The {field} in the APEv2 tag is not text; it is left alone.")
            found[name] = list(value)
        return found

    def save(self) -> None:
        """Write the tag and keep an ID3v1 tag, which mutagen would drop or move in front of the new tag."""
        if self._v1:
            os.truncate(self.path, self.path.stat().st_size - len(self._v1))
        super().save()
        if self._v1:
            with self.path.open("ab") as file:
                file.write(self._v1)


def has_ape(path: Path) -> bool:
    """Return whether a file ends with an APEv2 tag, optionally followed by an ID3v1 tag."""
    return sound_end(path) < path.stat().st_size - len(read_v1(path))


def sound_end(path: Path) -> int:
    """Return the position in bytes at which the tags at the end of a file begin: APEv2, ID3v1 or both."""
    size = path.stat().st_size - len(read_v1(path))
    if size < _FOOTER:
        return size
    with path.open("rb") as file:
        file.seek(size - _FOOTER)
        footer = file.read(_FOOTER)
    if not footer.startswith(b"APETAGEX"):
        return size
    length, _, flags = struct.unpack("<3I", footer[12:24])
    return max(0, size - int(length) - (_FOOTER if flags & _HAS_HEADER else 0))
