"""JSON bodies: numbers, rows, a path or a spectrogram, to inputs and parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import from_json
from starlette.requests import Request

from genrekit.errors import GenrekitError
from genrekit.prediction import Model, numbers_row
from genrekit.server.kinds import shown_name
from genrekit.server.problems import Problem
from genrekit.server.settings import Settings
from genrekit.server.uploads import Body, Upload, UploadFolder
from genrekit.types import Example

MAX_ROWS = 10_000
"""Rows of numbers in one JSON body; a table has no such limit."""
MAX_MEL = (512, 100_000)
MAX_JSON_BYTES = 16 << 20
"""JSON is parsed at once; what is larger is sent as a file."""
NUMBERS = ("features", "instances", "inputs")
ROWS = ("rows", "dataframe_records", *NUMBERS[1:])
EXPECTED = 'Send files as multipart/form-data, one file with its Content-Type, or JSON: {"features": [numbers]} or {"rows": [{...}]}.'


@dataclass(frozen=True)
class JsonReader:
    """Reads JSON into bodies, under the limits of the settings."""

    settings: Settings
    uploads: UploadFolder

    def read(self, raw: bytes, body: Body, models: Sequence[Model], alone: str = "") -> None:
        """Add what JSON asks to predict to a body; the parameter ``alone`` is an input itself.

        Raises
        ------
        Problem
            If it is not JSON, or has nothing that could be predicted.
        """
        value = read_json(raw)
        if isinstance(value, list):
            value = {"rows": value} if value and isinstance(value[0], dict) else {"features": value}
        if not isinstance(value, dict):
            raise Problem("bad-request", "The JSON is not an object.", EXPECTED)
        if split := value.pop("dataframe_split", None):
            value["rows"] = _records(split)
        known = [name for name in (*NUMBERS, *ROWS, "path", "spectrogram") if name in value]
        if not known and alone in value:
            body.fields += [(key, _word(key, cell)) for key, cell in value.items()]
            return
        if not known and value and all(not isinstance(cell, dict | list) for cell in value.values()):
            value, known = {"rows": [value]}, ["rows"]
        if not known:
            names = ", ".join(map(repr, list(value)[:10])) or "nothing"
            raise Problem("bad-request", f"The JSON has {names[:200]}, and nothing to predict.", EXPECTED)
        if len(set(known)) > 1:
            raise Problem(
                "bad-request", f"The JSON has {' and '.join(dict.fromkeys(known))}.", "Send one of them."
            )
        name = known[0]
        content = value.pop(name)
        body.fields += [(key, _word(key, cell)) for key, cell in value.items()]
        if name == "path":
            body.folder = body.folder or self.uploads.request_folder()
            body.inputs.append(self._allowed(content, body.folder))
        elif name == "spectrogram":
            body.inputs.append(_spectrogram(content))
        elif name in ROWS and isinstance(content, list) and content and isinstance(content[0], dict):
            body.folder = body.folder or self.uploads.request_folder()
            body.inputs.append(_rows(content, name, body.folder))
        else:
            body.inputs += _numbers(content, name, models)

    def _allowed(self, given: Any, folder: Path) -> Upload:
        root = self.settings.allow_path
        if root is None:
            raise Problem(
                "forbidden",
                "This server reads no paths.",
                "Send the file itself, or start the server with --allow-path DIR.",
            )
        if not isinstance(given, str) or "\0" in given:
            raise Problem("bad-request", "The path is not a text.")
        root = root.resolve()
        try:
            path = (root / given).resolve(strict=True)
            inside = path.is_relative_to(root) and path.is_file()
        except (OSError, RuntimeError, ValueError):
            inside = False
        if not inside:
            raise Problem(
                "forbidden", "There is no such file below the allowed folder.", "Pass a path below it."
            )
        if path.stat().st_size > self.settings.max_upload_bytes:
            raise Problem(
                "too-large",
                "The file is larger than an upload may be.",
                "Start the server with a larger --max-upload.",
            )
        return Upload(shown_name(path.name), path, folder)


async def read_limited(request: Request) -> bytes:
    """Return a body of JSON.

    Raises
    ------
    Problem
        If it is larger than JSON may be.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_JSON_BYTES:
            raise Problem(
                "too-large",
                f"The JSON has more than {MAX_JSON_BYTES:,} bytes.",
                "Send rows as a table, and songs and pictures as files.",
            )
    return bytes(raw)


