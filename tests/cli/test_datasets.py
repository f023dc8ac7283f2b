import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from genrekit.datasets import open_dataset
from genrekit.features.schema import GTZAN_COLUMNS


@pytest.fixture
def folder(songs, tmp_path):
    """A folder of genre folders with a broken, a silent, a short and a repeated file in it."""
    for example in songs.examples:
        target = tmp_path / "music" / example.labels[0] / example.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(example.path.read_bytes())
    first, second = (tmp_path / "music" / label for label in songs.labels[:2])
    y, sr = sf.read(songs.examples[0].path)
    (first / "broken.wav").write_bytes(b"RIFF....WAVEjunk")
    sf.write(first / "silent.wav", 0 * y, sr)
    sf.write(first / "short.wav", y[: sr // 4], sr)
    (second / "copy.flac").write_bytes(songs.examples[0].path.read_bytes())
    return tmp_path / "music"


def test_show(genrekit, songs):
    facts = json.loads(genrekit("datasets", "show", songs.source, "--format", "json").out)
    assert {"examples", "labels", "splits"} <= set(facts)
    assert sum(facts["splits"].values()) == facts["examples"] == sum(facts["labels"].values())
    assert facts["labels"] == songs.counts
    assert facts["fingerprint"] == songs.fingerprint
    text = genrekit("datasets", "show", songs.source).out
    assert f"examples: {len(songs.examples)}" in text


def test_check_finds_what_is_wrong(genrekit, folder, songs):
    run = genrekit("datasets", "check", folder, "--format", "json", "--jobs", 1)
    assert run.status == 3
    kinds = {finding["kind"]: finding for finding in json.loads(run.out)["findings"]}
    assert set(kinds) == {"unreadable", "silent", "short", "cross-labelled"}
    assert any("copy.flac" in name for name in kinds["cross-labelled"]["ids"])
    text = genrekit("datasets", "check", folder, "--jobs", 1).out
    assert "broken.wav" in text
    assert genrekit("datasets", "check", songs.source, "--jobs", 1).status == 0


def test_split_writes_a_manifest_that_keeps_groups_whole(genrekit, songs, tmp_path):
    output = tmp_path / "sides.csv"
    assert genrekit("datasets", "split", songs.source, "-o", output, "--test-size", 0.34).status == 0
    again = open_dataset(output)
    assert len(again.examples) == len(songs.examples)
    sides = {}
    for example in again.examples:
        sides.setdefault(example.group, set()).add(example.split)
    assert {side for members in sides.values() for side in members} == {"train", "valid", "test"}
    assert all(len(members) == 1 for members in sides.values())
    run = genrekit("datasets", "split", songs.source, "-o", output)
    assert run.status == 2
    assert "exists" in run.err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_features_have_the_well_known_columns_and_can_be_trained_on(genrekit, folder, tmp_path, suffix):
    output = tmp_path / f"features.{suffix}"
    run = genrekit("datasets", "features", folder, "-o", output, "--jobs", 1)
    assert run.status == 3
    assert "broken.wav" in run.err
    dataset = open_dataset(output)
    assert dataset.layout == "table"
    assert set(dataset.examples[0].row) == set(GTZAN_COLUMNS)
    if suffix == "csv":
        with output.open() as file:
            assert tuple(next(csv.reader(file))[:60]) == ("filename", "length", *GTZAN_COLUMNS, "label")


def test_a_written_table_has_the_usual_mode_and_a_full_disk_leaves_nothing(
    genrekit, songs, tmp_path, monkeypatch
):
    output = tmp_path / "sides.csv"
    before = os.umask(0o027)
    try:
        assert genrekit("datasets", "split", songs.source, "-o", output).status == 0
    finally:
        os.umask(before)
    assert output.stat().st_mode & 0o777 == 0o640

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    run = genrekit("datasets", "split", songs.source, "-o", tmp_path / "more.csv")
    assert run.status == 1
    assert "No space left" in run.err
    assert list(tmp_path.iterdir()) == [output]


def test_what_cannot_be_written_or_split_is_refused_before_the_work(genrekit, songs, tmp_path):
    for command in ("split", "features"):
        for output in (tmp_path / "t.txt", tmp_path / "missing" / "t.csv"):
            assert genrekit("datasets", command, tmp_path / "no_such_source", "-o", output).status == 2
    run = genrekit("datasets", "split", songs.source, "-o", tmp_path / "t.csv", "--seed", 2**32)
    assert run.status == 2
    assert "4294967295" in run.err


def test_spectrograms(genrekit, tmp_path):
    path = tmp_path / "mel128.npz"
    mel = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    mel[2] = mel[1]
    np.savez(path, names=np.array(["blues.00000", "blues.00001", "rock.00000"]), mel=mel)
    facts = json.loads(genrekit("datasets", "show", path, "--format", "json").out)
    assert (facts["layout"], facts["modality"], facts["labels"]) == ("npz", "audio", {"blues": 2, "rock": 1})
    facts = json.loads(
        genrekit("datasets", "show", f"gtzan:{tmp_path}", "--read", "spectrogram", "--format", "json").out
    )
    assert (facts["layout"], facts["examples"]) == ("gtzan", 2)
    told = genrekit("datasets", "check", path)
    assert told.status == 3
    assert "blues.00001, rock.00000: the same numbers, labelled blues, rock" in told.out
    for words in (["split", path, "-o", tmp_path / "m.csv"], ["features", path, "-o", tmp_path / "m.csv"]):
        refused = genrekit("datasets", *words)
        assert refused.status == 1
        assert "spectrograms" in refused.err
    assert not (tmp_path / "m.csv").exists()


def test_cells_with_several_genres_follow_the_option(genrekit, tmp_path):
    table = tmp_path / "features.csv"
    cells = ["rock, pop", "rock", "nan", "pop"]
    numbers = np.random.default_rng(0).normal(size=(len(cells), 57)).tolist()
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *GTZAN_COLUMNS, "label"])
        writer.writerows([f"{k}.wav", *numbers[k], cell] for k, cell in enumerate(cells))
    for option, counts in {"drop": [1, 1], "first": [1, 2], "multi": [2, 2]}.items():
        run = genrekit("datasets", "show", table, "--format", "json", "--ambiguous", option)
        facts = json.loads(run.out)
        assert facts["labels"] == dict(zip(["pop", "rock"], counts, strict=True))
        assert any("word for missing" in note for note in facts["notes"])
    checked = json.loads(genrekit("datasets", "check", table, "--format", "json").out)
    assert any("more than one genre" in note for note in checked["notes"])
