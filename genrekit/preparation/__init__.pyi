from .cache import ENTRY_BYTES, Cache
from .preparer import Preparation, Preparer, prepare_all

__all__ = ["ENTRY_BYTES", "Cache", "Preparation", "Preparer", "prepare_all"]
