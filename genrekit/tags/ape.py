"""APEv2 tags, at the end of a file (https://wiki.hydrogenaudio.org/index.php?title=APEv2_specification)."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mutagen.apev2 import APETextValue

from genrekit.errors import MediaError
from genrekit.tags.base import TagFile, digest, texts
from genrekit.tags.id3 import read_v1

_FOOTER = 32
_HAS_HEADER = 1 << 31


class ApeTags(TagFile):
    """The item ``Genre``; an ID3v1 tag behind the APEv2 tag stays as it is."""

    def __init__(self, path: Path, format: str, sound: Any) -> None:
        super().__init__(path, format, sound)
        self._v1 = read_v1(path)
        value = sound.tags.get("Genre")
        if value is not None and not isinstance(value, APETextValue):
            raise MediaError("The genre in the APEv2 tag is no text; it is left alone.")

    @property
    def genres(self) -> tuple[str, ...]:
        return tuple(genre for genre in self._values() if genre)

    def set_genres(self, genres: Sequence[str]) -> None:
        self._sound.tags["Genre"] = list(genres)

    def _genre_state(self) -> Any:
        return self._values() or None

    def _restore_genre(self, state: Any) -> None:
        if state is None:
            self._sound.tags.pop("Genre", None)
        else:
            self._sound.tags["Genre"] = list(texts(state))

    def others(self) -> Mapping[str, str]:
        found = {
            f"item {key}": digest((value.kind, bytes(value)))
            for key, value in self._sound.tags.items()
            if key.lower() != "genre"
        }
        found["ID3v1"] = digest(self._v1)
        return found

    def _values(self) -> list[str]:
        return list(self._sound.tags.get("Genre", ()))

    def save(self) -> None:
        """Write the tag; mutagen would drop an ID3v1 tag, or put the new tag behind it."""
        if self._v1:
            os.truncate(self.path, self.path.stat().st_size - len(self._v1))
        super().save()
        if self._v1:
            with self.path.open("ab") as file:
                file.write(self._v1)


def has_ape(path: Path) -> bool:
    """Whether a file ends with an APEv2 tag, before an ID3v1 tag or without one."""
    return sound_end(path) < path.stat().st_size - len(read_v1(path))


def sound_end(path: Path) -> int:
    """Where the tags at the end of a file begin, in bytes: APEv2, ID3v1 or both."""
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
