"""A small library of generated songs, and its index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from genrekit.similarity import Index, index


@pytest.fixture
def library(songs, tmp_path) -> Path:
    """Return a folder of 18 songs in genre folders."""
    folder = tmp_path / "music"
    for example in songs.examples:
        place = folder / example.labels[0]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(example.path, place / f"{example.labels[0]} {len(list(place.iterdir()))}.flac")
    return folder


@pytest.fixture
def make(network):
    """Index inputs with the small network: ``make(inputs, output, ...)``; in this process."""

    def run(inputs, output, **options):
        return index(inputs, output, model=options.pop("model", network.path), jobs=1, **options)

    return run


@pytest.fixture
def made(make, library, tmp_path) -> Path:
    """Return the index of the library."""
    done = make(library, tmp_path / "music.index")
    assert (done.total, done.new, done.failed) == (18, 18, [])
    return tmp_path / "music.index"


@pytest.fixture
def stored():
    """Return all vectors of an index by name."""

    def read(folder):
        opened = Index(folder)
        from genrekit.similarity.rows import Rows

        with Rows(opened.folder) as rows:
            return {row.name: opened.vector(id) for id, row in rows.all()}

    return read
