"""The fingerprint of training data: content, labels, groups and splits count; names and order do not."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from genrekit.backends import make_config, registry
from genrekit.datasets import Split, open_dataset
from genrekit.preparation import Cache
from genrekit.training import data_fingerprint, gather


def fingerprint(dataset, split=None, *, keys=True):
    backend = registry.get("gtzan")
    config = make_config(backend, {"window_s": 2})
    everything = range(len(dataset.examples))
    prepared = gather(
        backend, config, dataset, everything, jobs=1, cache=Cache(), keys=keys, say=lambda _: None
    )
    return data_fingerprint(prepared, split or Split((0, 1), (2,), tuple(everything)[3:], "made"))


@pytest.fixture(scope="module")
def folder(songs, tmp_path_factory):
    path = tmp_path_factory.mktemp("fingerprint") / "songs"
    shutil.copytree(
        songs.source if not songs.source.startswith("synthetic") else songs.examples[0].path.parents[1], path
    )
    return path


def test_names_and_order_do_not_count(songs, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "b")
    dataset = open_dataset(folder)
    for path in sorted((tmp_path / "b").glob("*/*")):
        if path.is_file():
            path.rename(path.with_name("renamed " + path.name))
    other = open_dataset(tmp_path / "b")
    assert [e.id for e in other.examples] != [e.id for e in dataset.examples]
    groups = {e.path.name: e.group for e in dataset.examples}
    other = replace(
        other,
        examples=tuple(
            replace(e, group=groups[e.path.name.removeprefix("renamed ")]) for e in other.examples
        ),
    )
    assert fingerprint(other) == fingerprint(dataset)
    n = len(dataset.examples)
    swapped = replace(dataset, examples=tuple(reversed(dataset.examples)))
    assert fingerprint(swapped, Split((n - 1, n - 2), (n - 3,), tuple(range(n - 3)), "made")) == fingerprint(
        dataset
    )


def test_content_labels_groups_and_splits_count(folder):
    dataset = open_dataset(folder)
    first, *rest = dataset.examples
    others = [
        replace(first, labels=("another",)),
        replace(first, group="another"),
        replace(first, path=rest[-1].path),
    ]
    n = len(dataset.examples)
    found = {fingerprint(dataset), fingerprint(dataset, Split((0, 2), (1,), tuple(range(3, n)), "made"))}
    found |= {fingerprint(replace(dataset, examples=(one, *rest))) for one in others}
    found.add(fingerprint(dataset, keys=False))
    assert len(found) == 6


def test_rows_count_by_their_values(tracks_csv):
    dataset = open_dataset(tracks_csv)
    backend = registry.get("spotify")
    config = make_config(backend, {})
    split = Split((0, 1), (2,), (3,), "made")

    def of(one):
        prepared = gather(backend, config, one, range(4), jobs=1, cache=Cache(), say=lambda _: None)
        return data_fingerprint(prepared, split)

    row = dict(dataset.examples[0].row)
    changed = replace(dataset.examples[0], row={**row, "energy": np.nextafter(row["energy"], 1)})
    assert (
        of(dataset)
        == of(open_dataset(tracks_csv))
        != of(replace(dataset, examples=(changed, *dataset.examples[1:])))
    )
