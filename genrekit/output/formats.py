"""Formats of predictions by name."""

from __future__ import annotations

from typing import Any

from genrekit.errors import UsageError
from genrekit.output.writers import CsvWriter, JsonlWriter, JsonWriter, Writer

FORMATS = ("table", "json", "jsonl", "csv", "parquet", "audacity")


def open_writer(format: str, stream: Any, **options: Any) -> Writer:
    """Return the writer of a format.

    Parameters
    ----------
    format : {'table', 'json', 'jsonl', 'csv', 'parquet', 'audacity'}
    stream, **options
        As for `Writer`; a binary stream for Parquet.

    Raises
    ------
    UsageError
        If there is no such format, or ``top_k`` is below 1.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no output format {format!r}; allowed are {', '.join(FORMATS)}.")
    if options.get("top_k", 1) < 1:
        raise UsageError(f"top_k is {options['top_k']}; it must be at least 1.")
    if format == "table":
        from genrekit.output.terminal import TableWriter

        return TableWriter(stream, **options)
    if format == "audacity":
        from genrekit.output.audacity import AudacityWriter

        return AudacityWriter(stream, **options)
    if format == "parquet":
        from genrekit.output.parquet import ParquetWriter

        return ParquetWriter(stream, **options)
    kinds: dict[str, type[Writer]] = {"json": JsonWriter, "jsonl": JsonlWriter, "csv": CsvWriter}
    return kinds[format](stream, **options)
