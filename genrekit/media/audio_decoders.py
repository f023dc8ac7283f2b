"""From a file to blocks of samples, by libsndfile or by FFmpeg, whatever the file is called.

libsndfile reads what it knows (wav, flac, ogg, opus in ogg, mp3, au, aiff, caf, w64). FFmpeg (PyAV) reads the
rest (m4a, aac, wma, webm, mp4), and takes over where libsndfile refuses a file, loses its way in it, or would
stop before the stream ends. Files are taken for hostile: only regular files are opened, headers are checked before
they are believed, and sound comes in blocks.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from genrekit.errors import MediaError
from genrekit.files import opening
from genrekit.media.containers import Container, inspect
from genrekit.media.reasons import reason
from genrekit.media.suppress_output import quiet_stderr

if TYPE_CHECKING:
    from genrekit.media.ffmpeg import AvDecoder

Samples = npt.NDArray[np.float32]
AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

MAX_CHANNELS = 64  # 7th-order ambisonics; libsndfile would take 1024
MIN_SR, MAX_SR = 1_000, 768_000  # below any telephone, and the highest rate that recorders are sold with

_BLOCK_VALUES = 1 << 18
_TOLERANCE_S, _TOLERANCE = 0.1, 0.005  # of a declared length: what encoders and their delays may differ by
_MAX_DECLARED_S = 1e8  # three years: libsndfile's "unknown" is longer

# MIDI sample dumps: libsndfile 1.2.2 prints to stdout about every flaw in them, and nobody keeps songs so.
_SAMPLE_DUMP = b"\xf0\x7e"
_SF_UNRECOGNISED = 1

_Open = Callable[[], "AbstractContextManager[AvDecoder]"]


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says; nothing is decoded.

    Attributes
    ----------
    duration_s : float or None
        Declared length in seconds, which a damaged file need not keep; None where it is not declared.
    sr : int
        Sampling rate in Hz.
    channels : int
    """

    duration_s: float | None
    sr: int
    channels: int


class Decoder:
    """An open file.

    Attributes
    ----------
    info : AudioInfo
    by_libsndfile : bool
        Whether libsndfile reads it, at least at first.
    is_lost : bool
        Whether the last `channel_blocks` ended where neither decoder could go on.
    is_unended : bool
        Whether the mark of its end is missing, in a format that has one.
    """

    def __init__(self, sound: sf.SoundFile | None, found: Container, opened: _Open, stack: ExitStack) -> None:
        self._sound = sound
        self._found = found
        self._open_av = opened
        self._av: AvDecoder | None = None
        self._is_read = False
        self.by_libsndfile = sound is not None
        self.is_lost = False
        self.is_unended = not found.ended
        if sound is not None:
            duration_s: float | None = sound.frames / max(sound.samplerate, 1)
            # libsndfile guesses the length of an mp3 without a count of its frames
            self._declared_s = duration_s if found.demuxer != "mp3" else None
            self.info = _checked(AudioInfo(duration_s, sound.samplerate, sound.channels))
        else:
            self._av = decoder = stack.enter_context(opened())
            self._declared_s = found.declared_s or decoder.declared_s
            duration_s = found.stream_s or decoder.duration_s
            self.info = _checked(AudioInfo(duration_s, decoder.sr, decoder.channels))

    def blocks(self, offset_s: float) -> Iterator[Samples]:
        """Yield mono blocks at the file's own rate, from ``offset_s`` seconds to the end."""
        return map(mono, self.channel_blocks(offset_s))

    def channel_blocks(self, offset_s: float) -> Iterator[Samples]:
        """Yield the same before channels are averaged [shape=(n, channels)].

        Where libsndfile loses its way, or ends before the declared length, FFmpeg goes on. Where neither can, the
        sound ends; `missing_s` says how much should have followed.

        Raises
        ------
        MediaError
            If nothing can be decoded, or too little of it to be trusted.
        """
        n = 0
        lost: Exception | None = None
        if self._sound is not None:
            try:
                for block in self._read(self._sound, offset_s):
                    n += len(block)
                    yield block
            except Exception as error:  # a hostile file may cause any
                lost = error
        n_first = n
        if self._sound is None or lost or self._is_short(offset_s + n / self.info.sr):
            try:
                for block in self._read_av(offset_s + n / self.info.sr):
                    n += len(block)
                    yield block
                lost = lost if n == n_first and not (offset_s and not n) else None
            except MediaError as error:
                if self._sound is None:
                    raise
                lost = lost or error
            except Exception as error:  # FFmpeg's errors share no narrower base
                lost = lost or error
        self.is_lost = lost is not None and not self._is_all(offset_s + n / self.info.sr)
        if lost and not n:
            raise MediaError(f"The file is damaged about {offset_s:.1f} s in{reason(lost)}.")

    def _read(self, sound: sf.SoundFile, offset_s: float) -> Iterator[Samples]:
        if offset_s or self._is_read:
            sound.seek(min(int(offset_s * self.info.sr), sound.frames))
        self._is_read = True
        size = _BLOCK_VALUES // self.info.channels
        while len(block := sound.read(size, dtype="float32", always_2d=True)):
            yield block

    def _read_av(self, offset_s: float) -> Iterator[Samples]:
        sr, channels = self.info.sr, self.info.channels
        first, self._av = self._av, None
        if first is not None:
            yield from first.channel_blocks(offset_s, sr, channels)
            return
        with self._open_av() as decoder:
            yield from decoder.channel_blocks(offset_s, sr, channels)

    def _is_short(self, end_s: float) -> bool:
        """Whether libsndfile ended before the length that it gave itself, of a format that FFmpeg knows."""
        declared_s = self._declared_s
        return bool(self._found.demuxer and declared_s and declared_s - end_s > _tolerance_s(declared_s))

    def _is_all(self, end_s: float) -> bool:
        """Whether the stream, where its length was found out, has nothing behind ``end_s``."""
        return self._found.stream_s is not None and self._found.stream_s - self._found.slack_s <= end_s

    def declared_s(self, end_s: float) -> float | None:
        """How long the file says that it is, in seconds, where its sound ends at ``end_s``.

        None where it does not say, or is as long as it says.
        """
        claims = [end_s / self._found.share]
        if self._declared_s is not None and self._declared_s < _MAX_DECLARED_S:
            claims.append(self._declared_s)
        declared_s = max(claims)
        return declared_s if declared_s - end_s > _tolerance_s(declared_s) else None


