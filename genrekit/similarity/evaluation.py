"""Quality of similarity: precision at k by genre, with and without songs of the same artist, and hubness.

*Sources.* The artist filter: Flexer and Schnitzer, *Effects of album and artist filters in audio similarity computed for very
large music databases*, Computer Music Journal 34(3), 2010. Hubness, the skewness of k-occurrence: Radovanovic, Nanopoulos and
Ivanovic, *Hubs in space*, JMLR 11, 2010.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genrekit.datasets import Dataset, Reading, open_dataset
from genrekit.errors import DatasetError
from genrekit.labels import canonical
from genrekit.metrics import bootstrap_draws, group_sums, interval
from genrekit.similarity.embedding import absolute
from genrekit.similarity.rows import Rows
from genrekit.similarity.searching import Index
from genrekit.text import counted, fold
from genrekit.types import Modality, Say, silent

KS = (1, 5, 10)
HUB_K = 10
_N_BOOT, _SEED = 1000, 0
_ROWS = 512


@dataclass(frozen=True, slots=True)
class Precision:
    """Share of the k nearest songs that have the label of the query, with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Similarity:
    """Measurements of the similarity of an index.

    Attributes
    ----------
    n : int
        Songs with a label, each the query once.
    n_artists : int
        Distinct artists; songs without one count as their own.
    n_other_artists : int
        Queries of the second: their label has a song of another artist.
    labels : Mapping of str to int
        Songs per label.
    precision, precision_other_artists : Mapping of str to Precision
        'precision_at_1' ... and 'mean_average_precision_at_10'; in the second the artist's other songs are left out.
        Empty where no artist is known.
    by_label : Mapping of str to Mapping of str to float
        Per label the precisions at k with the artist filter, or without it where no artist is known.
    chance : float
        Expected precision of random songs.
    hubness, hubness_raw : float
        Skewness of how often a song is among the 10 nearest of others, and the same without centring; 0 is even.
    antihubs : float
        Share of songs that are among the 10 nearest of no other.
    notes : tuple of str
    """

    n: int
    n_artists: int
    n_other_artists: int
    labels: Mapping[str, int]
    precision: Mapping[str, Precision]
    precision_other_artists: Mapping[str, Precision]
    by_label: Mapping[str, Mapping[str, float]]
    chance: float
    hubness: float
    hubness_raw: float
    antihubs: float
    notes: tuple[str, ...] = field(default=())


def evaluate_similarity(
    index: Index,
    sources: Sequence[str] = (),
    *,
    merge_labels: bool = False,
    read: Reading | None = None,
    say: Say = silent,
) -> Similarity:
    """Measure the similarity of an index on songs of known genre, each of which is the query once.

    Parameters
    ----------
    index : Index
    sources : sequence of str
        Labelled data whose files are in the index; by default genre and artist come from the tags of the files.
    merge_labels, read
        As for `genrekit.open_dataset`.
    say : callable
        Takes lines for the user.

    Returns
    -------
    Similarity

    Raises
    ------
    DatasetError
        If fewer than two labels, or fewer than three songs of the index, are known.
    """
    known = _of_tags(index) if not sources else {}
    notes: list[str] = []
    kind = Modality(index.facts.modality)
    for source in sources:
        dataset = open_dataset(
            source,
            modality=kind,
            prefer=read or ("audio" if kind is Modality.AUDIO else None),
            merge_labels=merge_labels,
        )
        known |= _of_dataset(dataset)
    with Rows(index.folder) as rows:
        names = {row.name: id for id, row in rows.all()}
    found = [(id, *known[name]) for name, id in names.items() if name in known]
    if sources and (left := len(known) - len(found)):
        notes.append(f"{left} of {counted(len(known), 'example')} of the data are not in the index")
    if left := len(names) - len(found):
        notes.append(
            f"{left} of {counted(len(names), 'row')} of the index have no known genre and are left out"
        )
    if len({label for _, label, _ in found}) < 2 or len(found) < 3:
        where = "of the data are in the index" if sources else "have a genre in their tags"
        raise DatasetError(
            f"{counted(len(found), index.facts.noun)} {where}; {index.facts.noun}s of two genres are needed.",
            "Name labelled data whose files are in the index: genrekit evaluate --similarity --index I music/",
        )
    for note in notes:
        say(f"note: {note}")
    at = np.searchsorted(index.ids, [id for id, _, _ in found])
    vectors = index.vectors[index.places[at]]
    labels, artists = [label for _, label, _ in found], [artist for _, _, artist in found]
    raw = np.nan_to_num(index.scaled(vectors))
    raw /= np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)
    return measure_similarity(index.directions(vectors), labels, artists, raw=raw, notes=tuple(notes))


