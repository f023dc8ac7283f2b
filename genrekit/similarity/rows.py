"""The rows of an index: one per song, picture or row of a table, in SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from genrekit.errors import DatasetError
from genrekit.labels import canonical
from genrekit.similarity.facts import ROWS
from genrekit.text import fold

_WAIT_S = 60.0
_SCHEMA = """
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, path BLOB, n_bytes INTEGER, mtime_ns INTEGER, sha256 TEXT, sound_key TEXT,
    vector INTEGER NOT NULL, label TEXT, score REAL, artist TEXT, title TEXT, genres TEXT, length_s REAL, note TEXT, course BLOB,
    artist_key TEXT, genre_keys TEXT
);
CREATE INDEX by_path ON rows (path);
CREATE INDEX by_bytes ON rows (n_bytes);
CREATE INDEX by_sha256 ON rows (sha256);
CREATE INDEX by_sound ON rows (sound_key);
CREATE TABLE state (vectors INTEGER NOT NULL);
INSERT INTO state VALUES (0);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Metadata of one indexed input.

    Attributes
    ----------
    name : str
        Unique: the absolute path of a file, ``PATH#row N`` of a row of a table, or an address.
    path : str or None
        The file, absolute; None for an address.
    n_bytes, mtime_ns : int
        Size and time of the last change of the file; 0 where it is not local.
    sha256, sound_key : str
        As in `genrekit.types.Content`; empty where there is none.
    vector : int >= 0
        Its place in ``vectors.f32``; several rows of equal content share one.
    label, score : str or None, float or None
        The prediction of the model.
    artist, title : str
        From tags, or from columns of the table; empty where unknown.
    genres : str
        The genres in the tags of the file, separated by ``|``.
    length_s : float or None
        Length in seconds.
    note : str
        The note of the prediction.
    course : bytes
        `genrekit.similarity.course.course_of`; empty where there is none.
    """

    name: str
    path: str | None = None
    n_bytes: int = 0
    mtime_ns: int = 0
    sha256: str = ""
    sound_key: str = ""
    vector: int = 0
    label: str | None = None
    score: float | None = None
    artist: str = ""
    title: str = ""
    genres: str = ""
    length_s: float | None = None
    note: str = ""
    course: bytes = b""


_COLUMNS = tuple(field.name for field in fields(Row))
_NAMED = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" * (len(_COLUMNS) + 2))


class Rows:
    """Open rows; a context manager.

    Parameters
    ----------
    folder : Path
        The folder of the index.
    write : bool
        Whether to change rows; they are created if missing.

    Raises
    ------
    DatasetError
        If the file is missing or damaged.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self.path = folder / ROWS
        new = write and not self.path.exists()
        if not write and not self.path.is_file():
            raise _damaged(self.path, "it is missing")
        with self._explained():
            self._base = _connect(self.path, write)
            if new:
                self._base.executescript(_SCHEMA)
            self.vectors: int = self._base.execute("SELECT vectors FROM state").fetchone()[0]

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *error: object) -> None:
        self._base.close()

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM rows")[0])

    def commit(self, vectors: int) -> None:
        """Keep the changes since the last commit, and the number of vectors that are in the file."""
        with self._explained():
            self._base.execute("UPDATE state SET vectors = ?", (vectors,))
            self._base.commit()
        self.vectors = vectors

    def put(self, row: Row) -> None:
        """Add a row, or replace the one of its name; a row that is replaced keeps its id."""
        values = [_bytes(row.name), _bytes(row.path), *astuple(row)[2:]]
        labels = [*row.genres.split("|"), row.label or ""]
        keys = "|".join(dict.fromkeys(canonical(label) for label in labels if label))
        changes = ", ".join(
            f"{name} = excluded.{name}" for name in (*_COLUMNS[1:], "artist_key", "genre_keys")
        )
        with self._explained():
            self._base.execute(
                f"INSERT INTO rows ({_NAMED}, artist_key, genre_keys) VALUES ({_MARKS}) "  # noqa: S608 - own names
                f"ON CONFLICT (name) DO UPDATE SET {changes}",
                (*values, fold(row.artist), f"|{keys}|"),
            )

    def remove(self, names: Iterable[str]) -> None:
        """Remove the rows of names."""
        with self._explained():
            self._base.executemany("DELETE FROM rows WHERE name = ?", ((_bytes(name),) for name in names))

    def find(self, name: str) -> tuple[int, Row] | None:
        """Return the row of a name with its id, or None."""
        return next(self._rows("name = ?", (_bytes(name),)), None)

    def of_content(self, sha256: str, sound_key: str = "") -> list[tuple[int, Row]]:
        """Return the rows of the same content: by its SHA-256, else by the key of its sound."""
        found = list(self._rows("sha256 = ?", (sha256,))) if sha256 else []
        return found or (list(self._rows("sound_key = ?", (sound_key,))) if sound_key else [])

    def of_path(self, path: str) -> list[tuple[int, Row]]:
        """Return the rows of a file: one, or one per row of a table or track of a cue sheet."""
        return list(self._rows("path = ?", (_bytes(path),)))

    def has_size(self, n_bytes: int) -> bool:
        """Return whether a file has this size."""
        return (
            self._one("SELECT count(*) FROM (SELECT 1 FROM rows WHERE n_bytes = ? LIMIT 1)", (n_bytes,))[0]
            > 0
        )

    def get(self, ids: Iterable[int]) -> dict[int, Row]:
        """Return the rows of ids; one that was removed meanwhile is left out."""
        return {id: row for id in ids for id, row in self._rows("id = ?", (id,))}

    def all(self) -> Iterator[tuple[int, Row]]:
        """Yield all rows, by id."""
        return self._rows("1", ())

    def places(self) -> list[tuple[int, int]]:
        """Return the ids of all rows, ascending, with the places of their vectors."""
        with self._explained():
            return self._base.execute("SELECT id, vector FROM rows ORDER BY id").fetchall()

    def for_pairs(self) -> dict[int, tuple[float | None, bytes]]:
        """Return the lengths and courses of all rows, by id."""
        with self._explained():
            return {
                row[0]: (row[1], row[2])
                for row in self._base.execute("SELECT id, length_s, course FROM rows")
            }

    def paths(self) -> list[tuple[str, str]]:
        """Return the names of all rows that are of local files, with the files."""
        with self._explained():
            found = self._base.execute(
                "SELECT name, path FROM rows WHERE path IS NOT NULL ORDER BY id"
            ).fetchall()
        return [(os.fsdecode(name), os.fsdecode(path)) for name, path in found]

    def of_genre(self, genre: str) -> list[int]:
        """Return the ids of rows whose label or genre tag means a genre."""
        return self._ids("instr(genre_keys, ?) > 0", f"|{canonical(genre)}|")

    def of_artist(self, artist: str) -> list[int]:
        """Return the ids of rows of an artist, in any spelling of upper and lower case."""
        return self._ids("artist_key = ?", fold(artist))

    def genres(self) -> list[str]:
        """Return the labels of all rows."""
        with self._explained():
            return [
                row[0]
                for row in self._base.execute(
                    "SELECT DISTINCT label FROM rows WHERE label <> '' ORDER BY label"
                )
            ]

    def _ids(self, where: str, *values: str) -> list[int]:
        with self._explained():
            return [row[0] for row in self._base.execute(f"SELECT id FROM rows WHERE {where}", values)]  # noqa: S608 - own words

    def _one(self, query: str, values: tuple[object, ...] = ()) -> tuple[int, ...]:
        with self._explained():
            found: tuple[int, ...] = self._base.execute(query, values).fetchone()
        return found

    def _rows(self, where: str, values: tuple[object, ...]) -> Iterator[tuple[int, Row]]:
        with self._explained():
            found = self._base.execute(f"SELECT id, {_NAMED} FROM rows WHERE {where} ORDER BY id", values)  # noqa: S608 - own words
            for id, *cells in found:
                name, path, *others = cells
                yield id, Row(os.fsdecode(name), None if path is None else os.fsdecode(path), *others)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise _unusable(self.path, error) from None
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise _damaged(self.path, str(error)) from None


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    """Open a file; a reader may write, if it can, to undo a transaction that was interrupted."""
    uri = path.absolute().as_uri()
    can_write = write or os.access(path.parent, os.W_OK)
    mode = "rwc" if write else "rw" if can_write else "ro"
    return sqlite3.connect(f"{uri}?mode={mode}", uri=True, timeout=_WAIT_S)


def _bytes(name: str | None) -> bytes | None:
    """Return a file name as the system's bytes, which need not be UTF-8."""
    return None if name is None else os.fsencode(name)


def _unusable(path: Path, error: sqlite3.Error) -> DatasetError:
    words = str(error)
    if "locked" in words:
        return DatasetError(f"{path} is in use by another process.", "Wait for it.")
    if "readonly" in words or "unable to open" in words:
        return DatasetError(
            f"{path} cannot be written: {words}.",
            "An index that was interrupted is repaired by 'genrekit index ... --resume', on a disk that can be written.",
        )
    if "full" in words or "disk I/O" in words:
        return DatasetError(f"{path} cannot be written: {words}.", "Make room, and go on with --resume.")
    return _damaged(path, words)


def _damaged(path: Path, words: str) -> DatasetError:
    return DatasetError(
        f"{path} is damaged: {words}.", "Make the index again: genrekit index ... --overwrite"
    )