def read_json(raw: bytes) -> Any:
    """Read strict JSON in UTF-8, without NaN and infinities, nested at most as deep as the parser allows.

    Raises
    ------
    Problem
    """
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Problem("bad-request", f"The body is not JSON: {str(error)[:200]}.", EXPECTED) from None


def _numbers(content: Any, name: str, models: Sequence[Model]) -> list[Example]:
    if not isinstance(content, list) or not content:
        raise Problem("bad-request", f"{name} is not a list of numbers.", EXPECTED)
    nested = isinstance(content[0], list)
    lists = content if nested else [content]
    if len(lists) > MAX_ROWS:
        raise Problem(
            "too-large", f"{name} has {len(lists)} rows; {MAX_ROWS} are allowed.", "Send them as a table."
        )
    schemas = {m.backend.info.name: m.backend.info.columns for m in models if m.backend.info.columns}
    examples = []
    for number, values in enumerate(lists):
        at = f"/{name}/{number}" if nested else f"/{name}"
        if not isinstance(values, list):
            raise _unusable(at, "is not a list of numbers")
        if not _all_finite(values):
            position, value = next((k, v) for k, v in enumerate(values) if not _all_finite([v]))
            raise _unusable(f"{at}/{position}", f"is {json.dumps(value)[:60]}; a finite number is right")
        try:
            examples.append(numbers_row(values, schemas, f"numbers {number + 1}" if nested else "numbers"))
        except GenrekitError as error:
            raise Problem(
                "unusable",
                error.message,
                error.hint,
                extensions={"errors": [{"pointer": at, "detail": error.message}]},
            ) from None
    return examples


def _all_finite(values: list[Any]) -> bool:
    """Return whether all values are finite numbers, and none is a truth value."""
    try:
        return set(map(type, values)) <= {int, float} and all(map(math.isfinite, values))
    except OverflowError:
        return False


def _unusable(pointer: str, detail: str) -> Problem:
    return Problem(
        "unusable", f"{pointer} {detail}.", extensions={"errors": [{"pointer": pointer, "detail": detail}]}
    )


def _rows(content: list[Any], name: str, folder: Path) -> Upload:
    for number, row in enumerate(content):
        if not isinstance(row, dict):
            raise _unusable(f"/{name}/{number}", "is not an object of columns")
    path = folder / "rows.jsonl"
    with path.open("x", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in content)
    return Upload(name, path, folder)


def _records(split: Any) -> list[dict[str, Any]]:
    """Return the rows of MLflow's ``{"columns": [...], "data": [[...], ...]}``."""
    columns = split.get("columns") if isinstance(split, dict) else None
    data = split.get("data") if isinstance(split, dict) else None
    if (
        not isinstance(columns, list)
        or not isinstance(data, list)
        or not all(isinstance(c, str) for c in columns)
    ):
        raise _unusable("/dataframe_split", "has no list of columns and of data")
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        raise _unusable("/dataframe_split/data", "has a row of another length than the columns")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _spectrogram(content: Any) -> Example:
    try:
        mel = np.array(content, dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        raise _unusable("/spectrogram", "is not a rectangle of numbers") from None
    if mel.ndim != 2 or not all(0 < have <= most for have, most in zip(mel.shape, MAX_MEL, strict=True)):
        raise _unusable("/spectrogram", "is not a list of mel bands with as many frames each")
    if not np.isfinite(mel).all():
        raise _unusable("/spectrogram", "holds numbers that are not finite")
    return Example(id="spectrogram", array=mel, kind="spectrogram")


def _word(key: str, cell: Any) -> str:
    """Return a parameter in JSON as a query has it."""
    if isinstance(cell, list):
        return ",".join(str(part) for part in cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, dict) or cell is None:
        raise _unusable(f"/{key}", "is not a text or a number")
    return str(cell)
