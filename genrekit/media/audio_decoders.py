"""Decoders from a file to blocks of samples: libsndfile or FFmpeg, chosen by content and not by name.

libsndfile reads the formats that it knows (wav, flac, ogg, opus in ogg, mp3, au, aiff, caf, w64). FFmpeg (PyAV)
reads the others (m4a, aac, wma, webm, mp4), and takes over if libsndfile refuses a file, fails within it, or would
stop before the stream ends. Files are treated as hostile: only regular files are opened, headers are checked before
they are trusted, and sound is decoded in blocks.
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
MIN_SR, MAX_SR = 1_000, 768_000  # lower than any telephone, and the highest rate of recorders on the market

_BLOCK_VALUES = 1 << 18
_TOLERANCE_S, _TOLERANCE = 0.1, 0.005  # of a declared length: tolerance for encoders and their delays
_MAX_DECLARED_S = 1e8  # three years: libsndfile's "unknown" is longer

# MIDI sample dumps: libsndfile 1.2.2 prints every flaw in them to stdout, and they are not used for songs.
_SAMPLE_DUMP = b"\xf0\x7e"
_SF_UNRECOGNISED = 1

_Open = Callable[[], "AbstractContextManager[AvDecoder]"]


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Facts from the header of a file, without decoding.

    Attributes
    ----------
    duration_s : float or None
        Declared length in seconds, which may be wrong for damaged files; None if not declared.
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
        Whether the last `channel_blocks` ended where neither decoder could continue.
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
        """Yield mono blocks at the native rate, from ``offset_s`` seconds to the end."""
        return map(mono, self.channel_blocks(offset_s))

    def channel_blocks(self, offset_s: float) -> Iterator[Samples]:
        """Yield the same before channels are averaged [shape=(n, channels)].

        Where libsndfile fails, or ends before the declared length, FFmpeg continues. Where neither can, the sound ends;
        `missing_s` is the duration that should have followed.

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
            except Exception as error:  # a hostile file may cause any exception
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
            except Exception as error:  # FFmpeg's errors have no narrower base class
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
        """Return whether libsndfile ended before its own estimate of the length, for a format that FFmpeg knows."""
        declared_s = self._declared_s
        return bool(self._found.demuxer and declared_s and declared_s - end_s > _tolerance_s(declared_s))

    def _is_all(self, end_s: float) -> bool:
        """Return whether the stream, if its length was determined, has nothing after ``end_s``."""
        return self._found.stream_s is not None and self._found.stream_s - self._found.slack_s <= end_s

    def declared_s(self, end_s: float) -> float | None:
        """Return the declared length of the file in seconds, if its sound ends at ``end_s``.

        None if no length is declared, or the file has its declared length.
        """
        claims = [end_s / self._found.share]
        if self._declared_s is not None and self._declared_s < _MAX_DECLARED_S:
            claims.append(self._declared_s)
        declared_s = max(claims)
        return declared_s if declared_s - end_s > _tolerance_s(declared_s) else None


def _tolerance_s(declared_s: float) -> float:
    return max(_TOLERANCE_S, _TOLERANCE * declared_s)


def mono(block: Any) -> Samples:
    """Average channels, bit-identical to ``librosa.to_mono`` [shape=(n, channels) to (n,)]."""
    samples: Samples = block[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):  # the caller reports samples that are not finite
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
        Decoder of the file; its rate and number of channels are within bounds.

    Raises
    ------
    MediaError
        If the path is missing, not regular or not readable, or its content is empty, damaged at its
        beginning, or not a sound format that the decoders know.
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
            raise MediaError(
                "The content is a MIDI sample dump, which is not supported.", "Convert it to wav."
            )
        # a descriptor works for names in any encoding, but not across C runtimes on Windows
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
    """Return whether libsndfile would stop before the stream ends."""
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
        "The content is not a known sound format; known formats are wav, flac, ogg, mp3, au, aiff, caf, m4a, aac, "
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
        raise MediaError(
            f"The file declares a sampling rate of {info.sr} Hz; {MIN_SR} to {MAX_SR} Hz are allowed."
        )
    return info
