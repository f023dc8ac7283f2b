"""MP4 (m4a): atoms below ``moov.udta.meta.ilst``, as iTunes writes them; fields without an iTunes atom are free-form.

Names are those of https://docs.mp3tag.de/mapping/.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mutagen.mp4 import MP4FreeForm

from genrekit.library.tags.base import TagFile, digest, texts
from genrekit.library.tags.fields import Field

_FREE_FORM: Any = MP4FreeForm
_ATOMS = {
    Field.GENRE: "\xa9gen",
    Field.GROUPING: "\xa9grp",
    Field.COMMENT: "\xa9cmt",
    Field.BPM: "tmpo",
    Field.KEY: "----:com.apple.iTunes:initialkey",
}


class Mp4Tags(TagFile):
    """The texts of ``(c)gen``, ``(c)grp`` and ``(c)cmt``, the numbers of ``tmpo``, the bytes of the free-form ``initialkey``.

    A numeric genre (``gnre``) is read, and replaced by its name when written.
    """

    def put(self, field: Field, values: Sequence[str]) -> None:
        self._sound.tags[_ATOMS[field]] = [_stored(field, value) for value in values]

    def others(self, fields: Collection[Field]) -> Mapping[str, str]:
        tags = self._sound.tags
        mine = {_ATOMS[field] for field in fields}
        found = {f"atom {name}": digest(value) for name, value in tags.items() if name not in mine}
        found["unknown atoms"] = digest(sorted(tags._failed_atoms.items()))
        return found

    def _texts(self, field: Field) -> Sequence[str]:
        return [_text(value) for value in self._sound.tags.get(_ATOMS[field], [])]

    def _state(self, field: Field) -> Any:
        values = self._sound.tags.get(_ATOMS[field], [])
        if field is Field.KEY:
            values = [[value.hex(), int(value.dataformat), value.version] for value in values]
        return list(values) or None

    def _restore(self, field: Field, state: Any) -> None:
        if state is None:
            self._sound.tags.pop(_ATOMS[field], None)
        elif field is Field.KEY:
            values = [
                _FREE_FORM(bytes.fromhex(data), int(kind), int(version)) for data, kind, version in state
            ]
            self._sound.tags[_ATOMS[field]] = values
        elif field is Field.BPM:
            self._sound.tags[_ATOMS[field]] = [int(number) for number in state]
        else:
            self._sound.tags[_ATOMS[field]] = list(texts(state))


def _stored(field: Field, value: str) -> Any:
    if field is Field.BPM:
        return int(value)
    return _FREE_FORM(value.encode()) if field is Field.KEY else value


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
