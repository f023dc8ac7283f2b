"""Kinds of uploads, by media type, name and first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from genrekit.prediction import is_playlist
from genrekit.server.problems import Problem
from genrekit.text import visible

MAX_NAME = 255

# https://www.iana.org/assignments/media-types; the suffix tells a decoder what the bytes may be.
SUFFIXES = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "audio/aac": ".aac",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/vnd.wave": ".wav",
    "audio/flac": ".flac",
    "audio/x-flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/aiff": ".aiff",
    "audio/x-aiff": ".aiff",
    "audio/webm": ".webm",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/avif": ".avif",
    "image/heic": ".heic",
}
_ARCHIVES = frozenset(".zip .tar .gz .tgz .bz2 .xz .7z .rar .zst .npz".split())
_LISTS = frozenset(".xspf .txt .lst".split())
_MAGIC = (
    (0, b"PK\x03\x04", "an archive"),
    (0, b"PK\x05\x06", "an archive"),
    (0, b"\x1f\x8b", "an archive"),
    (0, b"BZh", "an archive"),
    (0, b"\xfd7zXZ\0", "an archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "an archive"),
    (0, b"Rar!\x1a\x07", "an archive"),
    (0, b"\x28\xb5\x2f\xfd", "an archive"),
    (257, b"ustar", "an archive"),
    (0, b"#EXTM3U", "a playlist"),
    (0, b"\xef\xbb\xbf#EXTM3U", "a playlist"),
    (0, b"[playlist]", "a playlist"),
)


def suffix_of(name: str, content_type: str) -> str:
    """Return a harmless suffix for the file of an upload: that of its name, else the one its media type has."""
    suffix = Path(name).suffix.lower()
    if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix):
        return suffix
    return SUFFIXES.get(content_type.partition(";")[0].strip().lower(), "")


def shown_name(name: str) -> str:
    """Return the last part of a name that a client gave, printable and bounded."""
    return visible(re.split(r"[/\\]", name)[-1])[:MAX_NAME] or "upload"


def check_kind(name: str, path: Path) -> None:
    """Refuse a file that names other files.

    Raises
    ------
    Problem
        For playlists, cue sheets, lists and archives.
    """
    suffix = Path(name).suffix.lower()
    with path.open("rb") as file:
        head = file.read(512)
    what = next((what for at, magic, what in _MAGIC if head.startswith(magic, at)), "")
    if is_playlist(name):
        what = "a playlist or a cue sheet"
    elif suffix in _ARCHIVES:
        what = "an archive"
    elif suffix in _LISTS:
        what = "a list"
    if what:
        raise Problem(
            "unsupported",
            f"{name} is {what}, which is not taken.",
            "Send the songs, pictures or tables themselves.",
        )
