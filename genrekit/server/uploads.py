"""Uploads: bodies streamed into a private folder, under limits, and removed whatever happens."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from genrekit.prediction import is_playlist
from genrekit.server.problems import Problem
from genrekit.text import visible

PREFIX = "genrekit-serve-"
MAX_FIELDS = 64
MAX_FIELD_BYTES = 64 << 10
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


@dataclass(frozen=True)
class Upload:
    """A file that was sent: the name that its sender gave, and where it is."""

    name: str
    path: Path


class UploadFolder:
    """The private folder of one server, with a folder per request.

    A lock beside the folder tells a running server's folder from one that a killed server left behind.
    """

    def __init__(self) -> None:
        sweep()
        place = Path(tempfile.gettempdir())
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=".lock", dir=place)
        Path(name).chmod(0o600)
        os.close(handle)
        self._lock = FileLock(name)
        self._lock.acquire(blocking=False)
        self.path = Path(name).with_suffix("")
        self.path.mkdir(mode=0o700)
        self._numbers = count(1)

    def request_folder(self) -> Path:
        """Create the folder of a request."""
        folder = self.path / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        return folder

    def size(self) -> int:
        """Return the bytes in the folder."""
        total = 0
        for path in self.path.rglob("*"):
            with suppress(OSError):
                total += path.stat().st_size
        return total

    def close(self) -> None:
        """Remove the folder with everything in it."""
        remove(self.path)
        self._lock.release()
        with suppress(OSError):
            Path(self._lock.lock_file).unlink()


def remove(folder: Path) -> None:
    """Remove a folder with everything in it, whatever is missing already."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders that killed servers of this user left behind."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*.lock"):
        held = FileLock(lock)
        try:
            held.acquire(blocking=False)
        except (Timeout, OSError):  # a running server, or another user's
            continue
        remove(lock.with_suffix(""))
        held.release()
        with suppress(OSError):
            lock.unlink()


def suffix_of(name: str, content_type: str) -> str:
    """Return a harmless suffix for the file of an upload: that of its name, else the one its media type has."""
    suffix = Path(name).suffix.lower()
    if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix):
        return suffix
    return SUFFIXES.get(content_type.partition(";")[0].strip().lower(), "")


def shown_name(name: str) -> str:
    """Return the last part of a name that a client gave, printable and bounded."""
    return visible(re.split(r"[/\\]", name)[-1])[:MAX_NAME] or "upload"


def check_kind(upload: Upload) -> None:
    """Refuse what stands for other files.

    Raises
    ------
    Problem
        For playlists, cue sheets, lists and archives.
    """
    suffix = Path(upload.name).suffix.lower()
    with upload.path.open("rb") as file:
        head = file.read(512)
    what = next((what for at, magic, what in _MAGIC if head.startswith(magic, at)), "")
    if is_playlist(upload.name):
        what = "a playlist or a cue sheet"
    elif suffix in _ARCHIVES:
        what = "an archive"
    elif suffix in _LISTS:
        what = "a list"
    if what:
        raise Problem(
            "unsupported",
            f"{upload.name} is {what}, which is not taken.",
            "Send the songs, pictures or tables themselves.",
        )


class _Parser(MultiPartParser):
    """A parser of multipart bodies that writes its files into a folder of ours."""

    def __init__(self, headers: Headers, stream: AsyncIterator[bytes], folder: Path, max_files: int) -> None:
        super().__init__(
            headers,
            stream,  # type: ignore[arg-type]
            max_files=max_files,
            max_fields=MAX_FIELDS,
            max_part_size=MAX_FIELD_BYTES,
        )
        self.uploads: list[Upload] = []
        self._folder = folder

    def on_headers_finished(self) -> None:
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        if b"filename" not in options:
            super().on_headers_finished()
            return
        self._current_files += 1
        if self._current_files > self.max_files:
            raise Problem(
                "too-large",
                f"There are more than {self.max_files} files in the request.",
                "Send fewer at once.",
            )
        part.field_name = options.get(b"name", b"file").decode("utf-8", "replace")
        name = options[b"filename"].decode("utf-8", "replace")
        content_type = dict(part.item_headers).get(b"content-type", b"").decode("latin-1")
        path = self._folder / f"{len(self.uploads)}{suffix_of(name, content_type)}"
        file = path.open("xb")
        self._files_to_close_on_error.append(file)  # type: ignore[arg-type]
        part.file = UploadFile(file=file, filename=name)
        self.uploads.append(Upload(shown_name(name), path))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            super().on_part_data(data, start, end)
        else:
            self._current_part.file.file.write(data[start:end])

    def on_part_end(self) -> None:
        if self._current_part.file is None:
            super().on_part_end()
        else:
            self._current_part.file.file.close()


async def read_multipart(
    headers: Headers, stream: AsyncIterator[bytes], folder: Path, max_files: int
) -> tuple[list[Upload], list[tuple[str, str]]]:
    """Stream a multipart body into a folder; return its files and its fields, in order.

    Raises
    ------
    Problem
        If it is malformed, or has too many parts.
    """
    parser = _Parser(headers, stream, folder, max_files)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem("bad-request", f"The multipart body is malformed: {error.message}") from None
    except (ValueError, IndexError, UnicodeError) as error:
        raise Problem("bad-request", f"The multipart body is malformed: {error}.") from None
    return parser.uploads, [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def read_raw(headers: Mapping[str, str], stream: AsyncIterator[bytes], folder: Path) -> Upload:
    """Stream a body that is one file into a folder; its name is in the header X-Filename."""
    name = shown_name(headers.get("x-filename", "upload"))
    path = folder / f"0{suffix_of(name, headers.get('content-type', ''))}"
    with path.open("xb") as file:
        async for chunk in stream:
            file.write(chunk)
    return Upload(name, path)
