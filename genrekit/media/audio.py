"""Decoding of sound files to mono samples at one rate, and cutting of samples into windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from genrekit.errors import MediaError, UsageError
from genrekit.media.audio_decoders import AnyPath, AudioInfo, Samples, mono, open_decoder
from genrekit.media.bandwidth import BandMeter
from genrekit.media.sounding import SoundMeter
from genrekit.media.sounding import is_silent as is_silent

MAX_DURATION_S = 3600.0
# Features of shorter sound describe the padding of two frames (2,048 samples at 22,050 Hz).
MIN_SOUND_S = 0.25
FEW_S = 3.0  # shorter sound adds a note to the prediction
_CANCELLED_S = 1.0  # longer cancellation is noted
_MISSING_S = 0.1
_SHORT_REMAINDER = 0.05  # of a window: GTZAN's clips of "30 s" are up to 30.65 s long and are one window


def info(path: AnyPath) -> AudioInfo:
    """Read a file's header.

    Parameters
    ----------
    path : str, bytes or path-like

    Returns
    -------
    AudioInfo

    Raises
    ------
    MediaError
        If the file cannot be opened, or is not a sound file.
    """
    with open_decoder(path) as decoder:
        return decoder.info


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Decoded samples of a file or of a part of it.

    Attributes
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
        Finite samples, n >= 1, usually in [-1, 1].
    sr : int
        Sampling rate in Hz.
    sounding_s : float
        Duration that is not silent, in seconds, judged per channel before mixing.
    flaws : tuple of str
        Descriptions of parts that were not decoded, or not in the usual way.
    limit_hz : int or None
        4000 or 8000 if the recording has nothing above; it is the recording's own, whatever ``sr`` is.
    """

    y: Samples
    sr: int
    sounding_s: float
    flaws: tuple[str, ...] = ()
    limit_hz: int | None = None

    @property
    def is_silent(self) -> bool:
        """Return whether no channel varies by more than one 16-bit step."""
        return self.sounding_s == 0

    @property
    def note(self) -> str:
        """The flaws, and remarks on narrow bandwidth and on very short sound, as one text; empty if there are none."""
        narrow = (f"nothing above {self.limit_hz // 1000} kHz",) if self.limit_hz else ()
        little = (f"only {self.sounding_s:.1f} s of sound",) if self.sounding_s < FEW_S else ()
        return "; ".join((*self.flaws, *narrow, *little))

    def require(self) -> Sound:
        """Return the sound itself if it is long enough for a prediction.

        Raises
        ------
        MediaError
            If it is silent, or has less than `MIN_SOUND_S` of sound.
        """
        if self.is_silent:
            raise MediaError("The song is silent.")
        if self.sounding_s < MIN_SOUND_S:
            raise MediaError(
                f"There is too little sound: {self.sounding_s:.2f} s; at least {MIN_SOUND_S:g} s are needed."
            )
        return self


def load(
    path: AnyPath,
    *,
    sr: int = 22050,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    max_duration_s: float = MAX_DURATION_S,
) -> Samples:
    """Decode a file to mono samples, bit-identical to ``librosa.load``: the ``y`` of `read`, without its notes.

    Parameters
    ----------
    path, sr, offset_s, duration_s, max_duration_s
        As for `read`.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
    """
    return read(path, sr=sr, offset_s=offset_s, duration_s=duration_s, max_duration_s=max_duration_s).y


def read(
    path: AnyPath,
    *,
    sr: int = 22050,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    max_duration_s: float = MAX_DURATION_S,
) -> Sound:
    """Decode a file to mono samples, and note what was not decoded.

    Channels are averaged, then resampled with soxr's HQ quality, block by block: memory grows with the samples
    returned, not with the declared length. If channels cancel each other out, the one with the most power is used
    instead. Of a truncated or damaged file, everything that either decoder can read is returned.

    Parameters
    ----------
    path : str, bytes or path-like
        A regular file; the content decides, not the name.
    sr : int > 0
        Sampling rate in Hz of the result.
    offset_s : float >= 0
        Start in seconds.
    duration_s : float > 0, optional
        Duration to decode, in seconds; to the end by default.
    max_duration_s : float > 0
        Maximum duration to decode, in seconds: one hour of an endless stream suffices for its genre.

    Returns
    -------
    Sound

    Raises
    ------
    MediaError
        If the file is missing, not regular, not readable, not in a known sound format, damaged, without samples in
        the requested part, or has samples that are not finite.
    UsageError
        If a time is out of range.
    """
    check_part(offset_s, duration_s)
    limit_s = max_duration_s if duration_s is None else min(duration_s, max_duration_s)
    heard = _hear(path, sr, offset_s, limit_s)
    y, meter = heard.y, heard.meter
    flaws = _flaws(heard, offset_s, limit_s, is_limited=duration_s is None or duration_s > max_duration_s)
    if meter.power is not None and meter.cancels:
        channel = int(meter.power.argmax())
        heard = _hear(path, sr, offset_s, limit_s, channel)
        y = heard.y
        flaws.append(f"its channels cancel each other out; channel {channel + 1} was heard alone")
    elif meter.cancelled_s >= _CANCELLED_S:
        flaws.append(f"its channels cancel each other out in {meter.cancelled_s:.0f} s of it")
    if not np.isfinite(y).all():
        raise MediaError("The file has samples that are not finite numbers (NaN or infinity).")
    return Sound(y, sr, meter.sounding_s, tuple(flaws), heard.limit_hz)


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """Result of one pass over a file, and the lengths that it declares, in seconds."""

    y: Samples
    meter: SoundMeter
    limit_hz: int | None
    length_s: float
    goes_on: bool
    declared_s: float | None
    is_lost: bool
    is_unended: bool