def measure_similarity(
    directions: np.ndarray,
    labels: Sequence[str],
    artists: Sequence[str],
    *,
    raw: np.ndarray | None = None,
    notes: tuple[str, ...] = (),
) -> Similarity:
    """Measure how well cosines of directions find songs of the same label.

    Parameters
    ----------
    directions : np.ndarray [shape=(n, size)]
        Vectors of length 1, of 3 songs or more.
    labels, artists : sequence of str
        One per song; an empty artist is nobody else's.
    raw : np.ndarray [shape=(n, size)], optional
        The same before centring, for its hubness.
    notes : tuple of str

    Returns
    -------
    Similarity
    """
    label_of = np.unique(np.array(labels, dtype=object), return_inverse=True)[1]
    names = [artist or f"\0{i}" for i, artist in enumerate(artists)]
    artist_of = np.unique(np.array(names, dtype=object), return_inverse=True)[1]
    counts = np.bincount(label_of)
    n = len(labels)
    with_all = _terms(directions, label_of, None)
    has_artists = len(set(artist_of.tolist())) < n
    filtered = _terms(directions, label_of, artist_of) if has_artists else None
    alone = [counts[label] == own for label, own in zip(label_of, _of_both(label_of, artist_of), strict=True)]
    asked = ~np.array(alone)
    shown, used = (with_all, np.ones(n, dtype=bool)) if filtered is None else (filtered, asked)
    metrics = [f"precision_at_{k}" for k in KS]
    by_label = {
        label: dict(zip(metrics, shown[of_label, : len(KS)].mean(axis=0).tolist(), strict=True))
        for code, label in enumerate(sorted(set(labels)))
        if (of_label := (label_of == code) & used).any()
    }
    occurrence = _occurrence(directions)
    return Similarity(
        n=n,
        n_artists=int(artist_of.max()) + 1,
        n_other_artists=int(asked.sum()) if has_artists else 0,
        labels=dict(zip(sorted(set(labels)), counts.tolist(), strict=True)),
        precision=_precisions(with_all, artist_of),
        precision_other_artists={}
        if filtered is None or not asked.any()
        else _precisions(filtered[asked], artist_of[asked]),
        by_label=by_label,
        chance=float((counts * (counts - 1)).sum() / (n * (n - 1))),
        hubness=_skewness(occurrence),
        hubness_raw=_skewness(_occurrence(directions if raw is None else raw)),
        antihubs=float((occurrence == 0).mean()),
        notes=notes,
    )


def _ranked(
    directions: np.ndarray, k: int, left_out: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield per block of queries their k nearest others, best first, and which of these places are filled."""
    n = len(directions)
    k = min(k, n - 1)
    narrow = directions.astype(np.float32)
    for start in range(0, n, _ROWS):
        own = np.arange(start, min(n, start + _ROWS))
        cosines = narrow[own] @ narrow.T
        if left_out is not None:
            cosines[left_out[own][:, None] == left_out[None, :]] = -np.inf
        cosines[np.arange(len(own)), own] = -np.inf
        best = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(cosines, best, axis=1)
        order = np.lexsort((best, -values), axis=1)
        yield np.take_along_axis(best, order, axis=1), np.isfinite(np.take_along_axis(values, order, axis=1))


def _terms(directions: np.ndarray, label_of: np.ndarray, left_out: np.ndarray | None) -> np.ndarray:
    """Return per query its precisions at `KS` and its average precision at the last [shape=(n, len(KS) + 1)]."""
    found = []
    start = 0
    for best, there in _ranked(directions, KS[-1], left_out):
        own = label_of[start : start + len(best)]
        start += len(best)
        hits = (label_of[best] == own[:, None]) & there
        filled = np.maximum(1, there.cumsum(axis=1))
        at = hits.cumsum(axis=1) / filled
        columns = [at[:, min(k, at.shape[1]) - 1] for k in KS]
        average = (at * hits).sum(axis=1) / np.maximum(1, hits.sum(axis=1))
        found.append(np.column_stack([*columns, average]))
    return np.concatenate(found)


def _of_both(label_of: np.ndarray, artist_of: np.ndarray) -> np.ndarray:
    """Count per song the songs of its label and artist."""
    _, both, counts = np.unique(
        np.column_stack([label_of, artist_of]), axis=0, return_inverse=True, return_counts=True
    )
    found: np.ndarray = counts[both.ravel()]
    return found


def _precisions(terms: np.ndarray, artist_of: np.ndarray) -> dict[str, Precision]:
    """Return the means of terms, with intervals by the bootstrap over artists."""
    names = [*(f"precision_at_{k}" for k in KS), f"mean_average_precision_at_{KS[-1]}"]
    groups = np.unique(artist_of, return_inverse=True)[1]
    sums = group_sums(np.column_stack([terms, np.ones(len(terms))]), groups)

    def measure(counts: np.ndarray) -> dict[str, np.ndarray]:
        drawn = counts @ sums
        return {name: drawn[:, k] / drawn[:, -1] for k, name in enumerate(names)}

    draws = bootstrap_draws(measure, len(sums), n_boot=_N_BOOT, seed=_SEED)
    return {
        name: Precision(float(terms[:, k].mean()), *interval(draws[name])) for k, name in enumerate(names)
    }


def _occurrence(directions: np.ndarray) -> np.ndarray:
    """Count how often each song is among the `HUB_K` nearest of others."""
    counts = np.zeros(len(directions), dtype=np.int64)
    for best, _ in _ranked(directions, HUB_K, None):
        counts += np.bincount(best.ravel(), minlength=len(counts))
    return counts


def _skewness(counts: np.ndarray) -> float:
    deviation = counts.std()
    return float((((counts - counts.mean()) / deviation) ** 3).mean()) if deviation else 0.0


def _of_tags(index: Index) -> dict[str, tuple[str, str]]:
    """Return the first genre and the artist in the tags of the files of an index."""
    with Rows(index.folder) as rows:
        return {
            row.name: (canonical(row.genres.split("|")[0]), fold(row.artist))
            for _, row in rows.all()
            if row.genres
        }


def _of_dataset(dataset: Dataset) -> dict[str, tuple[str, str]]:
    """Return label and group of the examples of one label, by their names in an index."""
    found = {}
    for example in dataset.examples:
        if len(example.labels) == 1:
            if example.path is not None:
                name = absolute(example.path)
            elif dataset.file is not None:
                name = f"{absolute(dataset.file)}#{example.id}"
            else:
                continue
            found[name] = (example.labels[0], example.group or "")
    return found
