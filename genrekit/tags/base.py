"""What every kind of tag offers to the rest."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrekit.errors import MediaError

State = dict[str, Any]


class TagFile(ABC):
    """The tags of one open file; changes reach the file with `save`.

    Attributes
    ----------
    path : Path
    format : {'mp3', 'wav', 'aiff', 'flac', 'ogg', 'mp4', 'ape'}
    """

    def __init__(self, path: Path, format: str, sound: Any) -> None:
        self.path = path
        self.format = format
        self._sound = sound
        self._tagged = sound.tags is not None
        if not self._tagged:
            sound.add_tags()

    @property
    @abstractmethod
    def genres(self) -> tuple[str, ...]:
        """The genres as a person reads them: 'Rock' also where the tag says 17."""

    @abstractmethod
    def set_genres(self, genres: Sequence[str]) -> None:
        """Put these genres in the place of all that are there."""

    @abstractmethod
    def _genre_state(self) -> Any:
        """What the file has as genre, restorable, as JSON can hold it; None where it has none."""

    @abstractmethod
    def _restore_genre(self, state: Any) -> None:
        """Undo: put back what `_genre_state` gave; KeyError, TypeError or ValueError if it is malformed."""

    @abstractmethod
    def others(self) -> Mapping[str, str]:
        """Everything but the genre: a name and the SHA-256 of its value for each."""

    def state(self) -> State:
        """What `restore` needs to undo a change."""
        return {"tagged": self._tagged, "genre": self._genre_state()}

    def restore(self, state: Any) -> None:
        """Put back what `state` gave, exactly; a tag that was only made for the genre goes altogether.

        Raises
        ------
        MediaError
            If the state is of another kind of tag, or malformed.
        """
        try:
            tagged = state["tagged"]
            self._restore_genre(state["genre"])
        except (KeyError, TypeError, ValueError):
            raise MediaError(
                "The journal does not say what was there in words for this kind of tag."
            ) from None
        self._remove_tag = not tagged and self._is_bare()

    _remove_tag = False

    def _is_bare(self) -> bool:
        return not self._sound.tags

    def save(self) -> None:
        """Write the tags into the file.

        Raises
        ------
        MediaError
            If mutagen cannot.
        OSError
            If the system does not let it.
        """
        import mutagen

        try:
            if self._remove_tag:
                self._sound.delete()
            else:
                self._write()
        except (OSError, MemoryError):
            raise
        except mutagen.MutagenError as error:
            if isinstance(error.__cause__ or error.__context__, OSError):
                raise OSError(str(error)) from None
            raise MediaError(f"The tag cannot be written ({error}).") from None
        except Exception as error:  # what a hostile file carried through reading may break mutagen's writers
            raise MediaError(f"The tag cannot be written ({type(error).__name__}: {error}).") from None

    def _write(self) -> None:
        self._sound.save()


def digest(value: object) -> str:
    """SHA-256 of a value's ``repr``, or of bytes themselves."""
    data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


def texts(value: Any) -> list[str]:
    """The value, if it is a list of text; ValueError otherwise."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("no list of text")
    return value
