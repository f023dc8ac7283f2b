"""Heat maps as images: the parts of a song or a photo that led to a prediction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrekit.errors import GenrekitError, OutputExistsError
from genrekit.hashing import hash_bytes
from genrekit.prediction.model import Model
from genrekit.prediction.options import HeatMap
from genrekit.types import Prediction, Windows


@dataclass(frozen=True)
class ImageFolder:
    """The folder of heat maps; predictions do not depend on it.

    Attributes
    ----------
    path : Path
        Created if missing.
    """

    path: Path

    def check(self, *, overwrite: bool) -> None:
        """Refuse a folder that holds files, unless they may be overwritten.

        Raises
        ------
        OutputExistsError
        """
        if self.path.is_file() or (not overwrite and self.path.exists() and any(self.path.iterdir())):
            raise OutputExistsError(
                f"{self.path} {'is a file' if self.path.is_file() else 'holds files'}.",
                "Choose an empty folder, or add --overwrite.",
            )

    def has(self, id_: str) -> bool:
        """Return whether the image of an input exists."""
        return (self.path / image_name(id_)).is_file()

    def write(self, id_: str, png: bytes) -> None:
        """Write the image of an input.

        Parameters
        ----------
        id_ : str
            Id of the input; the name of the file is derived from it.
        png : bytes
            The image.

        Raises
        ------
        GenrekitError
            If the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / image_name(id_)).write_bytes(png)
        except OSError as error:
            raise GenrekitError(
                f"{self.path} cannot be written: {error.strerror}.", "Choose another --explain-dir."
            ) from None


def explanation_image(
    model: Model, prediction: Prediction, windows: Windows, scores: np.ndarray, method: HeatMap
) -> bytes | None:
    """Return a PNG of the window with the highest score for the label; None for a prediction without label.

    Parameters
    ----------
    model : Model
        A model whose windows are pictures.
    prediction : Prediction
    windows : Windows
    scores : np.ndarray [shape=(n_windows, n_labels)]
    method : {'occlusion', 'grad-cam'}
    """
    if prediction.label is None:
        return None
    label = model.labels.index(prediction.label)
    best = int(scores[:, label].argmax())
    title = f"{Path(prediction.id).name[:60]}: {prediction.label} {scores[best, label]:.0%}"
    if windows.times_s:
        start_s, end_s = windows.times_s[best]
        title += f", {start_s:.0f} to {end_s:.0f} s"
    return model.heat_map_image(windows.values[best], prediction.label, title, method)


def image_name(id_: str) -> str:
    """Return a readable file name that is unique to the name of an input."""
    readable = re.sub(r"[^\w.-]+", "_", Path(id_).name)[-60:].strip("._") or "input"
    return f"{readable}.{hash_bytes(id_.encode('utf-8', 'surrogateescape'))[:8]}.png"
