from .bundle import MODEL, Bundle, dumps, load, loads, save
from .card import write_card
from .manifest import Manifest
from .runtime import INPUT, OUTPUT, Runtime
from .shipped import SUFFIX, box

__all__ = [
    "INPUT",
    "MODEL",
    "OUTPUT",
    "SUFFIX",
    "Bundle",
    "Manifest",
    "Runtime",
    "box",
    "dumps",
    "load",
    "loads",
    "save",
    "write_card",
]
