"""Exact search in an index: the cosine of centred vectors, over a mapped file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from genrekit.errors import DatasetError, UsageError
from genrekit.features import TIMBRE_SIZE
from genrekit.prediction import Model
from genrekit.similarity.embedding import mean_vector, vectors_of
from genrekit.similarity.facts import Facts, read_facts
from genrekit.similarity.mean import blocks, mean_and_scale, open_vectors
from genrekit.similarity.results import Filters, Neighbour, neighbour
from genrekit.similarity.rows import Row, Rows
from genrekit.text import nearest

UNLIKE = 0.5
"""Weight of the songs that results must be unlike."""
_SPARE = 64  # candidates beyond k whose cosines are computed again in float64


class Index:
    """An index that is open for reading, as it was when it was opened; any number of threads may search in it.

    Parameters
    ----------
    folder : str or Path

    Attributes
    ----------
    facts : Facts
    ids : np.ndarray [shape=(n,), dtype=int64]
        Ids of the rows, ascending.
    vectors : np.ndarray [shape=(n_vectors, size), dtype=float32]
        The file, mapped.
    places : np.ndarray [shape=(n,), dtype=int64]
        The place of each row's vector.

    Raises
    ------
    UnknownSourceError
        If there is no index.
    DatasetError
        If it is damaged, of another version, or empty.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.facts: Facts = read_facts(self.folder)
        with Rows(self.folder) as rows:
            n_vectors = rows.vectors
            found = np.array(rows.places(), dtype=np.int64).reshape(-1, 2)
        self.ids, self.places = found[:, 0], found[:, 1]
        if not len(found):
            raise DatasetError(
                f"{self.folder} is empty.", "Add songs to it: genrekit index music/ -o " + str(folder)
            )
        if self.places.min() < 0 or self.places.max() >= n_vectors:
            raise DatasetError(
                f"{self.folder} is damaged: rows name vectors that are not there.",
                "Make the index again: genrekit index ... --overwrite",
            )
        self.vectors = open_vectors(self.folder, n_vectors, self.facts.size)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: object) -> bool:
        """Return whether there is a row of an id."""
        if not isinstance(id, int):
            return False
        place = int(np.searchsorted(self.ids, id))
        return place < len(self.ids) and bool(self.ids[place] == id)

    @cached_property
    def _mean_and_scale(self) -> tuple[np.ndarray, np.ndarray | None]:
        mean, scale = self.facts.mean, self.facts.scale
        if mean is None or not self.facts.finished:
            mean, scale = mean_and_scale(self.folder, self.facts, self.places)
        return np.array(mean), None if scale is None else np.array(scale)

    @cached_property
    def _inverse_norms(self) -> np.ndarray:
        """One over the norms of all centred vectors; 0 for one that is the mean."""
        found = np.empty(len(self.vectors), np.float32)
        mean, scale = (None if one is None else one.astype(np.float32) for one in self._mean_and_scale)
        for rows in blocks(self.vectors):
            block = self.vectors[rows] - mean
            if scale is not None:
                block = np.nan_to_num(block / scale)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block))
            found[rows] = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 1e-9)
        return found

    def row(self, name: str) -> tuple[int, Row] | None:
        """Return the row of a name with its id, or None."""
        with Rows(self.folder) as rows:
            return rows.find(name)

    def paths(self) -> list[str]:
        """Return the local files of all rows; a table once per row."""
        with Rows(self.folder) as rows:
            return [path for _, path in rows.paths()]

    def vector(self, id: int) -> np.ndarray:
        """Return the stored vector of a row [shape=(size,), dtype=float32]."""
        if id not in self:
            raise UsageError(f"{self.folder} has no row {id}.")
        return np.array(self.vectors[self.places[np.searchsorted(self.ids, id)]])

    def scaled(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors [shape=(n, size)] without centring, but with the weights of their parts in a search."""
        scale = self._mean_and_scale[1] if self.facts.vectors == "sound" else None
        found: np.ndarray = vectors.astype(np.float64) if scale is None else vectors / scale
        return found

    def directions(self, vectors: np.ndarray, *, timbre: bool = True) -> np.ndarray:
        """Centre vectors by the mean of the index and bring them to length 1.

        Parameters
        ----------
        vectors : np.ndarray [shape=(n, size)]
        timbre : bool
            Whether the timbre counts, where vectors have one.

        Returns
        -------
        np.ndarray [shape=(n, size) or (n, size - TIMBRE_SIZE), dtype=float64]
        """
        mean, scale = self._mean_and_scale
        found = np.asarray(vectors, dtype=np.float64) - mean
        if scale is not None:
            found = np.nan_to_num(found / scale)
        if self.facts.vectors == "sound" and not timbre:
            found = found[:, :-TIMBRE_SIZE]
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        unit: np.ndarray = np.divide(found, norms, out=np.zeros_like(found), where=norms > 1e-9)
        return unit

    def cosines(self, direction: np.ndarray) -> np.ndarray:
        """Return the products of all rows' directions with one [shape=(size,)], in one pass over the file.

        Returns
        -------
        np.ndarray [shape=(n,), dtype=float32]
        """
        mean, scale = self._mean_and_scale
        if self.facts.vectors != "features":  # all numbers are there
            towards = direction if scale is None else direction / scale
            found = self.vectors @ towards.astype(np.float32) - np.float32(mean @ towards)
        else:
            assert scale is not None
            found = np.empty(len(self.vectors), np.float32)
            for rows in blocks(self.vectors):
                found[rows] = np.nan_to_num((self.vectors[rows] - mean) / scale) @ direction
        found *= self._inverse_norms
        of_rows: np.ndarray = found[self.places]
        return of_rows

    def search(
        self,
        vector: np.ndarray,
        k: int = 20,
        filters: Filters | None = None,
        unlike: Sequence[np.ndarray] = (),
    ) -> list[Neighbour]:
        """Find the rows whose vectors have the largest cosines with a query, after centring.

        Parameters
        ----------
        vector : np.ndarray [shape=(size,)]
        k : int >= 1
            Fewer are found where fewer pass the filters.
        filters : Filters, optional
        unlike : sequence of np.ndarray [shape=(size,)]
            Vectors that results must be unlike: half their mean cosine is subtracted.

        Returns
        -------
        list of Neighbour
            Best first; of equal ones that with the lower id.

        Raises
        ------
        UsageError
            If the vector has another size, ``k`` is not positive, or no row can have the genre.
        """
        if k < 1:
            raise UsageError(f"k is {k}; at least one result must be asked for.")
        given = np.stack([vector, *unlike])
        if given.shape[1:] != (self.facts.size,):
            raise UsageError(
                f"The vector has {given.shape[1]} numbers; those of {self.folder} have {self.facts.size}."
            )
        if np.isinf(given).any() or (np.isnan(given).any() and self.facts.vectors != "features"):
            raise UsageError("The vector of the query has numbers that are not finite.")
        first, *others = self.directions(given)
        direction = first - UNLIKE * np.mean(others, axis=0) if others else first
        with Rows(self.folder) as rows:
            allowed = self._allowed(rows, filters or Filters())
            scores = self.cosines(direction)[allowed]
            n = min(len(allowed), k + _SPARE)
            best = allowed[np.argpartition(-scores, n - 1)[:n]] if n else allowed
            exact = self.directions(self.vectors[self.places[best]]) @ direction
            order = np.lexsort((self.ids[best], -exact))
            ids = self.ids[best][order].tolist()
            named = rows.get(ids[:k])
        return [
            neighbour(id, named[id], score)
            for id, score in zip(ids[:k], exact[order][:k].tolist(), strict=True)
            if id in named
        ]

    def _allowed(self, rows: Rows, filters: Filters) -> np.ndarray:
        """Return the positions of the rows that pass the filters."""
        keep = np.ones(len(self.ids), dtype=bool)
        if filters.genre:
            ids = rows.of_genre(filters.genre)
            if not ids:
                known = rows.genres()
                guess = nearest(filters.genre, known)
                raise UsageError(
                    f"No {self.facts.noun} of the index is {filters.genre!r}; its genres are {', '.join(known)}.",
                    f"Did you mean {guess}?" if guess else "",
                )
            keep &= np.isin(self.ids, ids)
        if filters.not_artist:
            keep &= ~np.isin(self.ids, rows.of_artist(filters.not_artist))
        if filters.without:
            keep &= ~np.isin(self.ids, list(filters.without))
        return np.flatnonzero(keep)

    def check_model(self, model: Model) -> None:
        """Check that a model is the one that the index was made with.

        Raises
        ------
        UsageError
            If it is another.
        """
        self.facts.check_model(model, self.folder)


def search(
    index: Index,
    model: Model,
    *,
    windows: np.ndarray | None = None,
    timbre: np.ndarray | None = None,
    vector: np.ndarray | None = None,
    k: int = 20,
    filters: Filters | None = None,
) -> list[Neighbour]:
    """Find what is similar to prepared windows, or to a vector.

    Parameters
    ----------
    index : Index
    model : Model
        The model that prepared the windows or made the vector.
    windows : np.ndarray [shape=(n_windows, ...)], optional
        Prepared windows of one example.
    timbre : np.ndarray [shape=(39,)], optional
        With windows of a song, where the vectors of the index are of the kind 'sound': `genrekit.features.timbre`.
    vector : np.ndarray [shape=(size,)], optional
        Instead of windows.
    k : int >= 1
    filters : Filters, optional

    Returns
    -------
    list of Neighbour
        Best first.

    Raises
    ------
    UsageError
        If the index is of another model, or as `Index.search`.
    MediaError
        If the timbre is needed.
    BundleError
        If the graph rejects the windows.
    """
    index.check_model(model)
    if (windows is None) == (vector is None):
        raise UsageError("Pass either windows or a vector.")
    if vector is None:
        assert windows is not None
        kind = index.facts.vectors
        vector = mean_vector(kind, vectors_of(model, kind, windows)[0], timbre)
    return index.search(np.asarray(vector), k, filters)
