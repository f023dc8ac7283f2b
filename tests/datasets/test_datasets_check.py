"""The check finds what was put there, and nothing in what is clean."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile as sf
from dataset_files import KAGGLE_HEADER, SR, kaggle_row, write_rows, write_song

from genrekit.datasets import open_dataset
from genrekit.datasets.check import KINDS, CheckReport, Kind, check


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
    report = check(open_dataset(spoilt), jobs=jobs, advance=lambda: calls.append(1))
    assert len(calls) == report.examples == 8
    assert not report.ok
    ((ids, why),) = found(report, "unreadable")
    assert ids == ("text.wav",)
    assert why
    assert [ids for ids, _ in found(report, "silent")] == [("silent.wav",), ("silent_too.wav",)]
    ((ids, why),) = found(report, "short")
    assert (ids, why) == (("short.wav",), "0.30 s; at least 1 s are expected")
    assert found(report, "duplicate") == [
        (("good.wav", "copy.wav"), "the same bytes, on the sides test, train")
    ]
    assert found(report, "cross-labelled") == [
        (("other.wav", "lossless.flac"), "the same sound, labelled hip hop, rock")
    ]
    assert found(report, "group-crosses") == [(("good.wav", "copy.wav"), "Monk stands in test and train")]
    assert found(report, "label-spelling") == [(("hip hop", "hiphop"), "all mean hip-hop")]
    assert report.left_out == (("gone.wav", "no such file"),)
    kinds = [finding.kind for finding in report.findings]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["ids"] == ["text.wav"]


def test_a_clean_set_is_clean() -> None:
    report = check(open_dataset("synthetic:?genres=2&songs=3&seconds=1"))
    assert report.ok
    assert report.examples == 6


def test_the_shortest_length_can_be_chosen(spoilt: Path) -> None:
    assert not check(open_dataset(spoilt), min_duration_s=0.2).of("short")


def test_rows_with_the_same_numbers(tmp_path: Path) -> None:
    rows = [
        kaggle_row("a", "jazz", 0),
        kaggle_row("b", "jazz", 0),
        kaggle_row("c", "rock", 1),
        kaggle_row("d", "pop", 1),
    ]
    report = check(open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *rows])))
    assert found(report, "duplicate") == [(("a", "b"), "the same numbers")]
    assert found(report, "cross-labelled") == [(("c", "d"), "the same numbers, labelled pop, rock")]


def test_pictures_are_compared_by_their_bytes(tmp_path: Path) -> None:
    for name, data in (("jazz/a.png", b"1"), ("jazz/b.png", b"2"), ("rock/c.png", b"1")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + data * 30)
    report = check(open_dataset(tmp_path))
    assert found(report, "cross-labelled") == [
        (("jazz/a.png", "rock/c.png"), "the same bytes, labelled jazz, rock")
    ]
    assert report.notes


def test_a_file_that_goes_away_is_unreadable(spoilt: Path) -> None:
    dataset = open_dataset(spoilt)
    (spoilt.parent / "good.wav").unlink()
    assert ("good.wav",) in [ids for ids, _ in found(check(dataset), "unreadable")]


def test_the_faults_of_the_real_table(shared_data: Path) -> None:
    report = check(open_dataset(shared_data / "gtzan" / "features_30_sec.csv"))
    assert len(report.of("duplicate")) == 13
    ((ids, _),) = found(report, "cross-labelled")
    assert ids == ("metal.00058.wav", "rock.00016.wav")
    assert check(open_dataset(f"gtzan:{shared_data / 'gtzan'}", prefer="table")).ok
