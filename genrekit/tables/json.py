"""JSON Lines of any length, and other JSON up to a limit: arrays of objects, objects, responses of Spotify's Web API.

https://developer.spotify.com/documentation/web-api/reference/get-several-audio-features
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.tables.columns import check_columns
from genrekit.tables.encoding import Utf8, suffix_of
from genrekit.tables.frame import Frame, Read, frames_of
from genrekit.tables.refusal import refused
from genrekit.text import printable

MAX_JSON_CHARACTERS = 2**26
MAX_LINE_CHARACTERS = 1_000_000
MAX_FRAME_VALUES = 10_000
MAX_FRAME_CHARACTERS = 8_000_000

SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_LINES = frozenset({".jsonl", ".ndjson"})
_OPENING = re.compile(r'\[|\{\s*"audio_features"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


class Value(NamedTuple):
    """One value of a JSON text.

    Attributes
    ----------
    number : int
        The line in JSON Lines, else the position, from 1.
    content : object
        The parsed value; ``NaN`` and ``Infinity`` are None.
    problem : str
        The reason why there is no content; else ''.
    """

    number: int
    content: Any
    problem: str = ""


def open_json(path: Path) -> tuple[tuple[str, ...], Read]:
    """Open JSON text.

    Parameters
    ----------
    path : Path
        A file in a form that `read_values` reads.

    Returns
    -------
    columns : tuple of str
        The keys of the objects of the first frame, in the order in which they first appear; a key that only
        appears later is not read.
    read : callable
        Reads the objects from the start; a value that is not an object is a broken row. In every frame a column
        of whole numbers is int64, of numbers float64, of booleans bool, and any other is text, with nested values
        as JSON. ``null``, ``NaN`` and ``Infinity`` are null. If an object has a key twice, the last one counts.

    Raises
    ------
    DatasetError
        If the text holds no object, has two keys with the same name, or is too large.
    """
    keys = _keys(path)
    names = [_valid(key) for key in keys]
    check_columns(printable(path), names)

    def read(places: tuple[int, ...]) -> Iterator[Frame]:
        chosen = [keys[i] for i in places]
        for values, position_bytes in _runs(path):
            good = [value for value in values if isinstance(value.content, dict)]
            broken = [(v.number, _reason(v)) for v in values if not isinstance(v.content, dict)]
            numbers = np.fromiter((value.number for value in good), np.int64, len(good))
            rows = [[value.content.get(key) for key in chosen] for value in good]
            cells = zip(*rows, strict=True) if rows else [()] * len(chosen)
            table = pa.Table.from_arrays([_column(column) for column in cells], [names[i] for i in places])
            yield from frames_of(numbers, table, broken, position_bytes, skip_blank=False)

    return tuple(names), read


def read_values(path: Path, *, max_line_characters: int = MAX_LINE_CHARACTERS) -> Iterator[Value]:
    """Read the values of a JSON text one by one.

    Parameters
    ----------
    path : Path
        UTF-8 or UTF-16, compressed by gzip or not: one value per line, of any total length; or at most
        ``MAX_JSON_CHARACTERS`` of ``[{...}, ...]``, ``{...}`` or ``{"audio_features": [{...}, null, ...]}``, also
        more than one in sequence.
    max_line_characters : int
        Longer lines of JSON Lines become values with a problem.

    Raises
    ------
    DatasetError
        If the text cannot be read or is too large, or is damaged and not JSON Lines; the values before it have been
        yielded.
    """
    with refused(path):
        is_lines = _is_lines(path)
        with Utf8(path, any_bytes=True) as stream, stream.text("\n") as file:
            values = _line_values(file, max_line_characters) if is_lines else _whole_values(path, file)
            yield from (value for value, _ in values)


def _whole_values(path: Path, file: TextIO) -> Iterator[tuple[Value, int]]:
    """Yield the values, each with its approximate number of characters."""
    text = file.read(MAX_JSON_CHARACTERS + 1)
    if len(text) > MAX_JSON_CHARACTERS:
        raise DatasetError(
            f"{printable(path)} has more than {MAX_JSON_CHARACTERS:,} characters of JSON.",
            "Write one object per line (.jsonl): JSON Lines may be of any length.",
        )
    at = depth = number = 0
    while (at := _between(text, at)) < len(text):
        if opening := _OPENING.match(text, at):
            depth += 2 if text[at] == "{" else 1
            at = opening.end()
        elif depth and text[at] in "]}":
            depth -= 1
            at += 1
        else:
            start = at
            try:
                content, at = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError) as error:
                raise _broken(path, number, str(error)) from error
            number += 1
            yield Value(number, content), at - start
    if depth:
        raise _broken(path, number, "it ends within an array")


def _between(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def _broken(path: Path, number: int, problem: str) -> DatasetError:
    return DatasetError(
        f"{printable(path)} cannot be read beyond item {number:,}: {_valid(problem)}.",
        "Check that the file is complete.",
    )


def _is_lines(path: Path) -> bool:
    """Return whether a text has one value per line: by its suffix, or because one of its first lines is an object."""
    if suffix_of(path) in _LINES:
        return True
    with Utf8(path, any_bytes=True) as stream, stream.text("\n") as file:
        head = file.read(MAX_LINE_CHARACTERS)
    if _OPENING.match(head, _between(head, 0)):
        return False
    for line in head.split("\n", 100)[:100]:
        try:
            content = _DECODER.decode(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            return True
    return False


def _line_values(file: TextIO, max_line: int) -> Iterator[tuple[Value, int]]:
    lines = iter(lambda: file.readline(max_line + 1), "")
    for number, line in enumerate(lines, start=1):
        if len(line) > max_line:
            while line and not line.endswith("\n"):
                line = file.readline(max_line)
            yield Value(number, None, f"is longer than {max_line:,} characters"), 1
        elif line.strip():
            try:
                yield Value(number, _DECODER.decode(line)), len(line)
            except (ValueError, RecursionError) as error:
                yield Value(number, None, f"is not JSON: {error}"), len(line)


def _runs(path: Path) -> Iterator[tuple[list[Value], int]]:
    """Yield the values in runs of bounded length, each with the position of its end in the file."""
    is_lines = _is_lines(path)
    with Utf8(path, any_bytes=True) as stream, stream.text("\n") as file:
        values = _line_values(file, MAX_LINE_CHARACTERS) if is_lines else _whole_values(path, file)
        run: list[Value] = []
        n_characters = 0
        problem: DatasetError | None = None
        try:
            for value, size in values:
                run.append(value)
                n_characters += size
                if len(run) == MAX_FRAME_VALUES or n_characters > MAX_FRAME_CHARACTERS:
                    yield run, stream.position()
                    run, n_characters = [], 0
        except DatasetError as error:
            problem = error
        if run:
            yield run, stream.position()
        if problem is not None:
            raise problem


def _keys(path: Path) -> tuple[str, ...]:
    problem = ""
    try:
        for run, _ in _runs(path):
            keys = dict.fromkeys(key for v in run if isinstance(v.content, dict) for key in v.content)
            if keys:
                return tuple(keys)
            problem = problem or f"row {run[0].number} {_reason(run[0])}"
    except DatasetError as error:
        problem = problem or error.message.removeprefix(f"{printable(path)} ")
    raise DatasetError(
        f"{printable(path)} holds no JSON object{': ' if problem else ''}{problem.rstrip('.')}.",
        'Write an array of objects, or one object per line: {"name": number, ...}',
    )


def _reason(value: Value) -> str:
    if value.problem:
        return value.problem
    if value.content is None:
        return "is null: the service knows no such track"
    return "is not an object with names and values"


def _column(values: Sequence[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    for kind, of_arrow in ({bool}, pa.bool_()), ({int}, pa.int64()), ({int, float}, pa.float64()):
        if kinds <= kind and (kinds or kind != {bool}):
            try:
                return pa.array(values, of_arrow)
            except (OverflowError, pa.ArrowInvalid):
                pass
    texts = values if kinds == {str} else [None if value is None else _text(value) for value in values]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if text is None else _valid(text) for text in texts], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _valid(text: str) -> str:
    r"""Return a text that UTF-8 can represent: JSON may escape half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()
