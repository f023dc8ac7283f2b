"""One contract over every loader."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_files import write_rows

from genrekit.datasets import open_dataset
from genrekit.testing import check_loader

LAYOUTS = ("folder", "manifest", "table", "slices", "gtzan table", "gtzan audio", "synthetic", "parquet")


@pytest.fixture
def sources(music: Path, gtzan: Path) -> dict[str, tuple[str, str, str | None]]:
    """Layout by name of the source, with what ``open_dataset`` gets."""
    from genrekit.datasets.export import manifest, write_table

    listing = write_rows(
        music / "list.csv", [["path", "label"], ["Blues/song0.wav", "blues"], ["Blues/song1.wav", "a|b"]]
    )
    write_table(manifest(open_dataset(music).examples, music), music / "list.parquet")
    return {
        "folder": ("folder", str(music), None),
        "manifest": ("manifest", str(listing), None),
        "parquet": ("manifest", str(music / "list.parquet"), None),
        "table": ("table", str(gtzan / "features_30_sec.csv"), None),
        "slices": ("table", str(gtzan / "features_10_sec.csv"), None),
        "gtzan table": ("gtzan", f"gtzan:{gtzan}", "table"),
        "gtzan audio": ("gtzan", f"gtzan:{gtzan}", "audio"),
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
        "{}/gtzan/features_30_sec.csv",
        "{}/gtzan/features_10_sec.csv",
        "{}/covers/labels.csv",
    ],
)
def test_real_data_keeps_the_contract(shared_data: Path, name: str) -> None:
    check_loader(lambda: open_dataset(name.format(shared_data)))
