"""Log-mel spectrograms, equal to librosa's, and conversion of existing spectrograms to the same scale.

*Conventions.* Arrays are frequency-major, shape (n_mels, n_frames), as in librosa. Levels are dB below the
loudest value of the window: 0 at the top, ``-top_db`` at the floor. Only the input of pretrained encoders,
`scaled_mel`, is time-major with absolute levels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from genrekit.features.spectral import Floats, MelScale, PadMode, mel_filters, stft

Logarithm = Literal["log10", "ln", "db", "none"]


def log_mel(
    y: Floats,
    sr: int,
    *,
    n_fft: int,
    hop_length: int,
    n_mels: int,
    fmin: float = 0.0,
    fmax: float | None = None,
    top_db: float = 80.0,
) -> Floats:
    """Compute the log-mel spectrogram of a window of audio.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
        Mono samples, n >= 2.
    sr : int > 0
        Sampling rate in Hz.
    n_fft : int > 0
        Samples per frame, even.
    hop_length : int > 0
        Samples from one frame to the next.
    n_mels : int > 0
        Mel bands (Slaney's scale).
    fmin, fmax : float
        The lowest and the highest frequency in Hz; ``sr / 2`` by default.
    top_db : float > 0
        Level of the floor, in dB below the loudest value.

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + n // hop_length), dtype=float32, range -top_db to 0]
        ``librosa.power_to_db(librosa.feature.melspectrogram(y=y, pad_mode="reflect", ...), ref=np.max, top_db=top_db)``.
        If frames overlap by less than three quarters, the loudest value is taken from additional frames that do, so that
        the level does not depend on the frame positions.
    """
    filters = mel_filters(sr, n_fft, n_mels, fmin, fmax).T

    def mel(hop_length: int) -> Floats:
        spectrum = stft(y, n_fft=n_fft, hop_length=hop_length)
        return (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False) @ filters

    power = mel(hop_length)
    loudest = (power if hop_length <= n_fft // 4 else mel(n_fft // 4)).max()
    # 1e-10 is librosa's amin, the lower bound of power.
    db = 10 * np.log10(np.maximum(power, np.float32(1e-10)))
    return _floored(np.ascontiguousarray(db.T), 10 * np.log10(max(loudest, 1e-10)), top_db)


def scaled_mel(
    y: Floats,
    sr: int,
    *,
    n_fft: int,
    hop_length: int,
    n_mels: int,
    win_length: int | None = None,
    fmin: float = 0.0,
    fmax: float | None = None,
    mel_scale: MelScale = "slaney",
    equal_area: bool = True,
    power: Literal[1, 2] = 2,
    log: Logarithm = "log10",
    gain: float = 1.0,
    offset: float = 1.0,
    pad_mode: PadMode = "reflect",
) -> Floats:
    """Compute the mel spectrogram of absolute levels, as pretrained encoders take it: ``log(gain * mel + offset)``.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
        Mono samples, n >= 2.
    sr, n_fft, hop_length, n_mels, fmin, fmax
        As for `log_mel`.
    win_length : int > 0, optional
        Samples of the window within a frame; ``n_fft`` by default.
    mel_scale, equal_area
        As ``scale`` and ``equal_area`` of `genrekit.features.spectral.mel_filters`.
    power : {1, 2}
        Of the magnitudes that the filters add up.
    log : {'log10', 'ln', 'db', 'none'}
        The logarithm; 'db' is ten times the decadic one.
    gain, offset : float
        Factor of the mel values before the logarithm, and the number added to them.
    pad_mode : {'reflect', 'constant'}
        Values beyond the ends: the sound mirrored, or zeros.

    Returns
    -------
    np.ndarray [shape=(1 + n // hop_length, n_mels), dtype=float32]
        Time-major. ``log10(10000 * librosa.feature.melspectrogram(y=y, ...).T + 1)`` for a gain of 10,000 and an
        offset of 1; in float32 throughout, which float16 would overflow.
    """
    filters = mel_filters(sr, n_fft, n_mels, fmin, fmax, mel_scale, equal_area).T
    spectrum = stft(y, n_fft=n_fft, hop_length=hop_length, win_length=win_length, pad_mode=pad_mode)
    energy = spectrum.real**2 + spectrum.imag**2
    mel = (energy if power == 2 else np.sqrt(energy)) @ filters
    levels: Floats = np.asarray(np.float32(gain) * mel + np.float32(offset), np.float32)
    if log != "none":
        levels = np.log(levels) if log == "ln" else np.log10(levels)
    scaled: Floats = levels * np.float32(10) if log == "db" else levels
    return scaled


def from_peak(db: npt.NDArray[np.floating], top_db: float) -> Floats:
    """Return levels in dB relative to the loudest value, floored at ``-top_db``.

    Parameters
    ----------
    db : np.ndarray [shape=(n_mels, n_frames)]
        Levels in dB over any reference.
    top_db : float > 0

    Returns
    -------
    np.ndarray [shape=(n_mels, n_frames), dtype=float32, range -top_db to 0]
    """
    return _floored(db, float(db.max()), top_db)


def _floored(db: npt.NDArray[np.floating], reference_db: float, top_db: float) -> Floats:
    floored: Floats = np.clip(db.astype(np.float32) - np.float32(reference_db), np.float32(-top_db), 0)
    return floored


def from_levels(levels: npt.NDArray[np.uint8], top_db: float) -> Floats:
    """Convert levels of 0 to 255, as in spectrogram images, to dB: 0 is the floor, 255 the loudest value.

    Parameters
    ----------
    levels : np.ndarray [shape=(n_mels, n_frames), dtype=uint8]
    top_db : float > 0
        Range of the levels in dB.

    Returns
    -------
    np.ndarray [shape=(n_mels, n_frames), dtype=float32, range -top_db to 0]
    """
    db: Floats = levels.astype(np.float32) * np.float32(top_db / 255) - np.float32(top_db)
    return db


def fit_length(mel: Floats, n_frames: int) -> Floats:
    """Crop a spectrogram to ``n_frames``, or repeat a shorter one, which keeps its mean and maximum.

    Parameters
    ----------
    mel : np.ndarray [shape=(n_mels, n)]
        At least one frame.
    n_frames : int > 0

    Returns
    -------
    np.ndarray [shape=(n_mels, n_frames)]
    """
    if mel.shape[1] >= n_frames:
        return mel[:, :n_frames]
    repeated: Floats = np.tile(mel, (1, -(-n_frames // mel.shape[1])))[:, :n_frames]
    return repeated
