from .record import Record, of_comparison, of_evaluation, of_search, of_training
from .tracker import Tracker, open_tracker

__all__ = [
    "Record",
    "Tracker",
    "of_comparison",
    "of_evaluation",
    "of_search",
    "of_training",
    "open_tracker",
]
