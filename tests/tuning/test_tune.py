"""Searches: the same trials whatever runs them, kept defaults, early stops, failures, and what is refused."""

import csv
import os
import signal
import subprocess
import sys
import time
from typing import ClassVar

import numpy as np
import optuna
import pytest
from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from pydantic import Field
from support import quick
from support.linear_backend import LinearBackend, LinearConfig
from support.pictures import drawn
from support.waiting import wait_until

from genrekit import tuning
from genrekit.backends import make_config, registry
from genrekit.backends.base import tuned
from genrekit.errors import (
    ConfigError,
    DatasetError,
    OutputExistsError,
    TrainingError,
    UsageError,
)
from genrekit.metrics import Estimate
from genrekit.models import load
from genrekit.training import Result
from genrekit.tuning.folder import SUFFIX
from genrekit.tuning.study import Study

SMALL = {**quick.SPOTIFY, "n_estimators": 12}
SPACE = ("learning_rate=0.01..0.5:log", "max_depth=1..4", "class_weight=none,balanced")


class SharpConfig(LinearConfig):
    """Settings of a linear model that can be made worse."""

    sharpness: float = Field(1.0, gt=0, le=100, json_schema_extra=tuned(low=0.1, high=10.0, log=True))
    noise: float = Field(0.0, ge=0, le=1)
    broken: bool = False


