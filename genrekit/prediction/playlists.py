"""Playlists and cue sheets as the songs that they list: m3u, m3u8, pls, cue."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from genrekit.errors import MediaError
from genrekit.files import opening
from genrekit.prediction.cue import Track, tracks_in
from genrekit.text import system_name

CUE = ".cue"
SUFFIXES = (".m3u", ".m3u8", ".pls", CUE)
MAX_BYTES = 1 << 26
MAX_SONGS = 1_000_000

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
PLS_FILE = re.compile(r"\s*file\d+\s*=\s*(.*?)\s*", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[a-z]:[\\/]", re.IGNORECASE)


def is_playlist(name: str | Path) -> bool:
    """Return whether a name has the suffix of a playlist or a cue sheet."""
    return Path(name).suffix.lower() in SUFFIXES


def songs_of(path: Path) -> Iterator[str]:
    """Yield the paths and addresses that a playlist names, in order, each once; paths start at its folder.

    A text without a mark is UTF-8 where it is valid, else each name is what the system has of these bytes, or
    Windows-1252. ``file://`` is a path here; backslashes are slashes where a name with them is not there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    MediaError
        If it cannot be read, is not text, is longer than 64 MiB or lists more than a million songs.
    """
    text = _text(path)
    suffix = path.suffix.lower()
    entries = (track.file for track in tracks_in(text)) if suffix == CUE else _entries(text, suffix)
    found = dict.fromkeys(entries)
    if len(found) > MAX_SONGS:
        raise MediaError(f"The playlist lists more than {MAX_SONGS:,} songs.")
    for entry in islice(found, MAX_SONGS):
        yield _where(entry, path.parent)


def tracks_of(path: Path) -> list[Track]:
    """Return the tracks of a cue sheet, their files with the paths that they have from here.

    Raises
    ------
    MediaError
        As `songs_of`.
    """
    return [replace(track, file=_where(track.file, path.parent)) for track in tracks_in(_text(path))]


def _text(path: Path) -> str:
    with opening(path), path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MediaError(f"The playlist is longer than {MAX_BYTES:,} bytes.")
    mark = next((mark for mark in _MARKS if data.startswith(mark)), None)
    if mark is None and b"\0" in data:
        raise MediaError("The playlist is not text.")
    return data.decode(_MARKS[mark], "replace") if mark else data.decode("utf-8", "surrogateescape")


def local_path(address: str) -> str:
    """Return the path of a ``file://`` address.

    Examples
    --------
    >>> local_path("file:///music/a%20b.mp3")
    '/music/a b.mp3'
    """
    path = os.fsdecode(unquote_to_bytes(urlsplit(address.replace("#", "%23").replace("?", "%3F")).path))
    return path[1:] if _DRIVE.match(path[1:]) else path


def _entries(text: str, suffix: str) -> Iterator[str]:
    pattern = PLS_FILE if suffix == ".pls" else None
    for line in text.replace("\r", "\n").split("\n"):
        if pattern is None:
            if line.strip() and not line.startswith("#"):
                yield line.strip()
        elif found := pattern.fullmatch(line):
            yield found[1]


def _where(entry: str, folder: Path) -> str:
    is_address = _ADDRESS.match(entry) and not entry.lower().startswith("file:")
    return entry if is_address else _place(entry, folder)


def _place(entry: str, folder: Path) -> str:
    if entry.lower().startswith("file://"):
        return local_path(entry)
    spellings = [entry, entry.replace("\\", "/"), _windows(entry), _windows(entry).replace("\\", "/")]
    paths = [os.fspath(folder / system_name(spelling)) for spelling in dict.fromkeys(spellings) if spelling]
    return next((path for path in paths if os.path.lexists(path)), paths[0])


def _windows(text: str) -> str:
    """Return a text whose bytes are not UTF-8 as Windows-1252 reads it; '' where all are."""
    raw = text.encode("utf-8", "surrogateescape")
    return raw.decode("cp1252", "replace") if any("\udc80" <= c <= "\udcff" for c in text) else ""
