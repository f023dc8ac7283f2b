"""A data set and a backend to a bundle."""

from genrekit.training.fit import cross_fit
from genrekit.training.learnt import recognise, recognised
from genrekit.training.prepared_dataset import (
    Material,
    Measured,
    check_spectrograms,
    describe,
    gather,
    open_for,
)
from genrekit.training.train import Trained, train

__all__ = [
    "Material",
    "Measured",
    "Trained",
    "check_spectrograms",
    "cross_fit",
    "describe",
    "gather",
    "open_for",
    "recognise",
    "recognised",
    "train",
]
