from .cache import ENTRY_BYTES, Cache
from .content_keys import array_key, name_key
from .preparer import Keyed, Preparation, Preparer, prepare_all

__all__ = [
    "ENTRY_BYTES",
    "Cache",
    "Keyed",
    "Preparation",
    "Preparer",
    "array_key",
    "name_key",
    "prepare_all",
]
