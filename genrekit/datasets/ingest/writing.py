"""The table that ``ingest`` writes: a row at a time, whole or not there."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genrekit.errors import DatasetError
from genrekit.text import printable

SUFFIXES = (".csv", ".tsv", ".parquet")
BATCH = 20_000


class _Parquet:
    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._schema = pa.schema([(column, pa.string()) for column in columns])
        self._writer = pq.ParquetWriter(path, self._schema)
        self._rows: list[Sequence[str]] = []

    def writerow(self, row: Sequence[str]) -> None:
        self._rows.append(row)
        if len(self._rows) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        self._writer.write_table(pa.table([pa.array(c, pa.string()) for c in columns], schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        self._flush()
        self._writer.close()


@contextmanager
def writing(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Open a table by its suffix; the block gets something with ``writerow``.

    The file takes its place at the end of the block, and not after an error in it.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.tsv`` or ``.parquet``.
    columns : sequence of str
        Names of the columns.

    Yields
    ------
    object
        With a method ``writerow(cells)``, as that of `csv.writer`.

    Raises
    ------
    DatasetError
        If it cannot be written.
    """
    beside = path.with_name(f".writing_{secrets.token_hex(8)}")
    try:
        if path.suffix.lower() == ".parquet":
            table = _Parquet(beside, columns)
            yield table
            table.close()
        else:
            with beside.open("x", encoding="utf-8", errors="surrogateescape", newline="") as file:
                delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
                writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
                writer.writerow(columns)
                yield writer
        beside.replace(path)
    except (OSError, pa.ArrowException, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"{printable(path)} cannot be written: {reason}.", "Choose another place."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
