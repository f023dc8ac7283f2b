"""The check finds what was put there, and nothing in what is clean."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from PIL import Image
from support.dataset_files import KAGGLE_HEADER, SR, kaggle_row, write_rows, write_song

from genrekit.datasets import open_dataset
from genrekit.datasets.check import KINDS, CheckReport, Kind, check_dataset


def found(report: CheckReport, kind: Kind) -> list[tuple[tuple[str, ...], str]]:
    return [(finding.ids, finding.detail) for finding in report.of(kind)]


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """A manifest over one example of everything that can be wrong."""
    write_song(tmp_path / "good.wav", seed=1)
    write_song(tmp_path / "other.wav", seed=2)
    (tmp_path / "text.wav").write_text("this is no sound at all")
    write_song(tmp_path / "silent.wav", silent=True)
    write_song(tmp_path / "silent_too.wav", silent=True)
    write_song(tmp_path / "short.wav", seed=3, duration_s=0.3)
    shutil.copy(tmp_path / "good.wav", tmp_path / "copy.wav")
    y, _ = sf.read(tmp_path / "other.wav")
    sf.write(tmp_path / "lossless.flac", y, SR, subtype="PCM_16")
    rows = [
        ["path", "label", "group", "split"],
        ["good.wav", "jazz", "Monk", "train"],
        ["copy.wav", "jazz", "Monk", "test"],
        ["other.wav", "rock", "", "train"],
        ["lossless.flac", "hip hop", "", ""],
        ["text.wav", "rock", "", ""],
        ["silent.wav", "rock", "", ""],
        ["silent_too.wav", "hiphop", "", ""],
        ["short.wav", "rock", "", ""],
        ["gone.wav", "rock", "", ""],
    ]
    return write_rows(tmp_path / "m.csv", rows)


@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_that_was_put_there_is_found(spoilt: Path, jobs: int) -> None:
    calls = []
    report = check_dataset(open_dataset(spoilt), jobs=jobs, advance=lambda: calls.append(1))
    assert len(calls) == report.examples == 8
    assert not report.ok
    ((ids, why),) = found(report, "unreadable")
    assert ids == ("text.wav",)
    assert why
    assert [ids for ids, _ in found(report, "silent")] == [("silent.wav",), ("silent_too.wav",)]
    ((ids, why),) = found(report, "short")
    assert (ids, why) == (("short.wav",), "0.30 s of sound; at least 1 s are expected")
    assert found(report, "duplicate") == [
        (("good.wav", "copy.wav"), "the same bytes, in the splits test, train")
    ]
    assert found(report, "cross-labelled") == [
        (("other.wav", "lossless.flac"), "the same sound, labelled hip hop, rock")
    ]
    assert found(report, "group-crosses") == [(("good.wav", "copy.wav"), "Monk is in test and train")]
    assert found(report, "label-spelling") == [(("hip hop", "hiphop"), "all mean hip-hop")]
    assert report.left_out == (("gone.wav", "no such file"),)
    kinds = [finding.kind for finding in report.findings]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["ids"] == ["text.wav"]


def test_a_clean_set_is_clean() -> None:
    report = check_dataset(open_dataset("synthetic:?genres=2&songs=3&seconds=1"))
    assert report.ok
    assert report.examples == 6


def test_the_shortest_length_can_be_chosen(spoilt: Path) -> None:
    assert not check_dataset(open_dataset(spoilt), min_duration_s=0.2).of("short")


def test_rows_with_the_same_numbers(tmp_path: Path) -> None:
    rows = [
        kaggle_row("a", "jazz", 0),
        kaggle_row("b", "jazz", 0),
        kaggle_row("c", "rock", 1),
        kaggle_row("d", "pop", 1),
    ]
    report = check_dataset(open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *rows])))
    assert found(report, "duplicate") == [(("a", "b"), "the same numbers")]
    assert found(report, "cross-labelled") == [(("c", "d"), "the same numbers, labelled pop, rock")]


def test_what_spoils_a_folder_of_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for genre in ("jazz", "rock"):
        (tmp_path / genre).mkdir()
        for k in range(2):
            Image.fromarray(rng.integers(0, 256, (80, 90, 3), np.uint8)).save(tmp_path / genre / f"{k}.png")
    shutil.copy(tmp_path / "jazz" / "0.png", tmp_path / "jazz" / "copy.png")
    Image.open(tmp_path / "rock" / "0.png").save(tmp_path / "jazz" / "lossless.webp", lossless=True)
    whole = (tmp_path / "rock" / "1.png").read_bytes()
    (tmp_path / "rock" / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "rock" / "page.jpg").write_text("<html>not found</html>")
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "rock" / "none.png")
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "jazz" / "none.png")
    Image.fromarray(rng.integers(0, 256, (20, 300), np.uint8)).save(tmp_path / "rock" / "strip.png")
    report = check_dataset(open_dataset(tmp_path), jobs=2)
    assert report.examples == 11
    assert found(report, "plain") == [
        (("jazz/none.png",), "it has one colour everywhere"),
        (("rock/none.png",), "it has one colour everywhere"),
    ]
    assert found(report, "small") == [
        (("rock/strip.png",), "300 x 20 pixels; at least 64 each way are expected")
    ]
    assert found(report, "duplicate") == [(("jazz/0.png", "jazz/copy.png"), "the same bytes")]
    assert found(report, "cross-labelled") == [
        (("jazz/lossless.webp", "rock/0.png"), "the same picture, labelled jazz, rock")
    ]
    (half, cut_off), (page, no_picture) = found(report, "unreadable")
    assert (half, page) == (("rock/half.png",), ("rock/page.jpg",))
    assert "The png is cut off" in cut_off
    assert "It is a web page" in no_picture
    assert not report.of("silent")


def test_a_clean_folder_of_pictures_is_clean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for k in range(4):
        path = tmp_path / "jazz rock".split()[k % 2] / f"{k}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (70, 100, 3), np.uint8)).save(path)
    report = check_dataset(open_dataset(tmp_path))
    assert report.ok
    assert not report.notes


def test_a_file_that_goes_away_is_unreadable(spoilt: Path) -> None:
    dataset = open_dataset(spoilt)
    (spoilt.parent / "good.wav").unlink()
    assert ("good.wav",) in [ids for ids, _ in found(check_dataset(dataset), "unreadable")]


def test_the_faults_of_the_real_table(shared_data: Path, tmp_path: Path) -> None:
    # A table of one's own, with other names: GTZAN's is read without its repeats.
    text = (shared_data / "gtzan" / "features_30_sec.csv").read_text()
    (tmp_path / "features.csv").write_text(text.replace(".wav,", ".own.wav,"))
    report = check_dataset(open_dataset(tmp_path / "features.csv"))
    assert len(report.of("duplicate")) == 13
    ((ids, _),) = found(report, "cross-labelled")
    assert ids == ("metal.00058.own.wav", "rock.00016.own.wav")
    assert check_dataset(open_dataset(f"gtzan:{shared_data / 'gtzan'}", prefer="table")).ok
