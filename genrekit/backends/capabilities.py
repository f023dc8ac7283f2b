"""Optional capabilities of backends beyond the protocol, tested with ``isinstance``.

Everything works without them: tables are then processed row by row, scores come from the graph, and predictions have
no explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from genrekit.backends.base import Backend, BackendConfig, Fitted, Prepared, Progress
from genrekit.types import Contribution, Example, Windows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NativeScorer = Callable[["np.ndarray"], "np.ndarray"]
Encode = Callable[["np.ndarray"], "np.ndarray"]
GradientMap = Callable[["np.ndarray", int], "np.ndarray"]
Explainer = Callable[["np.ndarray", "Sequence[int]"], list[tuple[Contribution, ...]]]


@dataclass(frozen=True, eq=False)
class TableRows:
    """Rows of a table as read by a backend.

    Attributes
    ----------
    windows : np.ndarray [shape=(n_rows, *shape), dtype=float32]
        One window per row; the content of a row with an error is not used.
    errors : Mapping[int, str]
        Position to the reason why a row cannot be used.
    """

    windows: np.ndarray
    errors: Mapping[int, str]


class TableReader(Protocol):
    """A reader for a table, made from its first rows."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how the table is read."""
        ...

    def read(self, table: pa.Table) -> TableRows:
        """Read rows of the table."""
        ...


@runtime_checkable
class ReadsTables(Protocol):
    """A backend that reads tables in bulk, whose columns may differ from ``info.columns``."""

    def feature_columns(self, columns: Sequence[str]) -> frozenset[str]:
        """Return the columns of a table that it reads as features; none if it does not read the table.

        Must not import anything heavy.
        """
        ...

    def open_table(self, first: pa.Table) -> TableReader:
        """Return a reader for a table, from its first rows.

        Raises
        ------
        DatasetError
            If the backend cannot read the table.
        """
        ...


@runtime_checkable
class ScoresNatively(Protocol):
    """A backend that scores many windows faster by its native payload than by the graph, with equal probabilities."""

    def native_scorer(self, members: Mapping[str, bytes]) -> NativeScorer:
        """Return a function from windows [shape=(n, *shape)] to scores [shape=(n, n_labels)].

        The function is called from several threads concurrently, and should use one thread per call.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@runtime_checkable
class Explains(Protocol):
    """A backend that explains predictions by contributions of features."""

    def explainer(self, members: Mapping[str, bytes]) -> Explainer:
        """Return a function from windows [shape=(n, *shape)] and the index of one label per window to contributions.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@runtime_checkable
class NamesFeatures(Protocol):
    """A backend whose windows hold named numbers that differ from ``info.columns``: some are computed from others."""

    @property
    def window_columns(self) -> tuple[str, ...]:
        """Names of all numbers of a window; the first of them are the features, the others are computed from these."""
        ...

    @property
    def n_features(self) -> int:
        """Number of features among ``window_columns``."""
        ...

    def windows_of(self, features: np.ndarray) -> np.ndarray:
        """Return windows [shape=(n, n_columns)] of features [shape=(n, n_features)]."""
        ...


@runtime_checkable
class SummarisesTrees(Protocol):
    """A backend of boosted trees that reports the gain of their splits, and decomposes scores by SHAP values."""

    def contributions(self, members: Mapping[str, bytes], windows: np.ndarray) -> np.ndarray:
        """Return SHAP values [shape=(n, n_labels, n_columns + 1)], in log odds; the last one is the bias.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...

    def gain_shares(self, members: Mapping[str, bytes], config: Any) -> np.ndarray | None:
        """Return the share of the total gain per number of a window [shape=(n_columns,)]; None where it is not known.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@dataclass(frozen=True)
