"""How fast the 57 features are against plain librosa calls, and whether they are the same numbers.

    python benchmarks/features.py [--audio FILE] [--repeats N]

Both run in this process on one thread, in turn, after a warm-up that is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"  # read when the libraries load, so it stands before their imports

import librosa  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from genrekit.features import GTZAN_COLUMNS, gtzan_features  # noqa: E402
from genrekit.features import GTZAN_SR as SR  # noqa: E402
from genrekit.media import audio  # noqa: E402

RTOL, ATOL = 1e-4, 1e-9


def plain_librosa(y: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Compute the 57 features with one librosa call each, padded as librosa did before 0.9."""
    reflect = {"pad_mode": "reflect"}
    descriptors = [
        librosa.feature.chroma_stft(y=y, sr=SR, **reflect),
        librosa.feature.rms(y=y, **reflect),
        librosa.feature.spectral_centroid(y=y, sr=SR, **reflect),
        librosa.feature.spectral_bandwidth(y=y, sr=SR, **reflect),
        librosa.feature.spectral_rolloff(y=y, sr=SR, **reflect),
        librosa.feature.zero_crossing_rate(y),
    ]
    for part in librosa.decompose.hpss(librosa.stft(y, **reflect)):
        descriptors.append(librosa.util.fix_length(librosa.istft(part), size=len(y)))
    onsets = librosa.onset.onset_strength(y=y, sr=SR, aggregate=np.median, **reflect)
    tempo, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=SR)
    mel = librosa.feature.melspectrogram(y=y, sr=SR, **reflect)
    values = [statistic for x in descriptors for statistic in (np.mean(x), np.var(x))]
    values.append(np.atleast_1d(tempo)[0])
    for coefficient in librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20):
        values += [np.mean(coefficient), np.var(coefficient)]
    return np.array(values, np.float64)


def generated_clip(seconds: float = 30.0) -> npt.NDArray[np.float32]:
    """Seeded chords, beats and noise."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * SR)) / SR
    y = 0.01 * rng.standard_normal(len(t))
    for start in np.arange(0, seconds, 0.5):
        after = t - start
        envelope = np.where(after >= 0, np.exp(-5 * np.maximum(after, 0)), 0)
        for note in rng.integers(0, 24, 3):
            y += 0.1 * envelope * np.sin(2 * np.pi * 220 * 2 ** (note / 12) * after)
        y += 0.2 * envelope**8 * rng.standard_normal(len(t))
    return y.astype(np.float32)


def timed(function: Callable[..., npt.NDArray[np.float64]], y: npt.NDArray[np.float32]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function(y)
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description="Features against plain librosa calls: time and values.")
    parser.add_argument("--audio", type=Path, help="a sound file; 30 s of generated sound by default")
    parser.add_argument("--repeats", type=int, default=9, help="measured pairs (default: %(default)s)")
    arguments = parser.parse_args()

    y = generated_clip() if arguments.audio is None else audio.load(arguments.audio, sr=SR)
    expected, actual = plain_librosa(y), gtzan_features(y)
    pairs = [(timed(plain_librosa, y), timed(gtzan_features, y)) for _ in range(arguments.repeats)]
    plain_s, ours_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(plain / ours for plain, ours in pairs)

    difference = np.abs(actual - expected)
    relative = np.divide(difference, np.abs(expected), out=difference.copy(), where=expected != 0)
    worst = int(np.argmax(np.where(difference <= ATOL, 0, relative)))
    equal = bool(np.all((difference <= ATOL) | (relative <= RTOL)))

    print(f"{len(y) / SR:.2f} s of sound, one thread, median of {arguments.repeats} pairs")
    print(f"plain librosa {librosa.__version__:<8} {plain_s * 1e3:8.1f} ms")
    print(f"genrekit               {ours_s * 1e3:8.1f} ms")
    print(f"times as fast          {ratio:8.1f}")
    print(f"largest deviation      {relative[worst]:8.1e} relative, in {GTZAN_COLUMNS[worst]}")
    print(f"equal within {RTOL:g} relative or {ATOL:g} absolute: {'yes' if equal else 'NO'}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
