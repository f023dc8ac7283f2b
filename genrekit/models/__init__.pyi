from .bundle import Bundle, dumps, load, loads, save
from .card import write_card
from .keys import KEYS, LearntKeys, collect, dump_keys
from .manifest import Manifest
from .runtime import Runtime
from .shipped import SUFFIX, shipped_models

__all__ = [
    "KEYS",
    "SUFFIX",
    "Bundle",
    "LearntKeys",
    "Manifest",
    "Runtime",
    "collect",
    "dump_keys",
    "dumps",
    "load",
    "loads",
    "save",
    "shipped_models",
    "write_card",
]
