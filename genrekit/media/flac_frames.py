"""Frames of FLAC files: the end of the last one, independent of the header.

References
----------
RFC 9639, https://www.rfc-editor.org/rfc/rfc9639: sections 8.2 (STREAMINFO) and 9.1 (the frame header).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from genrekit.media.byte_window import ByteWindow

_TAIL_BYTES = 1 << 18
_MAX_HEADER_BYTES = 16
_SYNC = re.compile(rb"\xff[\xf8\xf9]")


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Facts from the header; ``n_samples`` is 0 if it was unknown at the time of writing."""

    sr: int
    channels: int
    bits: int
    min_block: int
    max_block: int
    n_samples: int


def stream_info(data: ByteWindow, start: int) -> StreamInfo | None:
    """Read the STREAMINFO block of a stream that begins at ``start``; None if there is none.

    Parameters
    ----------
    data : ByteWindow
    start : int >= 0
        Position of the stream.

    Returns
    -------
    StreamInfo or None
    """
    block = data.at(start + 8, 34)
    packed = int.from_bytes(block[10:18], "big")
    if len(block) < 34 or not packed >> 44:
        return None
    return StreamInfo(
        packed >> 44,
        (packed >> 41 & 7) + 1,
        (packed >> 36 & 31) + 1,
        int.from_bytes(block[0:2], "big"),
        int.from_bytes(block[2:4], "big"),
        packed & (1 << 36) - 1,
    )


def last_sample(data: ByteWindow, info: StreamInfo) -> int:
    """Return the end of the samples of the last frame near the end of the file, 0 if there is no frame.

    Parameters
    ----------
    data : ByteWindow
    info : StreamInfo

    Returns
    -------
    int
        In samples.
    """
    tail = data.at(max(0, data.size - _TAIL_BYTES), _TAIL_BYTES)
    end = 0
    for match in _SYNC.finditer(tail):
        if found := _frame_end(tail[match.start() : match.start() + _MAX_HEADER_BYTES], info):
            end = found
    return end


def _frame_end(head: bytes, info: StreamInfo) -> int:
    """Return the number of the sample after a frame; 0 if the bytes are not a frame header of this stream."""
    if len(head) < _MAX_HEADER_BYTES or head[3] & 1 or head[4] == 0xFF:
        return 0
    size_code, rate_code, channel_code = head[2] >> 4, head[2] & 15, head[3] >> 4
    n_channels = channel_code + 1 if channel_code < 8 else 2
    if size_code == 0 or rate_code == 15 or channel_code > 10 or n_channels != info.channels:
        return 0
    length = 1 if head[4] < 0x80 else 8 - (head[4] ^ 0xFF).bit_length()  # as in UTF-8
    if length == 0 or (length == 1 and head[4] >= 0x80):
        return 0
    number = head[4] & (0x7F if length == 1 else (1 << 7 - length) - 1)
    for byte in head[5 : 4 + length]:
        if byte >> 6 != 2:
            return 0
        number = number << 6 | byte & 0x3F
    at = 4 + length
    block, at = _block_size(head, size_code, at)
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(head) or _crc8(head[:at]) != head[at]:
        return 0
    return number + block if head[1] & 1 else number * info.min_block + block


def _block_size(head: bytes, code: int, at: int) -> tuple[int, int]:
    if code in (6, 7):
        return int.from_bytes(head[at : at + code - 5], "big") + 1, at + code - 5
    return (192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8), at


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc
