"""A bundle that is ready to answer: loaded, verified, matched with its backend."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

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
from genrekit.errors import BundleError, ConfigError, UsageError
from genrekit.models import SUFFIX, Bundle, Runtime, box, load


@dataclass(frozen=True, eq=False)
class Model:
    """A bundle that is ready to answer: its backend, its config and its graph."""

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
    def distance_threshold(self) -> float | None:
        """The distance above which an input is unlike anything that was learnt; None where the model cannot tell."""
        distance = self.bundle.manifest.outputs.distance
        return distance.threshold if distance else None

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
            If it is no graph, takes other windows than the manifest says, or has other outputs.
        """
        runtime = Runtime(self.bundle.onnx, n_labels=len(self.labels), declared=self.bundle.manifest.outputs)
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
    BundleError
        If there is no such bundle, or it is damaged.
    """
    shipped = box()
    path = Path(model)
    name = str(model).removesuffix(SUFFIX)
    if not path.is_file() and name not in shipped:
        raise BundleError(
            f"There is no model {str(model)!r}: no such file, and the box holds {', '.join(shipped) or 'none'}.",
            "Give the path of a bundle that 'genrekit train' wrote.",
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
