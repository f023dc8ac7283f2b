"""Frames of MPEG audio (mp3, mp2): the length of the stream, independent of headers before it.

References
----------
ISO/IEC 11172-3 and 13818-3: the frame header, its bit rates and sampling rates.
The Xing, Info and VBRI headers: https://www.codeproject.com/Articles/8295/MPEG-Audio-Frame-Header
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from genrekit.media.byte_window import ByteWindow

HEADER_BYTES = 4
_CHAIN = 3  # frames that must follow one another: random bytes do so at about one of 10^9 positions
_SEARCH_BYTES = 1 << 20  # for the first frame, and for the next one behind damage
_MAX_BREAKS = 16
_MAX_TAGS = 8  # consecutive tags
_SYNC = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]")
_RATES_HZ = ((11025, 12000, 8000), (), (22050, 24000, 16000), (44100, 48000, 32000))  # MPEG 2.5, -, 2, 1
_V1_KBPS = {
    1: tuple(range(32, 449, 32)),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_V2_KBPS = {
    1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_TAG_PLACES = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}  # MPEG 1, mono
_VBRI_PLACE = 36
_HAS_FRAMES = 1


class Format(NamedTuple):
    """Properties shared by the frames of one stream."""

    is_v1: bool
    layer: int
    sr: int
    mono: bool


class Frame(NamedTuple):
    """A frame header; sizes in bytes, 0 if it is not a frame header."""

    size: int
    samples: int
    format: Format | None


_NO_FRAME = Frame(0, 0, None)


@dataclass(frozen=True, slots=True)
class MpegStream:
    """Result of a walk over the frames.

    Attributes
    ----------
    start, end : int
        Position of the first frame, and the end of the last one, in bytes.
    duration_s : float
        Duration of all frames with sound.
    declared_s : float or None
        Duration by the frame count of a Xing, Info or VBRI header.
    frame_s : float
        Duration of one frame.
    uniform : bool
        Whether all frames have one rate and one number of channels, without anything between them.
    """

    start: int
    end: int
    duration_s: float
    declared_s: float | None
    frame_s: float
    uniform: bool


def frame_of(head: bytes) -> Frame:
    """Read a frame header of 4 bytes; frames of free bit rate, whose size is not declared, are not recognised."""
    if not _SYNC.match(head) or len(head) < HEADER_BYTES:
        return _NO_FRAME
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate = head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate == 3:
        return _NO_FRAME
    is_v1 = version == 3
    kbps = (_V1_KBPS if is_v1 else _V2_KBPS)[layer if is_v1 else min(layer, 2)][(head[2] >> 4) - 1]
    sr, padding = _RATES_HZ[version][rate], head[2] >> 1 & 1
    samples = 384 if layer == 1 else 576 if layer == 3 and not is_v1 else 1152
    slot = 4 if layer == 1 else 1
    size = (samples // 8 // slot * kbps * 1000 // sr + padding) * slot
    return Frame(size, samples, Format(is_v1, layer, sr, head[3] >> 6 == 3))


def find_stream(data: ByteWindow, at: int) -> int | None:
    """Find the first chain of frames within a MiB from ``at``; None if there is none.

    Parameters
    ----------
    data : ByteWindow
    at : int >= 0
        Position at which the search starts.

    Returns
    -------
    int or None
        Position of the first frame.
    """
    block = data.at(at, _SEARCH_BYTES)
    for match in _SYNC.finditer(block):
        if is_chain(data, at + match.start()):
            return at + match.start()
    return None


def is_chain(data: ByteWindow, at: int) -> bool:
    """Return whether frames of one format follow one another from ``at``.

    Parameters
    ----------
    data : ByteWindow
    at : int >= 0
        Position of the first frame.

    Returns
    -------
    bool
    """
    first = frame_of(data.at(at, HEADER_BYTES))
    frame = first
    for _ in range(_CHAIN - 1):
        at += frame.size
        frame = frame_of(data.at(at, HEADER_BYTES))
        if not frame.size or frame.format != first.format:
            return False
    return True


def walk(data: ByteWindow, at: int) -> MpegStream | None:
    """Follow the frames from ``at``, or from the first ones after it, to the end.

    Other data between frames is skipped, up to a MiB at a time; data after the last frame (tags, padding) is not part
    of the stream.

    Parameters
    ----------
    data : ByteWindow
    at : int >= 0
        Position at which the search starts.

    Returns
    -------
    MpegStream or None
        None if there is no chain of frames.
    """
    start = find_stream(data, at)
    if start is None:
        return None
    head = frame_of(data.at(start, HEADER_BYTES))
    assert head.format is not None
    count = _declared_frames(data.at(start, head.size), head.format)
    frame_s = head.samples / head.format.sr
    known: dict[bytes, Frame] = {}
    position, end, duration_s, uniform = start, data.size, -frame_s if count is not None else 0.0, True
    for _ in range(_MAX_BREAKS):
        stop, n_frames, frame = _run(data, position, known)
        assert frame.format is not None
        duration_s += n_frames * frame.samples / frame.format.sr
        behind = behind_tags(data, stop)
        again = find_stream(data, behind)
        if again is None:
            end = stop if data.size - behind <= _SEARCH_BYTES else data.size
            break
        uniform, position = False, again
    declared_s = count * frame_s if count else None
    return MpegStream(start, end, duration_s, declared_s, frame_s, uniform)


def behind_tags(data: ByteWindow, at: int) -> int:
    """Return the position after the ID3 and APE tags at ``at``, which may hold megabytes of pictures.

    Parameters
    ----------
    data : ByteWindow
    at : int >= 0

    Returns
    -------
    int
    """
    for _ in range(_MAX_TAGS):
        head = data.at(at, 32)
        if head.startswith(b"ID3") and max(head[6:10], default=255) < 0x80:
            size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
            at += 10 + size + (10 if head[5] & 0x10 else 0)
        elif head.startswith(b"TAG"):
            at += 128
        elif head.startswith(b"APETAGEX") and head[23:24] and head[23] & 0x20:  # a header, not a footer
            at += 32 + int.from_bytes(head[12:16], "little")
        else:
            break
    return at


def _run(data: ByteWindow, position: int, known: dict[bytes, Frame]) -> tuple[int, int, Frame]:
    """Follow frames of one format; return their end, their number, and the first frame."""
    first = frame_of(data.at(position, HEADER_BYTES))
    n_frames = 0
    block, base = b"", position
    while True:
        key = block[position - base : position - base + HEADER_BYTES]
        if len(key) < HEADER_BYTES:
            block, base = data.block(position), position
            key = block[:HEADER_BYTES]
        frame = known.get(key)
        if frame is None:
            frame = known[key] = frame_of(key)
        if not frame.size or frame.format != first.format or position + frame.size > data.size:
            return position, n_frames, first
        n_frames += 1
        position += frame.size


def _declared_frames(frame: bytes, format: Format) -> int | None:
    """Return the frame count of the header in the first frame: None without a header, 0 if the header has no count."""
    for place in (_TAG_PLACES[format.is_v1, format.mono], _TAG_PLACES[format.is_v1, format.mono] + 2):  # CRC
        if frame[place : place + 4] in (b"Xing", b"Info"):
            flags = int.from_bytes(frame[place + 4 : place + 8], "big")
            return int.from_bytes(frame[place + 8 : place + 12], "big") if flags & _HAS_FRAMES else 0
    if frame[_VBRI_PLACE : _VBRI_PLACE + 4] == b"VBRI":
        return int.from_bytes(frame[_VBRI_PLACE + 14 : _VBRI_PLACE + 18], "big")
    return None
