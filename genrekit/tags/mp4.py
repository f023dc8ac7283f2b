"""MP4 (m4a): the atom ``(c)gen`` below ``moov.udta.meta.ilst``, as iTunes writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrekit.tags.base import TagFile, digest, texts

_GENRE = "\xa9gen"


class Mp4Tags(TagFile):
    """The texts of ``(c)gen``. A genre by number (``gnre``) is read, and becomes its name when it is written."""

    @property
    def genres(self) -> tuple[str, ...]:
        return tuple(genre for genre in self._sound.tags.get(_GENRE, []) if genre)

    def set_genres(self, genres: Sequence[str]) -> None:
        self._sound.tags[_GENRE] = list(genres)

    def _genre_state(self) -> Any:
        return list(self._sound.tags.get(_GENRE, [])) or None

    def _restore_genre(self, state: Any) -> None:
        if state is None:
            self._sound.tags.pop(_GENRE, None)
        else:
            self._sound.tags[_GENRE] = list(texts(state))

    def others(self) -> Mapping[str, str]:
        tags = self._sound.tags
        found = {f"atom {key}": digest(value) for key, value in tags.items() if key != _GENRE}
        found["unknown atoms"] = digest(sorted(tags._failed_atoms.items()))
        return found
