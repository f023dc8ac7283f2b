"""JSON as frames: an array of objects, one object a line, one object, or an answer of Spotify's Web API.

https://developer.spotify.com/documentation/web-api/reference/get-several-audio-features
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.tables.cells import check_header, encoding_of
from genrekit.tables.frame import Frame, frames_of
from genrekit.text import printable

MAX_VALUE_CHARACTERS = 1_000_000
MAX_FRAME_OBJECTS = 10_000
MAX_FRAME_CHARACTERS = 8_000_000

_CHUNK = 4 * MAX_VALUE_CHARACTERS
_OPENING = re.compile(r'\s*(?:\[|\{\s*"audio_features"\s*:\s*\[)\s*')
_COMMA = re.compile(r"\s*,\s*")
_BRACKET = re.compile(r"\s*\]")
_BEFORE_BRACKET = re.compile(r"\s*(?=\])")
_BRACE = re.compile(r"\s*\}")
_END = re.compile(r"\s*\Z")
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


class _Item(NamedTuple):
    number: int
    value: Any
    size: int
    problem: str = ""


def open_json(path: Path) -> tuple[tuple[str, ...], Callable[[], Iterator[Frame]]]:
    """Open JSON text.

    Parameters
    ----------
    path : Path
        UTF-8, or UTF-16 with a byte order mark: ``[{...}, ...]``, ``{...}``, ``{...}`` on every line, or
        ``{"audio_features": [{...}, null, ...]}``, also several of the last behind each other.

    Returns
    -------
    columns : tuple of str
        The keys of the objects of the first frame, in the order in which they first appear; a key that only
        appears later is not read.
    read : callable
        Reads the objects from the start; what is no object is a broken row. In every frame a column of
        numbers is float64, one of booleans is bool, and any other is text: nested values as JSON. ``null``,
        ``NaN`` and ``Infinity`` are null. Where an object has a key twice the last counts.

    Raises
    ------
    DatasetError
        If the text holds no object, or has two keys of one name.
    """
    first = next((run for run in _runs(path) if any(isinstance(i.value, dict) for i in run[0])), None)
    if first is None:
        raise DatasetError(
            f"{printable(path)} holds no JSON object{_why(path)}.",
            'Give an array of objects, or one object a line: {"name": number, ...}',
        )
    keys = tuple(
        dict.fromkeys(key for item in first[0] if isinstance(item.value, dict) for key in item.value)
    )
    names = [_valid(key) for key in keys]
    check_header(path, names)

    def read() -> Iterator[Frame]:
        for items, position_bytes in _runs(path):
            good = [item for item in items if isinstance(item.value, dict)]
            broken = [(item.number, _reason(item)) for item in items if not isinstance(item.value, dict)]
            numbers = np.fromiter((item.number for item in good), np.int64, len(good))
            rows = [[item.value.get(key) for key in keys] for item in good]
            cells = zip(*rows, strict=True) if rows else [()] * len(keys)
            table = pa.Table.from_arrays([_column(values) for values in cells], names)
            yield from frames_of(numbers, table, broken, position_bytes, skip_blank=False)

    return tuple(names), read


def _why(path: Path) -> str:
    items = next(_runs(path), ([], 0))[0]
    return f": row {items[0].number} {printable(_reason(items[0]))}" if items else ""


def _reason(item: _Item) -> str:
    if item.problem:
        return item.problem
    if item.value is None:
        return "is null: the service knows no such track"
    return "is not an object with names and values"


def _runs(path: Path) -> Iterator[tuple[list[_Item], int]]:
    """Give the items of a text in runs of bounded length, and how far in the file each run ends."""
    with path.open("rb") as head:
        encoding = encoding_of(head.read(2))
    with path.open("rb") as binary, io.TextIOWrapper(binary, encoding, errors="replace") as file:
        items = _items(path, file)
        problem: DatasetError | None = None
        while problem is None:
            run: list[_Item] = []
            size = 0
            try:
                for item in itertools.islice(items, MAX_FRAME_OBJECTS):
                    run.append(item)
                    size += item.size
                    if size > MAX_FRAME_CHARACTERS:
                        break
            except DatasetError as error:
                problem = error
            if not run:
                break
            yield run, binary.tell()
        if problem is not None:
            raise problem


def _items(path: Path, file: TextIO) -> Iterator[_Item]:
    text = file.read(_CHUNK)
    if _OPENING.match(text):
        yield from _array_items(path, _Window(file, text))
        return
    if len(text) < _CHUNK:
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield _Item(1, value, len(text))
            return
    file.seek(0)
    yield from _line_items(file)


def _line_items(file: TextIO) -> Iterator[_Item]:
    lines = iter(lambda: file.readline(MAX_VALUE_CHARACTERS + 1), "")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_VALUE_CHARACTERS:
            while line and not line.endswith("\n"):
                line = file.readline(_CHUNK)
            yield _Item(number, None, 1, f"is longer than {MAX_VALUE_CHARACTERS:,} characters")
        elif line.strip():
            try:
                yield _Item(number, _DECODER.decode(line), len(line))
            except (ValueError, RecursionError) as error:
                yield _Item(number, None, len(line), f"is no JSON: {error}")


class _Window:
    """The part of a text that is being read: room for a whole value ahead, or all that is left."""

    def __init__(self, file: TextIO, text: str) -> None:
        self._file = file
        self._text = text
        self._at = 0

    def skip(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go past a pattern, if the text goes on with it."""
        self._fill()
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match

    def value(self) -> tuple[Any, int]:
        """Return the next value and its length in characters."""
        self._fill()
        start = self._at
        value, self._at = _DECODER.raw_decode(self._text, start)
        if self._at - start > MAX_VALUE_CHARACTERS:
            raise ValueError(f"it has more than {MAX_VALUE_CHARACTERS:,} characters")
        return value, self._at - start

    def _fill(self) -> None:
        while len(self._text) - self._at <= MAX_VALUE_CHARACTERS and (more := self._file.read(_CHUNK)):
            self._text, self._at = self._text[self._at :] + more, 0


def _array_items(path: Path, window: _Window) -> Iterator[_Item]:
    number = 0
    while opening := window.skip(_OPENING):
        while not window.skip(_BRACKET):
            try:
                value, size = window.value()
            except (ValueError, RecursionError) as error:
                problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise _refusal(path, number, problem) from error
            number += 1
            yield _Item(number, value, size)
            if not window.skip(_COMMA) and not window.skip(_BEFORE_BRACKET):
                raise _refusal(path, number, "neither a comma nor the end of the array follows")
        if "{" in opening[0] and not window.skip(_BRACE):
            raise _refusal(path, number, "what follows its array is not read")
    if not window.skip(_END):
        raise _refusal(path, number, "something follows the end of its array")


def _refusal(path: Path, number: int, problem: str) -> DatasetError:
    return DatasetError(
        f"{printable(path)} cannot be read beyond item {number:,}: {printable(_valid(problem))}.",
        "Check that the file is complete.",
    )


def _column(values: Sequence[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int, float}:
        try:
            return pa.array(np.array(values, np.float64), from_pandas=True)
        except OverflowError:
            pass
    texts = values if kinds == {str} else [None if value is None else _text(value) for value in values]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if text is None else _valid(text) for text in texts], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _valid(text: str) -> str:
    r"""Return a text that UTF-8 can hold: JSON may escape half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()
