"""Libraries sorted by genre: one playlist per genre, or one folder per genre with links or copies; no file is moved.

*Playlists* are UTF-8 with ``#EXTM3U`` as the first line and one path per line (https://en.wikipedia.org/wiki/M3U),
relative to the playlist if possible.

*Names.* Names of genres are made valid on every system
(https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file). Names that are equal except for case get a
number: ``song (2).mp3``. They depend only on the inputs, their predictions and their order, so that a repeated run
finds its work done.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from genrekit.errors import GenrekitError, MediaError
from genrekit.library.identity import same_song
from genrekit.library.place import Copy, Link, Playlist, place_of, put, way_to
from genrekit.remote import is_remote
from genrekit.types import Prediction

UNSURE = "unsure"

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_MAX_BYTES = 120  # of the 255 that file systems allow, so that a number and a suffix fit


class Kind(StrEnum):
    """Kind of output."""

    PLAYLIST = "playlist"
    LINK = "link"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class SortRow:
    """Outcome for one input.

    Attributes
    ----------
    input : str
        The input as given.
    genre : str or None
        The label; None if the prediction is unsure, or if there is none.
    name : str or None
        The genre as its playlist or folder has it.
    target : str or None
        The playlist, link or copy; None after an error.
    error : str or None
        The reason why nothing is written for it.
    """

    input: str
    genre: str | None = None
    name: str | None = None
    target: str | None = None
    error: str | None = None


def sort_songs(
    predictions: Iterable[Prediction],
    folder: Path,
    kind: Kind = Kind.PLAYLIST,
    *,
    min_confidence: float = 0.0,
    check: bool = True,
    write: bool = False,
    overwrite: bool = False,
    names: Callable[[str], str] | None = None,
) -> Iterator[SortRow]:
    """Sort files by their predicted genre, or report what would be written.

    Parameters
    ----------
    predictions : iterable of Prediction
        Predictions of local files; one without label goes to 'unsure'.
    folder : Path
        Folder of the playlists, or of the folders with links or copies.
    kind : Kind
    min_confidence : float in [0, 1]
        Predictions with a lower score are unsure.
    check : bool
        Whether the SHA-256 of files must still be that of the prediction. Copies are always compared.
    write : bool
        Whether to write.
    overwrite : bool
        Whether to replace existing files. An existing identical file is not an error.
    names : callable, optional
        Names of playlists and folders for labels; the labels themselves unless given.

    Yields
    ------
    SortRow
        One per prediction, in order: links and copies when each is written, playlists when all are.
    """
    places = _Places(folder, names or str)
    if kind is Kind.PLAYLIST:
        yield from _listed(predictions, places, min_confidence, check, write, overwrite)
        return
    for prediction in predictions:
        genre = None
        try:
            source = _source(prediction)
            genre = _genre(prediction, min_confidence)
            _check_outside(source, folder)
            target = places.file(genre, source)
            is_copy = kind is Kind.COPY
            sha256 = same_song(source, prediction.content) if check or is_copy else ""
            make = Copy(source, target, sha256) if is_copy else Link(source, target)
            put(make, write, overwrite)
            yield SortRow(prediction.id, genre, places.name(genre), str(target))
        except (GenrekitError, OSError) as error:
            yield SortRow(prediction.id, genre, error=_words(error))


def others_in(folder: Path, kind: Kind, made: Iterable[str]) -> list[Path]:
    """Return the playlists, or links and copies, in a folder that this run did not make, sorted.

    Parameters
    ----------
    folder : Path
        As for `sort_songs`.
    kind : Kind
    made : iterable of str
        The targets of its rows.
    """
    targets = {os.path.normcase(target) for target in made}
    pattern = "*.m3u8" if kind is Kind.PLAYLIST else "*/*"
    found = (path for path in folder.glob(pattern) if not path.is_dir() and not path.name.startswith("."))
    return sorted(path for path in found if os.path.normcase(path) not in targets)


def safe_name(text: str) -> str:
    r"""Return a name for a file or folder that is valid on every system, from any text.

    Examples
    --------
    >>> safe_name("R&B/Soul"), safe_name("con"), safe_name("etc. ..."), safe_name("\x1b?")
    ('R&B_Soul', 'con_', 'etc', '__')
    """
    text = unicodedata.normalize("NFC", "".join(c if c.isprintable() else "_" for c in text))
    text = _FORBIDDEN.sub("_", text).encode()[:_MAX_BYTES].decode(errors="ignore").strip().rstrip(". ")
    if text.startswith("."):
        text = f"_{text[1:]}"
    if _RESERVED.fullmatch(text):
        stem, dot, rest = text.partition(".")
        text = f"{stem}_{dot}{rest}"
    return text or "_"


@dataclass
class _Places:
    """Playlists, folders and files."""

    folder: Path
    names: Callable[[str], str]
    _genres: dict[str | None, str] = field(default_factory=lambda: {None: UNSURE})
    _files: dict[tuple[str, str], Path] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {UNSURE})

    def name(self, genre: str | None) -> str | None:
        return None if genre is None else self.names(genre)

    def genre(self, genre: str | None) -> str:
        name = self.name(genre)
        if name not in self._genres:
            self._genres[name] = self._free("", safe_name(name or ""), "")
        return self._genres[name]

    def playlist(self, genre: str | None) -> Path:
        return self.folder / f"{self.genre(genre)}.m3u8"

    def file(self, genre: str | None, source: Path) -> Path:
        name = self.genre(genre)
        key = (name, str(place_of(source)))
        if key not in self._files:
            self._files[key] = self.folder / name / self._free(f"{name}/", source.stem, source.suffix)
        return self._files[key]

    def _free(self, before: str, stem: str, suffix: str) -> str:
        name, number = f"{stem}{suffix}", 1
        while (key := unicodedata.normalize("NFC", f"{before}{name}".casefold())) in self._taken:
            number += 1
            name = f"{stem} ({number}){suffix}"
        self._taken.add(key)
        return name


def _listed(
    predictions: Iterable[Prediction],
    places: _Places,
    min_confidence: float,
    check: bool,
    write: bool,
    overwrite: bool,
) -> Iterator[SortRow]:
    rows: list[SortRow] = []
    lines: dict[str, dict[str, None]] = {}
    for prediction in predictions:
        genre = None
        try:
            source = _source(prediction)
            genre = _genre(prediction, min_confidence)
            if check:
                same_song(source, prediction.content)
            target = places.playlist(genre)
            lines.setdefault(str(target), {})[_line(source, target)] = None
            rows.append(SortRow(prediction.id, genre, places.name(genre), str(target)))
        except (GenrekitError, OSError) as error:
            rows.append(SortRow(prediction.id, genre, error=_words(error)))
    failed = {}
    for name, paths in lines.items():
        try:
            put(Playlist(Path(name), tuple(paths)), write, overwrite)
        except (GenrekitError, OSError) as error:
            failed[name] = _words(error)
    for row in rows:
        words = failed.get(row.target or "")
        yield row if words is None else replace(row, target=None, error=words)


def _source(prediction: Prediction) -> Path:
    if prediction.error is not None:
        raise MediaError(prediction.error)
    if is_remote(prediction.id):
        raise MediaError("The input is an address; only files here are sorted.")
    source = Path(prediction.id)
    if not os.path.isfile(source):  # noqa: PTH113 - Path.is_file raises if a folder is not accessible
        raise MediaError("There is no such file.")
    return source


def _genre(prediction: Prediction, min_confidence: float) -> str | None:
    is_sure = not min_confidence or (prediction.score or 0.0) >= min_confidence
    return (prediction.label or None) if is_sure else None


def _check_outside(source: Path, folder: Path) -> None:
    """Refuse the output of earlier runs: it would make links to links and copies of copies, or replace itself."""
    below = folder.resolve()
    if place_of(source).is_relative_to(below) or source.resolve().is_relative_to(below):
        raise MediaError(f"The file lies in {folder}, where sorted files go.")


def _line(source: Path, playlist: Path) -> str:
    line = way_to(source, playlist).replace(os.sep, "/")
    if any(c in line for c in "\r\n"):
        raise MediaError("The name has a line break, which a playlist cannot hold.")
    try:
        os.fsencode(line).decode()
    except UnicodeDecodeError:
        raise MediaError("The name is not UTF-8, which a playlist must be.") from None
    return f"./{line}" if line.startswith("#") or line[:1].isspace() else line


def _words(error: GenrekitError | OSError) -> str:
    if isinstance(error, GenrekitError):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}."
