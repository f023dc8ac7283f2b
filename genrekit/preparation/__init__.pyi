from .cache import ENTRY_BYTES, Cache
from .preparer import Looked, Preparer, prepare_all

__all__ = ["ENTRY_BYTES", "Cache", "Looked", "Preparer", "prepare_all"]
