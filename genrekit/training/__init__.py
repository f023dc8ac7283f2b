"""A data set and a backend to a bundle."""

from genrekit.training.choice import choose_backend
from genrekit.training.fit import cross_fit
from genrekit.training.prepared_dataset import Measured, check_spectrograms, describe, gather, open_for
from genrekit.training.run_folder import beside
from genrekit.training.train import Trained, train

__all__ = [
    "Measured",
    "Trained",
    "beside",
    "check_spectrograms",
    "choose_backend",
    "cross_fit",
    "describe",
    "gather",
    "open_for",
    "train",
]
