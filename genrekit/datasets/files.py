"""Files of data sets: lookup by path, and selection of the usable ones with reasons for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

from genrekit.errors import MediaError
from genrekit.media import modality as modality_of
from genrekit.tables import Columns
from genrekit.text import clean, printable, system_name
from genrekit.types import Example, Modality

_A_FILE = {Modality.AUDIO: "audio", Modality.IMAGE: "an image", Modality.TABLE: "a table"}
_FILES = {Modality.AUDIO: "audio files", Modality.IMAGE: "images"}


class Paths:
    """Lookup of the files that a table names, even in another spelling that looks the same.

    Parameters
    ----------
    table : Columns
        The table; relative paths start at its ``base``.
    """

    def __init__(self, table: Columns) -> None:
        self._table = table
        self._base = table.base
        self._folders: dict[Path, dict[str, str | None]] = {}

    def find(self, text: str) -> Path:
        """Return the path that a text names, as the file system spells it, or as given if there is no file.

        Names are compared in the form of `genrekit.text.clean` (composed and decomposed characters, no-break spaces).
        Backslashes are tried as slashes, and a name that is not UTF-8 by its bytes.
        """
        spellings = (text, text.replace("\\", "/")) if "\\" in text else (text,)
        found = (self._spelt(self._base / system_name(spelling)) for spelling in spellings)
        return next((path for path in found if path is not None), self._table.file(text))

    def identity(self, path: Path) -> Hashable:
        """Return a value that is equal for two paths to one file, links included; the path itself if there is no file."""
        try:
            facts = path.stat()
        except (OSError, ValueError):
            return path
        return (facts.st_dev, facts.st_ino) if facts.st_ino else path.resolve()

    def _spelt(self, path: Path) -> Path | None:
        try:
            if path.exists():
                return path
        except (OSError, ValueError):
            return None
        folder = self._spelt(path.parent) if path.parent != path else None
        if folder is None:
            return None
        if folder not in self._folders:
            self._folders[folder] = _listing(folder)
        name = self._folders[folder].get(clean(printable(path.name)))
        return None if name is None else folder / name


def _listing(folder: Path) -> dict[str, str | None]:
    """Return the names in a folder by their normal form; None for two that look the same."""
    names: dict[str, str | None] = {}
    try:
        for name in (entry.name for entry in folder.iterdir()):
            look = clean(printable(name))
            names[look] = None if look in names else name
    except OSError:
        pass
    return names


@dataclass(frozen=True)
class Found:
    """Result of `choose` for a list of candidates."""

    modality: Modality
    examples: tuple[Example, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def choose(candidates: Iterable[Example], modality: Modality | None) -> Found:
    """Keep the candidates that are media files of one kind.

    Parameters
    ----------
    candidates : iterable of Example
        Examples with a path; the paths need not exist.
    modality : Modality or None
        The kind to keep; None keeps the most frequent kind, audio if equal.

    Returns
    -------
    Found
        ``examples`` may be empty.
    """
    usable: list[tuple[Example, Modality]] = []
    left_out: list[tuple[str, str]] = []
    for example in candidates:
        kind = _kind(example)
        if isinstance(kind, Modality):
            usable.append((example, kind))
        else:
            left_out.append((example.id, kind))
    counts = Counter(kind for _, kind in usable)
    wanted = modality or (
        Modality.IMAGE if counts[Modality.IMAGE] > counts[Modality.AUDIO] else Modality.AUDIO
    )
    other = Modality.AUDIO if wanted is Modality.IMAGE else Modality.IMAGE
    left_out += [
        (example.id, f"is {_A_FILE[kind]}; the data set is read as {_FILES.get(wanted, 'tables')}")
        for example, kind in usable
        if kind is not wanted
    ]
    notes = []
    if counts[wanted] and counts[other]:
        why = "as asked" if modality else "by majority"
        notes.append(
            f"{counts[wanted]} {_FILES[wanted]} and {counts[other]} {_FILES[other]} are mixed here: "
            f"the {_FILES[wanted]} were taken ({why})"
        )
    return Found(wanted, tuple(e for e, kind in usable if kind is wanted), tuple(left_out), tuple(notes))


def _kind(example: Example) -> Modality | str:
    """Return audio or image, or the reason why the file is neither."""
    assert example.path is not None
    try:
        kind = modality_of(example.path)
        empty = example.path.stat().st_size == 0
    except MediaError as error:
        return error.message
    except (OSError, ValueError) as error:
        return f"cannot be opened: {error}"
    if kind is None:
        return "is not audio or an image"
    if empty:
        return "is empty"
    return "is a table, not a media file" if kind is Modality.TABLE else kind
