"""Reader of tables: CSV, TSV, Parquet, JSON Lines and JSON, in bounded memory."""

from genrekit.tables.columns import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    Columns,
)
from genrekit.tables.data_frames import NAME as DATA_FRAME
from genrekit.tables.data_frames import table_of
from genrekit.tables.frame import Frame
from genrekit.tables.json import Value, read_values
from genrekit.tables.numbers import decimal_comma, number
from genrekit.tables.table import MAX_TABLE_BYTES, Cells, Row, Table, open_table, texts

__all__ = [
    "DATA_FRAME",
    "GROUP_COLUMNS",
    "LABEL_COLUMNS",
    "MAX_TABLE_BYTES",
    "PATH_COLUMNS",
    "SPLIT_COLUMNS",
    "Cells",
    "Columns",
    "Frame",
    "Row",
    "Table",
    "Value",
    "decimal_comma",
    "number",
    "open_table",
    "read_values",
    "table_of",
    "texts",
]
