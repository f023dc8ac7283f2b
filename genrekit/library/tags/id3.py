"""ID3v2 tags: at the beginning of an mp3, in a chunk of a wav or aiff; and the ID3v1 tag at the end of an mp3.

A tag keeps its version: 2.3 stays 2.3 (text in UTF-16, https://id3.org/id3v2.3.0), 2.4 stays 2.4 (UTF-8). A
2.2 tag, which no program writes any more, becomes 2.3; an mp3 with only an ID3v1 tag gets a 2.4 tag with the same
fields at its beginning, which readers check first. A new tag is 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from mutagen.id3 import COMM, TBPM, TCON, TIT1, TKEY, Frames, Frames_2_2, ID3JunkFrameError

from genrekit.errors import MediaError
from genrekit.library.tags.base import TagFile, digest, texts
from genrekit.library.tags.fields import LABELLED, Field

_LATIN1, _UTF16, _UTF8 = 0, 1, 3
_FRAMES: dict[Field, Any] = {
    Field.GENRE: TCON,
    Field.GROUPING: TIT1,
    Field.COMMENT: COMM,
    Field.BPM: TBPM,
    Field.KEY: TKEY,
}
_NEW_COMMENT = "COMM::eng"
_V1_SIZE = 128
_NO_GENRE = 255
_ENCODING = re.compile(r"encoding=<Encoding\.\w+: \d>, ")
_V1_GENRES = {name.lower(): number for number, name in enumerate(TCON.GENRES)}


# Frame flags for compressed, encrypted or grouped: https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure
_PACKED = {3: 0x00E0, 4: 0x004C}


class _Frame:
    """A kind of frame that mutagen keeps as bytes; otherwise it would decompress it without limit, or drop it."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def _fromData(self, header: Any, flags: int, data: bytes) -> Any:
        if flags & _PACKED.get(header.version[1], 0):
            raise NotImplementedError  # tells mutagen to carry the frame over unread
        try:
            return self._kind._fromData(header, flags, data)
        except ID3JunkFrameError:
            raise NotImplementedError from None


# Options for loading ID3v2: nothing is translated, decompressed or dropped, and no genre is taken from ID3v1.
AS_IT_IS: dict[str, Any] = {
    "translate": False,
    "load_v1": False,
    "known_frames": {name: _Frame(kind) for name, kind in {**Frames, **Frames_2_2}.items()},
}


class Id3Tags(TagFile):
    """The frames TCON, TIT1, TBPM and TKEY, the COMM frame without a description, and the genre number in an ID3v1 tag.

    Comments with a description belong to programs (iTunNORM) and stay, as does the comment of an ID3v1 tag.
    """

    def __init__(self, path: Path, format: str, sound: Any) -> None:
        super().__init__(path, format, sound)
        tags = sound.tags
        self._version = 3 if tags.version[:2] in ((2, 3), (2, 2)) else 4
        if tags.version[:2] == (2, 2) and tags.unknown_frames:
            raise MediaError("The ID3v2.2 tag has frames that no later version knows; it is left alone.")
        self._v1 = read_v1(path) if format == "mp3" else b""

    def put(self, field: Field, values: Sequence[str]) -> None:
        # "All numeric strings and URLs are always encoded as ISO-8859-1" (2.3), which is enough for a key.
        encoding = _LATIN1 if field not in LABELLED else _UTF16 if self._version == 3 else _UTF8
        self._replace(field, encoding, list(values))
        if self._v1 and field is Field.GENRE:
            self._v1 = self._v1[:-1] + bytes([_V1_GENRES.get(values[0].lower(), _NO_GENRE)])

    def others(self, fields: Collection[Field]) -> Mapping[str, str]:
        mine = {self._key(field) for field in fields}
        # An encoding that a version does not have (UTF-8 in 2.3) is replaced; only the text is compared.
        found = {
            f"frame {key}": digest(_ENCODING.sub("", repr(frame)))
            for key, frame in self._sound.tags.items()
            if key not in mine
        }
        found["unknown frames"] = digest(b"".join(self._sound.tags.unknown_frames))
        if self._v1:
            found["ID3v1"] = digest(self._v1[:-1] if Field.GENRE in fields else self._v1)
        return found

    def _texts(self, field: Field) -> Sequence[str]:
        name = _FRAMES[field].__name__
        if any(frame.startswith(name.encode()) for frame in self._sound.tags.unknown_frames):
            raise MediaError(
                f"The {field} in the ID3 tag is compressed, encrypted or damaged; it is left alone."
            )
        frame = self._sound.tags.get(self._key(field))
        if frame is None:
            return ()
        return frame.genres if field is Field.GENRE else [str(text) for text in frame.text]

    def _state(self, field: Field) -> Any:
        frame = self._sound.tags.get(self._key(field))
        state: dict[str, Any] = {
            "frame": None
            if frame is None
            else {"encoding": int(frame.encoding), "text": [str(text) for text in frame.text]}
        }
        if field is Field.COMMENT and frame is not None:
            state["frame"]["lang"] = frame.lang
        if field is Field.GENRE:
            state["v1"] = self._v1[-1] if self._v1 else None
        return state

    def _restore(self, field: Field, state: Any) -> None:
        frame = state["frame"]
        if frame is None:
            self._sound.tags.pop(self._key(field), None)
        else:
            if frame["encoding"] not in range(4):
                raise ValueError("no encoding")
            self._replace(field, frame["encoding"], texts(frame["text"]))
        if field is Field.GENRE and self._v1 and state["v1"] is not None:
            self._v1 = self._v1[:-1] + bytes([state["v1"]])

    def _replace(self, field: Field, encoding: int, words: list[str]) -> None:
        more = {"lang": self._key(field)[-3:], "desc": ""} if field is Field.COMMENT else {}
        self._sound.tags[self._key(field)] = _FRAMES[field](encoding=encoding, text=words, **more)

    def _key(self, field: Field) -> str:
        """Return the name of a field's frame; of comments, the first without a description, whatever its language."""
        if field is not Field.COMMENT:
            name: str = _FRAMES[field].__name__
            return name
        return min((key for key in self._sound.tags if key.startswith("COMM::")), default=_NEW_COMMENT)

    def _is_bare(self) -> bool:
        return not self._sound.tags and not self._sound.tags.unknown_frames

    def _write(self) -> None:
        # Without a separator, values of 2.3 are kept apart as in 2.4; joining them by "/" would change other frames.
        self._sound.tags.save(self.path, v2_version=self._version, v23_sep=None)
        if self._v1:
            with self.path.open("r+b") as file:
                file.seek(-_V1_SIZE, 2)
                file.write(self._v1)


def read_v1(path: Path) -> bytes:
    """Return the ID3v1 tag at the end of a file: 128 bytes, or no bytes without one."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _V1_SIZE))
        tail = file.read()
    return tail if len(tail) == _V1_SIZE and tail.startswith(b"TAG") else b""
