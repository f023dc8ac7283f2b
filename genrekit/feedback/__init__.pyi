from .champion import champion_path
from .checking import check_store
from .cleaning import ROW, Cleaned, clean
from .corrections import Correction, agreed, capped, collect, is_held_back
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
from .exporting import export_csv, export_label_studio
from .importing import Imported, import_labels
from .judgement import MIN_UPLOADERS, Duel
from .limits import Limits, Usage
from .retrain import retrain
from .retraining import WORDS, Retraining
from .spool import Order, Spool, default_folder
from .store import Content, Store
from .verdicts import Tally, right_labels
from .versions import Version, Versions, swap
from .writer import Writer

__all__ = [
    "MAX_COMMENT",
    "MIN_UPLOADERS",
    "ROW",
    "WORDS",
    "Cleaned",
    "Content",
    "Correction",
    "Duel",
    "Event",
    "EventName",
    "Imported",
    "Limits",
    "Order",
    "Predicted",
    "Retraining",
    "Spool",
    "Store",
    "Tally",
    "Usage",
    "Verdict",
    "Version",
    "Versions",
    "Writer",
    "agreed",
    "capped",
    "champion_path",
    "check_store",
    "clean",
    "collect",
    "default_folder",
    "export_csv",
    "export_label_studio",
    "hash_receipt",
    "import_labels",
    "is_held_back",
    "is_receipt",
    "new_id",
    "new_receipt",
    "now",
    "opaque",
    "retrain",
    "right_labels",
    "swap",
]
