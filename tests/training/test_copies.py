"""Altered copies of songs: in the training split alone, made once, and the same every time."""

import numpy as np
import pytest
from support import quick

import genrekit
from genrekit.backends import make_config, registry
from genrekit.backends.spectrogram.copies import altered
from genrekit.preparation import Cache
from genrekit.training import gather, with_copies

pytestmark = pytest.mark.usefixtures("exported_once")
SILENT = lambda text: None  # noqa: E731


@pytest.fixture(scope="module")
def recipe():
    backend = registry.get("spectrogram")
    return backend, make_config(backend, {**quick.SPECTROGRAM, "copies": 2})


@pytest.fixture(scope="module")
def copied(songs, recipe, tmp_path_factory):
    cache = Cache(tmp_path_factory.mktemp("cache"))
    prepared = gather(*recipe, songs, [0, 1, 2], jobs=1, cache=cache, say=SILENT)
    return with_copies(*recipe, prepared, [0, 1], copies=2, jobs=1, cache=cache, say=SILENT), cache


def test_copies_are_in_the_training_split_alone(copied, songs):
    prepared, _ = copied
    labels = songs.labels
    plain, train = prepared.select([0, 1, 2], labels), prepared.select_train([0, 1, 2], labels, 2)
    assert len(plain) == 3
    assert len(train) == 7
    assert train.targets[3:].tolist() == plain.targets[[0, 0, 1, 1]].tolist()
    assert train.groups[3:].tolist() == plain.groups[[0, 0, 1, 1]].tolist()
    assert len(prepared.select_train([0, 1, 2], labels, 0)) == 3
    assert len(prepared.select_train([2], labels, 2)) == 1


def test_a_copy_differs_from_its_song_and_from_other_copies(copied):
    prepared, _ = copied
    first, second = prepared.copies[0]
    frames = min(first.shape[-1], second.shape[-1])
    assert not np.allclose(first[0][..., :frames], second[0][..., :frames], atol=1)
    assert not np.allclose(first[0], prepared.windows[0][0], atol=1)


def test_copies_are_made_once(copied, recipe, songs, monkeypatch):
    prepared, cache = copied
    monkeypatch.setattr("genrekit.backends.spectrogram.copies.altered", None)
    again = with_copies(*recipe, prepared, [0, 1], copies=2, jobs=1, cache=cache, say=SILENT)
    assert all(
        np.array_equal(a, b) for i in (0, 1) for a, b in zip(prepared.copies[i], again.copies[i], strict=True)
    )


def test_the_same_song_and_number_give_the_same_copy():
    y = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050).astype(np.float32)
    assert np.array_equal(altered(y, 22_050, 1), altered(y.copy(), 22_050, 1))
    assert len(altered(y, 22_050, 1)) != len(altered(y, 22_050, 2))
    assert altered(np.ones(100, np.float32), 22_050, 1).shape == (100,)
    peak = np.abs(np.fft.rfft(altered(y, 22_050, 3))).argmax() * 22_050 / len(altered(y, 22_050, 3))
    assert 440 / 2 ** (2.2 / 12) < peak < 440 * 2 ** (2.2 / 12)


def test_a_long_song_is_copied_in_part():
    y = np.random.default_rng(0).standard_normal(4_000 * 150).astype(np.float32)
    assert len(altered(y, 4_000, 1)) <= 4_000 * 120 * 1.16


def test_training_and_folds_hold_out_what_they_measure(recipe, monkeypatch):
    backend, config = recipe
    sizes = []
    inner = type(backend).fit

    def fit(self, train, valid, *others):
        sizes.append((len(train), sum("(copy)" in one for one in train.ids), [*(valid.ids if valid else ())]))
        return inner(self, train, valid, *others)

    monkeypatch.setattr(type(backend), "fit", fit)
    source = "synthetic:?genres=2&songs=4&seconds=2"
    found = genrekit.cross_validate(source, backend=backend, config=config, k=2)
    assert found.report.n_examples == len(genrekit.open_dataset(source).examples)
    for n_train, n_copies, valid in sizes:
        assert n_train == 3 * (n_train - n_copies)
        assert not any("(copy)" in one for one in valid)
    assert len(sizes) == 2


def test_a_model_learns_from_copies_and_measures_songs(recipe, tmp_path):
    source = "synthetic:?genres=2&songs=6&seconds=2"
    said = []
    trained = genrekit.train(
        source, backend=recipe[0], config=recipe[1], output=tmp_path / "a.genrekit", say=said.append
    )
    assert trained.bundle.manifest.config["copies"] == 2
    n_test = trained.bundle.manifest.data["split"]["test"]
    assert trained.measured.report.n_examples == n_test
