"""From scores to predictions: which labels compete, which are given, how sure is sure enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from genrekit.errors import UsageError
from genrekit.labels import canonical, normalise
from genrekit.metrics import THRESHOLD
from genrekit.prediction.model import Model
from genrekit.types import Content, Example, Prediction, Windows, WindowScore

TINY = 1e-12

Unfamiliar = Literal["flag", "abstain", "ignore"]


@dataclass(frozen=True)
class Answer:
    """How scores become a prediction.

    Attributes
    ----------
    top_k : int >= 1
        How many labels an answer lists.
    min_confidence : float in [0, 1]
        Below this score of the best label the answer has no label: the model abstains.
    labels : tuple of str
        Where given, only these labels compete: their scores are divided by their sum.
    windows : bool
        Whether the answer has the timeline.
    explain : bool
        Whether the answer has its reasons, where the backend can give them.
    explain_folder : Path, optional
        Where pictures of reasons go, where the backend can paint them.
    unfamiliar : {'flag', 'abstain', 'ignore'}
        What becomes of an input that is unlike anything that the model learnt: the answer says so, or it has no label
        too, or nobody looks.
    measures : tuple of str
        What else to measure of a song: of 'bpm', 'key' and 'loudness'.
    """

    top_k: int = 3
    min_confidence: float = 0.0
    labels: tuple[str, ...] = ()
    windows: bool = False
    explain: bool = False
    explain_folder: Path | None = None
    unfamiliar: Unfamiliar = "flag"
    measures: tuple[str, ...] = ()

    def allowed(self, model: Model) -> np.ndarray:
        """The indices of the model's labels that compete.

        Raises
        ------
        UsageError
            If a label is not among the model's.
        """
        if not self.labels:
            return np.arange(len(model.labels))
        by_name = {canonical(label): k for k, label in enumerate(model.labels)}
        by_name |= {label: k for k, label in enumerate(model.labels)}
        chosen = []
        for label in self.labels:
            k = by_name.get(normalise(label), by_name.get(canonical(label)))
            if k is None:
                raise UsageError(
                    f"Model {model.name!r} does not know the label {label!r}; it knows {', '.join(model.labels)}."
                )
            chosen.append(k)
        return np.array(sorted(set(chosen)))

    def give(
        self,
        model: Model,
        example: Example,
        windows: Windows,
        window_scores: np.ndarray,
        content: Content | None = None,
        familiar: bool | None = None,
    ) -> Prediction:
        """Make a prediction of the scores of an example's windows [shape=(n_windows, n_labels)]."""
        mean = window_scores.mean(axis=0, keepdims=True)
        (prediction,) = self.give_rows(model, [example.id], mean, [example.extra], content)
        if familiar is not None:
            prediction = replace(prediction, familiar=familiar)
        if familiar is False and self.unfamiliar == "abstain":
            prediction = replace(prediction, label=None, labels=())
        if not self.windows:
            return prediction
        names, scores = self._competing(model, window_scores)
        timeline = tuple(
            WindowScore(start, end, names[row.argmax()], float(row.max()))
            for (start, end), row in zip(windows.times_s, scores, strict=False)
        )
        return replace(prediction, windows=timeline)

    def give_rows(
        self,
        model: Model,
        ids: Sequence[str],
        scores: np.ndarray,
        extras: Sequence[Mapping[str, str]],
        content: Content | None = None,
    ) -> Iterator[Prediction]:
        """Make predictions of the scores of many examples of one file [shape=(n, n_labels)], one each.

        Where a model gives several labels, ``label`` is the best of those above their threshold.
        """
        names, scores = self._competing(model, scores)
        order = np.argsort(-scores, axis=1, kind="stable")
        ranked = np.take_along_axis(scores, order, axis=1)
        k, sha256 = self.top_k, model.bundle.sha256
        by_position = np.array(names, dtype=object)
        tops = zip(by_position[order[:, :k]].tolist(), ranked[:, :k].tolist(), strict=True)
        given = self._given(model, by_position, order, ranked)
        for id_, extra, (top, scores_of_top), (labels, score) in zip(ids, extras, tops, given, strict=True):
            yield Prediction(
                id=id_,
                model=model.name,
                label=labels[0] if labels else None,
                score=score,
                scores=tuple(zip(top, scores_of_top, strict=True)),
                labels=labels,
                extra=extra,
                content=content,
                model_sha256=sha256,
            )

    def _given(
        self, model: Model, names: np.ndarray, order: np.ndarray, ranked: np.ndarray
    ) -> Iterator[tuple[tuple[str, ...], float]]:
        """The labels that each row gets, best first, and the score of the first, or of the best if there is none."""
        best = ranked[:, 0].tolist()
        manifest = model.bundle.manifest
        if not manifest.multilabel:
            for name, score in zip(names[order[:, 0]].tolist(), best, strict=True):
                yield ((name,) if score >= self.min_confidence else ()), score
            return
        thresholds = np.array([manifest.thresholds.get(name, THRESHOLD) for name in names])
        enough = ranked >= np.maximum(thresholds[order], self.min_confidence)
        for by_score, sure, scores, score in zip(names[order], enough, ranked, best, strict=True):
            labels = tuple(by_score[sure].tolist())
            yield labels, float(scores[sure.argmax()]) if labels else score

    def _competing(self, model: Model, scores: np.ndarray) -> tuple[list[str], np.ndarray]:
        """The labels that compete, and their scores; where labels exclude one another they sum to 1."""
        allowed = self.allowed(model)
        scores = scores[:, allowed]
        if self.labels and not model.bundle.manifest.multilabel:
            # After the mean: a window that is sure of other labels must not count as much as one that is not.
            scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), TINY)
        return [model.labels[k] for k in allowed], scores
