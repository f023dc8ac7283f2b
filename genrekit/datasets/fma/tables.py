"""The tables of tracks and genres of the FMA: ``tracks.csv`` and ``genres.csv``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrekit.errors import DatasetError
from genrekit.labels import normalise
from genrekit.tables import open_table
from genrekit.text import known, printable, quote_all

MAX_GENRES = 10_000

_GENRES = re.compile(r"\[\s*(?:\d{1,9}\s*(?:,\s*\d{1,9}\s*)*)?\]")
_COLUMNS = (
    *("set.split", "set.subset", "track.genre_top", "track.genres", "track.genres_all"),
    *("artist.id", "artist.name", "track.title"),
)


@dataclass(frozen=True, slots=True)
class Track:
    """A row of ``tracks.csv``, with cells as stripped text.

    Attributes
    ----------
    number : str
        The number of the track, as written.
    split : str
        'training', 'validation' or 'test'.
    subset : str
        The smallest subset that the track is in: 'small', 'medium' or 'large'.
    genre_top : str
        The title of the only root of its genres; empty if they have more than one.
    genres, genres_all : str
        The numbers of its genres, without and with their parents, as ``[21, 45]``.
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
    """Read ``tracks.csv``: two lines of column names, one that names the index, a row per track.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Track or tuple of (str, str)
        A tuple is ``row N`` and the reason why it cannot be read; the first track is in row 3.

    Raises
    ------
    DatasetError
        If the file cannot be read, or a column is missing.
    """
    table = open_table(path, n_headers=2)
    missing = [column for column in _COLUMNS if column not in table.columns]
    if missing:
        raise DatasetError(
            f"{printable(path)} is not the tracks.csv of the FMA: it does not have the columns {quote_all(missing)}.",
            "It begins with two lines of column names: ',set,set,track', then ',split,subset,genre_top'.",
        )
    for number, cells, problem in table.rows([table.columns[0], *_COLUMNS]):
        if problem:
            yield f"row {number + 1}", problem
        elif number > 2 or cells[0].strip().isdecimal():  # the name of the index
            yield Track(*map(str.strip, cells))


def read_genres(path: Path) -> dict[int, str]:
    """Read ``genres.csv``: the label of every genre by its number.

    A label is the title in lower case; genres with the same title are followed by their number, ``noise (12)``.

    Raises
    ------
    DatasetError
        If the file cannot be read, or the columns ``genre_id`` and ``title`` are missing.
    """
    cells = open_table(path).cells()
    number_at, title_at = cells.find(("genre_id",)), cells.find(("title",))
    if number_at is None or title_at is None:
        raise DatasetError(
            f"{printable(path)} is not the genres.csv of the FMA: it has the columns {quote_all(cells.columns)}.",
            "It has the columns genre_id, #tracks, parent, title and top_level.",
        )
    titles = {
        int(row[number_at]): label
        for _, row in cells.rows
        if re.fullmatch(r"\d{1,9}", row[number_at], re.ASCII) and (label := label_of(row[title_at]))
    }
    if not titles or len(titles) > MAX_GENRES:
        raise DatasetError(
            f"{printable(path)} names {len(titles):,} genres; 1 to {MAX_GENRES:,} are expected."
        )
    times = Counter(titles.values())
    return {number: f"{title} ({number})" if times[title] > 1 else title for number, title in titles.items()}


def label_of(title: str) -> str:
    """Return the label of a genre by its title: lower case, with ``/`` for ``|``, which separates labels."""
    return normalise(known(printable(title)).replace("|", "/"))


def parse_genres(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a cell like ``[21, 45]``, each once; None if it is not such a list.

    Examples
    --------
    >>> parse_genres("[21, 45]"), parse_genres("[]"), parse_genres("21")
    ((21, 45), (), None)
    """
    if not _GENRES.fullmatch(text):
        return None
    return tuple(dict.fromkeys(int(number) for number in re.findall(r"\d+", text)))
