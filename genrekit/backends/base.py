"""The protocol of a backend: a stateless recipe with static facts, a Config, ``prepare`` and ``fit``.

A backend never splits, measures, caches or prints: that is written once, above it. Its entry-point module
stays light; what only training needs stands in a sibling that ``fit`` imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_args, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from genrekit.types import Example, Modality, Windows

if TYPE_CHECKING:
    import numpy as np


class BackendConfig(BaseModel):
    """The base of every backend's ``Config``: unknown keys refused, values checked, never changed later.

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
        # A text may stand for a float alone: to YAML 1.1, 1e-3 without a point is one.
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
        The name on the command line, in the registry and in a bundle.
    summary : str
        One sentence.
    modality : Modality
        The kind of file that it prepares.
    feature_version : str
        Changes whenever ``prepare`` gives other numbers for the same input; part of every cache key.
    prepare_keys : tuple of str
        The Config keys that ``prepare`` depends on.
    columns : tuple of str
        The feature columns of tables that it understands; empty where it reads no tables.
    multilabel : bool
        Whether ``fit`` takes examples with several labels.
    spectrograms : bool
        Whether ``prepare`` takes precomputed log-mel spectrograms.
    """

    name: str
    summary: str
    modality: Modality
    feature_version: str
    prepare_keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    multilabel: bool = False
    spectrograms: bool = False


@dataclass(frozen=True, eq=False)
class Prepared:
    """Examples that are ready to learn from.

    Attributes
    ----------
    windows : sequence of np.ndarray [shape=(n_windows, *shape), dtype=float32 or uint8]
        As ``prepare`` made them: one array an example.
    targets : np.ndarray [shape=(n_examples, n_labels), dtype=float32]
        1 where the example has the label, else 0.
    groups : np.ndarray [shape=(n_examples,), dtype=str]
        What folds must keep together; every example has one.
    ids : tuple of str
        The examples' names.
    encoded : sequence of np.ndarray, optional
        For a backend that encodes windows (`genrekit.backends.capabilities.EncodesWindows`): what it made of them,
        one array an example; None where nobody did so yet.
    """

    windows: Sequence[np.ndarray]
    targets: np.ndarray
    groups: np.ndarray
    ids: tuple[str, ...]
    encoded: Sequence[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.windows)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What training gives back.

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
        The native model's scores for them.
    history : Mapping
        JSON-able record of the training: candidates, epochs, seconds.
    thresholds : Mapping[str, float]
        Multi-label only: the score above which a label is given.
    tolerance : float
        The largest difference between graph and native scores that counts as equal.
    distance_threshold : float or None
        For a graph with the output ``distance``: the mean distance of an example's windows above which it is
        unlike anything that was learnt. At least 0.
    """

    onnx: bytes
    native: Mapping[str, bytes]
    check_windows: np.ndarray
    check_scores: np.ndarray
    history: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 1e-5
    distance_threshold: float | None = None


Progress = Callable[[str], None]


@runtime_checkable
class Backend(Protocol):
    """What an entry point of the group ``genrekit.backends`` must name: a class (or object) with these.

    ``prepare`` is pure: the same example and config give the same windows, in any process. It raises
    `MediaError` for an example that cannot be read. ``fit`` is deterministic in ``config.seed``.
    """

    info: ClassVar[BackendInfo]
    Config: ClassVar[type[BackendConfig]]

    def prepare(self, example: Example, config: Any) -> Windows:
        """Decode and describe one example."""
        ...

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: Any,
        progress: Progress,
    ) -> Fitted:
        """Learn from prepared examples; ``valid`` is for stopping and calibrating, never for fitting alone."""
        ...
