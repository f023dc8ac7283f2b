"""Folds, combinations, trials and predictions on a cluster give what this machine gives alone."""

import os
import signal
import threading

import numpy as np
import pytest
from support import quick
from support.cluster import address, threads, workers  # noqa: F401 - fixtures
from support.waiting import wait_until

from genrekit import tuning
from genrekit.backends import make_config, registry
from genrekit.datasets import Split, open_dataset
from genrekit.errors import TrainingError
from genrekit.evaluation import compare_recipes, cross_validate
from genrekit.execution import dask
from genrekit.prediction import predict
from genrekit.preparation import Cache
from genrekit.training import cross_fit, gather, train

SMALL = {**quick.SPOTIFY, "n_estimators": 8}
SPACE = ("max_depth=1..4", "learning_rate=0.05..0.5")


def scores(evaluation):
    return {row.id: row.scores.tolist() for row in evaluation.rows}


def folds_on(cluster, source, backend="spotify", config=SMALL):
    return cross_validate(source, backend=backend, config=config, k=3, cluster=cluster)


def test_folds_and_trials_cross_a_cluster(threads, tracks_csv, tmp_path):
    config = {**SMALL, "n_estimators": 3}
    assert scores(folds_on(threads, tracks_csv, config=config)) == scores(
        folds_on(None, tracks_csv, config=config)
    )
    found = []
    for cluster in (None, threads):
        folder = tmp_path / ("there" if cluster else "here")
        folder.mkdir()
        tuned = tuning.tune(
            tracks_csv, backend="spotify", config=config, output=folder / "best.genrekit",
            space=SPACE, trials=2, batch=2, cluster=cluster,
        )  # fmt: skip
        found.append(((tuned.folder / "trials.csv").read_bytes(), tuned.trained.path.read_bytes()))
    assert found[0] == found[1]


def test_songs_are_predicted_on_a_cluster(threads, songs, model_path):
    paths = [example.path for example in songs.examples[:3]]
    here, there = (
        [
            (p.id, p.scores)
            for p in predict(paths, model=model_path, cache=Cache(enabled=False), cluster=cluster)
        ]
        for cluster in (None, threads)
    )
    assert here == there


@pytest.mark.night
def test_folds_and_trials_are_the_same_there(address, tracks_csv, tmp_path, monkeypatch):
    """With little data, which travels with every item, and with much, which is copied to every worker once."""
    here = folds_on(None, tracks_csv)
    for shared in (1 << 20, 1000):
        monkeypatch.setattr(dask, "SHARED_BYTES", shared)
        assert scores(folds_on(address, tracks_csv)) == scores(here)
    found = {}
    for cluster in (None, address):
        folder = tmp_path / ("there" if cluster else "here")
        folder.mkdir()
        tuned = tuning.tune(
            tracks_csv, backend="spotify", config=SMALL, output=folder / "best.genrekit",
            space=SPACE, trials=2, batch=2, cluster=cluster,
        )  # fmt: skip
        found[cluster] = (tuned.folder / "trials.csv").read_bytes(), tuned.trained.path.read_bytes()
    assert found[None] == found[address]


def test_a_fold_that_fails_there_is_said(threads, tracks_csv):
    dataset = open_dataset(tracks_csv)
    backend = registry.get("spotify")
    config = make_config(backend, SMALL)
    everything = range(len(dataset.examples))
    prepared = gather(backend, config, dataset, everything, jobs=1, cache=Cache(), say=print)
    one_label = [i for i in everything if dataset.examples[i].labels == ("jazz",)]
    folds = [Split(tuple(one_label), (), (1,), "made")] * 2
    with pytest.raises(TrainingError, match=r"Fold 1 of 2 failed: .*a classifier needs two labels"):
        cross_fit(backend, config, prepared, folds, print, cluster=threads)


@pytest.mark.night
def test_a_grid_and_a_comparison_are_the_same_there(address, tracks_csv, tmp_path):
    grids, tables = [], []
    for cluster in (None, address):
        output = tmp_path / f"{bool(cluster)}.genrekit"
        grid = {"max_depth": [1, 3], "learning_rate": [0.1, 0.4]}
        trained = train(
            tracks_csv, backend="spotify", config=SMALL, output=output, grid=grid, cluster=cluster
        )
        grids.append(trained.bundle.manifest.history["grid"])
        recipes = [("few", "spotify", SMALL), ("fewer", "spotify", {**SMALL, "n_estimators": 2})]
        found = compare_recipes(recipes, tracks_csv, k=3, cost=False, cluster=cluster)
        tables.append(found.to_dict())
    assert grids[0] == grids[1]
    assert tables[0] == tables[1]


@pytest.mark.night
@pytest.mark.parametrize(("backend", "config"), [("spectrogram", quick.SPECTROGRAM), ("gtzan", quick.GTZAN)])
def test_songs_are_the_same_there(address, songs, backend, config):
    here, there = (scores(folds_on(cluster, songs.source, backend, config)) for cluster in (None, address))
    assert here.keys() == there.keys()
    for name, values in here.items():
        np.testing.assert_allclose(there[name], values, atol=1e-6)


@pytest.mark.night
def test_a_worker_that_dies_costs_nothing(workers, address, tracks_csv, monkeypatch):
    monkeypatch.setattr(dask, "SHARED_BYTES", 1000)
    config = {**SMALL, "n_estimators": 300, "early_stopping_rounds": 300}
    here = folds_on(None, tracks_csv, config=config)
    first = next(iter(workers.workers.values()))

    def kill():
        wait_until(lambda: any(task.state == "processing" for task in workers.scheduler.tasks.values()))
        os.kill(first.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    there = folds_on(address, tracks_csv, config=config)
    killer.join()
    assert scores(there) == scores(here)
