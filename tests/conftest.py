"""Fixtures of the whole suite; what is trained here is trained once per run, whichever process does it."""

from __future__ import annotations

import gc
import io
import logging
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

# Read when NumPy and PyTorch load: as many threads as cores in every test process would wait for one another.
os.environ["OMP_NUM_THREADS"] = "1"
# Every process that a test starts would compile the package again.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""

import pytest
from filelock import FileLock
from hypothesis import settings
from support import quick
from support.measured import MEASURED
from support.once import SharedFolder

# The process that hands tests to the others runs none: it waits for no import of what they test.
if TYPE_CHECKING:
    from genrekit.datasets.base import Dataset

sys.dont_write_bytecode = False
# On a busy machine an example takes any time.
settings.register_profile("day", parent=settings(), deadline=None, max_examples=20)
settings.register_profile("night", parent=settings(), deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "day"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Spread the whole suite over the cores; run what is named in one process, which starts sooner."""
    return 0 if config.args_source is pytest.Config.ArgsSource.ARGS else None


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write in memory where there is room: 30,000 files of 1.4 GB, which no test needs afterwards."""
    memory = Path("/dev/shm")
    if not config.option.basetemp and memory.is_dir() and shutil.disk_usage(memory).free >= 8 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))  # documented by pytest for its tmp_path


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave modules and tests out of garbage collection, which took a seventh of the time; full collections took another twentieth."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 10, 10)
        gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data next to the checkout, or at GENREKIT_SHARED_DATA; skip without it."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("GENREKIT_SHARED_DATA", beside))
    if not path.is_dir():
        pytest.skip(f"there is no folder of real data at {path}")
    return path


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> SharedFolder:
    """Folders that are filled once per run, however many processes share it."""
    return SharedFolder(tmp_path_factory)


@pytest.fixture(scope="session", autouse=True)
def own_cache(shared_folder: SharedFolder) -> Iterator[Path]:
    """Tests share one cache, and leave the user's alone."""
    folder = shared_folder.path / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENREKIT_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def unmeasured_programs() -> Iterator[None]:
    """Measure no coverage in the programs that tests start, which would take three quarters longer; servers are measured."""
    with pytest.MonkeyPatch.context() as patch:
        for name in MEASURED:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """Give the root logger a handler, so that no library gives it one for the stderr of a test."""
    logging.getLogger().addHandler(logging.NullHandler())


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Take interrupts, which a process in the background of a script ignores from its start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def forked_workers() -> Iterator[None]:
    """Fork the worker processes of tests; the programs that tests start have workers as users have them."""
    with pytest.MonkeyPatch.context() as patch:
        if "forkserver" in multiprocessing.get_all_start_methods():
            from support.forked_workers import forking

            patch.setattr("genrekit.execution.worker.CONTEXT", forking())
        yield


@pytest.fixture
def spawned_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start worker processes as users get them."""
    monkeypatch.setattr("genrekit.execution.worker.CONTEXT", multiprocessing.get_context("spawn"))


@pytest.fixture(scope="session", autouse=True)
def quick_disk() -> Iterator[None]:
    """Leave what is written to the operating system: no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def blank_charts() -> Iterator[None]:
    """Leave charts blank but in tests that use ``drawn_charts``."""
    from support.pictures import undrawn

    with undrawn():
        yield


@pytest.fixture
def drawn_charts() -> Iterator[None]:
    """Draw charts as users get them."""
    from support.pictures import drawn

    with drawn():
        yield


@pytest.fixture
def coarse_heat_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cover four parts of a window one after the other: the time grows with their number."""
    from genrekit.backends import heat_maps

    measure = heat_maps._occlusion
    monkeypatch.setattr(
        heat_maps,
        "_occlusion",
        lambda score, window, axes: measure(score, window, replace(axes, blocks=(2, 2))),
    )


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report the progress of every epoch."""
    monkeypatch.setattr("genrekit.progress.EPOCH_EVERY_S", 0)


@pytest.fixture(scope="module")
def exported_once(shared_folder: SharedFolder) -> Iterator[None]:
    """Export networks of one architecture once per run, for tests of something else than the export."""
    from support.graphs import Exporter

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genrekit.backends.neural.fitting.to_onnx", Exporter(shared_folder))
        yield


@pytest.fixture
def small_resnet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every network of torchvision a narrow residual one with a block per stage, which takes a fraction of the time."""
    from support.narrow_resnet import NarrowResNet

    monkeypatch.setattr("torchvision.models.get_model", lambda arch, **options: NarrowResNet(arch))


@pytest.fixture(scope="session")
def songs(shared_folder: SharedFolder) -> Dataset:
    """Generated songs of three genres, six each, in groups."""
    from genrekit.datasets import open_dataset

    with FileLock(shared_folder.path / "songs.lock"):
        return open_dataset("synthetic:?genres=3&songs=6&seconds=4&seed=1")


@pytest.fixture(scope="session")
def model_path(songs: Dataset, shared_folder: SharedFolder) -> Path:
    """A quickly trained ``gtzan`` bundle that knows the labels of ``songs``."""
    from genrekit.backends import registry
    from genrekit.backends.config import make_config
    from genrekit.training.train import train

    backend = registry.get("gtzan")
    config = make_config(backend, quick.GTZAN)

    def fill(folder: Path) -> None:
        train(songs.source, backend=backend, config=config, output=folder / "tiny.genrekit")

    return shared_folder.once("gtzan", fill) / "tiny.genrekit"


@pytest.fixture(scope="session")
def tracks_csv(shared_folder: SharedFolder) -> Path:
    """A table of 240 made-up tracks of three genres."""
    from support.track_tables import tracks

    return (
        shared_folder.once("tracks", lambda folder: tracks(240).to_csv(folder / "tracks.csv", index=False))
        / "tracks.csv"
    )


@pytest.fixture(scope="session")
def tracks_model(tracks_csv: Path, shared_folder: SharedFolder) -> Path:
    """A quickly trained ``spotify`` bundle that knows the genres of ``tracks_csv``."""
    from genrekit.training.train import train

    config = {**quick.SPOTIFY, "n_estimators": 30}

    def fill(folder: Path) -> None:
        train(tracks_csv, backend="spotify", config=config, output=folder / "tables.genrekit")

    return shared_folder.once("spotify", fill) / "tables.genrekit"


@dataclass(frozen=True)
class TrainedNetwork:
    """A ``spectrogram`` bundle with its run folder, and what the command that trained it printed."""

    path: Path
    out: str
    err: str


@pytest.fixture(scope="session")
def network(songs: Dataset, shared_folder: SharedFolder) -> TrainedNetwork:
    """A network that knows the labels of ``songs``, trained on the command line with ``quick.SPECTROGRAM``."""

    def fill(folder: Path) -> None:
        from support.graphs import Exporter

        from genrekit.cli import main

        words = ["train", "--backend", "spectrogram", "--data", songs.source, "--jobs", "1"]
        words += ["-o", str(folder / "net.genrekit"), "--format", "json", *quick.as_words(quick.SPECTROGRAM)]
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.setattr("genrekit.backends.neural.fitting.to_onnx", Exporter(shared_folder))
            with pytest.raises(SystemExit) as leave:
                main(words)
        assert not leave.value.code, err.getvalue()
        (folder / "out").write_text(out.getvalue())
        (folder / "err").write_text(err.getvalue())

    folder = shared_folder.once("network", fill)
    return TrainedNetwork(folder / "net.genrekit", (folder / "out").read_text(), (folder / "err").read_text())
