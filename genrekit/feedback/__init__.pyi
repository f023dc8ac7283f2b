from .cleaning import ROW, Cleaned, clean
from .events import (
    MAX_COMMENT,
    Event,
    EventName,
    Predicted,
    Verdict,
    hash_receipt,
    is_receipt,
    new_id,
    new_receipt,
    now,
    opaque,
)
from .limits import Limits, Usage
from .spool import Order, Spool, default_folder
from .store import Content, Store
from .verdicts import Tally, right_labels
from .writer import Writer

__all__ = [
    "MAX_COMMENT",
    "ROW",
    "Cleaned",
    "Content",
    "Event",
    "EventName",
    "Limits",
    "Order",
    "Predicted",
    "Spool",
    "Store",
    "Tally",
    "Usage",
    "Verdict",
    "Writer",
    "clean",
    "default_folder",
    "hash_receipt",
    "is_receipt",
    "new_id",
    "new_receipt",
    "now",
    "opaque",
    "right_labels",
]
