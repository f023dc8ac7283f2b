from .bundle import Bundle, dumps, load, loads, save
from .card import write_card
from .keys import KEYS, LearntKeys, collect, dump_keys
from .manifest import Manifest
from .runtime import Runtime
from .shipped import SUFFIX, box

__all__ = [
    "KEYS",
    "SUFFIX",
    "Bundle",
    "LearntKeys",
    "Manifest",
    "Runtime",
    "box",
    "collect",
    "dump_keys",
    "dumps",
    "load",
    "loads",
    "save",
    "write_card",
]
