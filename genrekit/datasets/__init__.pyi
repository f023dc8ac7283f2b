from .base import Ambiguous, Dataset, Reading
from .check import KINDS, Finding, check_dataset
from .export import FeatureRow, feature_table, manifest_table, write_table
from .files import Paths
from .gtzan.facts import GENRES, REPEATS
from .names import track_of
from .open import open_dataset
from .splits import SIDES, By, Split, SplitOptions, group_keys, make_folds, make_split
from .table import examples_of, identifying, match, what_is_wrong

__all__ = [
    "GENRES",
    "KINDS",
    "REPEATS",
    "SIDES",
    "Ambiguous",
    "By",
    "Dataset",
    "FeatureRow",
    "Finding",
    "Paths",
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
    "track_of",
    "what_is_wrong",
    "write_table",
]
