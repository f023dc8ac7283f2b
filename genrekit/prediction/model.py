"""A bundle that is ready to predict: loaded, verified, matched with its backend."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.backends import (
    Backend,
    BackendConfig,
    Explainer,
    Explains,
    Painter,
    PaintsReasons,
    ReadsTables,
    make_config,
    registry,
)
from genrekit.errors import BundleError, ConfigError, UnknownModelError, UsageError
from genrekit.models import SUFFIX, Bundle, Runtime, box, load
from genrekit.prediction.decision import Decision
from genrekit.prediction.options import PredictOptions
from genrekit.text import nearest
from genrekit.types import Prediction

if TYPE_CHECKING:
    import numpy as np

    from genrekit.execution import AnyPool


@dataclass(frozen=True, eq=False)
class Model:
    """A bundle that is ready to predict: its backend, its config and its graph.

    Attributes
    ----------
    bundle : Bundle
    backend : Backend
    config : BackendConfig

    Examples
    --------
    >>> model = load_model("gtzan")
    >>> model.labels[:3]
    ('blues', 'classical', 'country')
    """

    bundle: Bundle = field(repr=False)
    backend: Backend
    config: BackendConfig

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.bundle.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it knows, in the order of its scores."""
        return tuple(self.bundle.manifest.labels)

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.bundle.card

    def predict(
        self, inputs: Any, options: PredictOptions | None = None, *, pool: AnyPool | None = None
    ) -> list[Prediction]:
        """Predict one input or several, in this process or in the workers of a pool.

        Parameters
        ----------
        inputs : str, Path, bytes, binary file, (np.ndarray, int), PIL.Image.Image, DataFrame, or an iterable of them
            As for `genrekit.predict`.
        options : PredictOptions, optional
        pool : Pool or DaskPool, optional

        Returns
        -------
        list of Prediction
            One per file or row. An input that cannot be read is a prediction with ``error``.
        """
        from genrekit.prediction.pipeline import predict

        return list(predict(inputs, model=self, options=options, pool=pool, jobs=None if pool else 1))

    def scores(self, windows: np.ndarray) -> np.ndarray:
        """Return the calibrated probability of every label for windows that the backend prepared.

        Parameters
        ----------
        windows : np.ndarray [shape=(n, *shape)]

        Returns
        -------
        np.ndarray [shape=(n, n_labels), dtype=float32]
        """
        return self.runtime.scores(windows)

    def decision(self, options: PredictOptions) -> Decision:
        """Return how the scores of this model become predictions.

        Raises
        ------
        UsageError
            If the options name a label that the model does not have.
        """
        manifest = self.bundle.manifest
        return Decision(
            self.name, self.bundle.sha256, self.labels, manifest.multilabel, manifest.thresholds, options
        )

    def recognises(self, columns: Collection[str]) -> bool:
        """Whether a row with these columns is one for this model."""
        if isinstance(self.backend, ReadsTables):
            return bool(self.backend.feature_columns(tuple(columns)))
        wanted = self.backend.info.columns
        return bool(wanted) and all(column in columns for column in wanted)

    @cached_property
    def explainer(self) -> Explainer:
        """What says which features pushed an answer.

        Raises
        ------
        UsageError
            If its backend cannot explain.
        """
        if not isinstance(self.backend, Explains):
            raise UsageError(
                f"Model {self.name!r} cannot explain: its backend, {self.backend.info.name!r}, does not."
            )
        return self.backend.explainer(self.bundle.members)

    @cached_property
    def painter(self) -> Painter:
        """What shows where in a window an answer comes from.

        Raises
        ------
        UsageError
            If its backend cannot.
        """
        if not isinstance(self.backend, PaintsReasons):
            raise UsageError(
                f"Model {self.name!r} cannot show where it looked: its backend, {self.backend.info.name!r}, does not."
            )
        return self.backend.painter(self.bundle.members, self.config, self.labels)

    @cached_property
    def runtime(self) -> Runtime:
        """The graph in ONNX Runtime, made when the first score is asked for.

        Raises
        ------
        BundleError
            If it is no graph, or takes other windows than the manifest says.
        """
        runtime = Runtime(self.bundle.onnx, n_labels=len(self.labels))
        promised = self.bundle.manifest.input_shape
        if len(runtime.input_shape) != len(promised) or any(
            None not in (have, want) and have != want
            for have, want in zip(runtime.input_shape, promised, strict=True)
        ):
            raise BundleError(
                f"The graph of {self.name!r} takes windows of shape {runtime.input_shape}, "
                f"its manifest says {promised}."
            )
        return runtime


def find(model: str | Path) -> Bundle:
    """Load and verify a bundle by its path or, in the box, by its name, without its backend.

    Raises
    ------
    UnknownModelError
        If there is no such bundle.
    BundleError
        If it is damaged.
    """
    shipped = box()
    path = Path(model)
    name = str(model).removesuffix(SUFFIX)
    if not path.is_file() and name not in shipped:
        folder = path.parent if path.parent.is_dir() else Path()
        bundles = [str(folder / found.name) for found in folder.glob(f"*{SUFFIX}")]
        guess = nearest(name, shipped) or nearest(str(model), bundles)
        raise UnknownModelError(
            f"There is no model {str(model)!r}: no such file, and the box holds {', '.join(shipped) or 'none'}.",
            (f"Did you mean {guess}? " if guess else "")
            + "Give the path of a bundle that 'genrekit train' wrote.",
        )
    return load(path if path.is_file() else shipped[name])


def load_model(model: str | Path) -> Model:
    """Load a bundle by its path, or one of the box by its name.

    Parameters
    ----------
    model : str or Path
        A path, or a name that `genrekit.models.shipped.box` knows.

    Returns
    -------
    Model

    Raises
    ------
    BundleError
        If there is no such bundle, or it is damaged, or was prepared by another version of its backend.
    BackendError
        If its backend is not installed.
    """
    bundle = find(model)
    manifest = bundle.manifest
    backend = registry.get(manifest.backend)
    if backend.info.feature_version != manifest.feature_version:
        raise BundleError(
            f"{model} was trained on version {manifest.feature_version} of the features of backend "
            f"{manifest.backend!r}; version {backend.info.feature_version} is installed.",
            "Train it again, or install the genrekit it was made with: " + manifest.genrekit,
        )
    try:
        config = make_config(backend, manifest.config)
    except ConfigError as error:
        raise BundleError(
            f"{model} has a config that its backend does not take: {error.message}",
            "It was changed, or made by another version: " + manifest.genrekit,
        ) from None
    return Model(bundle, backend, config)


def load_box() -> tuple[Model, ...]:
    """The models in the box."""
    return tuple(load_model(path) for path in box().values())


def load_models(model: Model | str | Path | Sequence[Model | str | Path] | None) -> tuple[Model, ...]:
    """Load one model or several; None stands for all shipped models.

    Raises
    ------
    UsageError
        If it is neither a model, a name, a path nor a sequence of these.
    BundleError, BackendError
        As `load_model`.
    """
    if model is None:
        return load_box()
    if isinstance(model, Model | str | Path):
        return (model if isinstance(model, Model) else load_model(model),)
    if not isinstance(model, Sequence) or not all(isinstance(one, Model | str | Path) for one in model):
        raise UsageError(
            f"model={model!r} is not a model.",
            "Give a name, a path, what load_model returned, or a list of these.",
        )
    return tuple(one if isinstance(one, Model) else load_model(one) for one in model)
