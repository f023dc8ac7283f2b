"""The key of the encoded sound in a file, which tags, titles and covers do not change."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, Literal

from genrekit.errors import MediaError
from genrekit.files import opening
from genrekit.media import mpeg_frames
from genrekit.media.byte_window import ByteWindow
from genrekit.media.containers import Container, inspect
from genrekit.media.ffmpeg import open_container

STREAM_KEY_VERSION = "1"
"""Changes whenever the same file gets another key."""

_DIGITS = 32
_BLOCK_BYTES = 1 << 20
_MAX_CHUNKS = 1_000
_CHUNKED: dict[bytes, tuple[Literal["little", "big"], bytes]] = {
    b"RIFF": ("little", b"data"),
    b"FORM": ("big", b"SSND"),
}
_ID3V1_BYTES, _APE_BYTES = 128, 32


def stream_key(path: str | Path) -> str:
    """Return the key of a file's sound: a hash of its encoded bytes, which are not decoded.

    Half a SHA-256. Where the sound is one piece of a file (wav, aiff, flac, mp3), of these bytes; else of the
    packets that FFmpeg finds.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    MediaError
        If the file cannot be opened, or no sound is found in it.
    """
    digest = hashlib.sha256()
    with opening(path), open(path, "rb", buffering=0) as file:
        found = inspect(file)
        if not found.demuxer:
            raise MediaError("The content is not a known sound format.")
        size = os.fstat(file.fileno()).st_size
        piece = _piece(file, found, found.end or size)
        n = _add_bytes(digest, file, *piece) if piece else _add_packets(digest, file, found)
    if not n:
        raise MediaError("The file has no sound that can be read.")
    return digest.hexdigest()[:_DIGITS]


def _piece(file: io.FileIO, found: Container, end: int) -> tuple[int, int] | None:
    """Return where the sound begins and ends, if it is one piece."""
    file.seek(found.start)
    head = file.read(12) or b""
    if head[:4] in _CHUNKED:
        return _chunk(file, found.start + 12, end, *_CHUNKED[head[:4]])
    if found.demuxer == "flac":
        return _behind_metadata(file, found.start + 4, end), end
    if found.demuxer == "mp3":
        return mpeg_frames.behind_tags(ByteWindow(file), found.start), _before_tags(file, end)
    return None


def _chunk(
    file: io.FileIO, place: int, end: int, order: Literal["little", "big"], name: bytes
) -> tuple[int, int] | None:
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        head = file.read(8) or b""
        if len(head) < 8:
            return None
        size = int.from_bytes(head[4:], order)
        if head[:4] == name:
            # A size of 0, or of more than there is, was never filled in: all the rest is sound.
            return place + 8, min(place + 8 + size, end) if size else end
        place += 8 + size + size % 2
    return None


def _behind_metadata(file: io.FileIO, place: int, end: int) -> int:
    """Return where the first frame of a FLAC file begins (https://www.rfc-editor.org/rfc/rfc9639#section-8.1)."""
    while place < end:
        file.seek(place)
        head = file.read(4) or b""
        if len(head) < 4:
            break
        place += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    return place


def _before_tags(file: io.FileIO, end: int) -> int:
    """Return where ID3v1 and APEv2 tags at the end of an MP3 file begin (https://wiki.hydrogenaud.io, APEv2)."""
    file.seek(max(0, end - _ID3V1_BYTES))
    if (file.read(3) or b"") == b"TAG":
        end -= _ID3V1_BYTES
    file.seek(max(0, end - _APE_BYTES))
    footer = file.read(_APE_BYTES) or b""
    if footer.startswith(b"APETAGEX"):
        has_header = int.from_bytes(footer[20:24], "little") >> 31
        end -= int.from_bytes(footer[12:16], "little") + _APE_BYTES * has_header
    return max(0, end)


def _add_bytes(digest: Any, file: io.FileIO, start: int, end: int) -> int:
    file.seek(start)
    left = end - start
    while left > 0 and (block := file.read(min(left, _BLOCK_BYTES))):
        digest.update(block)
        left -= len(block)
    return end - start - left


def _add_packets(digest: Any, file: io.FileIO, found: Container) -> int:
    import av

    n = 0
    with open_container(file, found) as container:
        sound: Any = next(iter(container.streams.audio), None)
        if sound is None:
            raise MediaError("The file has no sound in it, only other streams.")
        try:
            for packet in container.demux(sound):
                if packet.size:
                    digest.update(packet)
                    n += packet.size
        except (av.FFmpegError, OSError, ValueError):  # damaged from here on
            pass
    return n
