from .evaluation import cross_validate, evaluate
from .prediction import load_model, predict
from .training import train

__version__: str

__all__ = ["__version__", "cross_validate", "evaluate", "load_model", "predict", "train"]
