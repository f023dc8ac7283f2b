"""What tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.track_tables import tracks

from genrekit.backends import registry
from genrekit.backends.config import make_config
from genrekit.datasets import open_dataset
from genrekit.datasets.base import Dataset
from genrekit.training.train import train


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout, or where GENREKIT_SHARED_DATA says; skips without it."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("GENREKIT_SHARED_DATA", beside))
    if not path.is_dir():
        pytest.skip(f"there is no folder of real data at {path}")
    return path


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests share one cache, and leave the user's alone."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENREKIT_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def songs() -> Dataset:
    """Generated songs of three genres, six each, in groups."""
    return open_dataset("synthetic:?genres=3&songs=6&seconds=4&seed=1")


@pytest.fixture(scope="session")
def model_path(songs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quickly trained ``gtzan`` bundle that knows the labels of ``songs``."""
    backend = registry.get("gtzan")
    output = tmp_path_factory.mktemp("models") / "tiny.genrekit"
    settings = {"classifier": "logistic", "transform": "standard", "window_s": 2, "folds": 2}
    train(songs.source, backend=backend, config=make_config(backend, settings), output=output)
    return output


@pytest.fixture(scope="session")
def tracks_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 240 made-up tracks of three genres."""
    path = tmp_path_factory.mktemp("tables") / "tracks.csv"
    tracks(240).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def tracks_model(tracks_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quickly trained ``spotify`` bundle that knows the genres of ``tracks_csv``."""
    output = tmp_path_factory.mktemp("models") / "tables.genrekit"
    settings = {"n_estimators": 30, "max_depth": 3, "min_child_weight": 1}
    train(tracks_csv, backend="spotify", config=settings, output=output)
    return output
