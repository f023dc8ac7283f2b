"""The backend: what is heard of a song, and what a model says of it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from genrekit.backends import registry
from genrekit.backends.capabilities import EncodesWindows, ExplainsWithImages
from genrekit.backends.config import make_config
from genrekit.backends.encoder.encoding import PatchEncoder
from genrekit.datasets import open_dataset
from genrekit.errors import DatasetError, MediaError
from genrekit.prediction import PredictOptions, load_model, predict
from genrekit.preparation.cache import Cache
from genrekit.training.train import train
from genrekit.types import Example

BACKEND = registry.get("encoder")
CONFIG = make_config(BACKEND, {})
SR = 16000


def song(seconds, sr=SR, seed=0):
    """Noise whose level and colour change from beat to beat."""
    rng = np.random.default_rng(seed)
    n = round(seconds * sr)
    beats = np.repeat(rng.uniform(0.05, 1, n // (sr // 4) + 1), sr // 4)[:n]
    y = np.convolve(rng.normal(0, 0.2, n), np.ones(8) / 8, mode="same") * beats
    return (0.5 * y + 0.1 * np.sin(np.arange(n) * 0.05 * (1 + beats))).astype(np.float32)


def prepared(tmp_path, y, sr=SR, **settings):
    path = tmp_path / "song.wav"
    sf.write(path, y, sr, subtype="FLOAT")
    part = {key: settings.pop(key) for key in ("offset_s", "duration_s") if key in settings}
    return BACKEND.prepare(Example("song", path=path, **part), make_config(BACKEND, settings))


@pytest.mark.parametrize(
    ("seconds", "n_windows", "n_patches"),
    [(0.3, 1, 1), (2.9, 1, 1), (3.1, 1, 1), (9.5, 1, 3), (30, 1, 6), (44, 1, 6), (46, 2, 6), (95, 3, 6)],
)
def test_a_song_of_any_length(tmp_path, seconds, n_windows, n_patches):
    windows = prepared(tmp_path, song(seconds))
    assert windows.values.shape == (n_windows, n_patches, 187, 96)
    assert windows.values.dtype == np.float32
    assert np.isfinite(windows.values).all()
    assert windows.times_s[0][0] == 0
    assert windows.times_s[-1][1] == pytest.approx(seconds, abs=0.001)
    assert all(
        before[1] == after[0] for before, after in zip(windows.times_s, windows.times_s[1:], strict=False)
    )


def test_a_long_song_is_heard_at_evenly_spread_windows(tmp_path):
    windows = prepared(tmp_path, song(80, 8000), 8000, window_s=10, max_windows=3)
    assert [round(start) for start, _ in windows.times_s] == [0, 40, 70]


def test_the_level_of_a_song_does_not_matter(tmp_path):
    y = song(12)
    loud, soft = prepared(tmp_path, y), prepared(tmp_path, y / 1000)
    np.testing.assert_allclose(loud.values, soft.values, atol=1e-3)


def test_a_part_of_a_song_is_what_is_heard(tmp_path):
    y = song(20)
    part = prepared(tmp_path, y, offset_s=5.0, duration_s=6.0)
    assert part.times_s == ((5.0, 11.0),)
    alone = prepared(tmp_path, y[5 * SR : 11 * SR])
    np.testing.assert_allclose(part.values, alone.values, atol=1e-4)


def test_silence_between_is_not_heard(tmp_path):
    y = np.concatenate([song(9), np.zeros(SR * 12, np.float32), song(9, seed=1)])
    windows = prepared(tmp_path, y)
    assert windows.values.shape[:2] == (1, 6)
    assert (windows.values.max(axis=(2, 3)) > 0).all()


def test_silence_with_a_short_sound_is_heard_at_that_sound(tmp_path):
    y = np.zeros(SR * 20, np.float32)
    y[SR * 7 : SR * 7 + SR // 2] = song(0.5)
    windows = prepared(tmp_path, y)
    assert np.isfinite(windows.values).all()
    assert (windows.values.max(axis=(2, 3)) > 0).all()


@pytest.mark.parametrize("what", ["silence", "one sample", "a click", "nan"])
def test_what_cannot_be_heard_is_said(tmp_path, what):
    click = np.where(np.arange(SR * 20) == SR * 7, 0.9, 0.0)
    y = {"silence": np.zeros(SR), "one sample": np.ones(1), "a click": click, "nan": np.full(SR * 4, np.nan)}[
        what
    ]
    with pytest.raises(MediaError):
        prepared(tmp_path, y.astype(np.float32))


def test_a_note_says_that_there_is_little_sound(tmp_path):
    assert "only 2.0 s of sound" in prepared(tmp_path, song(2)).note
    assert "of sound" not in prepared(tmp_path, song(4)).note


def test_it_offers_what_callers_ask_for():
    assert isinstance(BACKEND, EncodesWindows)
    assert isinstance(BACKEND, ExplainsWithImages)


def test_batches_change_nothing():
    rng = np.random.default_rng(0)
    windows = rng.random((3, 5, 187, 96)).astype(np.float32)
    encoder = PatchEncoder("musicnn")
    together = encoder(windows)
    assert together.shape == (3, 5, 250)
    one_by_one = np.stack([encoder(window[None])[0] for window in windows])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    assert encoder.layer_of(together, "tags").shape == (3, 5, 50)


SONGS = "synthetic:?genres=3&songs=14&seconds=4&seed=1"  # 30 are needed for a distance


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    cache = Cache(folder / "cache")
    said = []
    path = folder / "small.genrekit"
    train(SONGS, backend="encoder", config={"folds": 2}, output=path, cache=cache, say=said.append)
    return path, cache, said


def test_a_trained_model_predicts_and_gives_embeddings_and_a_distance(trained):
    path, cache, said = trained
    model = load_model(path)
    outputs = model.bundle.manifest.outputs
    assert outputs.embeddings.size == 200
    assert outputs.distance.threshold > 0
    assert model.bundle.manifest.history["head"] in ("lda", "logistic", "svm", "mlp", "mean")
    assert any("comparing heads on 2 folds" in line for line in said)
    examples = open_dataset(SONGS).examples[:6]
    predictions = list(predict([e.path for e in examples], model=model, cache=cache))
    assert sum(p.label == e.labels[0] for p, e in zip(predictions, examples, strict=True)) >= 5
    assert all(p.error is None and isinstance(p.familiar, bool) for p in predictions)


def test_windows_are_encoded_once(trained, monkeypatch, tmp_path):
    _, cache, _ = trained
    monkeypatch.setattr(PatchEncoder, "__call__", lambda self, windows: pytest.fail("encoded again"))
    with pytest.raises(pytest.fail.Exception, match="encoded again"):  # of the check windows alone
        train(SONGS, backend="encoder", config={"folds": 2}, output=tmp_path / "b.genrekit", cache=cache)


@pytest.mark.parametrize("unfamiliar", ["flag", "abstain", "ignore"])
def test_what_is_unlike_anything_learnt(trained, tmp_path, unfamiliar):
    path, _, _ = trained
    noise = tmp_path / "noise.wav"
    sf.write(noise, np.random.default_rng(0).normal(0, 0.1, SR * 8).astype(np.float32), SR)
    options = PredictOptions(unfamiliar=unfamiliar)
    (prediction,) = predict(noise, model=path, options=options, cache=Cache(enabled=False))
    assert prediction.error is None
    assert prediction.familiar is {"flag": False, "abstain": False, "ignore": None}[unfamiliar]
    assert (prediction.label is None) == (unfamiliar == "abstain")
    assert prediction.scores


@pytest.mark.usefixtures("drawn_charts", "coarse_heat_maps")
def test_the_picture_needs_no_torch(trained, monkeypatch):
    path, _, _ = trained
    model = load_model(path)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    window = np.random.default_rng(0).random((2, 187, 96)).astype(np.float32)
    assert model.heat_map_image(window[:1], model.labels[0], "a title").startswith(b"\x89PNG")
    assert model.heat_map(window, model.labels[0]).shape == (96, 2 * 187 + 4)


def test_several_labels(trained, tmp_path):
    _, cache, _ = trained
    examples = open_dataset(SONGS).examples
    table = tmp_path / "songs.csv"
    lines = [f"{e.path},{e.labels[0]}|{'loud' if i % 2 else 'soft'}" for i, e in enumerate(examples)]
    table.write_text("path,label\n" + "\n".join(lines) + "\n")
    found = train(
        table,
        backend="encoder",
        config={"multilabel": True, "folds": 2, "head": "logistic"},
        output=tmp_path / "many.genrekit",
        cache=cache,
    )
    manifest = found.bundle.manifest
    assert manifest.multilabel
    assert set(manifest.thresholds) == set(manifest.labels)
    assert len(manifest.labels) == 5


def test_one_group_is_too_few(tmp_path):
    examples = open_dataset("synthetic:?genres=2&songs=4&seconds=4&seed=1").examples
    table = tmp_path / "songs.csv"
    table.write_text("path,label,group\n" + "".join(f"{e.path},{e.labels[0]},one\n" for e in examples))
    with pytest.raises(DatasetError):
        train(table, backend="encoder", output=tmp_path / "x.genrekit", cache=Cache(enabled=False))


def test_the_weights_ship_with_their_notice():
    folder = Path(registry.__file__).parent / "encoder" / "weights"
    assert {path.name for path in folder.iterdir()} == {"musicnn.safetensors", "musicnn.LICENSE.txt"}
