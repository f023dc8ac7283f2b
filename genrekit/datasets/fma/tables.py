"""The two tables of the FMA that say what a track is: ``tracks.csv`` and ``genres.csv``, a batch of rows at a time."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pa_csv

from genrekit.errors import DatasetError
from genrekit.labels import normalise
from genrekit.tables import MAX_COLUMNS, MAX_HEADER_CHARACTERS, MAX_TABLE_BYTES
from genrekit.text import known, printable, quote_all

# A row must not be longer; the longest cells are the biographies of artists.
BLOCK_BYTES = 2**23
MAX_BROKEN_ROWS = 10_000
MAX_GENRES = 10_000

_GENRES = re.compile(r"\[\s*(?:\d{1,9}\s*(?:,\s*\d{1,9}\s*)*)?\]")
_COLUMNS = {
    ("set", "split"): "split",
    ("set", "subset"): "subset",
    ("track", "genre_top"): "genre_top",
    ("track", "genres"): "genres",
    ("track", "genres_all"): "genres_all",
    ("artist", "id"): "artist_id",
    ("artist", "name"): "artist",
    ("track", "title"): "title",
}


@dataclass(frozen=True, slots=True)
class Track:
    """A row of ``tracks.csv``, its cells as text without white space at their ends.

    Attributes
    ----------
    number : str
        The number of the track, as it is written.
    split : str
        'training', 'validation' or 'test'.
    subset : str
        The smallest subset that the track is in: 'small', 'medium' or 'large'.
    genre_top : str
        The title of the one root of its genres; empty where they have several.
    genres, genres_all : str
        The numbers of its genres, without and with those above them, as ``[21, 45]``.
    artist_id, artist, title : str
    """

    number: str
    split: str
    subset: str
    genre_top: str
    genres: str
    genres_all: str
    artist_id: str
    artist: str
    title: str


def read_tracks(path: Path) -> Iterator[Track | tuple[str, str]]:
    """Read ``tracks.csv``: two lines of column names, one that names the index, a row a track.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Track or tuple of (str, str)
        A tuple is ``row N`` and why it cannot be read.

    Raises
    ------
    DatasetError
        If the file cannot be read, has more than ``MAX_TABLE_BYTES``, lacks a column, or has a row of more than
        ``BLOCK_BYTES``.
    """
    try:
        size = path.stat().st_size
        if size > MAX_TABLE_BYTES:
            raise DatasetError(
                f"{printable(path)} has {size:,} bytes; a table may have {MAX_TABLE_BYTES:,} at most."
            )
        with path.open("rb") as file:
            tops, names = _cells(path, file), _cells(path, file)
            start = file.tell()
            if (_cells(path, file) or ["0"])[0].isdecimal():  # the name of the index may be left away
                file.seek(start)
            at = {pair: i for i, pair in enumerate(zip(tops, names, strict=False))}
            missing = [".".join(pair) for pair in _COLUMNS if pair not in at]
            if missing:
                raise DatasetError(
                    f"{printable(path)} is not the tracks.csv of the FMA: it lacks the columns {quote_all(missing)}.",
                    "It begins with two lines of column names: ',set,set,track', then ',split,subset,genre_top'.",
                )
            wanted = ["f0", *(f"f{at[pair]}" for pair in _COLUMNS)]
            if file.read(1):  # Arrow takes a text without any row for an error
                file.seek(-1, io.SEEK_CUR)
                yield from _rows(path, file, len(names), wanted)
    except (OSError, csv.Error, pa.ArrowException, ValueError) as error:
        raise _unreadable(path, error) from error


def _rows(path: Path, file: IO[bytes], width: int, wanted: list[str]) -> Iterator[Track | tuple[str, str]]:
    broken: list[tuple[str, str]] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        where = "a row" if row.number is None else f"row {row.number + 3}"
        broken.append((where, f"has {row.actual_columns} cells; the header has {row.expected_columns}"))
        return "skip" if len(broken) <= MAX_BROKEN_ROWS else "error"

    reader = pa_csv.open_csv(
        file,
        pa_csv.ReadOptions(
            use_threads=False, block_size=BLOCK_BYTES, column_names=[f"f{i}" for i in range(width)]
        ),
        pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        pa_csv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.binary()), strings_can_be_null=False
        ),
    )
    for batch in reader:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield Track(*(cell.decode("utf-8", "backslashreplace").strip() for cell in row))
    yield from broken


def read_genres(path: Path) -> dict[int, str]:
    """Read ``genres.csv``: the label of every genre by its number.

    A label is the title in lower case; genres of one title get their number behind it, ``noise (12)``.

    Raises
    ------
    DatasetError
        If the file cannot be read, or lacks the columns ``genre_id`` and ``title``.
    """
    titles: dict[int, str] = {}
    try:
        if path.stat().st_size > MAX_HEADER_CHARACTERS * 16:
            raise DatasetError(f"{printable(path)} is too large to be the genres.csv of the FMA.")
        with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
            for row in csv.DictReader(file):
                if "genre_id" not in row or "title" not in row:
                    raise DatasetError(
                        f"{printable(path)} is not the genres.csv of the FMA: it has the columns "
                        f"{quote_all(str(name) for name in row)}.",
                        "It has the columns genre_id, #tracks, parent, title and top_level.",
                    )
                number, label = row["genre_id"] or "", label_of(row["title"] or "")
                if re.fullmatch(r"\d{1,9}", number, re.ASCII) and label:
                    titles[int(number)] = label
    except (OSError, csv.Error, ValueError) as error:
        raise _unreadable(path, error) from error
    if not titles or len(titles) > MAX_GENRES:
        raise DatasetError(
            f"{printable(path)} names {len(titles):,} genres; 1 to {MAX_GENRES:,} are expected."
        )
    times = Counter(titles.values())
    return {number: f"{title} ({number})" if times[title] > 1 else title for number, title in titles.items()}


def label_of(title: str) -> str:
    """Return the label of a genre by its title: lower case, and ``/`` for the ``|`` that stands between labels."""
    return normalise(known(printable(title)).replace("|", "/"))


def parse_genres(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a cell like ``[21, 45]``, each once; None where it is no such list.

    Examples
    --------
    >>> parse_genres("[21, 45]"), parse_genres("[]"), parse_genres("21")
    ((21, 45), (), None)
    """
    if not _GENRES.fullmatch(text):
        return None
    return tuple(dict.fromkeys(int(number) for number in re.findall(r"\d+", text)))


def _cells(path: Path, file: IO[bytes]) -> list[str]:
    """The cells of the next line."""
    line = file.readline(MAX_HEADER_CHARACTERS)
    if len(line) == MAX_HEADER_CHARACTERS or line.count(b",") >= MAX_COLUMNS:
        raise DatasetError(f"{printable(path)} does not begin with lines of column names.")
    text = line.decode("utf-8-sig", "backslashreplace")
    return [cell.strip() for cell in next(csv.reader([text]), [])]


def _unreadable(path: Path, error: Exception) -> DatasetError:
    reason = printable(" ".join(str(getattr(error, "strerror", None) or error).split())[:300])
    return DatasetError(f"{printable(path)} cannot be read: {reason}.", "Unpack fma_metadata.zip again.")
