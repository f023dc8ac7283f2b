"""The runtime of a combination: the weighted mean of the members' log odds.

*Conventions.* With weights w and temperature T the scores of a window are softmax(sum_j w_j log p_j / T) over the labels
where an example has one label (a logarithmic opinion pool: Genest & Zidek, Statistical Science 1(1), 1986), and
sigmoid(sum_j w_j logit(p_j) / T) per label where it has several. p_j are the calibrated scores of member j, averaged over
its windows in a joined window (`genrekit.models.joined`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrekit.backends import DISTANCE, EMBEDDINGS, OUTPUT
from genrekit.errors import BundleError
from genrekit.models.joined import split
from genrekit.models.runtime import Runtime

EPS = 1e-7
"""The least probability whose logarithm is taken."""


class CombinedRuntime(Runtime):
    """The graphs of several members, ready to score joined windows.

    Parameters
    ----------
    members : sequence of Runtime
    columns : sequence of np.ndarray [dtype=int]
        Per member the place of every label of the combination among its own.
    part_of : sequence of int
        Per member the part of a joined window that it scores.
    weights : sequence of float
        Per member, at least 0.
    temperature : float > 0
    multilabel : bool
    """

    def __init__(
        self,
        members: Sequence[Runtime],
        columns: Sequence[np.ndarray],
        part_of: Sequence[int],
        *,
        weights: Sequence[float],
        temperature: float,
        multilabel: bool,
    ) -> None:
        self._members, self._columns, self._part_of = members, columns, part_of
        self._weights = np.asarray(weights) / temperature
        self._multilabel = multilabel
        self._n_labels = len(columns[0])
        first = {part: members[j] for j, part in reversed(list(enumerate(part_of)))}
        self._ranks = [len(first[part].input_shape) for part in sorted(first)]
        self.input_shape = (None,)
        self.embedding_size = members[0].embedding_size
        self.has_distance = members[0].has_distance

    def outputs(self, values: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return several outputs for joined windows; embeddings and distance are those of the first member.

        Parameters
        ----------
        values : np.ndarray [shape=(n, length)]
        names : sequence of str
            Any of ``scores``, ``embeddings`` and ``distance``.

        Returns
        -------
        dict of str to np.ndarray
            As for `Runtime.outputs`.

        Raises
        ------
        BundleError
            If the windows are not joined windows of the members, or as `Runtime.outputs`.
        """
        self._check_names(names)
        if values.ndim != 2:
            raise BundleError("The windows are not those of this combination.")
        found = {name: np.empty((len(values), *self._tail(name)), dtype=np.float32) for name in names}
        for indices, parts in split(np.asarray(values, dtype=np.float32), self._ranks):
            for name in (EMBEDDINGS, DISTANCE):
                if name in found:
                    found[name][indices] = _of_blocks(self._members[0], parts[self._part_of[0]], name)
            if OUTPUT in found:
                found[OUTPUT][indices] = pooled(
                    self._member_scores(parts), self._weights, multilabel=self._multilabel
                )
        return found

    def member_scores(self, values: np.ndarray) -> np.ndarray:
        """Return the scores of every member for joined windows.

        Returns
        -------
        np.ndarray [shape=(n_members, n, n_labels), dtype=float32]
        """
        found = np.empty((len(self._members), len(values), self._n_labels), dtype=np.float32)
        for indices, parts in split(np.asarray(values, dtype=np.float32), self._ranks):
            found[:, indices] = self._member_scores(parts)
        return found

    def _member_scores(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(
            [
                _of_blocks(member, parts[part], OUTPUT)[:, columns]
                for member, columns, part in zip(self._members, self._columns, self._part_of, strict=True)
            ]
        )


def pooled(scores: np.ndarray, weights: np.ndarray, *, multilabel: bool) -> np.ndarray:
    """Combine the scores of several members.

    Parameters
    ----------
    scores : np.ndarray [shape=(n_members, n, n_labels)]
        Probabilities.
    weights : np.ndarray [shape=(n_members,)]
        Already divided by the temperature.
    multilabel : bool

    Returns
    -------
    np.ndarray [shape=(n, n_labels), dtype=float64]

    Examples
    --------
    >>> pooled(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]), np.array([0.5, 0.5]), multilabel=False).round(2)
    array([[0.75, 0.25]])
    """
    found: np.ndarray
    clipped = np.clip(np.asarray(scores, dtype=np.float64), EPS, 1 - EPS if multilabel else 1)
    log_odds = np.log(clipped) - (np.log1p(-clipped) if multilabel else 0)
    summed = np.tensordot(weights, log_odds, axes=1)
    if multilabel:
        found = 1 / (1 + np.exp(np.clip(-summed, None, 700)))
    else:
        powers = np.exp(summed - summed.max(axis=-1, keepdims=True))
        found = powers / powers.sum(axis=-1, keepdims=True)
    return found


def _of_blocks(member: Runtime, block: np.ndarray, name: str) -> np.ndarray:
    """Return one output of a member: the mean over the windows of every block [shape=(n, n_windows, *shape)].

    Neighbours of equal content, as where the member has fewer windows than the first one, are computed once.
    """
    n, count = block.shape[:2]
    flat = block.reshape(n, -1)
    is_new = np.ones(n, dtype=bool)
    is_new[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    kept = block[is_new].reshape(-1, *block.shape[2:])
    outputs = member.outputs(kept, (name,))[name]
    means = outputs.reshape(-1, count, *outputs.shape[1:]).mean(axis=1)
    found: np.ndarray = means[np.cumsum(is_new) - 1]
    return found
