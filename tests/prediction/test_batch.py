"""Batches: whatever interrupts them, everything is done once and the results are the same."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile as sf
from mutagen.id3 import TIT2
from mutagen.wave import WAVE
from support.track_tables import tracks
from support.waiting import wait_until

from genrekit.errors import OutputExistsError, UsageError
from genrekit.prediction import batch as batches
from genrekit.prediction import load_model
from genrekit.prediction.batch import Batch
from genrekit.prediction.options import PredictOptions
from genrekit.prediction.output_file import OutputFile
from genrekit.prediction.pipeline import Pipeline

SR = 22050
N_FILES = 40
RUN = [sys.executable, "-m", "genrekit", "predict", "--no-cache", "--jobs", "2"]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Short noises, some of them broken in one way or another."""
    folder = tmp_path_factory.mktemp("library")
    rng = np.random.default_rng(0)
    for i in range(N_FILES):
        path = folder / f"{i:03}.wav"
        if i % 10 == 3:
            path.write_bytes(b"RIFF" + rng.bytes(200))
        elif i % 25 == 7:
            path.write_bytes(b"")
        else:
            sf.write(path, 0.1 * rng.standard_normal(SR // 2), SR)
    return folder


@pytest.fixture
def work(model_path, tmp_path):
    """Run a batch in this process; gives (new, kept, lines)."""
    model = load_model(model_path)

    def run(*inputs, options=None, **how):
        pipeline = Pipeline([model], options or PredictOptions(), jobs=1)
        batch = Batch(OutputFile.of(tmp_path / "out.jsonl"), pipeline)
        done = list(batch.run([str(i) for i in inputs], **how))
        predictions = list(batch.predictions())
        assert len(done) <= len(predictions)
        return batch.new, batch.kept, predictions

    return run


def test_what_is_done_is_not_done_again(work, library):
    first = work(library)
    assert first[:2] == (N_FILES, 0)
    again = work(library, resume=True)
    assert again[:2] == (0, N_FILES)
    assert again[2] == first[2]
    assert [p.id for p in first[2]] == sorted(p.id for p in first[2])
    assert all(p.content.sha256 for p in first[2])
    assert {p.model_sha256 for p in first[2] if p.error is None} == {load_model_sha(work)}


def load_model_sha(work):
    return work.__closure__[0].cell_contents.bundle.sha256


def test_new_content_is_looked_at_whatever_the_name(work, library, tmp_path):
    folder = tmp_path / "songs"
    shutil.copytree(library, folder)
    (folder / "003.wav").unlink()
    work(folder)
    shutil.copy(folder / "000.wav", folder / "001.wav")
    (folder / "900.wav").write_bytes((folder / "005.wav").read_bytes())
    new, kept, predictions = work(folder, resume=True)
    assert (new, kept) == (2, N_FILES - 2)
    by_name = {p.id.rpartition("/")[2]: p for p in predictions}
    assert by_name["001.wav"].scores == by_name["000.wav"].scores
    assert by_name["900.wav"].scores == by_name["005.wav"].scores


def test_errors_are_done_again_only_when_asked(work, library):
    failed = sum(p.error is not None for p in work(library)[2])
    assert failed > 4
    assert work(library, resume=True)[:2] == (0, N_FILES)
    assert work(library, resume=True, retry_errors=True)[:2] == (failed, N_FILES - failed)


def test_what_no_model_takes_is_not_looked_at_again(work, tmp_path):
    (tmp_path / "notes.xyz").write_text("no media")
    (tmp_path / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    inputs = (tmp_path / "notes.xyz", tmp_path / "cover.png")
    assert work(*inputs)[:2] == (2, 0)
    assert work(*inputs, resume=True)[:2] == (0, 2)


def test_going_on_with_other_settings_is_refused_and_says_which(work, library):
    songs = sorted(library.iterdir())[:4]
    work(*songs)
    with pytest.raises(UsageError, match=r"--top-k was 3, is 1, --with was none, is bpm"):
        work(*songs, resume=True, options=PredictOptions(top_k=1, measures=("bpm",)))
    with pytest.raises(UsageError, match=r"--duration was off, is 0\.2"):
        work(*songs, resume=True, options=PredictOptions(duration_s=0.2))
    assert work(*songs, resume=True)[:2] == (0, 4)


def test_results_without_their_journal_cannot_be_gone_on_with(work, library, tmp_path):
    (tmp_path / "out.jsonl").write_text("results")
    with pytest.raises(OutputExistsError, match="does not"):
        work(library / "000.wav", resume=True)
    assert (tmp_path / "out.jsonl").read_text() == "results"
    (tmp_path / "out.jsonl").unlink()
    assert work(library / "000.wav", resume=True)[:2] == (1, 0)


def test_a_song_with_other_tags_is_known_by_its_sound(work, library, tmp_path):
    song = tmp_path / "song.wav"
    shutil.copy(library / "000.wav", song)
    first = work(song)
    tagged = WAVE(song)
    tagged.add_tags()
    tagged.tags.add(TIT2(encoding=3, text="new title"))
    tagged.save()
    assert work(song, resume=True) == (0, 1, first[2])
    shutil.copy(library / "001.wav", song)
    assert work(song, resume=True)[:2] == (1, 0)


def test_the_same_file_twice_is_done_once_and_answered_twice(work, library):
    song = library / "000.wav"
    new, kept, predictions = work(song, song, library / "001.wav", song)
    assert [p.id.rpartition("/")[2] for p in predictions] == ["000.wav", "000.wav", "001.wav", "000.wav"]
    assert new + kept == 4


def test_an_earlier_run_is_neither_mixed_nor_lost_unasked(work, library):
    work(library / "000.wav")
    with pytest.raises(OutputExistsError, match="earlier run"):
        work(library / "001.wav")
    assert work(library / "000.wav", overwrite=True)[:2] == (1, 0)


def test_tables_are_answered_among_songs(tracks_model, model_path, library, tmp_path):
    tracks(5).to_csv(tmp_path / "t.csv", index=False)
    models = [load_model(model_path), load_model(tracks_model)]
    batch = Batch(OutputFile.of(tmp_path / "out.jsonl"), Pipeline(models, jobs=1))
    inputs = [str(library / "000.wav"), str(tmp_path / "t.csv"), str(library / "001.wav")]
    assert [finished.table is not None for finished in batch.run(inputs)] == [False, True, False]
    assert [p.model for p in batch.predictions()] == ["tiny", *["tables"] * 5, "tiny"]


def test_the_run_is_on_record(work, library, tmp_path):
    work(library / "000.wav", arguments=["predict", "https://user:secret@host/a.wav?token=1"])
    text = (tmp_path / "out.jsonl.run" / batches.FACTS).read_text()
    facts = json.loads(text)
    assert facts["models"][0]["sha256"]
    assert facts["versions"]["genrekit"]
    assert facts["arguments"][0] == "predict"
    assert "secret" not in text
    assert "token" not in text


def command(model_path, library, output, *words):
    return [*RUN, "--model", str(model_path), str(library), "-o", str(output), *words]


def n_lines(journal):
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.night)])
def test_killed_at_random_and_resumed_gives_the_same_file(model_path, library, tmp_path, kills):
    whole = tmp_path / "whole.csv"
    run = subprocess.run(command(model_path, library, whole), capture_output=True, text=True)
    assert run.returncode == 3, run.stderr
    output = tmp_path / "out.csv"
    journal = tmp_path / "out.csv.run" / "journal.jsonl"
    killed = 0
    for lines in sorted(random.Random(0).sample(range(1, N_FILES - 10), kills)):
        process = subprocess.Popen(
            command(model_path, library, output, "--resume"), stderr=subprocess.DEVNULL
        )
        while process.poll() is None and n_lines(journal) < lines:
            time.sleep(0.002)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not output.exists()
    assert killed == kills
    run = subprocess.run(command(model_path, library, output, "--resume"), capture_output=True, text=True)
    assert run.returncode == 3, run.stderr
    assert output.read_bytes() == whole.read_bytes()
    names = [json.loads(line)["input"] for line in journal.read_text().splitlines()]
    assert len(names) == len(set(names)) == N_FILES


def test_an_interruption_keeps_what_is_done_and_says_how_to_go_on(model_path, library, tmp_path):
    output = tmp_path / "out.jsonl"
    process = subprocess.Popen(command(model_path, library, output), stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "out.jsonl.run" / "journal.jsonl"
    assert wait_until(lambda: n_lines(journal))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode in (130, 3)  # 3: it was faster
    if process.returncode == 130:
        assert "--resume" in err
        assert not output.exists()
    assert "Traceback" not in err
    run = subprocess.run(command(model_path, library, output, "--resume"), capture_output=True, text=True)
    assert run.returncode == 3
    assert len(output.read_text().splitlines()) == N_FILES
