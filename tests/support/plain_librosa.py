"""The 57 features by one library call each, and the file of them that tests compare with.

librosa compiles the stencils of its beat tracker anew in every process, which takes seconds; the file is what it gave.
``PYTHONPATH=tests python -m support.plain_librosa`` writes it again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt

from genrekit.features.gtzan import GTZAN_SR
from genrekit.features.schema import GTZAN_COLUMNS
from support.beat_song import beat_song

PATH = Path(__file__).parents[1] / "features" / "plain_librosa.json"
Samples = npt.NDArray[np.float32]


@cache
def signals() -> dict[str, Samples]:
    """Return the signals of the file."""
    with_silence = beat_song(4, seed=3)
    with_silence[20_000:60_000] = 0
    tone = 0.5 * np.sin(2 * np.pi * 330 * np.arange(3 * GTZAN_SR) / GTZAN_SR)
    songs = {f"{seconds} s": beat_song(seconds, seed=7) for seconds in (0.1, 0.5, 3.0, 10.0)}
    return {**songs, "silence inside": with_silence, "a pure tone": tone.astype(np.float32)}


def plain_librosa(y: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Compute the features as the table's author did, one library call each, padded as at that time."""
    reflect = {"pad_mode": "reflect"}
    harmonic, percussive = (
        librosa.util.fix_length(librosa.istft(part), size=len(y))
        for part in librosa.decompose.hpss(librosa.stft(y, **reflect))
    )
    onsets = librosa.onset.onset_strength(y=y, sr=GTZAN_SR, aggregate=np.median, **reflect)
    mel = librosa.feature.melspectrogram(y=y, sr=GTZAN_SR, **reflect)
    descriptors = (
        librosa.feature.chroma_stft(y=y, sr=GTZAN_SR, **reflect),
        librosa.feature.rms(y=y, **reflect),
        librosa.feature.spectral_centroid(y=y, sr=GTZAN_SR, **reflect),
        librosa.feature.spectral_bandwidth(y=y, sr=GTZAN_SR, **reflect),
        librosa.feature.spectral_rolloff(y=y, sr=GTZAN_SR, **reflect),
        librosa.feature.zero_crossing_rate(y),
        harmonic,
        percussive,
    )
    tempo, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=GTZAN_SR)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
    values = [statistic for x in descriptors for statistic in (np.mean(x), np.var(x))]
    values += [np.atleast_1d(tempo)[0], *(statistic for row in mfcc for statistic in (row.mean(), row.var()))]
    return np.array(values, np.float64)


def stored() -> dict[str, npt.NDArray[np.float64]]:
    """Return the features of the file by the names of their signals."""
    found = json.loads(PATH.read_text(encoding="utf-8"))
    return {name: np.array([row[column] for column in GTZAN_COLUMNS]) for name, row in found.items()}


if __name__ == "__main__":
    features = {name: plain_librosa(y).tolist() for name, y in signals().items()}
    rows = {name: dict(zip(GTZAN_COLUMNS, row, strict=True)) for name, row in features.items()}
    PATH.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
