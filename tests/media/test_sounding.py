"""Silence is judged per channel and without offset; channels that cancel are heard one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from support.odd_sounds import SR, Samples, encoded, mp3, song

from genrekit.errors import MediaError
from genrekit.media import audio
from genrekit.media.sounding import is_silent

N = 6 * SR


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., audio.Sound]:
    def make(y: Samples, sr: int = SR, **options: float) -> audio.Sound:
        sf.write(tmp_path / "x.wav", y, sr, subtype="FLOAT")
        return audio.read(tmp_path / "x.wav", **options)

    return make


DITHER = np.random.default_rng(0).choice([-1, 0, 1], (N, 2)).astype(np.float32) / 32768

SILENT = {
    "zeros": np.zeros((N, 1)),
    "a constant": np.full((N, 1), 0.25),
    "a negative constant": np.full((N, 1), -1.0),
    "another constant per channel": np.tile([0.5, -0.25, 0.0], (N, 1)),
    "opposed constants": np.tile([0.5, -0.5], (N, 1)),
    "dither": DITHER,
    "dither around a constant": DITHER + 0.25,
}


@pytest.mark.parametrize("sr", [SR, 44100, 8000])
@pytest.mark.parametrize("name", SILENT)
def test_what_does_not_move_is_silent(read, name: str, sr: int) -> None:
    sound = read(SILENT[name].astype(np.float32), sr)
    assert sound.is_silent
    with pytest.raises(MediaError, match="silent"):
        sound.require()


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8"])
def test_a_constant_of_any_width_is_silent(tmp_path: Path, subtype: str) -> None:
    sf.write(tmp_path / "x.wav", np.full(N, 0.25), 44100, subtype=subtype)
    assert audio.read(tmp_path / "x.wav").is_silent


def test_a_constant_that_an_encoder_has_touched_is_too_little(tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_bytes(mp3(np.full((N, 1), 0.25, np.float32)))
    with pytest.raises(MediaError, match=r"silent|too little sound"):
        audio.read(tmp_path / "x.mp3").require()


def test_an_offset_hides_no_sound(read) -> None:
    quiet = 0.001 * song()
    assert not read(quiet + np.float32(0.5)).is_silent
    one = np.concatenate([quiet, np.full_like(quiet, 0.5)], axis=1)  # an offset on the other channel
    sound = read(one)
    assert sound.sounding_s == pytest.approx(6, abs=0.1)
    assert sound.note == ""


def mixes() -> dict[str, tuple[Samples, int]]:
    """Channels whose mix is next to nothing, and the one that has the most power."""
    a, b, nothing = song(seed=1), 0.7 * song(seed=2), np.zeros((N, 1), np.float32)
    noise = 0.0001 * np.random.default_rng(0).standard_normal((N, 1)).astype(np.float32)
    return {
        "one channel inverted": (np.concatenate([a, -a], axis=1), 0),
        "inverted, with another offset": (np.concatenate([a + 0.2, -a], axis=1), 0),
        "inverted, with the same offset": (np.concatenate([a + 0.2, 0.2 - a], axis=1), 0),
        "inverted, but for noise": (np.concatenate([a, noise - a], axis=1), 0),
        "pairs that cancel": (np.concatenate([b, -b, nothing, nothing, a, -a], axis=1), 4),
        "three that cancel": (np.concatenate([a, -a / 2, -a / 2], axis=1), 0),
    }


@pytest.mark.parametrize("sr", [SR, 44100])
@pytest.mark.parametrize("name", mixes())
def test_channels_that_cancel_give_the_louder_one(read, tmp_path: Path, name: str, sr: int) -> None:
    y, _ = mixes()[name]
    sound = read(y, sr).require()
    assert "channels cancel each other out" in sound.note
    number = int(sound.note.partition("; channel ")[2].split()[0])
    power = y.var(axis=0)
    assert power[number - 1] == pytest.approx(power.max(), rel=1e-3)
    sf.write(tmp_path / "alone.wav", y[:, number - 1], sr, subtype="FLOAT")
    np.testing.assert_array_equal(sound.y, audio.load(tmp_path / "alone.wav"))


def test_channels_that_cancel_in_a_lossy_file(tmp_path: Path) -> None:
    a = song(sr=44100)
    (tmp_path / "x").write_bytes(
        encoded(np.concatenate([a, -a], axis=1), 44100, codec="aac", container="mp4")
    )
    assert "channels cancel" in audio.read(tmp_path / "x").note


@pytest.mark.parametrize(
    "channels",
    [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (1.0, -0.5), (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)],
)
def test_other_channels_are_mixed_as_ever(read, channels: tuple[float, ...]) -> None:
    y = song() * np.array(channels, np.float32)
    sound = read(y)
    assert sound.note == ""
    np.testing.assert_array_equal(sound.y, y.mean(axis=1))


def test_a_stretch_that_cancels_is_noted(read) -> None:
    a = song(60)
    y = np.concatenate([a, a], axis=1)
    y[20 * SR : 32 * SR, 1] *= -1
    sound = read(y)
    assert "channels cancel each other out in" in sound.note
    assert "alone" not in sound.note


def test_little_sound_is_noted_and_next_to_none_refused(read) -> None:
    assert read(song(3.0)).note == ""
    assert read(song(2.0)).note == "only 2.0 s of sound"
    mostly_silent = np.zeros((20 * SR, 1), np.float32)
    mostly_silent[5 * SR : 6 * SR] = song(1.0)
    assert read(mostly_silent).require().note in ("only 1.0 s of sound", "only 1.1 s of sound")
    for seconds in (0.001, 0.1, 0.2):
        with pytest.raises(MediaError, match=r"too little sound|silent"):
            read(song(seconds)).require()
    with pytest.raises(MediaError, match="too little sound"):
        read(song(6.0), offset_s=5.9).require()


def test_silence_is_what_16_bits_cannot_tell_from_dither() -> None:
    assert is_silent(np.zeros(10, np.float32))
    assert is_silent(DITHER[:, 0])
    assert is_silent(DITHER[:, 0] + 0.25)
    assert not is_silent(DITHER[:, 0] * 2)
    assert is_silent(np.zeros(0, np.float32))
