from .cache import ENTRY_BYTES, Cache
from .content_keys import name_key, spectrogram_key
from .preparer import Keyed, Preparation, Preparer, prepare_all

__all__ = [
    "ENTRY_BYTES",
    "Cache",
    "Keyed",
    "Preparation",
    "Preparer",
    "name_key",
    "prepare_all",
    "spectrogram_key",
]
