"""Folders and manifests of pictures: the loaders know nothing else of them than that they are no songs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.dataset_files import write_rows, write_song

from genrekit.datasets import open_dataset
from genrekit.datasets.check import check_dataset
from genrekit.datasets.splits import SPLITS, make_split
from genrekit.media import images
from genrekit.testing.backend import check_loader
from genrekit.types import Modality

FORMATS = ("png", "jpg", "webp", "gif", "bmp", "tiff")


def draw(path: Path, seed: int) -> Path:
    """Write a picture of noise in the format that the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 72, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def covers(tmp_path: Path) -> Path:
    """A folder of two genres, one picture of every format in each."""
    for k, suffix in enumerate(FORMATS):
        draw(tmp_path / "covers" / "Jazz" / f"{k}.{suffix}", k)
        draw(tmp_path / "covers" / "Hip  Hop" / f"{k}.{suffix.upper()}", 10 + k)
    return tmp_path / "covers"


@pytest.mark.parametrize("modality", [None, Modality.IMAGE])
def test_a_folder_of_pictures(covers: Path, modality: Modality | None) -> None:
    (covers / "Jazz" / "Thumbs.db").write_bytes(b"x")
    dataset = open_dataset(covers, modality=modality)
    assert (dataset.layout, dataset.modality) == ("folder", Modality.IMAGE)
    assert dataset.counts == {"hip hop": 6, "jazz": 6}
    assert dict(dataset.left_out) == {"Jazz/Thumbs.db": "is not audio or an image"}
    assert check_dataset(dataset).ok
    check_loader(lambda: open_dataset(covers, modality=modality))


def test_pictures_are_taken_from_among_songs_where_asked(covers: Path) -> None:
    for k in range(20):
        write_song(covers / "Jazz" / f"song{k}.wav", seed=k, duration_s=0.1)
    assert open_dataset(covers).modality is Modality.AUDIO
    dataset = open_dataset(covers, modality=Modality.IMAGE)
    assert dataset.counts == {"hip hop": 6, "jazz": 6}
    assert any("12 images and 20 audio files are mixed" in note for note in dataset.notes)


def test_a_manifest_of_pictures_has_groups_and_splits(covers: Path) -> None:
    names = sorted(path.relative_to(covers).as_posix() for path in covers.rglob("*.*"))
    rows = [["path", "label", "group", "split", "source"]]
    rows += [
        [name, name.split("/")[0], f"artist {k // 2}", SPLITS[k % 3], "shop"] for k, name in enumerate(names)
    ]
    manifest = write_rows(covers / "labels.csv", rows)
    dataset = open_dataset(manifest, modality=Modality.IMAGE)
    assert (dataset.layout, dataset.modality, dataset.left_out) == ("manifest", Modality.IMAGE, ())
    assert [e.id for e in dataset.examples] == names
    assert {e.group for e in dataset.examples} == {f"artist {k}" for k in range(6)}
    assert Counter(e.split for e in dataset.examples) == dict.fromkeys(SPLITS, 4)
    assert dataset.examples[0].extra == {"source": "shop"}
    check_loader(lambda: open_dataset(manifest, modality=Modality.IMAGE))


def test_spellings_of_one_genre_and_lonely_labels_are_said(covers: Path) -> None:
    draw(covers / "rap" / "a.png", 50)
    dataset = open_dataset(covers)
    assert any("'hip hop', 'rap' are spellings of one genre" in note for note in dataset.notes)
    assert any(note.startswith("'rap': a single example") for note in dataset.notes)
    assert open_dataset(covers, merge_labels=True).counts == {"hip-hop": 7, "jazz": 6}


def test_of_a_hundred_pictures_the_broken_one_is_named(tmp_path: Path) -> None:
    for k in range(100):
        draw(tmp_path / "jazz rock".split()[k % 2] / f"{k:02d}.png", k)
    (tmp_path / "jazz" / "42.png").write_bytes((tmp_path / "jazz" / "42.png").read_bytes()[:200])
    dataset = open_dataset(tmp_path)
    assert len(dataset.examples) == 100
    report = check_dataset(dataset)
    assert [(finding.kind, finding.ids) for finding in report.findings] == [("unreadable", ("jazz/42.png",))]


def test_the_real_covers(shared_data: Path) -> None:
    manifest = shared_data / "covers" / "labels.csv"
    if not manifest.is_file():
        pytest.skip("there are no covers in the folder of real data")
    dataset = open_dataset(manifest, modality=Modality.IMAGE)
    assert (len(dataset.examples) + len(dataset.left_out), len(dataset.labels)) == (5161, 9)
    assert all("already" in why for _, why in dataset.left_out)
    assert all(example.group for example in dataset.examples)
    made = make_split(dataset.examples, test_size=0.2, valid_size=0.1, seed=0)
    sides = [{dataset.examples[i].group for i in getattr(made, side)} for side in SPLITS]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    for example in dataset.examples[::400]:
        assert example.path is not None
        assert min(images.load(example.path, size=64).shape[:2]) == 64
