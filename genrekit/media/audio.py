"""Songs as samples: from a file of any sound format to mono at one rate, and on to windows."""

from __future__ import annotations

import numpy as np
import soxr

from genrekit.errors import MediaError, UsageError
from genrekit.media.audio_decoders import AnyPath, AudioInfo, Decoder, Samples, open_decoder, reason

MAX_DURATION_S = 3600.0
SILENT_BELOW = 2.0**-15  # one step of a 16-bit sample
_SHORT_REMAINDER = 0.05  # of a window: GTZAN's clips of "30 s" run up to 30.65 s and are one window


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
        If the file cannot be opened, or is no sound.
    """
    with open_decoder(path) as decoder:
        return decoder.info


def load(
    path: AnyPath,
    *,
    sr: int = 22050,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    max_duration_s: float = MAX_DURATION_S,
) -> Samples:
    """Decode a file to mono samples, as ``librosa.load`` does, to the bit.

    Channels are averaged, then resampled with soxr's HQ quality, block by block: memory grows with what is
    returned, not with what is declared. A file that ends early (a truncated mp3) gives what is there; one in
    which the decoder gets lost is an error that says where.

    Parameters
    ----------
    path : str, bytes or path-like
        A regular file; the content decides, not the name.
    sr : int > 0
        Samples a second of the result.
    offset_s : float >= 0
        Where to start, in seconds.
    duration_s : float > 0, optional
        How much to decode, in seconds; to the end by default.
    max_duration_s : float > 0
        The most that is ever decoded, in seconds. What lies beyond it is left out without a word: an hour of
        an endless stream says enough about its genre.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Finite samples, n >= 1, usually in [-1, 1].

    Raises
    ------
    MediaError
        If the file is missing, not regular, not readable, no known sound format, damaged, without samples in
        the part asked for, or has samples that are not finite.
    UsageError
        If a time is out of range.
    """
    if not 0 <= offset_s < float("inf"):
        raise UsageError(f"The offset is {offset_s} s; it must be 0 or more.")
    if duration_s is not None and not duration_s > 0:
        raise UsageError(f"The duration is {duration_s} s; it must be more than 0.")
    limit_s = max_duration_s if duration_s is None else min(duration_s, max_duration_s)
    with open_decoder(path) as decoder:
        y = _resampled(decoder, sr, offset_s, limit_s)
        length_s = decoder.info.duration_s
    if not len(y):
        if offset_s and length_s != 0:
            length = f", which is {length_s:.3f} s long" if length_s else ""
            raise MediaError(f"The offset of {offset_s:g} s is past the end of the file{length}.")
        raise MediaError("The file has no samples in it.")
    if not np.isfinite(y).all():
        raise MediaError("The file has samples that are not finite numbers (NaN or infinity).")
    return y


def _resampled(decoder: Decoder, sr: int, offset_s: float, limit_s: float) -> Samples:
    native_sr = decoder.info.sr
    wanted = int(limit_s * native_sr)
    stream = None if native_sr == sr else soxr.ResampleStream(native_sr, sr, 1, dtype="float32", quality="HQ")
    n_read = 0
    parts: list[Samples] = []
    blocks = decoder.blocks(offset_s)
    while n_read < wanted:
        try:
            block = next(blocks, None)
        except Exception as error:  # FFmpeg's errors share no narrower base, and a hostile file may cause any
            raise _lost(error, offset_s, n_read / native_sr) from None
        if block is None:
            break
        block = block[: wanted - n_read]
        n_read += len(block)
        parts.append(block if stream is None else stream.resample_chunk(block))
    if not n_read:
        return np.empty(0, np.float32)
    if stream is not None:
        parts.append(stream.resample_chunk(np.empty(0, np.float32), last=True))
    y = np.concatenate(parts)
    size = int(np.ceil(n_read * (sr / native_sr)))  # librosa's rounding, which may differ from soxr's by one
    return y[:size] if len(y) >= size else np.pad(y, (0, size - len(y)))


def _lost(error: Exception, offset_s: float, decoded_s: float) -> MediaError:
    hint = f"Its intact part can be used: --duration {int(decoded_s)}" if decoded_s >= 1 else ""
    return MediaError(f"The file is damaged about {offset_s + decoded_s:.1f} s in{reason(error)}.", hint)


def windows(y: Samples, sr: int, window_s: float, overlap: float = 0.0) -> list[tuple[float, float, Samples]]:
    """Cut a song into windows that follow one another, or overlap; `spans` says where.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
    sr : int > 0
        Samples a second.
    window_s : float > 0
        Length of a window in seconds.
    overlap : float in [0, 1)
        The share of a window that the next one repeats.

    Returns
    -------
    list of (start_s, end_s, y)
        At least one; the samples are views.
    """
    cuts = spans(len(y), max(1, round(window_s * sr)), overlap)
    return [(start / sr, stop / sr, y[start:stop]) for start, stop in cuts]


def spans(n: int, size: int, overlap: float = 0.0) -> list[tuple[int, int]]:
    """Where to cut ``n`` samples, or frames, into windows.

    A song shorter than a window is one window, as it is. A remainder of half a step or more gets a shorter window
    of its own; less is left out, or joins the last window if it is under a twentieth of one.

    Parameters
    ----------
    n : int >= 0
    size : int > 0
        Length of a window.
    overlap : float in [0, 1)
        The share of a window that the next one repeats; a step is what it does not.

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


def is_silent(y: Samples) -> bool:
    """Whether no sample reaches beyond one step of 16 bits (-90 dB), which is dither and not music."""
    return not bool((np.abs(y) > SILENT_BELOW).any())
