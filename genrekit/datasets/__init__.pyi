from .base import Ambiguous, Dataset, Reading
from .check import KINDS, check_dataset
from .export import FeatureRow, feature_table, manifest_table, write_table
from .open import open_dataset
from .splits import SPLITS, By, Split, SplitOptions, group_keys, make_folds, make_split
from .table import examples_of, identifying, match, what_is_wrong

__all__ = [
    "KINDS",
    "SPLITS",
    "Ambiguous",
    "By",
    "Dataset",
    "FeatureRow",
    "Reading",
    "Split",
    "SplitOptions",
    "check_dataset",
    "examples_of",
    "feature_table",
    "group_keys",
    "identifying",
    "make_folds",
    "make_split",
    "manifest_table",
    "match",
    "open_dataset",
    "what_is_wrong",
    "write_table",
]
