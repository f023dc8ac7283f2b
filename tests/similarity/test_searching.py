"""Exact search."""

from functools import partial

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from support.similarity_index import write

from genrekit.errors import BundleError, MediaError, UsageError
from genrekit.features import GTZAN_SR, TIMBRE_SIZE, timbre
from genrekit.media import load
from genrekit.prediction import load_model
from genrekit.similarity import Filters, Index, search, similar


@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize(("n", "size"), [(2, 3), (500, 1), (700, 40), (3000, 200)])
def test_equal_to_brute_force(tmp_path, n, size, offset):
    rng = np.random.default_rng(n)
    vectors = (offset + rng.gamma(1, 1, (n, size))).astype(np.float32)
    opened = write(tmp_path / "i", vectors)
    mean = vectors.astype(np.float64).mean(axis=0)
    queries = (offset + rng.gamma(1, 1, (5, size))).astype(np.float32)
    k = min(n, 30)
    brute = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(vectors - mean)
    distances, at = brute.kneighbors(queries - mean)
    for query, far, positions in zip(queries, distances, at, strict=True):
        found = opened.search(query, k)
        assert [one.score for one in found] == pytest.approx(1 - far, abs=2e-6)
        if size > 1:  # in one dimension all are 1 or -1
            assert [one.id for one in found] == (positions + 1).tolist()


def test_rows_that_share_a_vector_and_holes(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 8)).astype(np.float32)
    opened = write(tmp_path / "i", vectors, rows=[{"vector": i - i % 2} for i in range(50)])
    first, second = opened.search(vectors[4], 2)
    assert (first.input, second.input) == ("/music/4", "/music/5")
    assert first.score == second.score == pytest.approx(1, abs=1e-6)
    # Every vector counts once in the mean, and those that no row names do not.
    assert np.allclose(opened.facts.mean, vectors[::2].mean(axis=0), atol=1e-6)


def test_missing_features_are_the_mean(tmp_path):
    rng = np.random.default_rng(1)
    vectors = (rng.normal(size=(200, 6)) * [1, 10, 100, 1, 1, 0]).astype(np.float32)
    holes = vectors.copy()
    holes[::3, 1] = np.nan
    opened = write(tmp_path / "i", holes, "features")
    assert np.allclose(opened.facts.mean, np.nanmean(holes, axis=0), atol=1e-4)
    assert np.allclose(opened.facts.scale[:5], np.nanstd(holes, axis=0)[:5], rtol=1e-4)
    standard = np.nan_to_num((holes - np.nanmean(holes, axis=0)) / [*np.nanstd(holes, axis=0)[:5], 1])
    _, at = (
        NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute")
        .fit(standard)
        .kneighbors(standard[3:4])
    )
    assert [one.id - 1 for one in opened.search(holes[3], 10)] == at[0].tolist()


def test_an_embedding_and_a_timbre_have_the_same_weight(tmp_path):
    rng = np.random.default_rng(3)
    vectors = np.hstack([rng.normal(3, 0.1, (300, 20)), rng.normal(-9, 50, (300, TIMBRE_SIZE))]).astype(
        np.float32
    )
    opened = write(tmp_path / "i", vectors, "sound")
    spread = opened.scaled(vectors - vectors.mean(axis=0, dtype=np.float64))
    parts = [np.square(part).sum(axis=1).mean() for part in (spread[:, :20], spread[:, 20:])]
    assert parts == pytest.approx([1, 1], rel=1e-3)
    distances, at = (
        NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute")
        .fit(spread)
        .kneighbors(spread[5:6])
    )
    found = opened.search(vectors[5], 10)
    assert [one.id - 1 for one in found] == at[0].tolist()
    assert [one.score for one in found] == pytest.approx(1 - distances[0], abs=2e-6)


def test_filters(tmp_path):
    rng = np.random.default_rng(2)
    genres = ["jazz", "Hip-Hop", "rock"]
    rows = [
        {"label": genres[i % 3].lower(), "artist": ["Ann", "ANN", "Bob", ""][i % 4], "genres": "Blues|Folk" if i == 7 else ""}
        for i in range(60)
    ]  # fmt: skip
    opened = write(tmp_path / "i", rng.normal(size=(60, 5)).astype(np.float32), rows=rows)
    query = rng.normal(size=5)
    assert {one.label for one in opened.search(query, 99, Filters(genre="JAZZ"))} == {"jazz"}
    assert len(opened.search(query, 99, Filters(genre="hip hop"))) == 20
    assert [one.id for one in opened.search(query, 99, Filters(genre="blues"))] == [8]
    found = opened.search(query, 99, Filters(not_artist="ann", without=frozenset({3, 4})))
    assert len(found) == 28
    assert not {one.artist for one in found} - {"Bob", ""}
    with pytest.raises(UsageError, match="Did you mean jazz"):
        opened.search(query, 5, Filters(genre="jaz"))


