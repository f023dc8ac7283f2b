"""One contract over every loader."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dataset_files import (
    KAGGLE_HEADER,
    fma_row,
    kaggle_row,
    write_fma,
    write_rows,
    write_spectrograms,
)

from genrekit.datasets import open_dataset
from genrekit.testing.backend import check_loader

LAYOUTS = (
    "folder", "manifest", "table", "GTZAN's table", "slices", "npz", "gtzan table", "gtzan audio", "gtzan spectrogram", "fma",
    "fma genres", "synthetic", "parquet",
)  # fmt: skip


@pytest.fixture
def sources(music: Path, gtzan: Path) -> dict[str, tuple[str, str, str | None]]:
    """Layout by name of the source, with what ``open_dataset`` gets."""
    from genrekit.datasets.export import manifest_table, write_table

    listing = write_rows(
        music / "list.csv", [["path", "label"], ["Blues/song0.wav", "blues"], ["Blues/song1.wav", "a|b"]]
    )
    write_table(manifest_table(open_dataset(music).examples, music), music / "list.parquet")
    table = write_rows(music / "t.csv", [KAGGLE_HEADER, *(kaggle_row(f"{k}.wav", "a", k) for k in range(3))])
    mels = write_spectrograms(gtzan / "mel128.npz", ["blues.00000", "metal.00058", "rock.00016", "song"])
    rows = [
        fma_row(2, 1, "training", "small", "Rock", "[25, 45]", "[25, 12, 45]"),
        fma_row(3, 1, "training", "small", "Rock", "[25]", "[25, 12]"),
        fma_row(2, 1, "test", "small", "Rock", "[12]", "[12]"),
        fma_row(99134, 2, "test", "small", "Rock", "[12]", "[12]"),
        ["too", "short"],
    ]
    fma = write_fma(music.parent / "fma", rows, songs=(2, 99134))
    return {
        "folder": ("folder", str(music), None),
        "manifest": ("manifest", str(listing), None),
        "parquet": ("manifest", str(music / "list.parquet"), None),
        "table": ("table", str(table), None),
        "GTZAN's table": ("gtzan", str(gtzan / "features_30_sec.csv"), None),
        "slices": ("gtzan", str(gtzan / "features_10_sec.csv"), None),
        "gtzan table": ("gtzan", f"gtzan:{gtzan}", "table"),
        "gtzan audio": ("gtzan", f"gtzan:{gtzan}", "audio"),
        "npz": ("npz", str(mels), None),
        "gtzan spectrogram": ("gtzan", f"gtzan:{gtzan}", "spectrogram"),
        "fma": ("fma", f"fma:{fma}", None),
        "fma genres": ("fma", f"fma:{fma}?labels=genres_all", None),
        "synthetic": ("synthetic", "synthetic:?genres=2&songs=2&seconds=0.5", None),
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_loader_keeps_the_contract(sources: dict[str, tuple[str, str, str | None]], name: str) -> None:
    layout, source, prefer = sources[name]
    check_loader(lambda: open_dataset(source, prefer=prefer))
    dataset = open_dataset(source, prefer=prefer)
    assert (dataset.layout, dataset.source) == (layout, source)


@pytest.mark.parametrize(
    "name",
    [
        "gtzan:{}/gtzan",
        "gtzan:{}/gtzan/mel128.npz",
        pytest.param("{}/gtzan/mel128.npz", marks=pytest.mark.night),
        "{}/gtzan/features_30_sec.csv",
        pytest.param("{}/gtzan/features_10_sec.csv", marks=pytest.mark.night),
        pytest.param(
            "{}/covers/labels.csv", marks=pytest.mark.night
        ),  # by day test_picture_folders.py opens it
    ],
)
def test_real_data_keeps_the_contract(shared_data: Path, name: str) -> None:
    check_loader(lambda: open_dataset(name.format(shared_data)))
