from .bundle import Bundle, dumps, load, loads, save
from .card import write_card
from .manifest import Manifest
from .runtime import Runtime
from .shipped import SUFFIX, box

__all__ = [
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
