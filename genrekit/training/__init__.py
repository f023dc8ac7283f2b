"""Training: a bundle from a data set and a backend."""

from genrekit.training.choice import choose_backend
from genrekit.training.copies import copies_of, with_copies
from genrekit.training.encode import encoded
from genrekit.training.fingerprint import data_fingerprint
from genrekit.training.fit import FoldScores, cross_fit, fit_checked, fit_folds, measure_folds
from genrekit.training.grid import FOLDS, search_folds
from genrekit.training.learning_curve import CurvePart, LearningCurve, learning_files
from genrekit.training.learnt import learnt_keys, recognise, recognised
from genrekit.training.manifest import kept_metrics, versions
from genrekit.training.opening import check_arrays, describe, open_for
from genrekit.training.prepared_dataset import Evaluation, PreparedDataset, gather, preparation
from genrekit.training.run_folder import beside
from genrekit.training.train import Trained, train
from genrekit.training.trial_table import Row, rounded, write_table
from genrekit.training.trials import PREDICT_MS, Result, Rules, TrialRunner

__all__ = [
    "FOLDS",
    "PREDICT_MS",
    "CurvePart",
    "Evaluation",
    "FoldScores",
    "LearningCurve",
    "PreparedDataset",
    "Result",
    "Row",
    "Rules",
    "Trained",
    "TrialRunner",
    "beside",
    "check_arrays",
    "choose_backend",
    "copies_of",
    "cross_fit",
    "data_fingerprint",
    "describe",
    "encoded",
    "fit_checked",
    "fit_folds",
    "gather",
    "kept_metrics",
    "learning_files",
    "learnt_keys",
    "measure_folds",
    "open_for",
    "preparation",
    "recognise",
    "recognised",
    "rounded",
    "search_folds",
    "train",
    "versions",
    "with_copies",
    "write_table",
]
