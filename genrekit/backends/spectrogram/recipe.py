"""Training recipe of the ``spectrogram`` backend: network, crops and random changes of batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Generator, Tensor

from genrekit.backends.neural.module import Phase
from genrekit.backends.neural.network import Network
from genrekit.backends.spectrogram import augment
from genrekit.backends.spectrogram.backend import SpectrogramConfig
from genrekit.backends.spectrogram.networks import build

# Parameter of the Beta distribution, as chosen by Zhou et al. 2021 within data sets.
_STYLE_ALPHA = 0.3


@dataclass(frozen=True)
class SpectrogramRecipe:
    """Networks of a config and their training inputs.

    Attributes
    ----------
    config : SpectrogramConfig
    n_labels : int > 0
    """

    config: SpectrogramConfig
    n_labels: int

    def network(self) -> Network:
        """Return a new network."""
        config = self.config
        return build(
            self.n_labels, arch=config.arch, width=config.width, depth=config.depth, dropout=config.dropout
        )

    def phases(self) -> list[Phase]:
        """Return the only phase, in which all layers are trained."""
        return [Phase(self.config.epochs, {"": self.config.learning_rate})]

    def crop(self, windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random part of a song with the length of a window [shape=(n_windows, n_mels, n_frames)].

        The part may span two windows, between which silence, or windows beyond ``max_windows``, were dropped.
        """
        if len(windows) == 1 or self.config.overlap:
            alone: np.ndarray = windows[rng.integers(len(windows))]
            return alone
        first = rng.integers(len(windows) - 1)
        start = rng.integers(windows.shape[2] + 1)
        return np.concatenate(windows[first : first + 2], axis=1)[:, start : start + windows.shape[2]]

    def augment(self, windows: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Change styles, times, responses, levels, mixtures and masks, in this order."""
        config = self.config
        _, n_mels, n_frames = windows.shape
        windows = augment.mix_style(windows, config.style, _STYLE_ALPHA, generator)
        windows = augment.roll_frames(windows, float(config.time_shift), generator)
        windows = augment.filter_bands(windows, config.filter_db, config.top_db, generator)
        windows = augment.shift_level(windows, config.gain_db, config.top_db, generator)
        windows, targets = augment.mixup(windows, targets, config.mixup, generator)
        windows = augment.mask_bands(windows, round(config.freq_mask * n_mels), config.masks, generator)
        return augment.mask_frames(
            windows, round(config.time_mask * n_frames), config.masks, generator
        ), targets

    def bare_network(self) -> Network:
        """Return a network to load weights into."""
        return self.network()
