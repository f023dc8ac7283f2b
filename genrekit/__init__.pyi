from .datasets import SplitOptions, open_dataset
from .errors import (
    BackendError,
    BundleError,
    ConfigError,
    DatasetError,
    GenrekitError,
    MediaError,
    OutputExistsError,
    TrainingError,
    UsageError,
)
from .evaluation import compare, cross_validate, evaluate
from .execution import Pool
from .metrics import Report
from .prediction import Model, PredictOptions, load_model, predict, predict_frame
from .similarity import index, similar
from .training import train
from .tuning import combine, tune
from .types import Prediction

__version__: str

__all__ = [
    "BackendError",
    "BundleError",
    "ConfigError",
    "DatasetError",
    "GenrekitError",
    "MediaError",
    "Model",
    "OutputExistsError",
    "Pool",
    "PredictOptions",
    "Prediction",
    "Report",
    "SplitOptions",
    "TrainingError",
    "UsageError",
    "__version__",
    "combine",
    "compare",
    "cross_validate",
    "evaluate",
    "index",
    "load_model",
    "open_dataset",
    "predict",
    "predict_frame",
    "similar",
    "train",
    "tune",
]
