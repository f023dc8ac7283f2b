"""What every kind of tag offers to the rest."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from genrekit.errors import MediaError
from genrekit.library.tags.fields import Field

State = dict[str, Any]

# Vorbis comments and APEv2 items, in lower case; new ones get the first. Picard and VirtualDJ write KEY, Mp3tag,
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
        """What stands in a field as a person reads it: 'Rock' also where the tag says 17.

        Empty texts are none, and so is a tempo of 0, which players write for an unknown one.

        Raises
        ------
        MediaError
            If it cannot be read, or not be put back.
        """
        found = (text for text in self._texts(field) if text)
        return tuple(text for text in found if field is not Field.BPM or text.strip("0. "))

    @abstractmethod
    def put(self, field: Field, values: Sequence[str]) -> None:
        """Put these values, one or more, in the place of all that are in a field."""

    @abstractmethod
    def others(self, fields: Collection[Field]) -> Mapping[str, str]:
        """Everything but these fields: a name and the SHA-256 of its value for each."""

    @abstractmethod
    def _texts(self, field: Field) -> Sequence[str]:
        """The texts of a field."""

    @abstractmethod
    def _state(self, field: Field) -> Any:
        """What the file has in a field, restorable, as JSON can hold it; None where it has nothing."""

    @abstractmethod
    def _restore(self, field: Field, state: Any) -> None:
        """Undo: put back what `_state` gave; KeyError, TypeError or ValueError if it is malformed."""

    def state(self, fields: Collection[Field]) -> State:
        """What `restore` needs to undo a change of these fields."""
        return {"tagged": self._tagged, "fields": {field.value: self._state(field) for field in fields}}

    def restore(self, state: Any) -> None:
        """Put back what `state` gave, exactly; a tag that was only made for its fields goes altogether.

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
