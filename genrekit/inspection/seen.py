"""A file as a model sees it: its windows, their scores, the prediction, and the heat map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrekit.backends import DISTANCE, OUTPUT
from genrekit.errors import MediaError, UsageError
from genrekit.prediction import Model, PredictOptions
from genrekit.types import Example, Modality, Prediction, Windows

_KINDS = {Modality.AUDIO: "songs", Modality.IMAGE: "pictures", Modality.TABLE: "tables"}


@dataclass(frozen=True, eq=False)
class Seen:
    """The windows of an example, their scores [shape=(n_windows, n_labels)], and the prediction."""

    model: Model
    windows: Windows
    scores: np.ndarray
    prediction: Prediction

    @property
    def label(self) -> str:
        """The predicted label, or the best one where none is predicted."""
        return self.prediction.label or self.prediction.scores[0][0]

    @property
    def words(self) -> str:
        """The prediction in a sentence."""
        found = ", ".join(f"{label} {score:.0%}" for label, score in self.prediction.scores)
        words = f"Model {self.model.name}: {found}."
        if self.prediction.familiar is False:
            words += " It is unlike anything that the model learnt."
        return words + (f" Note: {self.prediction.note}." if self.prediction.note else "")

    @property
    def best(self) -> int:
        """Position of the window with the highest score for the label."""
        return int(self.scores[:, self.model.labels.index(self.label)].argmax())

    def heat(self) -> np.ndarray | None:
        """Return the heat map of the best window [shape=(height, width), range 0 to 1]; None where the model has none."""
        if self.model.picture_axes is None:
            return None
        return self.model.heat_map(self.windows.values[self.best], self.label)


def model_for(kind: Modality, models: tuple[Model, ...]) -> Model:
    """Return the first model that takes a kind of input.

    Raises
    ------
    UsageError
        If none does.
    """
    for model in models:
        if model.backend.info.modality is kind:
            return model
    names = ", ".join(model.name for model in models)
    raise UsageError(f"No loaded model takes {_KINDS[kind]} (models: {names}).", "Choose another --model.")


def see(model: Model, name: str, path: Path, offset_s: float = 0.0, duration_s: float | None = None) -> Seen:
    """Prepare and score a file.

    Raises
    ------
    MediaError
        If it cannot be read.
    """
    example = Example(id=name, path=path, offset_s=offset_s, duration_s=duration_s)
    windows = model.backend.prepare(example, model.config)
    decision = model.decision(PredictOptions(windows=True))
    names = (OUTPUT, DISTANCE) if decision.uses_distance else (OUTPUT,)
    found = model.runtime.outputs(windows.values, names)
    scores, distance = found[OUTPUT], found.get(DISTANCE)
    if not np.isfinite(scores).all():
        raise MediaError("The scores of the model are not finite.")
    return Seen(model, windows, scores, decision.example(example, windows, scores, distance=distance))
