"""Decisions: competing labels and thresholds that turn scores into predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genrekit.errors import UsageError
from genrekit.labels import canonical, normalise
from genrekit.metrics import THRESHOLD
from genrekit.models import Distance
from genrekit.prediction.options import PredictOptions
from genrekit.text import nearest
from genrekit.types import Content, Example, Prediction, Windows, WindowScore

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Decision:
    """The rule that turns scores of one model into predictions.

    Attributes
    ----------
    model, sha256 : str
        Name and hash of the bundle; predictions repeat them.
    names : tuple of str
        The labels of the model, in the order of its scores.
    multilabel : bool
    thresholds : Mapping of str to float
        Multi-label: the score above which a label is predicted.
    options : PredictOptions
    distance : Distance, optional
        Distances above which an example is unlike anything that the model learnt; None if the model cannot tell.

    Raises
    ------
    UsageError
        If the options name a label that the model does not have.
    """

    model: str
    sha256: str
    names: tuple[str, ...]
    multilabel: bool
    thresholds: Mapping[str, float]
    options: PredictOptions
    distance: Distance | None = None

    def __post_init__(self) -> None:
        self.allowed()

    def allowed(self) -> np.ndarray:
        """Return the indices of the labels that may be predicted.

        Raises
        ------
        UsageError
            If a label is not among the model's.
        """
        if not self.options.labels:
            return np.arange(len(self.names))
        by_name = {canonical(label): k for k, label in enumerate(self.names)}
        by_name |= {label: k for k, label in enumerate(self.names)}
        chosen = []
        for label in self.options.labels:
            k = by_name.get(normalise(label), by_name.get(canonical(label)))
            if k is None:
                guess = nearest(canonical(label), self.names)
                raise UsageError(
                    f"Model {self.model!r} does not know the label {label!r}; it knows {', '.join(self.names)}.",
                    f"Did you mean {guess}?" if guess else "",
                )
            chosen.append(k)
        return np.array(sorted(set(chosen)))

    def competing(self, scores: np.ndarray) -> tuple[list[str], np.ndarray]:
        """Return the labels that may be predicted and their scores, which sum to 1 for single-label models.

        Parameters
        ----------
        scores : np.ndarray [shape=(n, n_labels)]
        """
        if not self.options.labels:
            return list(self.names), scores
        allowed = self.allowed()
        scores = scores[:, allowed]
        if not self.multilabel:
            # After the mean: a window with high scores for other labels must not count as much as one without.
            scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), TINY)
        return [self.names[k] for k in allowed], scores

    @property
    def uses_distance(self) -> bool:
        """True if predictions depend on the distance of their windows."""
        return self.distance is not None and self.options.unfamiliar != "ignore"

    def example(
        self,
        example: Example,
        windows: Windows,
        scores: np.ndarray,
        content: Content | None = None,
        distance: np.ndarray | None = None,
    ) -> Prediction:
        """Make the prediction of an example from its windows.

        Parameters
        ----------
        example, windows
            The example, and its windows with their times and note.
        scores : np.ndarray [shape=(n_windows, n_labels)]
        content : Content, optional
        distance : np.ndarray [shape=(n_windows,)], optional
            Distances of the windows from what the model learnt; their mean decides whether the example is familiar.
        """
        mean = scores.mean(axis=0, keepdims=True)
        (prediction,) = self.rows([example.id], mean, [example.extra], content)
        if windows.note:
            prediction = replace(prediction, note=windows.note)
        limit = self.distance.limit(len(windows.values)) if self.distance else None
        if distance is not None and limit is not None:
            prediction = replace(prediction, familiar=bool(distance.mean() <= limit))
        if prediction.familiar is False and self.options.unfamiliar == "abstain":
            prediction = replace(prediction, label=None, labels=())
        if not self.options.windows:
            return prediction
        names, scores = self.competing(scores)
        timeline = tuple(
            WindowScore(start, end, names[row.argmax()], float(row.max()))
            for (start, end), row in zip(windows.times_s, scores, strict=False)
        )
        return replace(prediction, windows=timeline)

    def rows(
        self,
        ids: Sequence[str],
        scores: np.ndarray,
        extras: Sequence[Mapping[str, str]],
        content: Content | None = None,
    ) -> Iterator[Prediction]:
        """Make one prediction per row of scores [shape=(n, n_labels)].

        For multi-label models ``label`` is the best of those above their threshold.

        Parameters
        ----------
        ids : sequence of str
            One per row.
        scores : ndarray [shape=(n, n_labels), dtype=float32]
            Calibrated scores in [0, 1], in the order of the model's labels.
        extras : sequence of mapping
            Cells that identify each row, passed through to the prediction.
        content : Content, optional
            Hash of the table that the rows are from.

        Yields
        ------
        Prediction
            In the order of the rows.
        """
        names, scores = self.competing(scores)
        order = _best_first(scores)
        ranked = scores[:, order[0]] if len(order) == 1 else np.take_along_axis(scores, order, axis=1)
        k = self.options.top_k
        by_position = np.array(names, dtype=object)
        tops = zip(by_position[order[:, :k]].tolist(), ranked[:, :k].tolist(), strict=True)
        given = self._given(by_position, order, ranked)
        for id_, extra, (top, scores_of_top), (labels, score) in zip(ids, extras, tops, given, strict=True):
            yield Prediction(
                id=id_,
                model=self.model,
                label=labels[0] if labels else None,
                score=score,
                scores=tuple(zip(top, scores_of_top, strict=True)),
                labels=labels,
                extra=extra,
                content=content,
                model_sha256=self.sha256,
            )

    def _given(
        self, names: np.ndarray, order: np.ndarray, ranked: np.ndarray
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield the labels of each row, best first, and the score of the first, or of the best if there is none."""
        best = ranked[:, 0].tolist()
        if not self.multilabel:
            for name, score in zip(names[order[:, 0]].tolist(), best, strict=True):
                yield ((name,) if score >= self.options.min_confidence else ()), score
            return
        thresholds = np.array([self.thresholds.get(name, THRESHOLD) for name in names])
        enough = ranked >= np.maximum(thresholds[order], self.options.min_confidence)
        for by_score, sure, scores, score in zip(names[order], enough, ranked, best, strict=True):
            labels = tuple(by_score[sure].tolist())
            yield labels, float(scores[sure.argmax()]) if labels else score


def _best_first(scores: np.ndarray) -> np.ndarray:
    """Return the places of the scores of each row, the highest first, equal ones in their order.

    NumPy's sort frees the interpreter whatever the size; in a server one row then waits for other threads.
    """
    if len(scores) != 1:
        return np.argsort(-scores, axis=1, kind="stable")
    values = scores[0].tolist()
    return np.array([sorted(range(len(values)), key=lambda k: -values[k])])
