from .cache import ENCODING, ENTRY_BYTES, MAX_BYTES, Cache
from .cache_contents import Contents, cache_contents, clear_cache
from .content_keys import array_key, name_key
from .preparer import Keyed, Preparation, Preparer, prepare_all

__all__ = [
    "ENCODING",
    "ENTRY_BYTES",
    "MAX_BYTES",
    "Cache",
    "Contents",
    "Keyed",
    "Preparation",
    "Preparer",
    "array_key",
    "cache_contents",
    "clear_cache",
    "name_key",
    "prepare_all",
]
