"""Containers of sound files, by content: format, position of the sound, and declared length.

The first bytes decide; if they are unknown, the container is searched for behind junk. Declared sizes are compared
with the actual content: a file may be truncated, written to a pipe (its sizes are 0 or the largest number), or
joined from several files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from genrekit.media import flac_frames, mpeg_frames
from genrekit.media.byte_window import ByteWindow

_JUNK_BYTES = 1 << 16
_MAX_CHUNKS = 1_000
_TAIL_BYTES = 1 << 17  # two of the largest Ogg pages

# The demuxers of FFmpeg that are used. None of them opens other files or addresses, as those for
# playlists and scripts do (hls, dash, concat, sdp, image2).
_MAGIC = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (8, b"WAVE", "wav"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (0, b"caff", "caf"),
    (0, b".snd", "au"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    *((4, atom, "mov") for atom in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")),
    *((0, bytes((0xFF, second)), "aac") for second in (0xF0, 0xF1, 0xF8, 0xF9)),
)
# The same behind junk, where more bytes must match.
_BEHIND_JUNK = re.compile(
    rb"fLaC[\0\x80]\0\0\x22|OggS\0\x02|RIFF.{4}WAVE|RF64.{4}WAVE|FORM.{4}AIF[FC]|caff\0\x01\0\0|"
    rb"\.snd\0\0..|\0\0\0.ftyp|\x1a\x45\xdf\xa3[\x80-\xff\x01]|\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    re.DOTALL,
)
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@dataclass(frozen=True, slots=True)
class Container:
    """Facts about the sound of a file, from its bytes.

    Attributes
    ----------
    demuxer : str
        FFmpeg's name of the format; empty if FFmpeg is not used for it.
    start, end : int, int or None
        Range of bytes of the container; None for the end of the file.
    declared_s : float or None
        Length declared by a header, in seconds, if libsndfile does not report it.
    share : float in (0, 1]
        Share of the declared bytes that the file has.
    stream_s : float or None
        Length of the stream, in seconds, if it was determined.
    slack_s : float
        Amount by which the samples may be shorter than the stream: padding of encoders.
    joined : bool
        Whether there is sound that libsndfile skips: a second file behind the first, a change of format.
    hollow : bool
        Whether the sound is declared empty, and is empty.
    ended : bool
        Whether the stream has an end marker, if its format has one.
    """

    demuxer: str = ""
    start: int = 0
    end: int | None = None
    declared_s: float | None = None
    share: float = 1.0
    stream_s: float | None = None
    slack_s: float = 0.0
    joined: bool = False
    hollow: bool = False
    ended: bool = True


def inspect(file: io.FileIO) -> Container:
    """Determine the container of an open file and its declarations; the position of the file changes.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    data = ByteWindow(file)
    start = mpeg_frames.behind_tags(data, 0)
    start = start if start < data.size else 0
    demuxer = _demuxer(data.at(start, 16))
    if not demuxer or (demuxer == "mp3" and not mpeg_frames.is_chain(data, start)):
        # a single frame header may be coincidence, or the whole of a short file
        start, demuxer = _behind_junk(data, start) or (start, demuxer)
    found = Container(demuxer, start)
    if demuxer == "mp3":
        return _mpeg(data, found)
    read = _READERS.get(demuxer)
    return read(data, found) if read else found


def _demuxer(head: bytes) -> str:
    named = (demuxer for offset, magic, demuxer in _MAGIC if head.startswith(magic, offset))
    return next(named, "mp3" if mpeg_frames.frame_of(head[:4]).size else "")


def _behind_junk(data: ByteWindow, start: int) -> tuple[int, str] | None:
    """Find the container that begins first; a tag with a wrong size may extend beyond its beginning."""
    for begin in dict.fromkeys((start, 0)):
        places = [match.start() for match in _BEHIND_JUNK.finditer(data.at(begin, _JUNK_BYTES))][:1]
        known = begin + places[0] if places else None
        frames = mpeg_frames.find_stream(data, begin)
        if frames is not None and (known is None or frames < known):
            return frames, "mp3"
        if known is not None:
            return known, _demuxer(data.at(known, 16))
    return (0, "mp3") if data.at(0, 3) == b"ID3" else None


def _mpeg(data: ByteWindow, found: Container) -> Container:
    stream = mpeg_frames.walk(data, found.start)
    if stream is None:
        return found
    tagged = stream.declared_s is not None
    # a count that is too small is ignored; one that is too large means that the file was truncated
    excess_s = stream.duration_s - (stream.declared_s or stream.duration_s)
    short, cut = excess_s > 1.5 * stream.frame_s, excess_s < -1.5 * stream.frame_s
    junk = stream.start != mpeg_frames.behind_tags(data, 0)
    return replace(
        found,
        start=stream.start if junk else 0,
        end=stream.end,
        share=stream.duration_s / stream.declared_s if cut and stream.declared_s else 1.0,
        stream_s=stream.duration_s,
        slack_s=(8 if tagged else 3) * stream.frame_s,
        joined=short or junk or not stream.uniform,
    )


def _flac(data: ByteWindow, found: Container) -> Container:
    info = flac_frames.stream_info(data, found.start)
    if info is None:
        return found
    return replace(
        found,
        stream_s=flac_frames.last_sample(data, info) / info.sr,
        slack_s=info.max_block / info.sr,
        joined=not info.n_samples or _is_followed(data, found.start + 4),
    )