class SharpBackend(LinearBackend):
    """A linear model that mixes up a share of the labels, or fails."""

    Config: ClassVar = SharpConfig

    def fit(self, train, valid, labels, config, progress):
        """Fit after a change of the labels."""
        if config.broken:
            raise RuntimeError("these settings cannot be fitted")
        rng = np.random.default_rng(config.seed)
        mixed = np.flatnonzero(rng.random(len(train)) < config.noise)
        targets = train.targets.copy()
        targets[mixed] = targets[rng.permutation(mixed)]
        changed = type(train)(train.windows, targets, train.groups, train.ids)
        return super().fit(changed, valid, labels, config, progress)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Rows of two numbers, three labels, 40 groups."""
    rng = np.random.default_rng(0)
    lines = ["x,y,label,artist"]
    for i in range(120):
        x, y = rng.normal([(0, 1.2), (1.2, 0), (-1.2, -1.2)][i % 3], 0.8)
        lines.append(f"{x:.3f},{y:.3f},{('jazz', 'pop', 'rock')[i % 3]},artist {i // 3}")
    path = tmp_path_factory.mktemp("tune") / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(folder):
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def search(source, output, **more):
    options = {"backend": "spotify", "config": SMALL, "space": SPACE, "trials": 6, "batch": 2, **more}
    return tuning.tune(source, output=output, **options)


@pytest.fixture(scope="module")
def searched(tracks_csv, tmp_path_factory):
    """A finished search in this process."""
    output = tmp_path_factory.mktemp("search") / "a.genrekit"
    with drawn():
        return search(tracks_csv, output)


def test_a_search_leaves_a_bundle_a_table_a_journal_and_a_report(searched):
    assert load(searched.trained.path).manifest.history["tune"]["trials"] == 6
    found = rows(searched.folder)
    assert [one["trial"] for one in found] == [str(n) for n in range(6)]
    assert found[0]["max_depth"] == str(SMALL["max_depth"])  # the defaults
    page = (searched.folder / "report.html").read_text()
    assert "data:image/png" in page
    assert searched.words[0] in page
    assert (searched.folder / "study.journal").stat().st_size
    assert (searched.folder / "progress.png").read_bytes().startswith(b"\x89PNG")
    config = load(searched.trained.path).manifest.config
    assert all(config[key] == value for key, value in searched.settings.items())


def test_the_journal_is_one_that_optuna_opens(searched):
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(searched.folder / "study.journal")))
    study = optuna.load_study(study_name=None, storage=storage)
    assert len(study.trials) == 6


@pytest.mark.night  # by day in test_cluster.py, with fewer trials
def test_worker_processes_give_the_same_trials(searched, tracks_csv, tmp_path):
    again = search(tracks_csv, tmp_path / "a.genrekit", jobs=2)
    assert (again.folder / "trials.csv").read_bytes() == (searched.folder / "trials.csv").read_bytes()
    assert again.trained.path.read_bytes() == searched.trained.path.read_bytes()


def test_another_seed_gives_other_trials(searched, tracks_csv, tmp_path):
    other = search(tracks_csv, tmp_path / "b.genrekit", seed=1, trials=2)
    assert rows(other.folder)[1]["learning_rate"] != rows(searched.folder)[1]["learning_rate"]


# Within a batch, between asking and telling, after a batch.
@pytest.mark.night
@pytest.mark.parametrize("stop_at", [2, 0, 3])
def test_an_interrupted_search_ends_as_if_it_was_not(searched, tracks_csv, tmp_path, monkeypatch, stop_at):
    asked = Study.ask

    def ask(self, number, settings=None):
        trial = asked(self, number, settings)
        if number == stop_at:
            raise KeyboardInterrupt
        return trial

    with monkeypatch.context() as patch:
        patch.setattr(Study, "ask", ask)
        with pytest.raises(KeyboardInterrupt):
            search(tracks_csv, tmp_path / "a.genrekit")
    again = search(tracks_csv, tmp_path / "a.genrekit", resume=True)
    assert (again.folder / "trials.csv").read_bytes() == (searched.folder / "trials.csv").read_bytes()
    assert again.trained.path.read_bytes() == searched.trained.path.read_bytes()


@pytest.mark.night
@pytest.mark.parametrize("after_lines", [2, 5, 9, 14])
def test_kill_9_and_resume_give_the_same_bundle(searched, tracks_csv, tmp_path, after_lines):
    words = [sys.executable, "-m", "genrekit", "tune", tracks_csv, "--backend", "spotify", "-o", "a.genrekit"]
    words += ["--trials", "6", "--batch", "2", "-j", "1"]
    words += [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    words += [word for one in SPACE for word in ("--space", one)]
    process = subprocess.Popen(
        list(map(str, words)), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    journal = tmp_path / f"a{SUFFIX}" / "study.journal"
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= 10 * after_lines:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    process.wait()
    if not (tmp_path / "a.genrekit").exists():
        done = subprocess.run(
            [*map(str, words), "--resume"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / f"a{SUFFIX}" / "trials.csv").read_bytes() == (
        searched.folder / "trials.csv"
    ).read_bytes()
    assert (tmp_path / "a.genrekit").read_bytes() == searched.trained.path.read_bytes()


def ask_and_tell(folder, words, n, loss, *, batch=4, seed=0):
    """Run a search against a function."""
    space = tuning.make_space(registry.get("spotify"), make_config(registry.get("spotify"), {}), words)
    folder.mkdir()
    study = Study(folder, {}, space, ["log_loss"], seed)
    asked = []
    for first in range(0, n, batch):
        numbers = range(first, min(first + batch, n))
        asked += [study.ask(number).params for number in numbers]
        for number in numbers:
            study.tell(number, Result(metrics={"log_loss": loss(asked[number])}))
    return asked


LEVELS = ("learning_rate=0.02,0.05,0.1,0.15,0.25", "max_depth=2,4,6,8", "class_weight=none,balanced")


def test_no_settings_are_tried_twice(tmp_path):
    for k, words in enumerate((LEVELS, ("max_depth=1..8", "class_weight=none,balanced"))):
        size = (40, 16)[k]
        asked = ask_and_tell(tmp_path / str(k), words, size, lambda one: one["max_depth"])
        assert len({tuple(one.items()) for one in asked}) == size


def test_the_first_trials_are_far_from_each_other(tmp_path):
    asked = ask_and_tell(
        tmp_path / "a", ("learning_rate=0.001..1:log", "max_depth=2..10"), 4, lambda one: 1.0
    )
    assert len({one["max_depth"] for one in asked}) > 2
    assert max(one["learning_rate"] for one in asked) / min(one["learning_rate"] for one in asked) > 10


def test_numbers_of_a_list_keep_their_order(tmp_path):
    """The best of the ends of a list is found through its neighbours, in fewer trials than there are settings."""
    after = []
    for seed in range(5):
        words = ("learning_rate=0.01,0.02,0.03,0.05,0.08,0.1,0.2,0.3", "max_depth=1,2,3,4,5,6,7,8")
        asked = ask_and_tell(
            tmp_path / str(seed),
            words,
            32,
            lambda one: abs(one["learning_rate"] - 0.3) + (8 - one["max_depth"]) / 9,
            seed=seed,
        )
        best = {"learning_rate": 0.3, "max_depth": 8}
        after.append(asked.index(best) if best in asked else len(asked))
    assert np.median(after) < 20  # by chance: 32 of 64


def test_a_small_space_ends_the_search(table, tmp_path):
    said = []
    found = _linear(table, tmp_path, space=["noise=0,0.5,1"], trials=9, say=said.append)
    assert len(rows(found.folder)) == 3
    assert any("3 combinations" in line for line in said)


def test_more_trials_continue_a_search(tracks_csv, tmp_path):
    search(tracks_csv, tmp_path / "a.genrekit", trials=2)
    said = []
    found = search(
        tracks_csv, tmp_path / "a.genrekit", trials=4, resume=True, overwrite=True, say=said.append
    )
    assert len(rows(found.folder)) == 4
    assert any("continuing after 2 trials" in line for line in said)


def test_the_defaults_are_kept_where_nothing_is_better(table, tmp_path):
    found = _linear(table, tmp_path, space=["noise=0.7..1"], trials=4)
    assert found.is_default
    assert found.settings == {"noise": 0.0}
    assert "defaults are kept" in found.words[0]


def test_what_is_better_by_chance_is_not_clearly_better():
    from genrekit.tuning.words import sentence_of

    assert "is clearly better" in sentence_of(Estimate(0.1, 0.05, 0.2), "log_loss", is_default=False)
    assert "not clearly better than the defaults" in sentence_of(
        Estimate(0.1, -0.05, 0.2), "log_loss", is_default=False
    )


def test_hopeless_trials_are_stopped_after_a_fold(table, tmp_path):
    found = _linear(table, tmp_path, space=["noise=0.9..1"], trials=5)
    states = [one["state"] for one in rows(found.folder)]
    assert "pruned" in states
    stopped = next(one for one in rows(found.folder) if one["state"] == "pruned")
    assert "of 5 folds" in stopped["reason"]
    found = _linear(table, tmp_path / "no", space=["noise=0.9..1"], trials=5, prune="no")
    assert "pruned" not in [one["state"] for one in rows(found.folder)]


def test_failed_trials_are_rows_with_a_reason(table, tmp_path):
    found = _linear(table, tmp_path, space=["broken=true,false", "sharpness=0.5..2"], trials=8)
    failed = [one for one in rows(found.folder) if one["state"] == "fail"]
    assert failed
    assert all("cannot be fitted" in one["reason"] for one in failed)
    assert found.settings["broken"] is False


def test_a_search_in_which_everything_fails_says_so(table, tmp_path):
    with pytest.raises(TrainingError, match="All 3 trials failed"):
        _linear(table, tmp_path, config={"broken": True}, space=["sharpness=0.5..2"], trials=3)


@pytest.mark.usefixtures("drawn_charts")
def test_several_objectives_give_a_front(table, tmp_path):
    goals = ["log_loss", "accuracy"]
    space = ["noise=0.01..1:log"]
    found = _linear(table, tmp_path, space=space, trials=8, objectives=goals, pick="best")
    values = [
        (float(one["log_loss"]), -float(one["accuracy"]))
        for one in rows(found.folder)
        if one["state"] == "complete"
    ]
    with _open(found.folder, space, goals) as study:
        front = [(one.values[0], -one.values[1]) for one in study.front()]
    for one in front:
        assert not [v for v in values if v != one and v[0] <= one[0] and v[1] <= one[1]]
    assert (found.folder / "front.png").read_bytes().startswith(b"\x89PNG")


def test_a_time_among_the_objectives_is_said(tracks_csv, tmp_path):
    found = search(
        tracks_csv, tmp_path / "a.genrekit", trials=3, objectives=["log_loss", "predict_ms"], pick="fastest"
    )
    assert any("predict_ms is a time" in line for line in found.words)
    assert all(float(one["predict_ms"]) > 0 for one in rows(found.folder))


def test_settings_of_prepare_are_prepared_anew(songs, tmp_path):
    found = tuning.tune(
        songs.source,
        backend="gtzan",
        config=quick.GTZAN,
        output=tmp_path / "g.genrekit",
        space=["window_s=1,2,3.5"],
        trials=4,
    )
    assert {one["state"] for one in rows(found.folder)} <= {"complete", "pruned"}


def test_wrong_searches_are_refused(tracks_csv, table, tmp_path):
    output = tmp_path / "x.genrekit"
    for more, kind, said in (
        ({"trials": 0}, UsageError, "0 trials"),
        ({"batch": 0}, UsageError, "batch of 0"),
        ({"objectives": ["beauty"]}, UsageError, "not an objective"),
        ({"objectives": ["log_loss", "log_loss"]}, UsageError, "given twice"),
        ({"objectives": ["predict_ms"]}, UsageError, "first objective"),
        ({"pick": "any"}, UsageError, "pick="),
        ({"prune": "all"}, UsageError, "prune="),
        ({"timeout_s": 0}, UsageError, "above 0"),
        ({"space": ["learning_rat=0..1"]}, ConfigError, "learning_rate"),
    ):
        with pytest.raises(kind) as refused:
            search(tracks_csv, output, **more)
        assert said in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_one_group_is_refused(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text(
        "x,y,label,artist\n" + "\n".join(f"{i},{-i},{'ab'[i % 2]}b,one" for i in range(30)) + "\n"
    )
    with pytest.raises(DatasetError, match="group"):
        _linear(path, tmp_path, trials=2)


def test_journals_of_other_searches_and_damaged_ones_are_refused(searched, tracks_csv, tmp_path):
    import shutil

    shutil.copytree(searched.folder, tmp_path / f"a{SUFFIX}")
    output = tmp_path / "a.genrekit"
    with pytest.raises(OutputExistsError, match="holds a search"):
        search(tracks_csv, output)
    with pytest.raises(UsageError, match=r"another search, which differs in .*seed"):
        search(tracks_csv, output, seed=9, resume=True)
    with pytest.raises(UsageError, match=r"another search, which differs in .*space"):
        search(tracks_csv, output, space=["max_depth=1..3"], resume=True)
    journal = tmp_path / f"a{SUFFIX}" / "study.journal"
    journal.unlink()
    optuna.create_study(storage=JournalStorage(JournalFileBackend(str(journal))), study_name="mine")
    with pytest.raises(UsageError, match="another search: it holds the study 'mine'"):
        search(tracks_csv, output, resume=True)
    journal.write_text("not a journal\n")
    with pytest.raises(UsageError, match="not a journal of a search"):
        search(tracks_csv, output, resume=True)
    (tmp_path / f"a{SUFFIX}" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not of a search"):
        search(tracks_csv, output, overwrite=True)


def test_two_searches_in_one_folder_are_refused(tracks_csv, tmp_path):
    folder = tmp_path / f"a{SUFFIX}"
    folder.mkdir()
    with FileLock(folder / "lock"), pytest.raises(UsageError, match="Another process searches"):
        search(tracks_csv, tmp_path / "a.genrekit")


@pytest.mark.night
def test_the_second_of_two_programs_on_one_study_is_refused_and_the_first_ends(
    searched, tracks_csv, tmp_path
):
    words = [sys.executable, "-m", "genrekit", "tune", tracks_csv, "--backend", "spotify", "-o", "a.genrekit"]
    words += ["--trials", "6", "--batch", "2", "-j", "1"]
    words += [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    words += [word for one in SPACE for word in ("--space", one)]
    words = list(map(str, words))
    first = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert wait_until(
        lambda: (tmp_path / f"a{SUFFIX}" / "study.journal").exists() or first.poll() is not None
    )
    first.send_signal(signal.SIGSTOP)  # it holds the lock for as long as the others try
    for more in ([], ["--resume"], ["--overwrite"]):
        second = subprocess.run([*words, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert "Another process searches" in second.stderr
    first.send_signal(signal.SIGCONT)
    assert first.wait() == 0
    assert (tmp_path / "a.genrekit").read_bytes() == searched.trained.path.read_bytes()


@pytest.mark.night
def test_a_full_disk_is_said_and_the_search_goes_on_later(searched, tracks_csv, tmp_path, monkeypatch):
    told = Study.tell

    def tell(self, number, result):
        if number == 1:
            monkeypatch.setattr("genrekit.tuning.study.np.savez", full)
        told(self, number, result)

    def full(*args, **more):
        raise OSError(28, "No space left on device")

    real = np.savez
    monkeypatch.setattr(Study, "tell", tell)
    monkeypatch.setattr("genrekit.training.trials.is_better", lambda *args: False)
    with pytest.raises(TrainingError, match="No space left"):
        search(tracks_csv, tmp_path / "a.genrekit", trials=2)
    monkeypatch.setattr("genrekit.tuning.study.np.savez", real)
    monkeypatch.setattr(Study, "tell", told)
    found = search(tracks_csv, tmp_path / "a.genrekit", trials=2, resume=True)
    assert len(rows(found.folder)) == 2


class _Trained:
    """What the final training leaves, without a bundle: the backend of these tests is not registered."""

    measured = None


def _linear(source, folder, **more):
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genrekit.tuning.search.training.train", lambda *args, **options: _Trained())
        options = {"backend": SharpBackend(), "output": folder / "linear.genrekit", "batch": 2, **more}
        return tuning.tune(source, **options)


class _open:
    def __init__(self, folder, space, goals):
        self.study = Study.__new__(Study)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
        self.study._study = optuna.load_study(study_name=None, storage=storage)

    def __enter__(self):
        return self.study

    def __exit__(self, *error):
        return None


def test_rounds_of_boosting_stop_a_trial(tracks_csv, tmp_path):
    found = search(
        tracks_csv,
        tmp_path / "a.genrekit",
        space=["learning_rate=0.001..0.5:log"],
        config={**SMALL, "n_estimators": 20},
        trials=10,
        prune="epochs",
    )
    stopped = [one for one in rows(found.folder) if one["state"] == "pruned"]
    assert stopped
    assert all("validation loss" in one["reason"] and one["folds"] == "0" for one in stopped)
    assert found.settings["learning_rate"] > 0.001
