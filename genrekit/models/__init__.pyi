from .bundle import Bundle, dumps, load, loads, save
from .card import write_card
from .keys import KEYS, LearntKeys, collect, dump_keys
from .manifest import Distance, Manifest
from .runtime import Runtime
from .shipped import SUFFIX, shipped_models
from .summary import accuracy, summarise

__all__ = [
    "KEYS",
    "SUFFIX",
    "Bundle",
    "Distance",
    "LearntKeys",
    "Manifest",
    "Runtime",
    "accuracy",
    "collect",
    "dump_keys",
    "dumps",
    "load",
    "loads",
    "save",
    "shipped_models",
    "summarise",
    "write_card",
]
