"""JSON and JSON Lines as cells of text: an array of objects, one object, or one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genrekit.errors import DatasetError
from genrekit.tables.cells import MAX_TABLE_BYTES, Cells, refuse_doubled
from genrekit.text import printable


def is_json(path: Path) -> bool:
    """Say whether a text begins as JSON objects do.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"{", b"[")) or path.suffix.lower() in {".json", ".jsonl", ".ndjson"}


def read_records(path: Path) -> Cells:
    """Read named values as a table; the columns are the keys in the order in which they first appear.

    Parameters
    ----------
    path : Path
        UTF-8 text of at most 1 GiB: ``[{...}, ...]``, ``{...}``, or ``{...}`` on every line.

    Returns
    -------
    Cells
        Row numbers are line numbers for JSON Lines and positions, from 1, for an array. What is no object is
        in ``broken``. ``null`` is an empty cell.

    Raises
    ------
    DatasetError
        If the file cannot be read, is too large, or holds no object.
    """
    records: list[tuple[int, dict[str, Any]]] = []
    broken: list[tuple[str, str]] = []
    try:
        size = path.stat().st_size
        if size > MAX_TABLE_BYTES:
            raise DatasetError(f"{printable(path)} has {size:,} bytes; {MAX_TABLE_BYTES:,} are allowed.")
        for number, value, problem in _values(path.read_text(encoding="utf-8-sig")):
            if isinstance(value, dict):
                records.append((number, value))
            else:
                broken.append((f"row {number}", problem or "is not an object with names and values"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{printable(path)} cannot be read as JSON: {error}.") from None
    if not records:
        first = f": {broken[0][0]} {broken[0][1]}" if broken else ""
        raise DatasetError(
            f"{printable(path)} holds no JSON object{first}.",
            'Give an array of objects, or one object a line: {"name": number, ...}',
        )
    columns = tuple(dict.fromkeys(key for _, record in records for key in record))
    refuse_doubled(path, columns)
    rows = tuple((number, [_cell(record.get(column)) for column in columns]) for number, record in records)
    return Cells(path, columns, rows, tuple(broken))


def _values(text: str) -> Iterator[tuple[int, Any, str]]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    yield number, json.loads(line), ""
                except (ValueError, RecursionError) as error:
                    yield number, None, f"is no JSON: {error}"
    else:
        for number, value in enumerate(whole if isinstance(whole, list) else [whole], start=1):
            yield number, value, ""


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
