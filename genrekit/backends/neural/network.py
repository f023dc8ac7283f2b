"""Networks as an encoder and a head: what goes from one to the other are the embeddings of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """The base of the networks of a backend."""

    @abstractmethod
    def encode(self, windows: Tensor) -> Tensor:
        """Return features [shape=(n, n_features)] of windows [shape=(n, *shape)]."""

    @abstractmethod
    def score(self, features: Tensor) -> Tensor:
        """Return logits [shape=(n, n_labels)] of features."""

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits [shape=(n, n_labels)] of windows [shape=(n, *shape)]."""
        return self.score(self.encode(windows))
