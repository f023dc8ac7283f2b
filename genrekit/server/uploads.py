"""Uploads: bodies streamed into a private folder, under limits, and always removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from filelock import FileLock, Timeout
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from genrekit.server.kinds import shown_name, suffix_of
from genrekit.server.problems import Problem
from genrekit.types import Example

PREFIX = "genrekit-serve-"
MAX_FIELDS = 64
TRIES = 3
MAX_FIELD_BYTES = 64 << 10


@dataclass(frozen=True)
class Upload:
    """A file that was sent: the name that its sender gave, and where it is.

    Attributes
    ----------
    name : str
    path : Path
    folder : Path
        The folder of the request, for what is written meanwhile.
    field : str
        The field of the form; empty for a body that is one file.
    """

    name: str
    path: Path
    folder: Path
    field: str = ""


@dataclass
class Body:
    """The inputs and parameters of a request for predictions.

    Attributes
    ----------
    inputs : list of Upload or Example
        Numbers are examples already.
    fields : list of (str, str)
        Parameters in the body.
    folder : Path or None
        The folder of the uploads; None if there are none.
    held : bool
        Whether its owner closes it, after the request.
    """

    inputs: list[Upload | Example] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    folder: Path | None = None
    held: bool = False

    def close(self) -> None:
        """Remove the uploads."""
        if self.folder is not None:
            remove(self.folder)
            self.folder = None


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
    """Remove a folder with everything in it, whatever is missing already, or is written meanwhile."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


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
        self.uploads.append(Upload(shown_name(name), path, self._folder, part.field_name))

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
    name = shown_name(_text(headers.get("x-filename", "upload")))
    path = folder / f"0{suffix_of(name, headers.get('content-type', ''))}"
    with path.open("xb") as file:
        async for chunk in stream:
            file.write(chunk)
    return Upload(name, path, folder)


def _text(header: str) -> str:
    """Return a header that holds UTF-8, percent-encoded or not; servers decode headers as Latin-1."""
    try:
        return unquote(header.encode("latin-1").decode("utf-8"))
    except UnicodeError:
        return header
