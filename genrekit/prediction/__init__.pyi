from .batch import Batch, Options
from .decision import Answer
from .explanation_images import ImageFolder
from .feature_row import MAX_CHARACTERS, read_numbers
from .inputs import Input, expand
from .model import Model, find, load_box, load_model
from .pipeline import FEW, predict
from .results_file import matched, read_results
from .routing import extra_columns

__all__ = [
    "FEW",
    "MAX_CHARACTERS",
    "Answer",
    "Batch",
    "ImageFolder",
    "Input",
    "Model",
    "Options",
    "expand",
    "extra_columns",
    "find",
    "load_box",
    "load_model",
    "matched",
    "predict",
    "read_numbers",
    "read_results",
]
