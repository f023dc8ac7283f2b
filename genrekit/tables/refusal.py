"""Errors of reading a table, as sentences."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.text import printable

KINDS = "Use a CSV, TSV, Parquet, JSON or JSON Lines file."

_UNREADABLE = (
    *(OSError, EOFError, ValueError, OverflowError, RecursionError, MemoryError),
    *(csv.Error, zlib.error, pa.ArrowException),
)


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn the errors of the libraries that read a table into a `DatasetError`."""
    try:
        yield
    except _UNREADABLE as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:300]
        raise DatasetError(
            f"{printable(path)} cannot be read as a table: {printable(reason)}.", KINDS
        ) from error
