"""A recording without high frequencies has a note, whatever its sampling rate and the blocks that it is decoded in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from support.odd_sounds import mp3

from genrekit.media import audio
from genrekit.media.bandwidth import BandMeter

SR = 44_100


def noise(rate: int, sr: int = SR, seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    """Noise that was recorded at a rate, and has the rate ``sr`` now [shape=(n,), dtype=float32]."""
    y = 0.1 * np.random.default_rng(seed).standard_normal(round(rate * seconds))
    return np.asarray(soxr.resample(y.astype(np.float32), rate, sr)) if sr != rate else y.astype(np.float32)


def wav(path: Path, y: np.ndarray, sr: int = SR) -> Path:
    sf.write(path, y, sr, subtype="PCM_16")
    return path


@pytest.mark.parametrize(
    ("rate", "sr", "note"),
    [
        (44_100, 44_100, ""),
        (22_050, 44_100, ""),
        (22_050, 22_050, ""),
        (16_000, 44_100, "nothing above 8 kHz"),
        (16_000, 16_000, "nothing above 8 kHz"),
        (11_025, 22_050, "nothing above 8 kHz"),
        (8_000, 44_100, "nothing above 4 kHz"),
        (8_000, 8_000, "nothing above 4 kHz"),
    ],
)
def test_the_recording_decides_and_not_its_rate(tmp_path: Path, rate: int, sr: int, note: str) -> None:
    path = wav(tmp_path / "x.wav", noise(rate, sr), sr)
    assert {audio.read(path, sr=out).note for out in (22_050, 16_000)} == {note}


def test_a_recording_that_is_quiet_or_lossy_is_no_narrower(tmp_path: Path) -> None:
    assert audio.read(wav(tmp_path / "x.wav", noise(SR) / 300)).note == ""
    (tmp_path / "x.mp3").write_bytes(mp3(noise(SR)[:, None]))
    assert audio.read(tmp_path / "x.mp3").note == ""
    (tmp_path / "y.mp3").write_bytes(mp3(noise(8_000, SR)[:, None]))
    assert audio.read(tmp_path / "y.mp3").note == "nothing above 4 kHz"


def test_one_high_sound_in_a_low_song_is_heard(tmp_path: Path) -> None:
    y = noise(8_000, seconds=30)
    y[10 * SR : 11 * SR] += noise(SR, seconds=1)
    assert audio.read(wav(tmp_path / "x.wav", y)).note == ""


def test_channels_that_cancel_are_measured_alone(tmp_path: Path) -> None:
    y = noise(8_000)
    note = audio.read(wav(tmp_path / "x.wav", np.stack([y, -y], axis=1))).note
    assert "cancel" in note
    assert note.endswith("; nothing above 4 kHz")


@pytest.mark.parametrize("size", [1, 700, 1152, 4096, 10**6])
def test_blocks_make_no_difference(size: int) -> None:
    y = noise(16_000, seconds=0.4 if size == 1 else 3)
    whole, parts = BandMeter(SR), BandMeter(SR)
    whole.add(y)
    for start in range(0, len(y), size):
        parts.add(y[start : start + size])
    assert whole.limit_hz == parts.limit_hz == 8000


@pytest.mark.parametrize("y", [np.zeros(SR), np.full(SR, np.nan), np.full(SR, 3e38), np.ones(100)])
def test_what_cannot_be_measured_has_no_limit(y: np.ndarray) -> None:
    meter = BandMeter(SR)
    meter.add(y.astype(np.float32))
    assert meter.limit_hz is None
