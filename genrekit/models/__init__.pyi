from .bundle import Bundle, dumps, load, loads, save
from .card import write_card
from .manifest import Manifest
from .runtime import Runtime
from .shipped import SUFFIX, shipped_models

__all__ = [
    "SUFFIX",
    "Bundle",
    "Manifest",
    "Runtime",
    "dumps",
    "load",
    "loads",
    "save",
    "shipped_models",
    "write_card",
]
