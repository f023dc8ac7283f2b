"""What a backend may offer beyond the protocol; the spine asks for each with ``isinstance``.

Everything works without them: a table that no backend reads in bulk goes row by row, scores come from the graph,
and an answer without reasons is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from genrekit.types import Contribution

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NativeScorer = Callable[["np.ndarray"], "np.ndarray"]
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
