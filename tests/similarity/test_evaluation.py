"""How good similarity is."""

import numpy as np
import pytest
from support.similarity_index import write

from genrekit.errors import DatasetError
from genrekit.similarity import Index, evaluate_similarity
from genrekit.similarity.evaluation import measure_similarity


def unit(values):
    values = np.asarray(values, dtype=float)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def naive(directions, labels, artists, k, by_artist):
    """Compute precision at k with loops."""
    found = []
    for i, label in enumerate(labels):
        others = [
            j
            for j in range(len(labels))
            if j != i and not (by_artist and artists[j] and artists[j] == artists[i])
        ]
        if by_artist and not any(labels[j] == label for j in others):
            continue
        others.sort(key=lambda j: (-(directions[i] @ directions[j]), j))
        best = others[:k]
        found.append(sum(labels[j] == label for j in best) / len(best))
    return np.mean(found)


def test_equal_to_loops():
    rng = np.random.default_rng(0)
    labels = [("jazz", "pop", "rock")[i % 3] for i in range(60)]
    artists = [f"artist {i // 4}" if i % 7 else "" for i in range(60)]
    directions = unit(rng.normal(size=(60, 5)) + np.eye(5)[[i % 3 for i in range(60)]])
    found = measure_similarity(directions, labels, artists)
    for k in (1, 5, 10):
        name = f"precision_at_{k}"
        assert found.precision[name].value == pytest.approx(naive(directions, labels, artists, k, False))
        assert found.precision_other_artists[name].value == pytest.approx(
            naive(directions, labels, artists, k, True)
        )
        assert found.precision[name].low <= found.precision[name].value <= found.precision[name].high
    near = [
        sorted((j for j in range(60) if j != i), key=lambda j: -(directions[i] @ directions[j]))[:10]
        for i in range(60)
    ]
    times = np.bincount(np.ravel(near), minlength=60)
    assert found.antihubs == np.mean(times == 0)
    assert found.hubness == pytest.approx(np.mean(((times - times.mean()) / times.std()) ** 3))
    assert found.chance == pytest.approx(19 / 59)
    assert found.n == 60
    assert found.labels == {"jazz": 20, "pop": 20, "rock": 20}


def test_an_artist_that_is_all_of_a_genre_is_no_query():
    directions = unit(np.random.default_rng(1).normal(size=(8, 3)))
    labels, artists = ["a"] * 4 + ["b"] * 4, ["x"] * 4 + ["y", "z", "y", "z"]
    found = measure_similarity(directions, labels, artists)
    assert found.n_other_artists == 4
    assert set(found.by_label) == {"b"}


def test_hubs_show():
    rng = np.random.default_rng(2)
    spread = unit(rng.normal(size=(200, 40)))
    even = measure_similarity(unit(rng.normal(size=(200, 2))), ["a", "b"] * 100, [""] * 200)
    hubby = measure_similarity(
        unit(spread + 3 * spread[0] * (rng.random((200, 1)) < 0.5)), ["a", "b"] * 100, [""] * 200
    )
    assert hubby.hubness > even.hubness
    assert even.precision_other_artists == {}


def test_genres_and_artists_of_tags(tmp_path):
    rng = np.random.default_rng(3)
    rows = [{"genres": ("Jazz", "rock|Pop", "")[i % 3], "artist": f"Artist {i // 2}"} for i in range(30)]
    opened = write(tmp_path / "i", rng.normal(size=(30, 4)).astype(np.float32), rows=rows)
    found = evaluate_similarity(opened)
    assert (found.n, found.labels) == (20, {"jazz": 10, "rock": 10})
    assert "10 of 30" in found.notes[0]


def test_genres_of_a_folder(made, library):
    found = evaluate_similarity(Index(made), [str(library)])
    assert found.n == 18
    assert len(found.labels) == 3
    assert found.precision["precision_at_1"].value > found.chance


def test_genres_must_be_known(made, tmp_path, songs):
    with pytest.raises(DatasetError, match="have a genre in their tags"):
        evaluate_similarity(Index(made))
    with pytest.raises(DatasetError, match="0 songs of the data"):
        evaluate_similarity(Index(made), ["synthetic:?genres=2&songs=2&seconds=2"])
