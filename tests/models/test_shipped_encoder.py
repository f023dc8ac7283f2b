"""The shipped models ``encoder`` and ``tags`` on music, speech and noise."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from genrekit.models import shipped_models
from genrekit.prediction import load_model, predict
from genrekit.preparation import Cache

SR = 16000
SPEECH = sorted((Path(__file__).parent.parent / "support" / "speech").glob("*.ogg"))
SONGS = sorted((Path(__file__).parents[3] / "shared" / "data" / "gtzan" / "audio").rglob("*.flac"))
T = np.arange(SR * 8) / SR

pytestmark = pytest.mark.skipif(
    "encoder" not in shipped_models(), reason="the model 'encoder' is not shipped"
)


def predictions(paths, model="encoder"):
    return list(predict(paths, model=model, cache=Cache(enabled=False)))


@pytest.mark.parametrize("path", SPEECH, ids=lambda path: path.stem)
def test_speech_is_unlike_anything_learnt(path):
    (found,) = predictions([path])
    assert found.familiar is False


NOISES = {
    "white": np.random.default_rng(0).normal(0, 0.1, len(T)),
    "faint": np.random.default_rng(1).normal(0, 1e-3, len(T)),
    "brown": np.cumsum(np.random.default_rng(2).normal(0, 0.01, len(T))) % 0.5,
    "a tone": 0.3 * np.sin(2 * np.pi * 440 * T),
    "a chord": 0.1 * sum(np.sin(2 * np.pi * hz * T) for hz in (220, 277, 330)),
    "a click": np.where(np.arange(len(T)) == len(T) // 3, 0.9, 0.0),
    "clicks": np.where(np.arange(len(T)) % (SR // 2) == 0, 0.9, 0.0),
    "a constant": np.full(len(T), 0.3),
}


@pytest.mark.parametrize("y", NOISES.values(), ids=NOISES)
def test_what_is_no_music_is_unlike_anything_learnt_or_silent(tmp_path, y):
    path = tmp_path / "noise.wav"
    sf.write(path, np.asarray(y, np.float32), SR)
    (found,) = predictions([path])
    assert found.familiar is False or "sound" in (found.error or "") or "silent" in (found.error or "")


@pytest.mark.night
@pytest.mark.skipif(not SONGS, reason="the recordings are not at hand")
def test_most_songs_are_familiar_and_answered_right():
    found = predictions(SONGS[::3])
    assert sum(one.familiar is False for one in found) <= 2
    assert sum(one.label == path.parent.name for one, path in zip(found, SONGS[::3], strict=True)) >= 14


@pytest.mark.skipif(not SONGS, reason="the recordings are not at hand")
def test_tags_are_several_and_fit():
    (found,) = predictions([path for path in SONGS if path.parent.name == "jazz"][:1], "tags")
    assert found.label == "jazz"
    assert "jazz" in found.labels
    assert len(load_model("tags").labels) == 50