class PictureAxes:
    """Axes of a window that form a picture, for heat maps.

    Attributes
    ----------
    height, width : int
        Axes of a window that are the height and the width of the picture; what is left is its colours.
    pieces : int, optional
        Axis whose entries are pictures side by side, each scored as a window of its own.
    seconds : float, optional
        Duration of a picture of sound, along the width; its bands are the height, the lowest first. None for a photo.
    blocks : tuple of int
        Parts along the height and the width that are covered one after the other.
    """

    height: int
    width: int
    pieces: int | None = None
    seconds: float | None = None
    blocks: tuple[int, int] = (8, 8)


@runtime_checkable
class MakesCopies(Protocol):
    """A backend that also learns from altered copies of the songs of a training split.

    Its config has ``copies``, the number of copies per song; `prepare` does not depend on it.
    """

    def prepare_copy(self, example: Example, config: Any, number: int) -> Windows:
        """Prepare copy ``number``, from 1, of a song; the same number gives the same copy.

        Raises
        ------
        MediaError
            If the example cannot be read, or is not a song.
        """
        ...


@runtime_checkable
class ExplainsWithImages(Protocol):
    """A backend whose windows are pictures: heat maps show which parts led to a prediction.

    The maps come from the graph, by `genrekit.backends.heat_maps`.
    """

    def picture_axes(self, config: Any) -> PictureAxes | None:
        """Return how a window is a picture; None where it is not one."""
        ...


@runtime_checkable
class ExplainsWithGradients(Protocol):
    """A backend that also computes heat maps from gradients."""

    def gradient_map(self, members: Mapping[str, bytes], config: Any, labels: Sequence[str]) -> GradientMap:
        """Return a function from a window [shape=shape] and the index of a label to a map [shape=(height, width), range 0 to 1].

        Parameters
        ----------
        members : Mapping[str, bytes]
            Files of a bundle by name.
        config : Any
            The config of the model.
        labels : sequence of str

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@runtime_checkable
class PreparesInParts(Protocol):
    """A backend that prepares an example by several recipes; the caller caches the windows of each recipe."""

    @property
    def parts(self) -> Sequence[tuple[Backend, BackendConfig]]:
        """The recipes that prepare."""
        ...

    def joined(self, parts: Sequence[Windows]) -> Windows:
        """Join the windows that the recipes prepared, in their order."""
        ...


@runtime_checkable
class EncodesWindows(Protocol):
    """A backend that learns from windows which a pretrained network encodes; the caller encodes once and keeps the result.

    ``fit`` receives it as ``Prepared.encoded``, and encodes the windows itself if that is None.
    """

    def encoding(self, config: Any) -> tuple[Mapping[str, Any], Encode]:
        """Return JSON-able facts that identify the encoding in a cache, and the function that encodes.

        The function takes the windows of one example [shape=(n_windows, *shape)] and returns an array
        [shape=(n_windows, *encoded_shape), dtype=float32].

        Raises
        ------
        ConfigError, BackendError
            If the encoder of the config cannot be loaded.
        """
        ...


@runtime_checkable
class FitsInFolder(Protocol):
    """A backend with long trainings, which keeps checkpoints in a folder and resumes from them."""

    def fit_in(
        self,
        folder: Path,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: Any,
        progress: Progress,
        *,
        resume: bool,
    ) -> Fitted:
        """Train as ``fit`` does, with checkpoints in ``folder``; ``resume`` continues an interrupted call.

        ``fitted.history`` has the curves: a list of ``{"epoch": 1, "loss": 1.2, ...}`` per network, by name.

        Parameters
        ----------
        folder : Path
            Folder of the checkpoints of this training.
        train, valid, labels, config, progress
            As for `genrekit.backends.base.Backend.fit`.
        resume : bool

        Returns
        -------
        Fitted
        """
        ...

    def ready(self, config: Any) -> None:
        """Check whether a training can start.

        Raises
        ------
        ConfigError
            If a device or a file of the config is missing.
        """
        ...

    def refit_config(self, config: Any, fitted: Fitted) -> Any:
        """Return the config for fitting again on all splits, without validation examples.

        Parameters
        ----------
        config : Any
            The config of the first fit.
        fitted : Fitted
            The result of the first fit.

        Returns
        -------
        Any
            An instance of ``Config``.
        """
        ...
