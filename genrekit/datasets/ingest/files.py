"""Opening playlists from anywhere: text in any encoding line by line, documents of bounded size."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from genrekit.errors import DatasetError
from genrekit.text import printable

MAX_DOCUMENT_BYTES = 128 * 2**20
MAX_LINE_BYTES = 2**16
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text: UTF-8 or UTF-16 by their byte order marks, else UTF-8, else Windows-1252 per line."""
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            with path.open(encoding="utf-16", errors="replace") as text:
                while line := text.readline(MAX_LINE_BYTES):
                    yield line.rstrip("\r\n")
            return
        file.seek(3 if head.startswith(codecs.BOM_UTF8) else 0)
        while raw := file.readline(MAX_LINE_BYTES):
            try:
                line = raw.decode()
            except UnicodeDecodeError:
                line = raw.decode("cp1252", "backslashreplace")
            # Old systems end lines with a carriage return alone.
            yield from line.rstrip("\r\n").split("\r")


def check_size(path: Path) -> None:
    """Refuse a document that is too long to be read whole.

    Raises
    ------
    DatasetError
        If it has more than ``MAX_DOCUMENT_BYTES``.
    """
    size = path.stat().st_size
    if size > MAX_DOCUMENT_BYTES:
        raise DatasetError(
            f"{printable(path)} has {size:,} bytes; a playlist of this kind may have {MAX_DOCUMENT_BYTES:,}.",
            "Export fewer playlists at once, or as CSV or M3U, which may be of any length.",
        )


def read_json(path: Path) -> Any:
    """Return a parsed JSON document.

    Raises
    ------
    DatasetError
        If it is too long, or not JSON.
    """
    check_size(path)
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{printable(path)} is not JSON: {str(error)[:100]}.") from error


def place_of(location: str, folder: Path) -> str:
    """Return the local file that an entry of a playlist names, absolute; '' for an address.

    Parameters
    ----------
    location : str
        A path, relative to the playlist, or ``file://...``.
    folder : Path
        Folder of the playlist.
    """
    if location.lower().startswith("file://"):
        parts = urlsplit(location)
        location = unquote(parts.path)
        if _DRIVE.match(location[1:]):
            location = location[1:]
    elif "://" in location or not location or "\0" in location:
        return ""
    found = folder / location
    if "\\" in location and not found.exists() and not _DRIVE.match(location):
        found = folder / location.replace("\\", "/")
    return os.path.abspath(found)  # noqa: PTH100 - links stay as they are
