"""Content keys: equal for the same sound or picture in another container, with other tags or another name.

A lossless sound is known by its samples as integers, with their rate and channels; a lossy one by its encoded stream
without container and tags, because decoders differ in the last bit; a picture by its pixels. A key is 56 bits of a
SHA-256: among 100,000 keys, a million other files are expected to meet 0.000001 by chance.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from genrekit.errors import MediaError
from genrekit.files import opening
from genrekit.hashing import KEY_BYTES
from genrekit.media.suppress_output import quiet_stderr
from genrekit.types import Modality

VERSION = "1"
"""Changes whenever the same file gets another key."""

_BLOCK_FRAMES = 1 << 16
_SF_LOSSY = ("MPEG", "VORBIS", "OPUS")
_AV_LOSSLESS = ("pcm_", "flac", "alac", "wavpack", "tta", "ape", "wmalossless")
# FFmpeg's demuxers by the first bytes: (offset, bytes, demuxer). One is always named, so that FFmpeg never guesses
# a script that lists other files; what begins otherwise is searched for mp3 frames.
_DEMUXERS = (
    (4, b"ftyp", "mov"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"\xff\xf0", "aac"),
    (0, b"\xff\xf1", "aac"),
    (0, b"\xff\xf8", "aac"),
    (0, b"\xff\xf9", "aac"),
    (0, b"RIFF", "wav"),
    (0, b"RF64", "wav"),
    (0, b"FORM", "aiff"),
    (0, b"caff", "caf"),
    (0, b".snd", "au"),
)
_AV_OPTIONS = {"protocol_whitelist": "none", "ignore_editlist": "1"}


def content_key(path: str | Path, modality: Modality) -> int:
    """Return the key of the content of a file.

    Parameters
    ----------
    path : str or Path
    modality : Modality
        AUDIO or IMAGE.

    Returns
    -------
    int
        From 0 to 2**56 - 1.

    Raises
    ------
    MediaError
        If the file cannot be read, or nothing in it decoded.
    """
    sha = hashlib.sha256()
    if modality is Modality.IMAGE:
        from genrekit.media import images

        pixels = images.load(path, size=None)
        sha.update(f"picture {pixels.shape[1]} {pixels.shape[0]} ".encode() + pixels.tobytes())
    else:
        _add_sound(sha, Path(path))
    return int.from_bytes(sha.digest()[:KEY_BYTES], "big")


def _add_sound(sha: Any, path: Path) -> None:
    with opening(path), path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        blocks = _samples(file)
        first = next(blocks, None)
        if first is not None:
            sha.update(first)
            for block in blocks:
                sha.update(block)
            return
        file.seek(0)
        found = False
        for block in _stream(file, head):
            sha.update(block)
            found = True
    if not found:
        raise MediaError("The file has no sound that can be decoded.")


def _samples(file: io.BufferedReader) -> Iterator[bytes]:
    """Return the samples of a lossless sound that libsndfile reads, after a head; nothing of any other file."""
    with quiet_stderr:
        try:
            sound = sf.SoundFile(file)
        except (sf.LibsndfileError, TypeError):
            return
        with sound:
            if sound.subtype.startswith(_SF_LOSSY) or not sound.frames:
                return
            exact = sound.subtype not in ("FLOAT", "DOUBLE")
            yield _head(sound.samplerate, sound.channels)
            while True:
                try:
                    block = sound.read(_BLOCK_FRAMES, dtype="int32" if exact else "float64", always_2d=True)
                except sf.LibsndfileError:  # damaged from here on
                    return
                if not len(block):
                    return
                yield (block if exact else _integers(block)).astype("<i4").tobytes()


def _integers(block: np.ndarray) -> np.ndarray:
    """Return samples from -1 to 1 as integers of 32 bits: exact where they were made of 24 bits or less."""
    scaled = np.nan_to_num(block, nan=0.0) * 2.0**31
    found: np.ndarray = np.clip(np.rint(scaled), -(2.0**31), 2.0**31 - 1).astype(np.int32)
    return found


def _stream(file: io.BufferedReader, head: bytes) -> Iterator[bytes]:
    """Return the encoded packets of a sound that FFmpeg knows, or its samples where the codec is lossless."""
    try:
        import av
    except ImportError:
        raise MediaError("PyAV, which reads the stream of lossy sound, is not installed.") from None
    demuxer = next((name for at, magic, name in _DEMUXERS if head.startswith(magic, at)), "mp3")
    try:
        container: Any = av.open(file, format=demuxer, options=_AV_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"The file is damaged ({getattr(error, 'strerror', None) or error}).") from None
    with container:
        if not container.streams.audio or container.streams.audio[0].codec_context is None:
            raise MediaError("The file has no sound in it, only other streams.")
        stream = container.streams.audio[0]
        if stream.codec_context.name.startswith(_AV_LOSSLESS):
            yield from _decoded(container, stream)
            return
        yield b"stream "
        try:
            for packet in container.demux(stream):
                yield _without_header(bytes(packet)) if demuxer == "aac" else bytes(packet)
        except av.FFmpegError:  # damaged from here on
            return


def _decoded(container: Any, stream: Any) -> Iterator[bytes]:
    import av

    to_integers = av.AudioResampler(format="s32")
    started = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for part in (part for frame in frames for part in to_integers.resample(frame)):
            if not started:
                yield _head(part.sample_rate, part.layout.nb_channels)
                started = True
            yield part.to_ndarray().astype("<i4").tobytes()


def _without_header(packet: bytes) -> bytes:
    """Return an AAC frame without the header that ADTS puts before each: 7 bytes, or 9 with a checksum (ISO 13818-7)."""
    if len(packet) < 7 or packet[0] != 0xFF or packet[1] & 0xF6 != 0xF0:
        return packet
    return packet[7:] if packet[1] & 1 else packet[9:]


def _head(sr: int, channels: int) -> bytes:
    return f"sound {sr} {channels} ".encode()
