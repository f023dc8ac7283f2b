"""Explanations by single examples: heat maps, and the most confident mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrekit.backends import SummarisesTrees, picture_of
from genrekit.datasets import Dataset
from genrekit.errors import GenrekitError
from genrekit.evaluation.explanation import AverageMap, Mistake
from genrekit.features import log_mel
from genrekit.media import audio
from genrekit.metrics import ScoredExample
from genrekit.prediction import Model
from genrekit.types import Example, Modality, Say

MISTAKES = 12

# Maps are averaged over so many examples of a label, and over so many in all.
_MOST_MAPS, _ALL_MAPS = 8, 80

_SHEET_S = 30.0


def average_maps(
    model: Model,
    windows: Sequence[np.ndarray],
    truth: np.ndarray,
    rows: Sequence[ScoredExample],
    seed: int,
    say: Say,
    notes: list[str],
) -> tuple[AverageMap, ...]:
    """Return the mean heat map per label, of examples that the model recognises."""
    if model.picture_axes is None:
        if model.has_heat_maps:
            notes.append("There are no average heat maps: the members of a combination have their own.")
        return ()
    rng = np.random.default_rng(seed)
    per_label = max(1, min(_MOST_MAPS, _ALL_MAPS // len(model.labels)))
    say("averaging heat maps per label")
    found = []
    for k, label in enumerate(model.labels):
        right = [i for i in np.flatnonzero(truth == k).tolist() if label in rows[i].predicted.split("|")]
        chosen = sorted(rng.permutation(right)[:per_label].tolist())
        maps = []
        for i in chosen:
            best = int(model.runtime.scores(windows[i])[:, k].argmax()) if len(windows[i]) > 1 else 0
            maps.append(model.heat_map(windows[i][best], label))
        same = [one for one in maps if one.shape == maps[0].shape]
        if same:
            found.append(AverageMap(label, np.mean(same, axis=0), len(same)))
    missing = set(model.labels) - {one.label for one in found}
    if missing:
        notes.append(f"No example of {', '.join(sorted(missing))} is recognised: no heat map.")
    return tuple(found)


def most_confident_mistakes(
    model: Model,
    dataset: Dataset,
    examples: Sequence[Example],
    windows: Sequence[np.ndarray],
    rows: Sequence[ScoredExample],
    multilabel: bool,
) -> tuple[Mistake, ...]:
    def is_wrong(row: ScoredExample) -> bool:
        best = model.labels[int(np.argmax(row.scores))]
        return best not in row.label.split("|")

    wrong = [i for i, row in enumerate(rows) if is_wrong(row)]
    worst = sorted(wrong, key=lambda i: (-float(np.max(rows[i].scores)), rows[i].id))[:MISTAKES]
    return tuple(
        Mistake(
            rows[i], _picture(model, examples[i], windows[i], rows[i]), _reasons(model, windows[i], rows[i])
        )
        for i in worst
    )


def _reasons(model: Model, windows: np.ndarray, row: ScoredExample) -> tuple[str, ...]:
    """Return the three features that speak most for the wrong label, in words."""
    if not isinstance(model.backend, SummarisesTrees):
        return ()
    found = model.explainer(windows[:1], [int(np.argmax(row.scores))])[0]
    first = [one for one in found if one.contribution > 0][:3]
    return tuple(
        f"{one.feature} {'unknown' if one.value is None else format(one.value, '.4g')}" for one in first
    )


def _picture(model: Model, example: Example, windows: np.ndarray, row: ScoredExample) -> np.ndarray | None:
    if model.picture_axes is not None:
        best = (
            int(model.runtime.scores(windows)[:, int(np.argmax(row.scores))].argmax())
            if len(windows) > 1
            else 0
        )
        return picture_of(windows[best], model.picture_axes)[0]
    if model.backend.info.modality is not Modality.AUDIO or example.path is None:
        return None
    try:
        length_s = min(example.duration_s or _SHEET_S, _SHEET_S)
        sound = audio.read(example.path, offset_s=example.offset_s, duration_s=length_s)
    except GenrekitError:
        return None
    return log_mel(sound.y, sound.sr, n_fft=2048, hop_length=1024, n_mels=96)
