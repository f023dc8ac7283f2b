"""Measurement of tempo, key and loudness of a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from genrekit.analysis.columns import MEASURES
from genrekit.analysis.key import Key, estimate_key
from genrekit.analysis.loudness import integrated_loudness
from genrekit.errors import MediaError, UsageError
from genrekit.features import (
    HOP_LENGTH,
    N_FFT,
    Doubles,
    Floats,
    chroma,
    mel_filters,
    power_to_db,
    stft,
    tempo,
)
from genrekit.media import MAX_DURATION_S, AnyPath, Decoder, Samples, check_part, load, open_decoder

SR = 22050
_PIECE_FRAMES = 60 * SR // HOP_LENGTH  # the spectrogram of an hour would take gigabytes
_MIN_BPM_S = 4.0  # four beats of the slowest tempo in use
_REFINED_OVER_S = 8.0


@dataclass(frozen=True, slots=True)
class Analysis:
    """Measurements of a song; None for those that were not requested or have no value.

    Attributes
    ----------
    bpm : float or None
        Tempo in beats per minute; None for less than 4 s of sound, and without onsets.
    key : Key or None
        None for less than 0.1 s of sound, and for sound without pitch classes, such as silence.
    loudness_lufs : float or None
        Integrated loudness, ITU-R BS.1770-4; None for less than 0.4 s, silence, and more than 8 channels.
    """

    bpm: float | None = None
    key: Key | None = None
    loudness_lufs: float | None = None


def analyse_song(
    path: AnyPath,
    wanted: Collection[str] = MEASURES,
    offset_s: float = 0.0,
    duration_s: float | None = None,
) -> Analysis:
    """Measure tempo, key and loudness of at most an hour of a file.

    Tempo and key share one decoding to 22,050 Hz mono; loudness needs another, of the channels at their own
    rate, which never holds more than a block.

    Parameters
    ----------
    path : str, bytes or path-like
        A regular file of any sound format.
    wanted : collection of {'bpm', 'key', 'loudness'}
        All by default; others are not computed.
    offset_s : float >= 0
        Start in seconds.
    duration_s : float > 0, optional
        Duration to measure, in seconds; to the end by default.

    Returns
    -------
    Analysis

    Raises
    ------
    MediaError
        If the file cannot be read or decoded.
    UsageError
        If ``wanted`` has an unknown name, or a time is out of range.
    """
    if isinstance(wanted, str) or (unknown := set(wanted) - set(MEASURES)):
        given = wanted if isinstance(wanted, str) else ", ".join(sorted(unknown))
        raise UsageError(f"{given!r} cannot be measured; choose from {', '.join(MEASURES)}.")
    check_part(offset_s, duration_s)
    bpm, key, loudness_lufs = None, None, None
    if {"bpm", "key"} & set(wanted):
        onsets, chroma_mean = _onsets_and_chroma(load(path, sr=SR, offset_s=offset_s, duration_s=duration_s))
        bpm = estimate_bpm(onsets, SR) if "bpm" in wanted else None
        key = estimate_key(chroma_mean) if "key" in wanted else None
    if "loudness" in wanted:
        loudness_lufs = _loudness(path, offset_s, duration_s)
    return Analysis(bpm, key, loudness_lufs)


def estimate_bpm(onsets: Floats, sr: int) -> float | None:
    """Estimate the tempo with a finer resolution than spectrogram frames.

    ``tempo``, which equals GTZAN's table, decides the octave: of half, whole and double tempo the one at which onsets
    correlate best, weighted mildly by its distance from 120 BPM. A fast song may therefore be reported at half its
    tempo. The period of ``tempo`` is a whole number of frames, which are 5 % apart at 120 BPM; the period returned is
    the one within three quarters of a frame of it whose multiples, up to 8 s, correlate best.

    Parameters
    ----------
    onsets : np.ndarray [shape=(n_frames,), dtype=float32]
        Onset strength, frames ``HOP_LENGTH`` apart.
    sr : int > 0
        Sampling rate of the signal in Hz.

    Returns
    -------
    float or None
        Beats per minute, 7 to 340; None for less than 4 s, or without onsets.
    """
    if len(onsets) * HOP_LENGTH < _MIN_BPM_S * sr:
        return None
    coarse = tempo.tempo(onsets, sr)
    if coarse == 0:
        return None
    frames_a_minute = 60 * sr / HOP_LENGTH
    periods = frames_a_minute / coarse + np.linspace(-0.75, 0.75, 301)
    n_lags = min(len(onsets) // 2, int(_REFINED_OVER_S * sr / HOP_LENGTH))
    correlation = _autocorrelation(onsets, n_lags)
    multiples = np.arange(1, max(1, int((n_lags - 1) / periods[-1])) + 1)
    fit = np.interp(np.outer(periods, multiples), np.arange(n_lags), correlation).sum(axis=1)
    # frames leave a plateau of equally good periods: take its middle
    return float(frames_a_minute / periods[fit >= fit.max() * (1 - 1e-6)].mean())


def _autocorrelation(onsets: Floats, n_lags: int) -> Doubles:
    n_fft = 1 << (len(onsets) + n_lags).bit_length()
    spectrum = np.fft.rfft(onsets.astype(np.float64), n_fft)
    correlation: Doubles = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, n_fft)[:n_lags]
    return correlation


def _onsets_and_chroma(y: Samples) -> tuple[Floats, Doubles]:
    """Return the onset strength of a whole song and its mean chroma, from spectrograms of about a minute."""
    if len(y) < N_FFT:
        return np.empty(0, np.float32), np.zeros(chroma.N_CHROMA)
    n_frames = len(y) // HOP_LENGTH
    n_pieces = max(1, round(n_frames / _PIECE_FRAMES))
    starts = [HOP_LENGTH * (n_frames * i // n_pieces) for i in range(n_pieces)]
    onsets = []
    strength = np.zeros(chroma.N_CHROMA)
    for start, stop in zip(starts, [*starts[1:], len(y)], strict=True):
        magnitude = np.abs(stft(y[start:stop]))
        power = magnitude * magnitude
        mel_db = power_to_db(power @ mel_filters(SR).T)
        # the last frame of a piece has the same centre as the first frame of the next
        onsets.append(tempo.onset_strength(mel_db)[: None if stop == len(y) else -1])
        strength += chroma.chroma(power, SR).sum(axis=0, dtype=np.float64)
    return np.concatenate(onsets), strength / n_frames


def _loudness(path: AnyPath, offset_s: float, duration_s: float | None) -> float | None:
    limit_s = MAX_DURATION_S if duration_s is None else min(duration_s, MAX_DURATION_S)
    with open_decoder(path) as decoder:
        return integrated_loudness(_part(decoder, offset_s, limit_s), decoder.info.sr)


def _part(decoder: Decoder, offset_s: float, limit_s: float) -> Iterator[Samples]:
    """Yield blocks [shape=(n, channels)] of a part of a file."""
    wanted = int(limit_s * decoder.info.sr)
    n_read = 0
    for block in decoder.channel_blocks(offset_s):
        block = block[: wanted - n_read]
        n_read += len(block)
        yield block
        if n_read >= wanted:
            break
    if not n_read:
        raise MediaError(f"The file has no samples{f' beyond {offset_s:g} s' if offset_s else ''}.")
