"""From a file to blocks of samples, by libsndfile or by FFmpeg, whatever the file is called.

libsndfile reads what it knows (wav, flac, ogg, opus in ogg, mp3, au, aiff, caf, w64); PyAV, where it is
installed, reads m4a, aac, wma, webm and mp4. Files are taken for hostile: only regular files are opened,
headers are checked before they are believed, and sound comes in blocks.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import soundfile as sf

from genrekit.errors import MediaError
from genrekit.files import opening
from genrekit.media.suppress_output import quiet_stderr

Samples = npt.NDArray[np.float32]
AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

MAX_CHANNELS = 64  # 7th-order ambisonics; libsndfile would take 1024
MIN_SR, MAX_SR = 1_000, 768_000  # below any telephone, and the highest rate that recorders are sold with

_BLOCK_VALUES = 1 << 18
_MAX_EXCESS_BAD = 8  # bad packets beyond the number of good ones; like a player, go on after a few

# Containers for FFmpeg: (offset, first bytes, its demuxer). Naming the demuxer keeps FFmpeg from guessing,
# and so from taking a text for a playlist and opening what it lists.
_AV_CONTAINERS = (
    (4, b"ftyp", "mov"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"\xff\xf0", "aac"),
    (0, b"\xff\xf1", "aac"),
    (0, b"\xff\xf8", "aac"),
    (0, b"\xff\xf9", "aac"),
    (0, b"OggS", "ogg"),
    (0, b"RIFF", "wav"),
)
# MIDI sample dumps: libsndfile 1.2.2 prints to stdout about every flaw in them, and nobody keeps songs so.
_SAMPLE_DUMP = b"\xf0\x7e"
_SF_UNRECOGNISED = 1
_SF_NOT_REGULAR = 7  # said of an mp3 in which no frame is found, too


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says; nothing is decoded.

    Attributes
    ----------
    duration_s : float or None
        Declared length in seconds, which a damaged file need not keep; None where it is not declared.
    sr : int
        Samples a second.
    channels : int
    """

    duration_s: float | None
    sr: int
    channels: int


class Decoder(Protocol):
    """An open file."""

    info: AudioInfo

    def blocks(self, offset_s: float) -> Iterator[Samples]:
        """Yield mono blocks at the file's own rate, from ``offset_s`` seconds to the end."""

    def channel_blocks(self, offset_s: float) -> Iterator[Samples]:
        """Yield the same before channels are averaged, shape (n, channels)."""


class _LibsndfileDecoder:
    def __init__(self, sound: sf.SoundFile) -> None:
        self._sound = sound
        self.info = AudioInfo(sound.frames / max(sound.samplerate, 1), sound.samplerate, sound.channels)

    def blocks(self, offset_s: float) -> Iterator[Samples]:
        return map(_mono, self.channel_blocks(offset_s))

    def channel_blocks(self, offset_s: float) -> Iterator[Samples]:
        if offset_s:
            self._sound.seek(min(int(offset_s * self.info.sr), self._sound.frames))
        size = _BLOCK_VALUES // self.info.channels
        while len(block := self._sound.read(size, dtype="float32", always_2d=True)):
            yield block


class _AvDecoder:
    def __init__(self, container: Any) -> None:
        import av

        if not container.streams.audio:
            raise MediaError("The file has no sound in it, only other streams.")
        self._container = container
        self._stream = container.streams.audio[0]
        # a codec that FFmpeg has no name for, or whose sound it could not start to decode
        if self._stream.codec_context is None or not self._stream.sample_rate:
            raise MediaError("The file is damaged: nothing in it can be decoded.")
        duration_s = container.duration / av.time_base if container.duration else None
        self.info = AudioInfo(duration_s, self._stream.sample_rate, self._stream.channels)

    def blocks(self, offset_s: float) -> Iterator[Samples]:
        return map(_mono, self.channel_blocks(offset_s))

    def channel_blocks(self, offset_s: float) -> Iterator[Samples]:
        import av

        skip = int(offset_s * self.info.sr)
        to_float = av.AudioResampler(format="fltp")
        excess_bad = 0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
                excess_bad -= 1
            except av.InvalidDataError:
                excess_bad += 1
                if excess_bad > _MAX_EXCESS_BAD:
                    raise
                continue
            for part in (part for frame in frames for part in to_float.resample(frame)):
                block = np.asarray(part.to_ndarray().T, np.float32)
                yield block[skip:]
                skip = max(0, skip - len(block))


