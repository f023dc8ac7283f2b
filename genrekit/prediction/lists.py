"""Lists of names, as programs write them: a name per line, or between NUL bytes."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from typing import BinaryIO

from genrekit.errors import UsageError
from genrekit.prediction.playlists import PLS_FILE

MAX_NAME_BYTES = 1 << 16
_HEAD_BYTES, _BLOCK_BYTES = 4096, 1 << 16
_MARK_BYTES = 4  # of UTF-32
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32_LE = codecs.BOM_UTF32_LE
_SIGNATURES = (
    b"OggS", b"fLaC", b"RIFF", b"RF64", b"FORM", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"\xff\xd8\xff",
    b"\x89PNG", b"GIF8", b"PK\x03\x04", b"\x1f\x8b", b"PAR1", b"\x1a\x45\xdf\xa3",
)  # fmt: skip
# Control characters that no list has; names with a few of them come from hostile archives.
_CONTROLS = bytes(set(range(32)) - set(b"\0\t\n\r"))
_MAX_CONTROLS = 0.05
_COMMENT, _M3U, _PLS = "#", "#EXTM3U", "[playlist]"


def read_list(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield the names of a list as they are read.

    UTF-8 with or without a byte order mark, and UTF-16 with one; bytes that are not UTF-8 stay those of the file
    name. Blank lines are passed over; so are comments: lines that begin with ``#``, and after ``#EXTM3U`` all of
    them, else those that name no file. After ``[playlist]`` only the files of a pls count.

    Parameters
    ----------
    stream : binary file
    name : str
        Name of the list in errors.

    Raises
    ------
    UsageError
        If it is not text, or a name is longer than any system takes.
    """
    head = _head(stream)
    _check_text(head, name)
    encoding = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), "utf-8")
    is_m3u: bool | None = None
    is_pls = False
    for line in _lines(_blocks(head, stream, encoding), name):
        text = _found(os.fsdecode(line))
        if is_m3u is None:
            is_m3u = text.strip().upper().startswith(_M3U)
            is_pls = text.strip().lower() == _PLS
        if is_pls:
            if entry := PLS_FILE.fullmatch(text.strip()):
                yield _found(entry[1])
            continue
        if text.startswith(_COMMENT) and (is_m3u or not os.path.lexists(text)):
            continue
        yield text


def _found(name: str) -> str:
    """Return the first spelling of a name that is a file here, else the name.

    Spellings are the name itself, with slashes for backslashes, as Windows writes them, and without blanks and
    quotation marks around it.
    """
    bare = name.strip().strip('"')
    spellings = (name, name.replace("\\", "/"), bare, bare.replace("\\", "/"))
    return next((spelling for spelling in spellings if spelling and os.path.lexists(spelling)), name)


def _head(stream: BinaryIO) -> bytes:
    """Return the first bytes: as many as come at once, and as many as a mark has, so that no pipe is waited for."""
    read = getattr(stream, "read1", stream.read)
    head: bytes = read(_HEAD_BYTES)
    while 0 < len(head) < _MARK_BYTES and (more := read(_HEAD_BYTES)):
        head += more
    return head


def _check_text(head: bytes, name: str) -> None:
    hint = "A list has a name per line, in UTF-8, or in UTF-16 with its mark (find music -name '*.mp3')."
    if head.startswith(_SIGNATURES):
        raise UsageError(
            f"{name} is not a list of names but a file of another kind.", "Pass the file by its name."
        )
    if head.startswith(tuple(_MARKS)) and not head.startswith(_UTF32_LE):
        return
    if len(head.translate(None, _CONTROLS)) < (1 - _MAX_CONTROLS) * len(head):
        raise UsageError(f"{name} is not text.", hint)
    # UTF-16 of most languages has a NUL in every second byte; between names they are rarer.
    if max(head[::2].count(0), head[1::2].count(0)) > 0.8 * (len(head) // 2) > 0:
        raise UsageError(f"{name} looks like UTF-16 or UTF-32 without the mark of UTF-16.", hint)


def _blocks(head: bytes, stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """Yield the list in UTF-8, without its mark."""
    read = getattr(stream, "read1", stream.read)
    if encoding == "utf-8":
        block = head.removeprefix(codecs.BOM_UTF8)
        while block:
            yield block
            block = read(_BLOCK_BYTES)
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    block = head[2:]
    while block:
        yield decoder.decode(block).encode("utf-8", "replace")
        block = read(_BLOCK_BYTES)


def _lines(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    rest, end = b"", b"\n"
    for number, block in enumerate(blocks):
        if number == 0 and b"\0" in block:
            end = b"\0"  # names may hold line ends then
        elif number == 0 and b"\n" not in block and b"\r" in block.rstrip():
            end = b"\r"  # as Mac OS 9 and some spreadsheets end lines
        *whole, rest = (rest + block).split(end)
        yield from (line for one in whole if (line := one.removesuffix(b"\r")).strip())
        if len(rest) > MAX_NAME_BYTES:
            raise UsageError(f"{name} has a name of more than {MAX_NAME_BYTES:,} bytes.")
    if rest.strip():
        yield rest.removesuffix(b"\r")