def test_unlike_turns_away(tmp_path):
    vectors = np.eye(4, dtype=np.float32)
    vectors = np.concatenate([vectors, -vectors, [[1, 1, 0, 0], [1, 0, 1, 0]]]).astype(np.float32)
    opened = write(tmp_path / "i", vectors)
    query, away = vectors[0] + 0.01, vectors[1]
    plain = {one.id: one.score for one in opened.search(query, 10)}
    turned = {one.id: one.score for one in opened.search(query, 10, unlike=[away])}
    against = {one.id: one.score for one in opened.search(away, 10)}
    assert all(turned[id] == pytest.approx(plain[id] - 0.5 * against[id], abs=2e-6) for id in plain)


def test_what_is_no_query(tmp_path):
    opened = write(tmp_path / "i", np.eye(3, dtype=np.float32))
    for vector, k, words in (
        (np.ones(4), 3, "4 numbers"),
        (np.ones(3), 0, "at least one"),
        (np.array([1, np.nan, 0]), 3, "not finite"),
        (np.array([1, np.inf, 0]), 3, "not finite"),
    ):
        with pytest.raises(UsageError, match=words):
            opened.search(vector, k)
    assert [one.score for one in opened.search(np.full(3, 1 / 3), 9)] == [
        0,
        0,
        0,
    ]  # the mean has no direction


def test_a_part_of_a_song(made, library):
    song = next(library.rglob("*.flac"))
    said = []
    whole, part = (
        similar(song, made, k=17, say=said.append),
        similar(song, made, k=17, duration_s=2, say=said.append),
    )
    assert sum("left out of its own results" in line for line in said) == 2
    assert str(song) not in {one.input for one in (*whole, *part)}
    assert [one.score for one in whole] != [one.score for one in part]


def test_every_kind_of_query(made, library, songs, tmp_path, monkeypatch):
    song = next(library.rglob("*.flac"))
    first = [one.input for one in similar(song, made, k=5)]
    monkeypatch.chdir(song.parent)
    assert [one.input for one in similar(song.name, made, k=5)] == first
    assert [one.input for one in similar(song.read_bytes(), made, k=5)] == first
    (tmp_path / "a copy").write_bytes(song.read_bytes())
    assert [one.input for one in similar(tmp_path / "a copy", Index(made), k=5)] == first
    song.unlink()  # its vector is there still
    assert [one.input for one in similar(song, made, k=5)] == first


def test_k_larger_than_the_library(made, library):
    said = []
    assert len(similar(next(library.rglob("*.flac")), made, k=500, say=said.append)) == 17
    assert any("only 17 of 18" in line for line in said)


def test_another_model_is_refused(made, library, model_path, network):
    with pytest.raises(UsageError, match="cannot be compared"):
        similar(next(library.rglob("*.flac")), made, model=model_path)
    assert similar(next(library.rglob("*.flac")), made, model=network.path, k=3)


def test_a_bundle_that_was_moved_or_changed(make, library, network, model_path, tmp_path):
    bundle = tmp_path / "m.genrekit"
    bundle.write_bytes(network.path.read_bytes())
    make(library, tmp_path / "i", model=bundle)
    song = next(library.rglob("*.flac")).read_bytes()
    assert similar(song, tmp_path / "i", k=3)
    bundle.write_bytes(model_path.read_bytes())
    with pytest.raises(UsageError, match="another version"):
        similar(song, tmp_path / "i")
    bundle.unlink()
    with pytest.raises(UsageError, match="cannot be loaded"):
        similar(song, tmp_path / "i")
    assert similar(song, tmp_path / "i", model=network.path, k=3)


def test_the_artist_must_be_known(made, library):
    with pytest.raises(UsageError, match="its tags do not have one"):
        similar(next(library.rglob("*.flac")), made, other_artists=True)


def test_search_by_windows_and_by_vector(made, library, network, model_path):
    model = load_model(network.path)
    opened = Index(made)
    song = next(library.rglob("*.flac"))
    from genrekit.types import Example

    windows = model.backend.prepare(Example("a", path=song), model.config).values
    sound = timbre(load(song, sr=GTZAN_SR), GTZAN_SR)
    with pytest.raises(MediaError, match="by their samples too"):
        search(opened, model, windows=windows)
    search_ = partial(search, timbre=sound)
    by_windows = search_(opened, model, windows=windows, k=4)
    vector = np.concatenate([model.runtime.embeddings(windows).mean(axis=0), sound])
    by_vector = search(opened, model, vector=vector, k=4)
    assert [one.input for one in by_windows] == [one.input for one in by_vector]
    assert by_windows[0].input == str(song)
    assert by_windows[0].score == pytest.approx(1, abs=1e-5)
    without = search_(
        opened, model, windows=windows, k=3, filters=Filters(without=frozenset({by_windows[0].id}))
    )
    assert [one.input for one in without] == [one.input for one in by_windows[1:]]
    with pytest.raises(UsageError, match="either windows or a vector"):
        search(opened, model)
    with pytest.raises(UsageError, match="cannot be compared"):
        search(opened, load_model(model_path), windows=windows)
    with pytest.raises(BundleError):
        search_(opened, model, windows=windows[:, :5])
