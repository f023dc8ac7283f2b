"""What backends with networks have in common: everything but what they prepare and the recipe of their networks.

Light: torch is imported when something is fitted or painted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.capabilities import ImageExplainer

if TYPE_CHECKING:
    from genrekit.backends.neural.module import Recipe


class NeuralBackend:
    """The base of a backend that trains networks.

    Attributes
    ----------
    free_axes : Mapping of int to str
        The axes of a window whose length the network leaves free, with a name each.
    """

    free_axes: ClassVar[Mapping[int, str]] = {}

    def recipe(self, config: Any, n_labels: int, progress: Progress = lambda text: None) -> Recipe:
        """The networks of a config, and what they see in training."""
        raise NotImplementedError

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: Any,
        progress: Progress,
    ) -> Fitted:
        """Train networks and export their mean; in a folder that is gone afterwards."""
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
        """As ``fit``, with checkpoints in a folder, from which it goes on where it was interrupted."""
        from genrekit.backends.neural.fitting import fit

        recipe = self.recipe(config, len(labels), progress)
        return fit(recipe, folder, train, valid, labels, config, progress, free=self.free_axes, resume=resume)

    def ready(self, config: Any) -> None:
        """Look whether the device is there, and what the recipe starts from."""
        from genrekit.backends.neural.device import choose

        choose(config)
        self.recipe(config, 2).phases()

    def refit_config(self, config: Any, fitted: Fitted) -> Any:
        """The config for fitting again on all sides: for all epochs, calibrated as before."""
        return config.without_valid().model_copy(update={"temperature": fitted.history["temperature"]})

    def image_explainer(
        self, members: Mapping[str, bytes], config: Any, labels: Sequence[str]
    ) -> ImageExplainer:
        """Show where in a window a label comes from."""
        from genrekit.backends.neural import native

        recipe = self.recipe(config, len(labels))
        scorer = native.restore(members, recipe.bare_network, multilabel=config.multilabel)
        return lambda window, label, title: recipe.draw_explanation(scorer, window, label, title)
