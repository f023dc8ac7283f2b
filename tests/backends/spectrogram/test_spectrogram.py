"""What the ``spectrogram`` backend makes of songs, and of spectrograms that were computed before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.backends.config import make_config
from genrekit.backends.spectrogram.backend import SpectrogramBackend, SpectrogramConfig
from genrekit.errors import ConfigError, MediaError
from genrekit.features.logmel import log_mel
from genrekit.media import audio
from genrekit.types import Example, Windows

BACKEND = SpectrogramBackend()
SR = 16_000
SMALL = {
    "sr": SR,
    "n_fft": 1024,
    "hop_length": 160,
    "n_mels": 40,
    "window_s": 1.0,
    "reference_s": 1.0,
    "top_db": 40.0,
}


def config_of(**settings: Any) -> SpectrogramConfig:
    config = make_config(BACKEND, {**SMALL, **settings})
    assert isinstance(config, SpectrogramConfig)
    return config


def noise(seconds: float, *, sr: int = SR, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, (int(seconds * sr), channels)).astype(np.float32)


@pytest.fixture
def prepare(tmp_path: Path) -> Any:
    """Write samples to a file and prepare it."""

    def prepared(
        y: np.ndarray, *, sr: int = SR, part: dict[str, float] | None = None, **settings: Any
    ) -> Windows:
        path = tmp_path / "song.wav"
        soundfile.write(path, y, sr, subtype="FLOAT")
        return BACKEND.prepare(Example(id="song", path=path, **(part or {})), config_of(**settings))

    return prepared


def test_windows_follow_one_another(prepare):
    windows = prepare(noise(3.2))
    assert windows.values.shape == (3, 40, 100)
    assert windows.values.dtype == np.float32
    assert windows.times_s == ((0, 1), (1, 2), (2, 3))
    # The loudest frame of a window may be the one over its end, which is cut off.
    assert (windows.values.max(axis=(1, 2)) > -3).all()
    assert windows.values.max() <= 0
    assert windows.values.min() >= -40


def test_a_window_is_the_spectrogram_of_its_samples(prepare):
    y = noise(2)
    windows = prepare(y)
    mel = log_mel(y[SR:, 0], SR, n_fft=1024, hop_length=160, n_mels=40, top_db=40)
    np.testing.assert_allclose(windows.values[1], mel[:, :100], atol=1e-3)


def test_levels_are_relative_to_the_loudest_within_the_seconds_of_reference(prepare):
    y = noise(4)
    soft = y.copy()
    soft[SR : 2 * SR] *= 0.1
    np.testing.assert_allclose(prepare(soft).values, prepare(y).values, atol=1e-2)
    for reference_s in (2, 4, 30):
        values = prepare(soft, reference_s=reference_s).values
        assert len(values) == 4
        # But for the ends of windows, over which the frames of a longer stretch reach.
        lower = prepare(y, reference_s=reference_s).values - values
        np.testing.assert_allclose(lower[[0, 2, 3], :, 5:-5], 0, atol=1e-2)
        assert np.median(lower[1]) == pytest.approx(20, abs=0.5)


def test_overlapping_windows(prepare):
    windows = prepare(noise(2), overlap=0.75, reference_s=30)
    assert np.array(windows.times_s) == pytest.approx(
        np.array([(0, 1), (0.25, 1.25), (0.5, 1.5), (0.75, 1.75), (1, 2)])
    )
    assert len(windows.values) == 5
    assert np.array_equal(windows.values[0, :, 25:], windows.values[1, :, :75])


def test_of_a_long_song_windows_are_evenly_spaced(prepare):
    y = noise(9)
    every = prepare(y)
    some = prepare(y, max_windows=3)
    assert some.times_s == ((0, 1), (4, 5), (8, 9))
    assert np.array_equal(some.values, every.values[[0, 4, 8]])
    assert prepare(y, max_windows=1).times_s == ((0, 1),)
    assert len(prepare(y, max_windows=9).values) == 9


def test_a_short_song_is_repeated(prepare):
    windows = prepare(noise(0.3))
    assert windows.values.shape == (1, 40, 100)
    assert windows.times_s == ((0, 0.3),)
    assert np.array_equal(windows.values[0, :, 31:62], windows.values[0, :, :31])


@pytest.mark.parametrize(
    ("y", "sr"),
    [
        (noise(0.3, sr=8000, channels=6), 8000),
        (noise(1.3, sr=96_000, channels=2), 96_000),
        (noise(0.26, sr=8000), 8000),
        (noise(2, sr=4000), 4000),
    ],
)
def test_any_rate_length_and_number_of_channels(prepare, y, sr):
    windows = prepare(y, sr=sr)
    assert windows.values.shape == (max(1, round(len(y) / sr)), 40, 100)
    assert np.isfinite(windows.values).all()
    assert -3 < windows.values.max() <= 0
    assert windows.values.min() < -3


def test_a_single_sample_is_no_song(prepare):
    with pytest.raises(MediaError, match="silent"):
        prepare(np.full((1, 1), 0.5, np.float32))


def test_silent_windows_are_left_out(prepare):
    y = noise(4)
    y[SR : 2 * SR] = 1e-5
    y[3 * SR :] = 0
    windows = prepare(y)
    assert windows.times_s == ((0, 1), (2, 3))
    assert np.array_equal(windows.values, prepare(noise(4)).values[[0, 2]])


@pytest.mark.parametrize("y", [np.zeros((SR * 2, 1)), np.full((SR, 1), 1e-5)])
def test_a_song_of_silence_is_refused(prepare, y):
    with pytest.raises(MediaError, match="silent"):
        prepare(y)


def test_a_part_of_a_song_has_its_times_in_the_song(prepare):
    y = noise(5)
    windows = prepare(y, part={"offset_s": 1.0, "duration_s": 2.0})
    assert windows.times_s == ((1, 2), (2, 3))
    assert np.array_equal(windows.values, prepare(y[SR : 3 * SR]).values)


def test_neither_a_file_nor_a_spectrogram_is_refused():
    with pytest.raises(MediaError, match="neither"):
        BACKEND.prepare(Example(id="row", row={"x": 1.0}), config_of())


def cut(mel: np.ndarray, extra: dict[str, str] | None = None, **settings: Any) -> Windows:
    return BACKEND.prepare(
        Example(id="mel", array=mel, kind="spectrogram", extra=extra or {}), config_of(**settings)
    )


def whole_mel(y: np.ndarray, top_db: float = 40.0) -> np.ndarray:
    return log_mel(y[:, 0], SR, n_fft=1024, hop_length=160, n_mels=40, top_db=top_db)


@pytest.mark.parametrize("seconds", [1.0, 0.4])
def test_a_spectrogram_gives_the_window_of_the_sound_that_it_came_from(prepare, seconds):
    y = noise(seconds)
    y[: SR // 10] *= 0.02
    heard = prepare(y)
    mel = whole_mel(y)
    for given in (mel, mel - 17, whole_mel(y, top_db=80)):
        windows = cut(given.astype(np.float32))
        np.testing.assert_allclose(windows.values, heard.values, atol=1e-3)
    levels = np.round((mel + 40) * 255 / 40).astype(np.uint8)
    windows = cut(levels)
    assert windows.values.dtype == np.float32
    np.testing.assert_allclose(windows.values, heard.values, atol=40 / 255)
    assert windows.times_s[0][1] == pytest.approx(seconds, abs=0.011)


@pytest.mark.parametrize("settings", [{"reference_s": 30, "overlap": 0.5}, {"reference_s": 2}, {}])
def test_a_long_spectrogram_is_cut_as_its_sound_is(prepare, settings):
    y = noise(4)
    if settings.get("reference_s") == 30:  # elsewhere, the frame at the border would be the loudest
        y[: 2 * SR] *= 0.03
    heard = prepare(y, **settings)
    windows = cut(whole_mel(y, top_db=100)[:, :400], **settings)
    assert np.array(windows.times_s) == pytest.approx(np.array(heard.times_s), abs=0.011)
    # But for the ends of windows, over which the frames of a whole song reach.
    for here, there in zip(windows.values, heard.values, strict=True):
        if here[:, 10].max() > -39 and here[:, 90].max() > -39:
            assert np.abs(here[:, 5:-5] - there[:, 5:-5]).max() < 2


def test_silent_parts_of_a_spectrogram_are_left_out():
    mel = whole_mel(noise(3))[:, :300]
    mel[:, 100:200] = -40
    assert cut(mel).times_s == ((0, 1), (2, 3))


@pytest.mark.parametrize("mel", [np.zeros((40, 50), np.uint8), np.full((40, 300), -12.5, np.float32)])
def test_a_spectrogram_of_silence_is_refused(mel):
    with pytest.raises(MediaError, match="silent"):
        cut(mel)


def test_another_number_of_bands_is_refused_with_the_setting_to_pass():
    with pytest.raises(MediaError, match="has 64 mel bands; n_mels is 40") as refused:
        cut(np.zeros((64, 100), np.uint8))
    assert refused.value.hint == "Use --set n_mels=64."


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("sr", "22050"), ("n_fft", "2048"), ("hop_length", "512"), ("n_mels", "41"), ("fmin", "20.0"),
        ("fmax", "7000.0"), ("top_db", "80.0"),
    ],
)  # fmt: skip
def test_other_settings_than_those_of_the_file_are_refused(key, text):
    mel = whole_mel(noise(1))
    with pytest.raises(MediaError, match=f"computed with {key} = {text}") as refused:
        cut(mel, {f"mel_{key}": text})
    assert refused.value.hint == f"Use --set {key}={text}."


def test_the_same_settings_as_those_of_the_file_pass():
    same = {
        "sr": "16000",
        "n_fft": "1024",
        "hop_length": "160",
        "fmin": "0.0",
        "fmax": "8000.0",
        "top_db": "40",
    }
    extra = {f"mel_{key}": text for key, text in same.items()}
    assert len(cut(whole_mel(noise(1)), extra).values) == 1
    assert len(cut(whole_mel(noise(1)), {**extra, "mel_fmax": "7000"}, fmax=7000).values) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fmin": 9000}, "ascending order"),
        ({"fmax": 8001}, "ascending order"),
        ({"fmin": 500, "fmax": 500}, "ascending order"),
        ({"window_s": 0.5, "hop_length": 1600}, "8 frames"),
        ({"n_fft": 513}, "multiple of 2"),
        ({"n_mels": 16}, "n_mels"),
        ({"overlap": 1}, "overlap"),
        ({"arch": "vgg"}, "arch"),
        ({"device": "tpu"}, "device"),
        ({"temprature": 1}, "temperature"),
        ({"epochs": 0}, "epochs"),
        ({"ema": 1}, "ema"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        config_of(**settings)


@pytest.mark.parametrize("precision", ["32", 32])
def test_a_precision_may_be_a_number(precision):
    assert config_of(precision=precision).precision == "32"


def test_frames_of_a_window():
    assert config_of().n_frames == 100
    assert config_of(window_s=30, sr=22050, hop_length=1977).n_frames == 334


def test_what_prepare_depends_on_is_what_the_cache_is_told(prepare):
    y = noise(2.5)
    usual = prepare(y)
    for key, value in {
        "sr": 8000, "n_fft": 512, "hop_length": 200, "n_mels": 50, "fmin": 300, "fmax": 5000, "top_db": 12,
        "window_s": 0.8, "max_windows": 1, "reference_s": 2.5,
    }.items():  # fmt: skip
        other = prepare(y, **{key: value})
        assert key in BACKEND.info.prepare_keys
        assert other.values.shape != usual.values.shape or not np.array_equal(other.values, usual.values)


def test_windows_of_samples_and_of_frames_are_cut_alike():
    y = np.arange(1000, dtype=np.float32)
    for seconds, overlap in ((0.3, 0.0), (0.25, 0.5), (2.0, 0.9), (0.49, 0.2)):
        found = audio.windows(y, 1000, seconds, overlap)
        assert [(round(a * 1000), round(b * 1000)) for a, b, _ in found] == audio.spans(
            1000, round(seconds * 1000), overlap
        )
        assert all(np.array_equal(part, y[round(a * 1000) : round(b * 1000)]) for a, b, part in found)
