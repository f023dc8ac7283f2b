"""Queries by a song, a picture or a row of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from genrekit.errors import MediaError, UsageError
from genrekit.prediction import Model, Pipeline, PredictOptions, TableTask, as_inputs, load_models
from genrekit.preparation import Cache
from genrekit.remote import is_remote
from genrekit.similarity.embedding import Embedded, absolute, embed, embed_table, stat_of
from genrekit.similarity.results import Filters, Neighbour
from genrekit.similarity.rows import Row, Rows
from genrekit.similarity.searching import Index
from genrekit.text import counted
from genrekit.types import Example, Say, silent

_ROW = re.compile(r"(.+)#row (\d{1,12})", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A vector to search by [shape=(size,)], with the known facts of its song.

    ``ids`` are the rows of the index that are this song.
    """

    vector: np.ndarray
    row: Row
    ids: frozenset[int]


def similar(
    song: Any,
    index: Index | str | Path,
    *,
    k: int = 20,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    genre: str = "",
    other_artists: bool = False,
    unlike: Any = (),
    model: Model | str | Path | None = None,
    cache: Cache | None = None,
    say: Say = silent,
) -> list[Neighbour]:
    """Find the songs of an index that are most similar to one, which is not among the results itself.

    Parameters
    ----------
    song : str, Path, bytes, binary file, (np.ndarray, int) or PIL.Image.Image
        As for `genrekit.predict`; ``TABLE#row N`` is a row of a table. A song of the index, unchanged, is not decoded.
    index : Index, str or Path
    k : int >= 1
    offset_s, duration_s : float >= 0, float > 0, optional
        The part of the song to compare, in seconds.
    genre : str
        Only songs with this predicted label or genre tag.
    other_artists : bool
        Only songs of other artists than the song's.
    unlike : as ``song``, or a sequence of them
        Songs that results must be unlike: half their mean cosine is subtracted.
    model : Model, str or Path, optional
        The model of the index, where it is not a shipped one and was moved.
    cache : Cache, optional
    say : callable
        Takes lines for the user.

    Returns
    -------
    list of Neighbour
        Best first.

    Raises
    ------
    UsageError
        If the model is not that of the index, the artist is asked for and not known, no song has the genre, or the input is
        a table of several rows.
    MediaError
        If the song cannot be read.
    UnknownSourceError, DatasetError
        As `Index`.
    """
    opened = index if isinstance(index, Index) else Index(index)
    reader = Reader(opened, model, cache or Cache(), say)
    others = list(unlike) if isinstance(unlike, list | tuple) and not _is_samples(unlike) else [unlike]
    query = reader.read(song, offset_s, duration_s)
    disliked = [reader.read(one) for one in others]
    if query.ids:
        say(f"{query.row.name} is in the index, and left out of its own results")
    return neighbours(opened, query, disliked, k=k, genre=genre, other_artists=other_artists, say=say)


def neighbours(
    index: Index,
    query: Query,
    unlike: Sequence[Query] = (),
    *,
    k: int = 20,
    genre: str = "",
    other_artists: bool = False,
    say: Say = silent,
) -> list[Neighbour]:
    """Find the rows of an index that are most similar to a query, which is not among them itself.

    Parameters
    ----------
    index : Index
    query : Query
    unlike : sequence of Query
    k, genre, other_artists, say
        As for `similar`.

    Raises
    ------
    UsageError
        If the artist is asked for and not known, or no song has the genre.
    """
    if other_artists and not query.row.artist:
        raise UsageError(
            f"The artist of {query.row.name} is not known: its tags do not have one.",
            "Leave --other-artists out, or write the artist into the tags.",
        )
    without = query.ids.union(*(one.ids for one in unlike))
    filters = Filters(genre, query.row.artist if other_artists else "", without)
    found = index.search(query.vector, k, filters, [one.vector for one in unlike])
    if len(found) < k:
        say(
            f"only {len(found)} of {counted(len(index), index.facts.noun)} can be results; {k} were asked for"
        )
    return found


def stored(index: Index, id: int) -> Query:
    """Return the query by a row of an index.

    Raises
    ------
    UsageError
        If there is no such row.
    """
    vector = index.vector(id)
    with Rows(index.folder) as rows:
        row = rows.get([id]).get(id)
        if row is None:
            raise UsageError(f"{index.folder} has no row {id}.")
        return Query(vector, row, same_rows(rows, row) | {id})


