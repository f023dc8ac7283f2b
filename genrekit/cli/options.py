"""Options that several commands share, so that one flag means one thing everywhere."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli import completion
from genrekit.errors import BackendError, UsageError
from genrekit.files import NO_FOLDER

if TYPE_CHECKING:
    from genrekit.backends import Backend, BackendConfig
    from genrekit.preparation import Cache
    from genrekit.tracking import Tracker


PROVIDERS = "links, a .yaml of your own, youtube, listenbrainz, jamendo or radio-browser"
RegionsFile = Annotated[
    Path | None,
    typer.Option(
        "--regions-file",
        metavar="FILE",
        envvar="GENREKIT_REGIONS_FILE",
        help="A YAML table of further regions of playlists, and genres.",
    ),
]


class SplitBy(StrEnum):
    """Ways to split a data set."""

    AUTO = "auto"
    GROUP = "group"
    RANDOM = "random"
    PUBLISHED = "published"


class Part(StrEnum):
    """A split of a data set."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


class Format(StrEnum):
    """Formats of a report."""

    TEXT = "text"
    JSON = "json"


class Ambiguous(StrEnum):
    """Ways to handle a track that is listed under several genres."""

    DROP = "drop"
    FIRST = "first"
    MULTI = "multi"


class Reading(StrEnum):
    """Kinds of content to read from a source that holds several."""

    TABLE = "table"
    AUDIO = "audio"
    SPECTROGRAM = "spectrogram"


Read = Annotated[
    Reading | None,
    typer.Option(
        "--read",
        metavar="table|audio|spectrogram",
        help="What to read where a source holds several: rows of features, songs, spectrograms.",
    ),
]
SOURCES = (
    "A folder of genre folders, a CSV/Parquet manifest or feature table, spectrograms (.npz), gtzan:DIR, fma:DIR, "
    "or synthetic:"
)
Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="SOURCE",
        help="The same as an argument SOURCE; may be given several times.",
        autocompletion=completion.sources,
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE...",
        help=f"{SOURCES}. Several are one data set.",
        autocompletion=completion.sources,
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="See 'genrekit backends'. By default gtzan for songs, and for other data the one that reads them.",
        autocompletion=completion.backends,
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A YAML file of settings of the backend.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting of the backend; may be given several times."
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="The same as --set seed=N.")
]
By = Annotated[
    SplitBy,
    typer.Option(
        "--split-by",
        help="auto: published splits, else groups where known. 'random' ignores groups; its numbers are inflated.",
    ),
]
TestSize = Annotated[
    float, typer.Option("--test-size", min=0, max=0.9, help="The part held back for the test.")
]
ValidSize = Annotated[
    float, typer.Option("--valid-size", min=0, max=0.9, help="The part kept for stopping and calibrating.")
]
MergeLabels = Annotated[
    bool, typer.Option("--merge-labels", help="Make one label of spellings that mean the same genre.")
]
Ambiguity = Annotated[
    Ambiguous,
    typer.Option(
        "--ambiguous",
        help="A cell or a track of a table with several genres: dropped, kept under the first, or under all.",
    ),
]
Multilabel = Annotated[
    bool, typer.Option("--multilabel", help="Several labels per example; the same as --set multilabel=true.")
]
DeviceName = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda[:N]",
        help="Where networks and trees train; the same as --set device=...",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="A bundle, or the name of a shipped model; the first that takes an input predicts it.",
        autocompletion=completion.models,
    ),
]
GenreMap = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        help="A YAML file 'label: name' of your own names of genres, for tags, playlists and tables of a terminal.",
    ),
]
StorePlace = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="DIR|URL",
        envvar="GENREKIT_STORE",
        help="The store: a folder, or s3://bucket/prefix with credentials of the environment.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", metavar="N", min=1, max=1024, help="Processes; the default is one per core."
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="dask://HOST:PORT",
        help="Prepare files, and fit folds and trials, on a Dask cluster; needs genrekit[dask].",
    ),
]
Track = Annotated[
    str | None,
    typer.Option(
        "--track",
        metavar="mlflow[:URI]",
        help="Also log the run to MLflow, at MLFLOW_TRACKING_URI or its default without a URI; needs genrekit[mlflow].",
    ),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Neither read nor write the cache of prepared inputs.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is already there.")]


def sources_of(words: list[str] | None, data: list[str] | None, command: str) -> list[str]:
    """Return the sources that a command names.

    Raises
    ------
    UsageError
        If there is none.
    """
    if not (found := [*(words or []), *(data or [])]):
        raise UsageError("There is no data set to read.", f"Name one: genrekit {command} music/")
    return found


def configure(
    name: str,
    config: Path | None,
    settings: list[str] | None,
    seed: int | None,
    *,
    multilabel: bool = False,
    device: str | None = None,
) -> tuple[Backend, BackendConfig]:
    """Return the backend and its validated config from the options of a command; later words win over the file."""
    from genrekit.backends import make_config, parse_settings, read_config_file, registry

    backend = registry.get(name)
    for option, given in (("multilabel", multilabel), ("device", device is not None)):
        if given and not _takes(backend, option):
            able = [one for one in registry.names() if _has(one, option)]
            raise UsageError(
                f"Backend {name!r} has no --{option}; {', '.join(able) or 'none'} {'have' if able[1:] else 'has'} it.",
                f"Leave --{option} out, or use --backend {_nearest(backend, able)}." if able else "",
            )
    values: dict[str, Any] = read_config_file(config) if config else {}
    values |= parse_settings(settings or [])
    if seed is not None:
        values["seed"] = seed
    if multilabel:
        values["multilabel"] = True
    if device is not None:
        values["device"] = device
    return backend, make_config(backend, values)


def _takes(backend: Backend, option: str) -> bool:
    """Return whether a backend has a setting that it accepts."""
    if option == "multilabel":
        return backend.info.multilabel
    return option in backend.Config.model_fields


def _has(backend: str, option: str) -> bool:
    """Return whether an available backend has a setting."""
    from genrekit.backends import registry

    try:
        return _takes(registry.get(backend), option)
    except BackendError:
        return False


def _nearest(backend: Backend, names: list[str]) -> str:
    """Return the first of some backends that reads what a backend reads, or the first."""
    from genrekit.backends import registry

    same = [one for one in names if registry.get(one).info.modality is backend.info.modality]
    return (same or names)[0]


def open_cache(no_cache: bool) -> Cache:
    """Return the cache of prepared inputs, or one that is switched off; Matplotlib's list of fonts goes beside it."""
    from genrekit.preparation import Cache

    cache = Cache(enabled=False) if no_cache else Cache()
    if cache.folder != NO_FOLDER:
        os.environ.setdefault("MPLCONFIGDIR", str(cache.folder / "matplotlib"))
    return cache


def tracker_of(target: str | None) -> Tracker | None:
    """Return the tracker of an option after a connection to it was tested; None without one."""
    if target is None:
        return None
    from genrekit.tracking import open_tracker

    return open_tracker(target)


def job_count(jobs: int | None) -> int:
    """Return the requested number of processes; by default one per core."""
    from genrekit.execution import default_jobs

    return jobs or default_jobs()