def check_part(offset_s: float, duration_s: float | None) -> None:
    """Refuse an impossible part of a song.

    Raises
    ------
    UsageError
        If a time is out of range.
    """
    if not 0 <= offset_s < float("inf"):
        raise UsageError(f"The offset is {offset_s} s; it must be 0 or more.")
    if duration_s is not None and not duration_s > 0:
        raise UsageError(f"The duration is {duration_s} s; it must be more than 0.")


def _hear(path: AnyPath, sr: int, offset_s: float, limit_s: float, channel: int | None = None) -> _Heard:
    """Decode the mix of all channels, or a single channel.

    Raises
    ------
    MediaError
        If there are no samples.
    """
    with open_decoder(path) as decoder:
        native_sr = decoder.info.sr
        wanted = int(limit_s * native_sr)
        stream = (
            None if native_sr == sr else soxr.ResampleStream(native_sr, sr, 1, dtype="float32", quality="HQ")
        )
        meter, band = SoundMeter(native_sr), BandMeter(native_sr)
        n_read, goes_on = 0, False
        parts: list[Samples] = []
        for block in decoder.channel_blocks(offset_s):
            if n_read >= wanted:
                goes_on = True
                break
            goes_on = len(block) > wanted - n_read
            block = block[: wanted - n_read]
            n_read += len(block)
            if channel is None:
                y = mono(block)
                meter.add(block, y)
            else:
                y = np.ascontiguousarray(block[:, channel])
            band.add(y)
            parts.append(y if stream is None else stream.resample_chunk(y))
        length_s = n_read / native_sr
        declared_s = decoder.declared_s(offset_s + length_s)
        if not n_read:
            raise _without_samples(offset_s, decoder.info.duration_s, declared_s)
        is_lost, is_unended = decoder.is_lost, decoder.is_unended
    if stream is not None:
        parts.append(stream.resample_chunk(np.empty(0, np.float32), last=True))
    y = np.concatenate(parts)
    size = int(np.ceil(n_read * (sr / native_sr)))  # librosa's rounding, which may differ from soxr's by one
    y = y[:size] if len(y) >= size else np.pad(y, (0, size - len(y)))
    return _Heard(y, meter, band.limit_hz, length_s, goes_on, declared_s, is_lost, is_unended)


def _without_samples(offset_s: float, length_s: float | None, declared_s: float | None) -> MediaError:
    if not offset_s or length_s == 0:
        return MediaError("The file has no samples in it.")
    if declared_s is not None and declared_s > offset_s:
        return MediaError(
            f"The file is cut off or damaged before the offset of {offset_s:g} s; it should be {declared_s:.3f} s long."
        )
    length = f", which is {length_s:.3f} s long" if length_s else ""
    return MediaError(f"The offset of {offset_s:g} s is past the end of the file{length}.")


def _flaws(heard: _Heard, offset_s: float, limit_s: float, *, is_limited: bool) -> list[str]:
    """Describe what of a file, or of the requested part, was not decoded."""
    if heard.goes_on:
        return [f"only {heard.length_s:.0f} s were heard; it continues"] if is_limited else []
    if heard.declared_s is not None:
        asked_s = min(limit_s, heard.declared_s - offset_s)
        if asked_s - heard.length_s > _MISSING_S:
            return [f"heard {heard.length_s:.1f} s of {asked_s:.1f} s: the file is cut off or damaged"]
    elif heard.is_lost:
        return [f"heard {heard.length_s:.1f} s: the file is damaged behind them"]
    elif heard.is_unended:
        return [f"heard {heard.length_s:.1f} s: the file is cut off, and does not declare its length"]
    return []


def windows(y: Samples, sr: int, window_s: float, overlap: float = 0.0) -> list[tuple[float, float, Samples]]:
    """Cut a song into consecutive or overlapping windows, at the positions of `spans`.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
    sr : int > 0
        Sampling rate in Hz.
    window_s : float > 0
        Length of a window in seconds.
    overlap : float in [0, 1)
        Share of a window that the next one repeats.

    Returns
    -------
    list of (start_s, end_s, y)
        At least one; the samples are views.
    """
    cuts = spans(len(y), max(1, round(window_s * sr)), overlap)
    return [(start / sr, stop / sr, y[start:stop]) for start, stop in cuts]


def spans(n: int, size: int, overlap: float = 0.0) -> list[tuple[int, int]]:
    """Return the positions at which ``n`` samples or frames are cut into windows.

    A song shorter than a window is one window of its own length. A remainder of half a step or more becomes a
    shorter window; a smaller one is dropped, or joins the last window if it is under a twentieth of a window.

    Parameters
    ----------
    n : int >= 0
    size : int > 0
        Length of a window.
    overlap : float in [0, 1)
        Share of a window that the next one repeats; a step is the rest of it.

    Returns
    -------
    list of (start, stop)
        At least one.
    """
    if n < size:
        return [(0, n)]
    step = max(1, round(size * (1 - overlap)))
    cuts = [(start, start + size) for start in range(0, n - size + 1, step)]
    start, stop = cuts[-1]
    if n - stop >= step / 2:
        cuts.append((start + step, n))
    elif n - stop < size * _SHORT_REMAINDER:
        cuts[-1] = (start, n)
    return cuts