def _is_followed(data: ByteWindow, place: int) -> bool:
    """Return whether a second FLAC stream begins behind ``place``."""
    while (place := data.find(b"fLaC", place)) >= 0:
        if data.at(place + 4, 4) in (b"\0\0\0\x22", b"\x80\0\0\x22"):
            return True
        place += 4
    return False


def _ogg(data: ByteWindow, found: Container) -> Container:
    begins = b"OggS\0\x02"  # the first page of a stream; those of one file are consecutive
    place = found.start
    while data.at(place, 6) == begins:
        lacing = data.at(place + 27, data.at(place + 26, 1)[0]) if data.size > place + 26 else b""
        place += 27 + len(lacing) + sum(lacing)
    return replace(found, joined=data.find(begins, place) >= 0, ended=_ogg_ends(data))


def _ogg_ends(data: ByteWindow) -> bool:
    """Return whether the last page is complete and marked as the last: RFC 3533, section 6."""
    base = max(0, data.size - _TAIL_BYTES)
    tail = data.at(base, _TAIL_BYTES)
    last = tail.rfind(b"OggS")
    page = tail[last:] if last >= 0 else b""
    if len(page) < 27 or not page[5] & 4:
        return False
    return len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def _sized(data: ByteWindow, found: Container, place: int, size: int, *, unknown: bool) -> Container:
    """Compare the size that a header declares for its samples with what follows."""
    there = data.size - place
    if size == 0:
        return replace(found, hollow=there <= 0 or _is_chunks(data, place))
    if unknown or there >= size - 1 or there <= 0:
        return found
    return replace(found, share=there / size)


def _is_unknown(size: int) -> bool:
    """Return whether a size is a placeholder of programs that do not know it (sox, arecord, FFmpeg into a pipe)."""
    return 0x7FFFF000 <= size <= 0x80001000 or size >= 0xFFFFF000


def _is_chunks(data: ByteWindow, place: int) -> bool:
    """Return whether chunks follow one another up to the end of the file."""
    for _ in range(_MAX_CHUNKS):
        if place >= data.size:
            return True
        head = data.at(place, 8)
        if len(head) < 8 or not head[:4].isascii() or not head[:4].decode("ascii").isprintable():
            return False
        size = int.from_bytes(head[4:8], "little")
        place += 8 + size + size % 2
    return False


def _wav(data: ByteWindow, found: Container) -> Container:
    order = "big" if data.at(found.start, 4) == b"RIFX" else "little"
    return _chunked(data, found, found.start + 12, order, b"data")


def _aiff(data: ByteWindow, found: Container) -> Container:
    return _chunked(data, found, found.start + 12, "big", b"SSND")


def _chunked(data: ByteWindow, found: Container, place: int, order: str, wanted: bytes) -> Container:
    size64: int | None = None
    for _ in range(_MAX_CHUNKS):
        head = data.at(place, 8)
        if len(head) < 8:
            break
        size = int.from_bytes(head[4:8], "big" if order == "big" else "little")
        if head[:4] == b"ds64":
            size64 = int.from_bytes(data.at(place + 16, 8), "little")
        if head[:4] == wanted:
            if size64 is not None and size == 0xFFFFFFFF:
                return _sized(data, found, place + 8, size64, unknown=size64 >= 1 << 62)
            return _sized(data, found, place + 8, size, unknown=_is_unknown(size))
        place += 8 + size + size % 2
    return found


def _w64(data: ByteWindow, found: Container) -> Container:
    place = found.start + 40
    for _ in range(_MAX_CHUNKS):
        head = data.at(place, 24)
        size = int.from_bytes(head[16:24], "little")
        if len(head) < 24 or size < 24:
            break
        if head.startswith(b"data"):
            return _sized(data, found, place + 24, size - 24, unknown=size >= 1 << 62)
        place += (size + 7) // 8 * 8
    return found


def _caf(data: ByteWindow, found: Container) -> Container:
    place = found.start + 8
    for _ in range(_MAX_CHUNKS):
        head = data.at(place, 12)
        size = int.from_bytes(head[4:12], "big", signed=True)
        if len(head) < 12 or (size < 0 and head[:4] != b"data"):
            break
        if head[:4] == b"data":
            return _sized(data, found, place + 12, max(size, 0), unknown=size < 0)
        place += 12 + size
    return found


def _au(data: ByteWindow, found: Container) -> Container:
    head = data.at(found.start, 12)
    place, size = (int.from_bytes(head[at : at + 4], "big") for at in (4, 8))
    return _sized(data, found, found.start + place, size, unknown=_is_unknown(size))


def _asf(data: ByteWindow, found: Container) -> Container:
    """Return the play duration, in 100 ns, less the preroll, in ms: ASF specification, section 3.2."""
    head = data.at(found.start, _JUNK_BYTES)
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0:
        return found
    play_s = int.from_bytes(head[at + 64 : at + 72], "little") / 1e7
    preroll_s = int.from_bytes(head[at + 80 : at + 88], "little") / 1e3
    return replace(found, declared_s=play_s - preroll_s if 0 < preroll_s < play_s else play_s or None)


_READERS: dict[str, Callable[[ByteWindow, Container], Container]] = {
    "flac": _flac,
    "ogg": _ogg,
    "wav": _wav,
    "aiff": _aiff,
    "w64": _w64,
    "caf": _caf,
    "au": _au,
    "asf": _asf,
}
