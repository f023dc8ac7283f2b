from .bundle import Bundle, dumps, load, loads, save
from .card import write_card
from .combining import (
    BACKEND,
    Combination,
    CombinedConfig,
    combination,
    combination_of,
    combined_runtime,
    feature_version,
    place_of_labels,
    recipe_of,
    same_labels,
)
from .edge.export import export, preparation_of
from .edge.int8 import Quantised, quantise
from .keys import KEYS, LearntKeys, collect, dump_keys
from .manifest import CombinedMember, Distance, Manifest
from .pooling import EPS, CombinedRuntime, pooled
from .runtime import Runtime
from .shipped import SUFFIX, shipped_models
from .summary import accuracy, summarise
from .versions import Version, versions_of

__all__ = [
    "BACKEND",
    "EPS",
    "KEYS",
    "SUFFIX",
    "Bundle",
    "Combination",
    "CombinedConfig",
    "CombinedMember",
    "CombinedRuntime",
    "Distance",
    "LearntKeys",
    "Manifest",
    "Quantised",
    "Runtime",
    "Version",
    "accuracy",
    "collect",
    "combination",
    "combination_of",
    "combined_runtime",
    "dump_keys",
    "dumps",
    "export",
    "feature_version",
    "load",
    "loads",
    "place_of_labels",
    "pooled",
    "preparation_of",
    "quantise",
    "recipe_of",
    "same_labels",
    "save",
    "shipped_models",
    "summarise",
    "versions_of",
    "write_card",
]
