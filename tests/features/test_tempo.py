from __future__ import annotations

import librosa
import numpy as np
import pytest

from genrekit.features import tempo

SR = 22050


def test_onset_strength_is_librosas(power) -> None:
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(S=power.T, sr=SR))
    expected = librosa.onset.onset_strength(S=mel_db, sr=SR, aggregate=np.median)
    assert expected.any()
    np.testing.assert_allclose(tempo.onset_strength(np.ascontiguousarray(mel_db.T)), expected, atol=1e-5)


@pytest.mark.parametrize("bpm", [45, 70, 97, 115, 160, 210])
def test_tempo_is_librosas(bpm) -> None:
    rng = np.random.default_rng(bpm)
    onsets = rng.random(1000).astype(np.float32) * 0.3
    onsets[np.arange(0, 1000, 60 * SR / 512 / bpm).astype(int)] += 2
    expected = librosa.feature.tempo(
        onset_envelope=onsets, sr=SR
    )  # as the beat tracker, which compiles for seconds
    assert tempo.tempo(onsets, SR) == pytest.approx(expected[0], rel=1e-12)


@pytest.mark.parametrize("n", [5, 40, 343, 344, 345])
def test_tempo_of_few_frames_is_librosas(n) -> None:
    onsets = np.random.default_rng(n).random(n).astype(np.float32)
    expected = librosa.feature.tempo(onset_envelope=onsets, sr=SR)
    assert tempo.tempo(onsets, SR) == pytest.approx(expected[0], rel=1e-12)


def test_tempo_without_onsets_is_zero() -> None:
    assert tempo.tempo(np.zeros(500, np.float32), SR) == 0
