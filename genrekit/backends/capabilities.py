"""What a backend may offer beyond the protocol; the spine asks for each with ``isinstance``.

Everything works without them: a table that no backend reads in bulk goes row by row, scores come from the graph,
and an answer without reasons is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.types import Contribution

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NativeScorer = Callable[["np.ndarray"], "np.ndarray"]
Encode = Callable[["np.ndarray"], "np.ndarray"]
Painter = Callable[["np.ndarray", int, str], bytes]
Explainer = Callable[["np.ndarray", "Sequence[int]"], list[tuple[Contribution, ...]]]


@dataclass(frozen=True, eq=False)
class TableRows:
    """What a backend reads of some rows of a table.

    Attributes
    ----------
    windows : np.ndarray [shape=(n_rows, *shape), dtype=float32]
        One window a row; what stands in a row with an error does not matter.
    errors : Mapping[int, str]
        By position, why a row cannot be used.
    """

    windows: np.ndarray
    errors: Mapping[int, str]


class TableReader(Protocol):
    """A table that was understood from its first rows."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it is read."""
        ...

    def read(self, table: pa.Table) -> TableRows:
        """Read some of its rows."""
        ...


@runtime_checkable
class ReadsTables(Protocol):
    """Reads tables in bulk, whose columns need not be exactly ``info.columns``."""

    def feature_columns(self, columns: Sequence[str]) -> frozenset[str]:
        """The columns of a table that it reads as features; none where the table is not one of its own.

        Imports nothing heavy.
        """
        ...

    def open_table(self, first: pa.Table) -> TableReader:
        """Understand a table from its first rows.

        Raises
        ------
        DatasetError
            If it is not one of its own after all.
        """
        ...


@runtime_checkable
class ScoresNatively(Protocol):
    """Scores many windows faster by its native payload than the graph does, to the same probabilities."""

    def native_scorer(self, members: Mapping[str, bytes]) -> NativeScorer:
        """Make a function from windows [shape=(n, *shape)] to scores [shape=(n, n_labels)].

        It is called from several threads at a time, and should use one each.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@runtime_checkable
class Explains(Protocol):
    """Says which features pushed an answer."""

    def explainer(self, members: Mapping[str, bytes]) -> Explainer:
        """Make a function from windows [shape=(n, *shape)] and the index of a label each to their reasons.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@runtime_checkable
class PaintsReasons(Protocol):
    """Shows where in a window an answer comes from."""

    def painter(self, members: Mapping[str, bytes], config: Any, labels: Sequence[str]) -> Painter:
        """Make a function from a window [shape=shape], the index of a label and a title to a PNG.

        Raises
        ------
        BundleError
            If the payload is damaged.
        """
        ...


@runtime_checkable
class EncodesWindows(Protocol):
    """Learns from windows that a pretrained network encoded, which is worth doing once: the caller keeps the result.

    ``fit`` gets it as ``Prepared.encoded``, and encodes the windows itself where there is none.
    """

    def encoding(self, config: Any) -> tuple[Mapping[str, Any], Encode]:
        """Return JSON-able facts that name the encoding, for a cache, and the function that encodes.

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
    """Trains for so long that it keeps what it has in a folder, and goes on there after an interruption."""

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
        """As ``fit``; ``folder`` is its own, and with ``resume`` holds what an interrupted call left there.

        ``fitted.history`` has the curves: a list of ``{"epoch": 1, "loss": 1.2, ...}`` a network, by name.
        """
        ...

    def ready(self, config: Any) -> None:
        """Find out before hours of work whether a training can begin.

        Raises
        ------
        ConfigError
            If a device or a file of the config is not there.
        """
        ...

    def refit_config(self, config: Any, fitted: Fitted) -> Any:
        """The config to fit again with on all sides, when nothing is left to validate on."""
        ...