def _mono(block: Any) -> Samples:
    """Average channels as ``librosa.to_mono`` does, to the bit [shape=(n, channels) to (n,)]."""
    samples: Samples = block[:, 0]
    if block.shape[1] > 1:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is the caller's to report
            samples = block.mean(axis=1)
    return samples


class _File(io.FileIO):
    """A file that answers an impossible seek as C does: PyAV prints what is raised inside its callbacks."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return -1


@contextmanager
def open_decoder(path: AnyPath) -> Iterator[Decoder]:
    """Open a file for decoding.

    Parameters
    ----------
    path : str, bytes or path-like

    Yields
    ------
    Decoder
        Its rate and channels are within bounds.

    Raises
    ------
    MediaError
        If the path is missing, not regular or not readable, or its content is empty, damaged at its
        beginning, or no sound that the installed decoders know.
    """
    with _open_regular(path) as file:
        try:
            head = file.read(16)
            file.seek(0)
        except OSError as error:
            raise MediaError(f"The file cannot be read{reason(error)}.") from None
        if not head:
            raise MediaError("The file is empty (0 bytes).")
        if head.startswith(_SAMPLE_DUMP):
            raise MediaError("The content is a MIDI sample dump, which is not read.", "Convert it to wav.")
        # a descriptor works for every spelling of a name, but not across C runtimes on Windows
        source = os.fspath(path) if os.name == "nt" else file.fileno()
        mpeg = head.startswith(b"ID3") or (head[0] == 0xFF and head[1:2] >= b"\xe0")
        with quiet_stderr if mpeg else nullcontext():
            try:
                sound = sf.SoundFile(source, closefd=False)
            except (sf.LibsndfileError, TypeError) as error:
                with _open_av(file, head, error) as container:
                    yield _checked(_AvDecoder(container))
            else:
                with sound:
                    yield _checked(_LibsndfileDecoder(sound))


def _open_regular(path: AnyPath) -> io.FileIO:
    with opening(path):
        return _File(os.fsdecode(path))


@contextmanager
def _open_av(file: io.FileIO, head: bytes, refusal: Exception) -> Iterator[Any]:
    """Open with PyAV what libsndfile refused, if its first bytes belong to a container that FFmpeg reads."""
    demuxers = [demuxer for offset, magic, demuxer in _AV_CONTAINERS if head.startswith(magic, offset)]
    if not demuxers and getattr(refusal, "code", _SF_UNRECOGNISED) == _SF_UNRECOGNISED:
        raise MediaError(
            "The content is no known sound format; known are wav, flac, ogg, mp3, au, aiff, caf, m4a, aac, "
            "wma, opus and webm.",
            "If it is one of these, its beginning is damaged.",
        )
    if not demuxers:
        raise MediaError(f"The file is damaged or cut off at its beginning{reason(refusal)}.")
    try:
        import av
    except ImportError:
        raise MediaError(
            f"libsndfile cannot decode the file{reason(refusal)}, and PyAV, which may, is not installed.",
            'Install it: pip install "genrekit[av]"',
        ) from None
    file.seek(0)
    try:
        container = av.open(file, format=demuxers[0], metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"The file is damaged{reason(error)}.") from None
    with container:
        yield container


def _checked(decoder: Decoder) -> Decoder:
    info = decoder.info
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise MediaError(f"The file declares {info.channels} channels; 1 to {MAX_CHANNELS} are allowed.")
    if not MIN_SR <= info.sr <= MAX_SR:
        raise MediaError(f"The file declares {info.sr} samples a second; {MIN_SR} to {MAX_SR} are allowed.")
    return decoder


def reason(error: Exception) -> str:
    """Say in parentheses what a decoder or the system said, where that helps."""
    if getattr(error, "code", None) == _SF_NOT_REGULAR:
        return ""
    words = str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error)
    return f" ({words.removeprefix('Error : ').strip().rstrip('.')})"
