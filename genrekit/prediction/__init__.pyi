from .batch import Batch
from .decision import Decision
from .explanation_images import ImageFolder
from .feature_row import MAX_CHARACTERS, numbers_row, read_numbers
from .heat_maps import HeatMapImage, heat_map
from .in_memory import as_inputs
from .inputs import Input, expand
from .lists import read_list
from .loading import find, load_model, load_models, load_shipped
from .model import Model
from .options import PredictOptions
from .output_file import Counts, OutputFile, write_rows
from .pipeline import FEW, Finished, Pipeline
from .playlists import is_playlist
from .predict_frame import predict_frame
from .predicting import predict
from .results_file import NOT_THERE, read_results, results_for
from .routing import TableTask, open_tables
from .scoring import Scored
from .worker import Task, lost

__all__ = [
    "FEW",
    "MAX_CHARACTERS",
    "NOT_THERE",
    "Batch",
    "Counts",
    "Decision",
    "Finished",
    "HeatMapImage",
    "ImageFolder",
    "Input",
    "Model",
    "OutputFile",
    "Pipeline",
    "PredictOptions",
    "Scored",
    "TableTask",
    "Task",
    "as_inputs",
    "expand",
    "find",
    "heat_map",
    "is_playlist",
    "load_model",
    "load_models",
    "load_shipped",
    "lost",
    "numbers_row",
    "open_tables",
    "predict",
    "predict_frame",
    "read_list",
    "read_numbers",
    "read_results",
    "results_for",
    "write_rows",
]
