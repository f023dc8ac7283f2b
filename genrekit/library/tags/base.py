"""Base class of the kinds of tags."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from genrekit.errors import MediaError
from genrekit.library.tags.fields import Field

State = dict[str, Any]

# Names of Vorbis comments and APEv2 items, in lower case; new ones get the first name. Picard and VirtualDJ write KEY, Mp3tag,
# Traktor, Serato, Rekordbox and Mixxx INITIALKEY:
# https://docs.mp3tag.de/mapping/, https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html
NAMES = {
    Field.GENRE: ("genre",),
    Field.GROUPING: ("grouping",),
    Field.COMMENT: ("comment",),
    Field.BPM: ("bpm",),
    Field.KEY: ("initialkey", "key"),
}


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

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in readable form: 'Rock' even if the tag has 17.

        Empty texts are left out, and so is a tempo of 0, which players write for an unknown tempo.

        Raises
        ------
        MediaError
            If it cannot be read, or could not be restored.
        """
        found = (text for text in self._texts(field) if text)
        return tuple(text for text in found if field is not Field.BPM or text.strip("0. "))

    @abstractmethod
    def put(self, field: Field, values: Sequence[str]) -> None:
        """Replace all values of a field by these, one or more."""

    @abstractmethod
    def others(self, fields: Collection[Field]) -> Mapping[str, str]:
        """Return all other entries: their names, each with the SHA-256 of its value."""

    @abstractmethod
    def _texts(self, field: Field) -> Sequence[str]:
        """Return the texts of a field."""

    @abstractmethod
    def _state(self, field: Field) -> Any:
        """Return the content of a field as JSON-able values for `_restore`; None if there is none."""

    @abstractmethod
    def _restore(self, field: Field, state: Any) -> None:
        """Restore a value of `_state`; raise KeyError, TypeError or ValueError if it is malformed."""

    def state(self, fields: Collection[Field]) -> State:
        """Return the state that `restore` needs to undo a change of these fields."""
        return {"tagged": self._tagged, "fields": {field.value: self._state(field) for field in fields}}

    def restore(self, state: Any) -> None:
        """Restore a state exactly; a tag that was created only for these fields is removed.

        Raises
        ------
        MediaError
            If the state is of another kind of tag, or malformed.
        """
        try:
            tagged = state["tagged"]
            for name, value in state["fields"].items():
                self._restore(Field(name), value)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MediaError("The journal has no valid earlier content for this kind of tag.") from None
        self._remove_tag = not tagged and self._is_bare()

    _remove_tag = False

    def _is_bare(self) -> bool:
        return not self._sound.tags

    def save(self) -> None:
        """Write the tags into the file.

        Raises
        ------
        MediaError
            If mutagen cannot write them.
        OSError
            If the system reports an error.
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
        except (
            Exception
        ) as error:  # content of a hostile file that passed reading may break mutagen's writers
            raise MediaError(f"The tag cannot be written ({type(error).__name__}: {error}).") from None

    def _write(self) -> None:
        self._sound.save()


def digest(value: object) -> str:
    """Return the SHA-256 of bytes, or of the ``repr`` of another value."""
    data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


def texts(value: Any) -> list[str]:
    """Return the value if it is a list of text; raise ValueError otherwise."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("not a list of text")
    return value