def as_query(index: Index, row: Row, vector: np.ndarray) -> Query:
    """Return the query by an input that may be in an index under another name.

    Parameters
    ----------
    index : Index
    row : Row
    vector : np.ndarray [shape=(size,)]
    """
    with Rows(index.folder) as rows:
        return Query(vector, row, same_rows(rows, row))


def same_rows(rows: Rows, row: Row) -> frozenset[int]:
    """Return the ids of the rows of equal content."""
    return frozenset(id for id, _ in rows.of_content(row.sha256, row.sound_key))


def _is_samples(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], np.ndarray)


@dataclass
class Reader:
    """Reads queries for an index; the model is loaded for the first one that is not in it."""

    index: Index
    given: Model | str | Path | None
    cache: Cache
    say: Say
    _model: Model | None = None

    def __post_init__(self) -> None:
        if self.given is not None:
            (self._model,) = load_models(self.given)
            self.index.check_model(self._model)

    @property
    def model(self) -> Model:
        """The model of the index."""
        if self._model is None:
            self._model = self.index.facts.load_model(self.index.folder)
        return self._model

    def read(self, song: Any, offset_s: float = 0.0, duration_s: float | None = None) -> Query:
        """Return the vector of a song: the stored one if the whole song is in the index and unchanged."""
        is_part = offset_s > 0 or duration_s is not None
        name = self._name(song)
        known = self.index.row(name) if name else None
        if known and not is_part and self._is_unchanged(known[1]) and known[0] in self.index:
            return Query(self.index.vector(known[0]), known[1], self._same(*known))
        options = PredictOptions(offset_s=offset_s, duration_s=duration_s, unfamiliar="ignore")
        pipeline = Pipeline([self.model], options, self.cache, jobs=1, say=self.say, lists=False)
        with TemporaryDirectory(prefix="genrekit-") as folder:
            found = self._embedded(pipeline, song, Path(folder))
        ids = self._same(None, found.row) | ({known[0]} if known else set())
        return Query(found.vector, found.row, frozenset(ids))

    def _embedded(self, pipeline: Pipeline, song: Any, folder: Path) -> Embedded:
        kind = self.index.facts.vectors
        wanted = _ROW.fullmatch(song) if isinstance(song, str) else None
        given = Path(wanted[1]) if wanted and Path(wanted[1]).is_file() else song
        tasks = list(pipeline.tasks(as_inputs(given, folder)))
        if len(tasks) != 1:
            raise UsageError(
                f"{song} means {len(tasks)} inputs; a query is one song.", "Name one file, or TABLE#row N."
            )
        task = tasks[0]
        if isinstance(task, TableTask):
            return _row_of(embed_table(pipeline, kind, task), task.name, int(wanted[2]) if wanted else None)
        if task.error:
            raise MediaError(f"{task.example.id}: {task.error}")
        preparation = pipeline.worker(folder, keys_sound=True, timbre=kind == "sound")(task)
        if preparation.error is not None:
            raise MediaError(f"{task.example.id}: {preparation.error}")
        return embed(pipeline, kind, task, preparation)

    def _name(self, song: Any) -> str:
        if isinstance(song, Example):
            return ""
        if not isinstance(song, str | Path):
            return ""
        text = str(song)
        if is_remote(text):
            return text
        wanted = _ROW.fullmatch(text)
        return f"{absolute(wanted[1])}#row {wanted[2]}" if wanted else absolute(text)

    def _is_unchanged(self, row: Row) -> bool:
        """Return whether a file is as it was indexed; one that is gone has its vector still."""
        if row.path is None:
            return True
        stat = stat_of(row.path)
        return stat == (0, 0) or stat == (row.n_bytes, row.mtime_ns)

    def _same(self, id: int | None, row: Row) -> frozenset[int]:
        """Return the ids of the rows that are this song: the row itself, and equal content."""
        with Rows(self.index.folder) as rows:
            same = same_rows(rows, row)
        return same if id is None else same | {id}


def _row_of(found: Any, name: str, number: int | None) -> Embedded:
    """Return the row of a table with a given number, or its only row."""
    rows: Sequence[Embedded | tuple[str, str]] = [
        one for one in found
        if number is None or (one[0] if isinstance(one, tuple) else one.row.name).endswith(f"#row {number}")
    ]  # fmt: skip
    if len(rows) != 1:
        what = f"has no row {number}" if number is not None else f"has {counted(len(rows), 'row')}"
        raise UsageError(f"{name} {what}; a query is one row.", f'Name it: "{name}#row 2"')
    if isinstance(rows[0], tuple):
        raise MediaError(f"{rows[0][0]}: {rows[0][1]}")
    return rows[0]
