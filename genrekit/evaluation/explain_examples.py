"""Explanations by single examples: heat maps, and the most confident mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from genrekit.backends import SummarisesTrees, picture_of
from genrekit.datasets import Dataset
from genrekit.errors import GenrekitError
from genrekit.evaluation.explanation import AverageMap, Mistake
from genrekit.features import log_mel
from genrekit.media import audio
from genrekit.metrics import ScoredExample
from genrekit.models import Combination, place_of_labels
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
    seeing = _seeing(model)
    if not seeing:
        return ()
    rng = np.random.default_rng(seed)
    per_label = max(1, min(_MOST_MAPS, _ALL_MAPS // len(model.labels)))
    say("averaging heat maps per label")
    chosen = []
    for k, label in enumerate(model.labels):
        right = [i for i in np.flatnonzero(truth == k).tolist() if label in rows[i].predicted.split("|")]
        chosen.append(sorted(rng.permutation(right)[:per_label].tolist()))
    found = []
    for member, own, its_label in seeing:
        for k, label in enumerate(model.labels):
            maps = [
                member.heat_map(own(_best_window(model, windows[i], k)), its_label(label)) for i in chosen[k]
            ]
            same = [one for one in maps if one.shape == maps[0].shape]
            if same:
                name = "" if member is model else member.name
                found.append(AverageMap(label, np.mean(same, axis=0), len(same), name))
    missing = [label for label, some in zip(model.labels, chosen, strict=True) if not some]
    if missing:
        notes.append(f"No example of {', '.join(sorted(missing))} is recognised: no heat map.")
    return tuple(found)


_Seeing = tuple[Model, Callable[[np.ndarray], np.ndarray], Callable[[str], str]]


def _seeing(model: Model) -> list[_Seeing]:
    """Return the models whose windows are pictures: it, or members of it; with its window and its label for those of the whole."""
    if model.picture_axes is not None:
        return [(model, lambda window: window, str)]
    backend = model.backend
    if not isinstance(backend, Combination):
        return []
    found: list[_Seeing] = []
    for j, member in enumerate(model.members):
        if member.picture_axes is None:
            continue
        places = place_of_labels(model.labels, member.labels).tolist()
        names = dict(zip(model.labels, (member.labels[place] for place in places), strict=True))
        found.append((member, partial(_own_window, backend, j), names.__getitem__))
    return found


def _own_window(backend: Combination, j: int, window: np.ndarray) -> np.ndarray:
    own: np.ndarray = backend.member_windows(window[None], j)[0]
    return own


def _best_window(model: Model, windows: np.ndarray, k: int) -> np.ndarray:
    """Return the window with the highest score of a label."""
    best: np.ndarray = windows[int(model.runtime.scores(windows)[:, k].argmax()) if len(windows) > 1 else 0]
    return best


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
    """Return the three features that contribute most to the wrong label, in words."""
    if not isinstance(model.backend, SummarisesTrees):
        return ()
    found = model.explainer(windows[:1], [int(np.argmax(row.scores))])[0]
    first = [one for one in found if one.contribution > 0][:3]
    return tuple(
        f"{one.feature} {'unknown' if one.value is None else format(one.value, '.4g')}" for one in first
    )


def _picture(model: Model, example: Example, windows: np.ndarray, row: ScoredExample) -> np.ndarray | None:
    for member, own, _ in _seeing(model)[:1]:
        assert member.picture_axes is not None
        window = own(_best_window(model, windows, int(np.argmax(row.scores))))
        return picture_of(window, member.picture_axes)[0]
    if model.backend.info.modality is not Modality.AUDIO or example.path is None:
        return None
    try:
        length_s = min(example.duration_s or _SHEET_S, _SHEET_S)
        sound = audio.read(example.path, offset_s=example.offset_s, duration_s=length_s)
    except GenrekitError:
        return None
    return log_mel(sound.y, sound.sr, n_fft=2048, hop_length=1024, n_mels=96)
