"""The protocol of backends: stateless recipes with static facts, a Config, ``prepare`` and ``fit``.

A backend never splits, measures, caches or prints: this is implemented once, above it. Its entry-point module must
be light; code that only training needs is in a sibling module that ``fit`` imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_args, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from genrekit.types import Example, Modality, Windows

if TYPE_CHECKING:
    import numpy as np

INPUT, OUTPUT = "windows", "scores"
"""Names of the input and the output of a graph."""

EMBEDDINGS, DISTANCE = "embeddings", "distance"
"""Names of the outputs that a graph may have besides."""

GRAPH_FILE = "model.onnx"
"""Name of the graph among the files of a bundle."""


def tuned(
    *choices: Any, low: float | None = None, high: float | None = None, log: bool = False
) -> dict[str, Any]:
    """Return the ``json_schema_extra`` of a field that ``genrekit tune`` searches: some values, or a range.

    Parameters
    ----------
    *choices
        Values without an order.
    low, high : float, optional
        Ends of a range instead, both within it.
    log : bool
        Whether the range is searched on a logarithmic scale.

    Examples
    --------
    >>> tuned(low=0.001, high=0.1, log=True)
    {'tune': {'low': 0.001, 'high': 0.1, 'log': True}}
    """
    return {"tune": {"choices": list(choices)} if choices else {"low": low, "high": high, "log": log}}


class BackendConfig(BaseModel):
    """The base of every backend's ``Config``: unknown keys are refused, values are checked, instances are immutable.

    Attributes
    ----------
    default_grid : Mapping of str to tuple
        What ``--grid default`` searches: values of some keys; empty where there is nothing worth trying.
    seed : int
        Seed of everything random in training.
    multilabel : bool
        Whether an example may have several labels; only a backend whose ``info.multilabel`` says so takes True.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    default_grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    seed: int = Field(0, ge=0, lt=2**32, description="Seed of everything random in training.")
    multilabel: bool = Field(False, description="Whether an example may have several labels.")

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = {annotation, *get_args(annotation)}
        # Text is accepted for floats only: in YAML 1.1, 1e-3 without a point is text.
        if isinstance(value, bool) and bool not in kinds and kinds & {int, float}:
            raise PydanticCustomError("number", "Input should be a valid number")
        if isinstance(value, str) and int in kinds and not kinds & {float, str}:
            raise PydanticCustomError("number", "Input should be a valid integer")
        return value


@dataclass(frozen=True)
class BackendInfo:
    """The static facts of a backend.

    Attributes
    ----------
    name : str
        Name on the command line, in the registry and in a bundle.
    summary : str
        One sentence.
    modality : Modality
        Kind of input that it prepares.
    feature_version : str
        Version of the output of ``prepare`` for the same input; part of every cache key.
    prepare_keys : tuple of str
        Config keys that ``prepare`` depends on.
    columns : tuple of str
        Feature columns of tables that it reads; empty if it reads no tables.
    multilabel : bool
        Whether ``fit`` accepts examples with more than one label.
    arrays : tuple of str
        Kinds of `genrekit.types.Example.array` that ``prepare`` accepts, such as ``spectrogram``.
    """

    name: str
    summary: str
    modality: Modality
    feature_version: str
    prepare_keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    multilabel: bool = False
    arrays: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Prepared:
    """Prepared examples with targets.

    Attributes
    ----------
    windows : sequence of np.ndarray [shape=(n_windows, *shape), dtype=float32 or uint8]
        Output of ``prepare``: one array per example.
    targets : np.ndarray [shape=(n_examples, n_labels), dtype=float32]
        1 where the example has the label, else 0.
    groups : np.ndarray [shape=(n_examples,), dtype=str]
        Groups that folds must keep together; every example has one.
    ids : tuple of str
        Names of the examples.
    encoded : sequence of np.ndarray, optional
        For a backend that encodes windows (`genrekit.backends.EncodesWindows`): the encoded windows, one array per
        example; None if they are not encoded yet.
    """

    windows: Sequence[np.ndarray]
    targets: np.ndarray
    groups: np.ndarray
    ids: tuple[str, ...]
    encoded: Sequence[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.windows)

    def subset(self, members: Iterable[int]) -> Prepared:
        """Return some of the examples, by position."""
        at = [int(i) for i in members]
        return Prepared(
            windows=[self.windows[i] for i in at],
            targets=self.targets[at],
            groups=self.groups[at],
            ids=tuple(self.ids[i] for i in at),
            encoded=None if self.encoded is None else [self.encoded[i] for i in at],
        )


@dataclass(frozen=True, eq=False)
class Fitted:
    """Result of training.

    Attributes
    ----------
    onnx : bytes
        A graph with one input ``windows`` [float32, (n, *shape)] and the output ``scores``
        [float32, (n, n_labels)]: calibrated probabilities. It may have the outputs ``embeddings``
        [float32, (n, d)] and ``distance`` [float32, (n,)] too; the manifest declares what is there.
    native : Mapping[str, bytes]
        Payloads by file name, ``.safetensors``: what explaining and fine-tuning need.
    check_windows : np.ndarray [shape=(m, *shape), dtype=float32]
        Inputs on which the graph is compared with the native model, before anything is saved.
    check_scores : np.ndarray [shape=(m, n_labels)]
        Scores of the native model for them.
    history : Mapping
        JSON-able record of the training: candidates, epochs, seconds.
    thresholds : Mapping[str, float]
        Multi-label only: the score from which a label is predicted.
    tolerance : float
        The largest difference between graph and native scores that counts as equal.
    distance_threshold : float or None
        For a graph with the output ``distance``: the mean distance of an example's windows above which it is
        unlike anything that was learnt. At least 0.
    distance_thresholds_of_few : tuple of float
        The same for examples of 1, 2, 3 ... windows, where it depends on their number; ``distance_threshold`` is for
        those of more.
    """

    onnx: bytes
    native: Mapping[str, bytes]
    check_windows: np.ndarray
    check_scores: np.ndarray
    history: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 1e-5
    distance_threshold: float | None = None
    distance_thresholds_of_few: tuple[float, ...] = ()


Progress = Callable[[str], None]
"""Receives the events of a training: lines of text, and a `genrekit.progress.Epoch`, which is text too, per epoch. An
exception that it raises must end the training and reach the caller of ``fit``."""


@runtime_checkable
class Backend(Protocol):
    """The protocol of the objects (or classes) that entry points of the group ``genrekit.backends`` name.

    ``prepare`` is pure: the same example and config result in the same windows, in any process. It raises
    `MediaError` for an example that cannot be read. ``fit`` is deterministic in ``config.seed``.
    """

    info: ClassVar[BackendInfo]
    Config: ClassVar[type[BackendConfig]]

    def prepare(self, example: Example, config: Any) -> Windows:
        """Decode one example and compute its windows.

        Parameters
        ----------
        example : Example
        config : Any
            An instance of ``Config``.

        Returns
        -------
        Windows

        Raises
        ------
        MediaError
            If the example cannot be read.
        """
        ...

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: Any,
        progress: Progress,
    ) -> Fitted:
        """Train on prepared examples; ``valid`` is for early stopping and calibration, and may be None.

        Parameters
        ----------
        train : Prepared
            Training examples.
        valid : Prepared or None
            Validation examples.
        labels : tuple of str
            The columns of the targets.
        config : Any
            An instance of ``Config``.
        progress : callable
            Receives lines of text for the user, and an `genrekit.progress.Epoch` after every epoch.

        Returns
        -------
        Fitted
        """
        ...
