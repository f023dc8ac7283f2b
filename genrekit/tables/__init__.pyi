from .cells import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    MAX_COLUMNS,
    MAX_HEADER_CHARACTERS,
    MAX_TABLE_BYTES,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    Cells,
    column_name,
    read_cells,
)
from .frames import Frame, Frames, open_frames
from .records import is_json, read_records

__all__ = [
    "GROUP_COLUMNS",
    "LABEL_COLUMNS",
    "MAX_COLUMNS",
    "MAX_HEADER_CHARACTERS",
    "MAX_TABLE_BYTES",
    "PATH_COLUMNS",
    "SPLIT_COLUMNS",
    "Cells",
    "Frame",
    "Frames",
    "column_name",
    "is_json",
    "open_frames",
    "read_cells",
    "read_records",
]
