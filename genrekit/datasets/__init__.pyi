from . import fetch, ingest
from .base import Ambiguous, Dataset, Reading, substance
from .check import KINDS, Finding, check_dataset
from .export import FeatureRow, feature_table, manifest_table, write_table
from .fetch.checks import parse_digest
from .files import Paths
from .gtzan.facts import GENRES, REPEATS
from .names import track_of
from .open import open_dataset
from .source import DataSource, OpenOptions, Part, RemoteFile
from .splits import SPLITS, By, Split, SplitOptions, make_folds, make_split
from .stratified import group_keys
from .table import examples_of, identifying, match, what_is_wrong
from .terms import check_terms

__all__ = [
    "GENRES",
    "KINDS",
    "REPEATS",
    "SPLITS",
    "Ambiguous",
    "By",
    "DataSource",
    "Dataset",
    "FeatureRow",
    "Finding",
    "OpenOptions",
    "Part",
    "Paths",
    "Reading",
    "RemoteFile",
    "Split",
    "SplitOptions",
    "check_dataset",
    "check_terms",
    "examples_of",
    "feature_table",
    "fetch",
    "group_keys",
    "identifying",
    "ingest",
    "make_folds",
    "make_split",
    "manifest_table",
    "match",
    "open_dataset",
    "parse_digest",
    "substance",
    "track_of",
    "what_is_wrong",
    "write_table",
]
