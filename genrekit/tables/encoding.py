"""Text in any encoding, compressed by gzip or not, as a stream of valid UTF-8."""

from __future__ import annotations

import codecs
import gzip
import io
import re
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.tables.refusal import KINDS
from genrekit.text import printable

BLOCK_BYTES = 2**20
MAX_UNPACKED_BYTES = 2**32

_HEAD_BYTES = 4096
_GZIP = b"\x1f\x8b"
_HANDLER = "genrekit.cp1252"
# Five bytes are undefined in Windows-1252; browsers read them as Latin-1: https://encoding.spec.whatwg.org/
_CHARACTERS = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 256)}
_BYTES = {character: byte for byte, character in _CHARACTERS.items()}


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a text by its first bytes.

    Parameters
    ----------
    head : bytes
        The first few thousand bytes.

    Returns
    -------
    str or None
        UTF-16 by its byte order mark, or by the zero bytes next to ASCII characters; else UTF-8. None if the
        bytes are not text.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" not in head:
        return "utf-8-sig"
    even, odd = head[::2].count(0), head[1::2].count(0)
    few, many = sorted((even, odd))
    guess = "utf-16-le" if odd > even else "utf-16-be"
    first_line = re.split(r"[\r\n]", head.decode(guess, "replace").lstrip(), maxsplit=1)[0]
    if many < len(head) / 8 or few > many / 2 or not first_line.replace("\t", " ").isprintable():
        return None
    return guess


def written_as(text: str) -> bytes | None:
    """Return the Windows-1252 bytes that a text was read from, or None if it cannot have been.

    Examples
    --------
    >>> written_as("café"), written_as("東京")
    (b'caf\\xe9', None)
    """
    if any(character >= "\x80" and character not in _BYTES for character in text):
        return None
    return bytes(_BYTES.get(character, ord(character) & 127) for character in text)


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.encoding.startswith("utf-16"):
        return "\ufffd", error.end
    return "".join(_CHARACTERS[byte] for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_HANDLER, _as_cp1252)


def suffix_of(path: Path) -> str:
    """Return the suffix of a table in lower case, without the ``.gz`` of a compressed file."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _not_text(path: Path, head: bytes) -> tuple[str, str]:
    """Return the message and the hint for a file that is not text."""
    name = printable(path)
    is_workbook = suffix_of(path) in (".xlsx", ".xlsm", ".ods") or head.startswith(b"\xd0\xcf\x11\xe0")
    if is_workbook:
        return f"{name} is a workbook, and a workbook is not text.", f"Save the sheet as CSV. {KINDS}"
    if head.startswith(b"PK\x03\x04"):
        return (
            f"{name} is a zip archive, and an archive is not text.",
            f"Unpack it, and pass the folder. {KINDS}",
        )
    return f"{name} is not text.", KINDS


class Utf8(io.RawIOBase):
    r"""A text file, read as valid UTF-8 without NUL.

    Bytes that are not UTF-8 are read as Windows-1252, each on its own, so that a file in that encoding is read
    completely, and one odd cell does not affect the rest. NUL becomes ``\x00``.

    Parameters
    ----------
    path : Path
        The file; it may be compressed by gzip.
    any_bytes : bool
        Whether bytes that do not look like text are read anyway, as UTF-8.

    Raises
    ------
    DatasetError
        If it is not text; later, if it decompresses to more than ``MAX_UNPACKED_BYTES``.
    OSError
        If it cannot be read.
    """

    def __init__(self, path: Path, *, any_bytes: bool = False) -> None:
        self._path = path
        self._raw: BinaryIO = path.open("rb")
        try:
            self._packed = self._raw.read(2) == _GZIP
            self._raw.seek(0)
            self._file = gzip.GzipFile(fileobj=self._raw) if self._packed else self._raw
            head = self._file.read(_HEAD_BYTES)
            encoding = encoding_of(head)
            if encoding is None and not any_bytes:
                raise DatasetError(*_not_text(path, head))
            self._file.seek(0)
        except BaseException:
            self._raw.close()
            raise
        self._decoder = codecs.getincrementaldecoder(encoding or "utf-8-sig")(_HANDLER)
        self._is_utf8 = not (encoding or "").startswith("utf-16")
        self._n_read = 0
        self._ready = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        # At least half: a row may cross the end of one block. Never more than asked for: Arrow copies its input.
        while len(self._ready) < max(size // 2, 1) and (data := self._file.read(size)):
            self._n_read += len(data)
            if self._packed and self._n_read > MAX_UNPACKED_BYTES:
                raise DatasetError(
                    f"{printable(self._path)} decompresses to more than {MAX_UNPACKED_BYTES:,} bytes."
                )
            self._ready += self._valid(data)
        self._ready += self._valid(b"") if not self._ready else b""
        given, self._ready = self._ready[:size], self._ready[size:]
        return given

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def text(self, newline: str = "") -> io.TextIOWrapper:
        """Return the characters, with line ends as they are; closing it closes this stream.

        ``newline`` is that of `open`: by default a carriage return ends a line too.
        """
        return io.TextIOWrapper(
            io.BufferedReader(cast("io.RawIOBase", self), BLOCK_BYTES), "utf-8-sig", newline=newline
        )

    def position(self) -> int:
        """Return the number of bytes of the file on disk that have been read."""
        return self._raw.tell()

    def close(self) -> None:
        super().close()
        self._raw.close()

    def _valid(self, data: bytes) -> bytes:
        if self._is_utf8 and not self._decoder.getstate()[0] and b"\0" not in data and _is_utf8(data):
            return data
        return self._decoder.decode(data, final=not data).replace("\0", r"\x00").encode()


def _is_utf8(data: bytes) -> bool:
    # Six times as fast as data.decode().
    ends = np.array([0, len(data)], np.int32)
    try:
        pa.StringArray.from_buffers(1, pa.py_buffer(ends), pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
