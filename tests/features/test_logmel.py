import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from genrekit.features.logmel import fit_length, from_levels, from_peak, log_mel, scaled_mel

SOUND = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
SOUND[10_000:12_000] = 0


@pytest.mark.parametrize("n", [2, 700, 30_000])
@pytest.mark.parametrize(
    ("sr", "settings"),
    [
        (22050, {"n_fft": 2048, "hop_length": 1977, "n_mels": 128}),
        (16000, {"n_fft": 512, "hop_length": 160, "n_mels": 64, "fmin": 50.0, "fmax": 7000.0}),
        (44100, {"n_fft": 1024, "hop_length": 256, "n_mels": 40, "fmin": 1200.0, "top_db": 25.0}),
    ],
)
@pytest.mark.filterwarnings("ignore:n_fft=")
def test_it_is_librosa_s(n, sr, settings):
    y = SOUND[:n]
    mel = log_mel(y, sr, **settings)
    assert mel.dtype == np.float32
    assert mel.flags.c_contiguous
    top_db = settings.get("top_db", 80.0)
    asked = {key: value for key, value in settings.items() if key != "top_db"}
    # Of frames that hardly overlap, the loudest may fall between two.
    dense = {**asked, "hop_length": min(asked["hop_length"], asked["n_fft"] // 4)}
    power, around = (
        librosa.feature.melspectrogram(y=y, sr=sr, pad_mode="reflect", **each) for each in (asked, dense)
    )
    db = librosa.power_to_db(power, ref=around.max(), top_db=None)
    np.testing.assert_allclose(mel, np.maximum(db, -top_db), atol=2e-3)
    assert mel.max() == (0 if dense == asked else pytest.approx(0, abs=3))


def test_loudness_does_not_matter():
    settings = {"n_fft": 1024, "hop_length": 512, "n_mels": 40, "top_db": 40.0}
    np.testing.assert_allclose(
        log_mel(SOUND, 16000, **settings), log_mel(SOUND / 50, 16000, **settings), atol=1e-3
    )


def test_silence_is_finite():
    mel = log_mel(np.zeros(5000, np.float32), 8000, n_fft=256, hop_length=128, n_mels=32)
    assert np.isfinite(mel).all()


@given(
    levels=st_numpy.arrays(np.uint8, st_numpy.array_shapes(min_dims=2, max_dims=2)),
    top_db=st.floats(10, 120),
)
def test_levels_of_pictures_are_spread_from_the_floor_to_the_top(levels, top_db):
    db = from_levels(levels, top_db)
    assert db.dtype == np.float32
    np.testing.assert_allclose(db, -top_db + levels / 255 * top_db, rtol=1e-4, atol=1e-4)
    # And back: no two levels fall together.
    assert np.array_equal(np.round((db + top_db) * 255 / top_db), levels)


@given(
    db=st_numpy.arrays(
        np.float32, st_numpy.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-200, 200, width=32)
    ),
    top_db=st.floats(10, 120),
)
def test_the_loudest_value_is_the_reference(db, top_db):
    mel = from_peak(db, top_db)
    assert mel.max() == 0
    np.testing.assert_allclose(mel, np.maximum(db - db.max(), -top_db), rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(from_peak(mel, top_db), mel)


@given(n=st.integers(1, 40), n_frames=st.integers(1, 40))
def test_a_length_is_cut_or_repeated(n, n_frames):
    mel = np.arange(2 * n, dtype=np.float32).reshape(2, n)
    fitted = fit_length(mel, n_frames)
    assert fitted.shape == (2, n_frames)
    assert np.array_equal(fitted, mel[:, np.arange(n_frames) % n])


MUSICNN = {"n_fft": 512, "hop_length": 256, "n_mels": 96}
VGGISH = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64, "fmin": 125.0, "fmax": 7500.0}


@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
@pytest.mark.parametrize("level", [1.0, 1e-4, 30.0])
@pytest.mark.parametrize("n", [700, 30_000])
def test_what_encoders_take_is_librosa_s(n, level, pad_mode):
    y = SOUND[:n] * np.float32(level)
    mel = scaled_mel(y, 16000, **MUSICNN, gain=10_000, pad_mode=pad_mode)
    expected = librosa.feature.melspectrogram(y=y, sr=16000, pad_mode=pad_mode, **MUSICNN)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, np.log10(10_000 * expected + 1).T, atol=1e-5)


@pytest.mark.parametrize(
    ("log", "function"), [("ln", np.log), ("db", lambda x: 10 * np.log10(x)), ("none", np.abs)]
)
def test_the_front_end_of_other_encoders_is_librosa_s(log, function):
    mel = scaled_mel(SOUND, 16000, **VGGISH, mel_scale="htk", equal_area=False, power=1, log=log, offset=0.01)
    expected = librosa.feature.melspectrogram(
        y=SOUND, sr=16000, pad_mode="reflect", htk=True, norm=None, power=1, **VGGISH
    )
    np.testing.assert_allclose(mel, function(expected + 0.01).T, atol=1e-4, rtol=1e-4)
