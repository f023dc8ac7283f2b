"""Models: bundles that are loaded, verified and ready to predict with their backend."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genrekit.backends import (
    Backend,
    BackendConfig,
    Explainer,
    Explains,
    ExplainsWithGradients,
    ExplainsWithImages,
    GradientMap,
    PictureAxes,
    ReadsTables,
    draw,
    heat_map,
    stacked,
)
from genrekit.errors import BundleError, UsageError
from genrekit.models import (
    Bundle,
    Combination,
    CombinedConfig,
    Runtime,
    combined_runtime,
    loads,
)
from genrekit.prediction.decision import Decision
from genrekit.prediction.options import HeatMap, PredictOptions
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
    >>> from genrekit import load_model
    >>> model = load_model("gtzan")
    >>> model.labels[:3]
    ('blues', 'classical', 'country')
    """

    bundle: Bundle = field(repr=False)
    backend: Backend
    config: BackendConfig

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.bundle.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the model, in the order of its scores."""
        return tuple(self.bundle.manifest.labels)

    @property
    def card(self) -> str:
        """Model card in Markdown."""
        return self.bundle.card

    def predict(
        self, inputs: Any, options: PredictOptions | None = None, *, pool: AnyPool | None = None
    ) -> list[Prediction]:
        """Predict one or more inputs, in this process or in the workers of a pool.

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
        from genrekit.prediction.predicting import predict

        return list(predict(inputs, model=self, options=options, pool=pool, jobs=None if pool else 1))

    def scores(self, windows: np.ndarray) -> np.ndarray:
        """Return the calibrated probability of every label for windows that the backend prepared.

        Parameters
        ----------
        windows : np.ndarray [shape=(n, ...)]

        Returns
        -------
        np.ndarray [shape=(n, n_labels), dtype=float32]
        """
        return self.runtime.scores(windows)

    def decision(self, options: PredictOptions) -> Decision:
        """Return the rule that turns scores of this model into predictions.

        Raises
        ------
        UsageError
            If the options name a label that the model does not have.
        """
        manifest = self.bundle.manifest
        distance = manifest.outputs.distance
        return Decision(
            model=self.name,
            sha256=self.bundle.sha256,
            names=self.labels,
            multilabel=manifest.multilabel,
            thresholds=manifest.thresholds,
            options=options,
            distance=distance if distance and distance.threshold is not None else None,
        )

    def recognises(self, columns: Collection[str]) -> bool:
        """Return whether the model takes rows with these columns."""
        if self._table_reader is not None:
            return bool(self._table_reader.feature_columns(tuple(columns)))
        wanted = self.backend.info.columns
        return bool(wanted) and set(wanted).issubset(columns)

    @cached_property
    def _table_reader(self) -> ReadsTables | None:
        return self.backend if isinstance(self.backend, ReadsTables) else None

    @cached_property
    def explainer(self) -> Explainer:
        """Function that attributes a prediction to features.

        Raises
        ------
        UsageError
            If the backend does not provide explanations.
        """
        if not isinstance(self.backend, Explains):
            raise UsageError(
                f"Model {self.name!r} has no explanations: backend {self.backend.info.name!r} does not provide them."
            )
        return self.backend.explainer(self.bundle.payload)

    @cached_property
    def picture_axes(self) -> PictureAxes | None:
        """Axes of a window that form a picture, for heat maps; None if it is not a picture."""
        if not isinstance(self.backend, ExplainsWithImages):
            return None
        return self.backend.picture_axes(self.config)

    @cached_property
    def members(self) -> tuple[Model, ...]:
        """Models that a combination is made of; empty for any other model."""
        if not isinstance(self.backend, Combination):
            return ()
        names = [f"member{j}.genrekit" for j in range(len(self.backend.recipes))]
        return tuple(
            Model(loads(self.bundle.payload[name]), backend, config)
            for name, (backend, config) in zip(names, self.backend.recipes, strict=True)
        )

    @property
    def has_heat_maps(self) -> bool:
        """True if `heat_map_image` can draw a window; for a combination, if one of its members can."""
        return self.picture_axes is not None or any(member.has_heat_maps for member in self.members)

    def heat_map(self, window: np.ndarray, label: str, method: HeatMap = "occlusion") -> np.ndarray:
        """Measure the contribution of each part of a window to the score of a label.

        Parameters
        ----------
        window : np.ndarray [shape=shape]
            A prepared window.
        label : str
        method : {'occlusion', 'grad-cam'}
            By covering parts, through the graph alone, or by gradients, which needs a network that was trained here.

        Returns
        -------
        np.ndarray [shape=(height, width), dtype=float32, range 0 to 1]
            The lowest band first, for sound.

        Raises
        ------
        UsageError
            If the windows of the model are not pictures, the method does not fit it, or there is no such label.
        """
        axes = self._picture_axes()
        if label not in self.labels:
            raise UsageError(f"Model {self.name!r} does not know the label {label!r}.")
        k = self.labels.index(label)
        if method == "grad-cam":
            return self._gradient_map(window, k)
        return heat_map(lambda windows: self.runtime.scores(windows)[:, k], window, axes)

    def heat_map_image(
        self, window: np.ndarray, label: str, title: str, method: HeatMap = "occlusion"
    ) -> bytes:
        """Draw `heat_map` over the window, as a PNG; for a combination one below the other, for each member that can."""
        if isinstance(self.backend, Combination):
            pngs = []
            for j, member in enumerate(self.members):
                if member.has_heat_maps and label in member.labels:
                    own = self.backend.member_windows(window[None], j)[0]
                    pngs.append(member.heat_map_image(own, label, f"{title} ({member.name})", method))
            if not pngs:
                raise UsageError(f"No member of model {self.name!r} has heat maps of {label!r}.")
            return stacked(pngs)
        return draw(window, self.heat_map(window, label, method), self._picture_axes(), title)

    def check_heat_map(self, method: HeatMap) -> None:
        """Check that there are heat maps of a method.

        Raises
        ------
        UsageError
            If there are none.
        """
        drawing = [member for member in self.members if member.has_heat_maps]
        for member in drawing:
            member.check_heat_map(method)
        if drawing:
            return
        self._picture_axes()
        if method == "grad-cam" and not isinstance(self.backend, ExplainsWithGradients):
            raise UsageError(
                f"Model {self.name!r} has no Grad-CAM: backend {self.backend.info.name!r} does not compute gradients.",
                "Use occlusion, the default.",
            )

    def _picture_axes(self) -> PictureAxes:
        if self.picture_axes is None:
            raise UsageError(
                f"Model {self.name!r} has no heat maps: the windows of backend {self.backend.info.name!r} are not pictures."
            )
        return self.picture_axes

    @cached_property
    def _gradient_map(self) -> GradientMap:
        self.check_heat_map("grad-cam")
        assert isinstance(self.backend, ExplainsWithGradients)
        return self.backend.gradient_map(self.bundle.payload, self.config, self.labels)

    @cached_property
    def runtime(self) -> Runtime:
        """The graph in ONNX Runtime, loaded for the first score; of a combination, the graphs of its members.

        Raises
        ------
        BundleError
            If it is not a graph, its input shape differs from the manifest, or it has other outputs.
        """
        if isinstance(self.backend, Combination) and isinstance(self.config, CombinedConfig):
            return combined_runtime(self.bundle, self.backend, self.config)
        runtime = Runtime(self.bundle.onnx, n_labels=len(self.labels), declared=self.bundle.manifest.outputs)
        promised = self.bundle.manifest.input_shape
        if len(runtime.input_shape) != len(promised) or any(
            None not in (have, want) and have != want
            for have, want in zip(runtime.input_shape, promised, strict=True)
        ):
            raise BundleError(
                f"The graph of {self.name!r} takes windows of shape {runtime.input_shape}, but "
                f"the manifest has {promised}."
            )
        return runtime
