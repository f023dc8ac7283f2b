"""Results of a search, and conditions on them."""

from __future__ import annotations

from dataclasses import dataclass

from genrekit.similarity.rows import Row


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of an index that is similar to a query.

    Attributes
    ----------
    input : str
        Its name: the absolute path of a file, ``PATH#row N``, or an address.
    score : float
        Cosine of the centred vectors in [-1, 1]; with ``unlike`` minus half the cosine to that.
    label, label_score : str, float or None
        The prediction of the model.
    artist, title : str
        Empty where unknown.
    length_s : float or None
    id : int
        Its id in the index, which it keeps.
    path : str or None
        The file.
    """

    input: str
    score: float
    label: str = ""
    label_score: float | None = None
    artist: str = ""
    title: str = ""
    length_s: float | None = None
    id: int = 0
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on the rows that may be results.

    Attributes
    ----------
    genre : str
        Only rows whose predicted label or genre tag is this; empty for all.
    not_artist : str
        No rows of this artist; empty for all.
    without : frozenset of int
        No rows with these ids.
    """

    genre: str = ""
    not_artist: str = ""
    without: frozenset[int] = frozenset()


def neighbour(id: int, row: Row, score: float) -> Neighbour:
    """Return a row as a result."""
    return Neighbour(
        input=row.name,
        score=round(score, 6),
        label=row.label or "",
        label_score=row.score,
        artist=row.artist,
        title=row.title,
        length_s=row.length_s,
        id=id,
        path=row.path,
    )