def _tolerance_s(declared_s: float) -> float:
    return max(_TOLERANCE_S, _TOLERANCE * declared_s)


def mono(block: Any) -> Samples:
    """Average channels as ``librosa.to_mono`` does, to the bit [shape=(n, channels) to (n,)]."""
    samples: Samples = block[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is the caller's to report
        if block.shape[1] == 2:
            samples = (block[:, 0] + block[:, 1]) / np.float32(2)  # the same, in a tenth of the time
        elif block.shape[1] > 2:
            samples = block.mean(axis=1)
    return samples


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
        beginning, or no sound that the decoders know.
    """
    with _open_regular(path) as file:
        try:
            head = file.read(16)
            found = inspect(file)
            file.seek(0)
        except OSError as error:
            raise MediaError(f"The file cannot be read{reason(error)}.") from None
        if not head:
            raise MediaError("The file is empty (0 bytes).")
        if head.startswith(_SAMPLE_DUMP):
            raise MediaError("The content is a MIDI sample dump, which is not read.", "Convert it to wav.")
        # a descriptor works for every spelling of a name, but not across C runtimes on Windows
        source = os.fspath(path) if os.name == "nt" else file.fileno()
        mpeg = found.demuxer == "mp3" or head.startswith(b"ID3") or (head[0] == 0xFF and head[1:2] >= b"\xe0")
        with quiet_stderr if mpeg else nullcontext(), ExitStack() as stack:
            sound, refusal = None, None
            if not found.joined:
                try:
                    sound = stack.enter_context(sf.SoundFile(source, closefd=False))
                except (sf.LibsndfileError, TypeError) as error:
                    refusal = error
            if sound is not None and _passes_over(sound, found):
                sound = None
            if sound is None and not found.demuxer:
                raise _unknown(refusal)
            yield Decoder(sound, found, partial(_opened, file, found), stack)


def _passes_over(sound: sf.SoundFile, found: Container) -> bool:
    """Whether libsndfile would stop before the stream ends."""
    if not found.demuxer:
        return False
    if sound.frames == 0:
        return not found.hollow
    duration_s = sound.frames / max(sound.samplerate, 1)
    return found.stream_s is not None and found.stream_s - found.slack_s > duration_s


def _opened(file: io.FileIO, found: Container) -> AbstractContextManager[AvDecoder]:
    from genrekit.media.ffmpeg import open_av

    return open_av(file, found)


def _unknown(refusal: Exception | None) -> MediaError:
    if getattr(refusal, "code", _SF_UNRECOGNISED) != _SF_UNRECOGNISED and refusal is not None:
        return MediaError(f"The file is damaged or cut off at its beginning{reason(refusal)}.")
    return MediaError(
        "The content is no known sound format; known are wav, flac, ogg, mp3, au, aiff, caf, m4a, aac, "
        "wma, opus and webm.",
        "If it is one of these, its beginning is damaged.",
    )


def _open_regular(path: AnyPath) -> io.FileIO:
    with opening(path):
        return io.FileIO(os.fsdecode(path))


def _checked(info: AudioInfo) -> AudioInfo:
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise MediaError(f"The file declares {info.channels} channels; 1 to {MAX_CHANNELS} are allowed.")
    if not MIN_SR <= info.sr <= MAX_SR:
        raise MediaError(f"The file declares {info.sr} samples a second; {MIN_SR} to {MAX_SR} are allowed.")
    return info
