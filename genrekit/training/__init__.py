"""Training: a bundle from a data set and a backend."""

from genrekit.training.choice import choose_backend
from genrekit.training.encode import encoded
from genrekit.training.fit import cross_fit
from genrekit.training.learnt import recognise, recognised
from genrekit.training.opening import check_spectrograms, describe, open_for
from genrekit.training.prepared_dataset import Evaluation, PreparedDataset, gather
from genrekit.training.run_folder import beside
from genrekit.training.train import Trained, train

__all__ = [
    "Evaluation",
    "PreparedDataset",
    "Trained",
    "beside",
    "check_spectrograms",
    "choose_backend",
    "cross_fit",
    "describe",
    "encoded",
    "gather",
    "open_for",
    "recognise",
    "recognised",
    "train",
]
