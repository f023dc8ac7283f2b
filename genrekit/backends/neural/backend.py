"""The base of backends with networks: everything except ``prepare`` and the recipe of the networks.

Without heavy imports: torch is imported for fitting and for Grad-CAM only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.capabilities import GradientMap
from genrekit.types import silent

if TYPE_CHECKING:
    from genrekit.backends.neural.module import Recipe


class NeuralBackend:
    """The base of a backend that trains networks.

    Attributes
    ----------
    free_axes : Mapping of int to str
        Axes of a window with variable length, with their names.
    """

    free_axes: ClassVar[Mapping[int, str]] = {}

    def recipe(self, config: Any, n_labels: int, progress: Progress = silent) -> Recipe:
        """Return the networks of a config and their training inputs."""
        raise NotImplementedError

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: Any,
        progress: Progress,
    ) -> Fitted:
        """Train networks and export their mean, with checkpoints in a temporary folder."""
        with TemporaryDirectory(prefix="genrekit-") as folder:
            return self.fit_in(Path(folder), train, valid, labels, config, progress, resume=False)

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
        """Train as ``fit`` does, with checkpoints in a folder from which an interrupted training resumes."""
        from genrekit.backends.neural.fitting import fit

        recipe = self.recipe(config, len(labels), progress)
        return fit(recipe, folder, train, valid, labels, config, progress, free=self.free_axes, resume=resume)

    def ready(self, config: Any) -> None:
        """Check that the device and the initial weights are available."""
        from genrekit.backends.neural.device import choose

        choose(config)
        self.recipe(config, 2).phases()

    def refit_config(self, config: Any, fitted: Fitted) -> Any:
        """Return the config for fitting again on all splits: for all epochs, with the same calibration."""
        return config.without_valid().model_copy(update={"temperature": fitted.history["temperature"]})

    def gradient_map(self, members: Mapping[str, bytes], config: Any, labels: Sequence[str]) -> GradientMap:
        """Return Grad-CAM of the networks of a bundle, as a function of a window and the index of a label."""
        from genrekit.backends.neural import native
        from genrekit.backends.neural.gradcam import grad_cam

        recipe = self.recipe(config, len(labels))
        scorer = native.restore(members, recipe.bare_network, multilabel=config.multilabel)
        return lambda window, label: grad_cam(scorer, window, label)
