import csv
import io
import json
import os
import signal
import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile as sf

from genrekit.labels import display_name
from genrekit.models.bundle import load, save
from genrekit.prediction import PredictOptions, load_model
from genrekit.prediction import predict as predict_genres
from genrekit.types import Example

SR = 22050
GENREKIT = [sys.executable, "-m", "genrekit"]


@pytest.fixture
def predict(genrekit, model_path):
    return lambda *words, **options: genrekit("predict", "--model", model_path, *words, **options)


@pytest.fixture
def song(songs):
    return songs.examples[0].path


def rows(run):
    return [json.loads(line) for line in run.out.splitlines()]


def test_one_row_an_input_in_order(predict, songs):
    paths = [example.path for example in songs.examples[:5]]
    run = predict(*paths)
    assert run.status == 0
    assert [row["input"] for row in rows(run)] == [str(path) for path in paths]
    for row in rows(run):
        assert row["label"] == row["scores"][0]["label"] in songs.labels
        assert row["model"] == "tiny"
        assert row["error"] is None


def test_processes_give_the_same_answers_as_none(predict, songs):
    paths = [example.path for example in songs.examples[:6]]
    assert predict(*paths, "--jobs", 2, "--no-cache").out == predict(*paths, "--jobs", 1, "--no-cache").out


BAD = {
    "empty.wav": b"",
    "text.wav": b"this is no sound\n" * 50,
    "header.wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "noise.mp3": bytes(range(256)) * 40,
    "unknown.xyz": b"?",
}


@pytest.fixture
def ugly(tmp_path, song):
    """A folder of everything that people have on their disks, and what must be said about it."""
    rng = np.random.default_rng(0)
    y = (0.1 * rng.standard_normal(3 * SR)).astype(np.float32)
    for name, content in BAD.items():
        (tmp_path / name).write_bytes(content)
    sf.write(tmp_path / "no_samples.wav", np.zeros(0), SR)
    sf.write(tmp_path / "silence.wav", np.zeros(3 * SR), SR)
    sf.write(tmp_path / "blip.wav", y[: SR // 20], SR)
    sf.write(tmp_path / "nan.wav", np.where(np.arange(len(y)) == 9, np.nan, y), SR, subtype="FLOAT")
    (tmp_path / "folder.wav").mkdir()
    sf.write(tmp_path / "folder.wav" / "inside.wav", y, SR)
    sf.write(tmp_path / "slow.wav", y, 8000)
    sf.write(tmp_path / "fast.wav", y, 96000)
    sf.write(tmp_path / "six.wav", np.stack([y] * 6, axis=1), SR)
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes((tmp_path / "slow.wav").read_bytes())
    (tmp_path / "cut.flac").write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    return tmp_path


def test_a_batch_of_ugly_files_loses_nothing_and_stops_for_nothing(predict, ugly):
    names = sorted(ugly.iterdir(), key=os.fsencode)
    run = predict(*names, ugly / "missing.wav", "no*match", "--jobs", 2)
    answers = {Path(row["input"]).name: row for row in rows(run)}
    assert len(rows(run)) == len(names) + 2
    assert run.status == 3
    good = {name for name, row in answers.items() if row["error"] is None}
    assert good >= {"slow.wav", "fast.wav", "six.wav", "inside.wav", os.fsdecode(b"caf\xe9.wav")}
    for name in (*BAD, "no_samples.wav", "silence.wav", "blip.wav", "nan.wav", "missing.wav", "no*match"):
        assert answers[name]["error"], name
        assert answers[name]["label"] is None
    failed = sum(row["error"] is not None for row in answers.values())
    assert f"{failed} of {len(answers)} inputs could not be read" in run.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_row(predict, tmp_path, song):
    path = tmp_path / "secret.flac"
    path.write_bytes(song.read_bytes())
    path.chmod(0)
    run = predict(path)
    assert run.status == 1
    assert "permission" in rows(run)[0]["error"]


def test_nothing_readable_is_status_1_and_nothing_asked_is_2(predict, genrekit, tmp_path):
    assert predict(tmp_path / "missing.wav").status == 1
    assert predict(tmp_path).status == 1
    assert genrekit("predict").status == 2
    assert predict("--features", "1,2", tmp_path).status == 2


def test_a_list_on_stdin(predict, song, tmp_path):
    run = predict("-", stdin=f"{song}\n\n{tmp_path / 'missing.wav'}\n")
    assert [row["input"] for row in rows(run)] == [str(song), str(tmp_path / "missing.wav")]
    assert run.status == 3


def test_formats(predict, song):
    assert json.loads(predict(song, "--format", "json").out)[0]["input"] == str(song)
    (row,) = csv.DictReader(io.StringIO(predict(song, "--format", "csv", "--top-k", 2).out))
    assert row["label"] == row["label_1"]
    assert set(row) == {
        "input",
        "label",
        "score",
        "model",
        "error",
        "note",
        "familiar",
        "label_1",
        "score_1",
        "label_2",
        "score_2",
    }
    table = predict(song, "--format", "table").out
    assert display_name(row["label"]) in table


def test_the_timeline_covers_the_song(predict, song):
    (row,) = rows(predict(song, "--windows"))
    windows = row["windows"]
    assert windows[0]["start_s"] == 0
    assert windows[-1]["end_s"] == pytest.approx(4)
    assert all(a["end_s"] == b["start_s"] for a, b in pairwise(windows))


def test_offset_and_duration_choose_the_part(predict, song):
    (row,) = rows(predict(song, "--offset", 1, "--duration", 2, "--windows"))
    assert [(w["start_s"], w["end_s"]) for w in row["windows"]] == [(1, 3)]
    (row,) = rows(predict(song, "--offset", 100))
    assert "past the end" in row["error"]


def test_it_abstains_below_a_confidence(predict, songs):
    found = rows(predict(*(example.path for example in songs.examples), "--min-confidence", 1))
    assert all(row["error"] is None for row in found)
    assert {row["score"] for row in found if row["label"] is not None} <= {1}
    assert any(row["label"] is None for row in found)


def test_only_the_labels_asked_for_compete(predict, song, songs):
    chosen = songs.labels[1:]
    (row,) = rows(predict(song, "--labels", ",".join(chosen)))
    assert {score["label"] for score in row["scores"]} == set(chosen)
    assert sum(score["score"] for score in row["scores"]) == pytest.approx(1, abs=1e-5)
    run = predict(song, "--labels", "zydeco")
    assert run.status == 2
    assert "knows " + ", ".join(songs.labels) in run.err


def test_numbers_and_tables(predict, genrekit, tmp_path, songs):
    folder = songs.examples[0].path.parent.parent
    table = tmp_path / "table.csv"
    assert genrekit("datasets", "features", folder, "-o", table, "--window-s", 2).status == 0
    with table.open() as file:
        records = list(csv.DictReader(file))
    features = [records[0][name] for name in list(records[0])[2:59]]
    from_table = rows(predict(table))
    assert len(from_table) == len(records)
    (bare,) = rows(predict("--features", ",".join(features)))
    (piped,) = rows(predict("--features", "-", stdin=" ".join(features)))
    assert bare["scores"] == piped["scores"] == from_table[0]["scores"]
    jsonl = tmp_path / "rows.jsonl"
    jsonl.write_text("".join(json.dumps(record) + "\n" for record in records[:2]) + "broken\n")
    run = predict(jsonl)
    assert [row["scores"] for row in rows(run)[:2]] == [row["scores"] for row in from_table[:2]]
    assert "not JSON" in rows(run)[2]["error"]
    assert run.status == 3
    wrong = predict("--features", ",".join(features[:56]))
    assert wrong.status == 2
    assert "There are 56 numbers; expected: 57 (gtzan)" in wrong.err


def test_a_table_with_a_missing_column_says_which(predict, genrekit, tmp_path, songs):
    table = tmp_path / "table.csv"
    genrekit("datasets", "features", songs.examples[0].path.parent.parent, "-o", table)
    header, *lines = table.read_text().splitlines()
    table.write_text("\n".join([header.replace("rms_mean", "rms_nean"), *lines]))
    run = predict(table)
    assert run.status == 1
    assert "rms_mean" in rows(run)[0]["error"]


def test_a_manifest_is_answered_file_by_file(predict, tmp_path, song):
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"path,label\n{song},x\ngone.wav,y\n")
    run = predict(manifest)
    assert [bool(row["error"]) for row in rows(run)] == [False, True]
    assert "read as a manifest" in run.err


def test_nothing_is_overwritten_unless_asked(predict, song, tmp_path):
    output = tmp_path / "out.jsonl"
    assert predict(song, "-o", output).status == 0
    before = output.read_text()
    assert json.loads(before)["input"] == str(song)
    run = predict(song, "-o", output)
    assert run.status == 2
    assert "exists" in run.err
    assert output.read_text() == before
    assert predict(song, "-o", output, "--overwrite", "--top-k", 1).status == 0
    assert output.read_text() != before


def test_models_that_are_none(genrekit, song, tmp_path, model_path):
    data = bytearray(model_path.read_bytes())
    data[len(data) // 2] ^= 1
    for name, content in {"flipped": bytes(data), "no_zip": b"PK\3\4 hm", "empty": b""}.items():
        path = tmp_path / f"{name}.genrekit"
        path.write_bytes(content)
        run = genrekit("predict", "--model", path, song)
        assert run.status == 1
        assert not run.out
        assert str(path) in run.err
    run = genrekit("predict", "--model", "nosuch", song)
    assert run.status == 2
    assert "There is no model 'nosuch'" in run.err


def test_a_closed_pipe_is_no_error_message(model_path, song):
    words = [*GENREKIT, "predict", "--model", str(model_path), "--jobs", "1", *[str(song)] * 400]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert err == b""


def test_ctrl_c_leaves_with_130_and_no_traceback(model_path, song, tmp_path):
    sf.write(tmp_path / "long.wav", 0.1 * np.random.default_rng(0).standard_normal(60 * SR), SR)
    inputs = [str(song), *[str(tmp_path / "long.wav")] * 135]
    words = [*GENREKIT, "predict", "--no-cache", "--jobs", "1", "--model", str(model_path), *inputs]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.decode().strip() == "genrekit: interrupted"


def test_a_choice_of_labels_keeps_their_order(predict, song, songs):
    (free,) = rows(predict(song))
    for pair in combinations(songs.labels, 2):
        (row,) = rows(predict(song, "--labels", ",".join(pair)))
        order = [score["label"] for score in free["scores"] if score["label"] in pair]
        assert [score["label"] for score in row["scores"]] == order


def test_words_in_a_split_column_do_not_matter_here(predict, genrekit, tmp_path, songs):
    table = tmp_path / "table.csv"
    genrekit("datasets", "features", songs.examples[0].path.parent.parent, "-o", table, "--window-s", 4)
    header, *lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},split", *(f"{line},exam" for line in lines)]))
    run = predict(table)
    assert run.status == 0
    assert len(rows(run)) == len(lines)


def test_an_output_in_no_folder_is_refused_before_the_work(predict, song, tmp_path):
    run = predict(song, "-o", tmp_path / "none" / "out.jsonl")
    assert run.status == 2
    assert "cannot be written" in run.err
    assert predict(song, "-o", tmp_path).status == 2


def test_an_interrupted_output_does_not_look_complete(predict, song, tmp_path, monkeypatch):
    output = tmp_path / "out.json"
    output.write_text("the old one")
    monkeypatch.setattr("genrekit.output.writers.JsonWriter.write", Interrupts())
    assert predict(song, "-o", output, "--overwrite", "--format", "json").status == 130
    assert output.read_text() == "the old one"
    assert (tmp_path / "out.json.part").exists()


class Interrupts:
    def __call__(self, *arguments):
        raise KeyboardInterrupt


def test_a_graph_that_is_none_ends_the_run_with_one_sentence(genrekit, model_path, song, tmp_path):
    bundle = load(model_path)
    save(tmp_path / "pickle.genrekit", bundle.manifest, onnx=b"\x80\x04.", native={}, card="")
    run = genrekit("predict", "--model", tmp_path / "pickle.genrekit", song, song)
    assert run.status == 1
    assert not run.out
    assert "ONNX" in run.err


def test_python_takes_one_path_or_an_example_with_its_own_part(model_path, song):
    models = [load_model(model_path)]
    (alone,) = predict_genres(str(song), model=models)
    assert alone.id == str(song)
    example = Example(id="part", path=song, offset_s=1.0, duration_s=2.0)
    (part,) = predict_genres(example, model=models, options=PredictOptions(windows=True))
    assert [(w.start_s, w.end_s) for w in part.windows] == [(1.0, 3.0)]


def test_a_folder_of_the_same_name_does_not_hide_a_shipped_model(tmp_path, monkeypatch, model_path):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("genrekit.prediction.loading.shipped_models", lambda: {"tiny": model_path})
    assert load_model("tiny").name == "tiny"


def test_a_parquet_of_odd_types_costs_itself_only(predict, song, tmp_path):
    odd = tmp_path / "odd.parquet"
    times = pa.array([2**61], pa.timestamp("us"))
    pq.write_table(pa.table({"path": ["x"], "when": times}), odd)
    run = predict(odd, song)
    assert [bool(row["error"]) for row in rows(run)] == [True, False]


def test_empty_words_and_empty_inputs_are_said(predict, tmp_path):
    run = predict("")
    assert run.status == 1
    assert rows(run)[0]["error"] == "The input is an empty name."
    run = predict("-", stdin="")
    assert run.status == 1
    assert "nothing to predict" in run.err


def test_paths_between_nul_bytes(predict, song):
    assert len(rows(predict("-", stdin=f"{song}\0{song}\0"))) == 2


def test_the_suffix_of_the_output_chooses_the_format(predict, song, tmp_path):
    assert predict(song, "-o", tmp_path / "out.csv").status == 0
    assert (tmp_path / "out.csv").read_text().startswith("input,label,")


def test_an_output_that_is_a_link_is_written_through(predict, song, tmp_path):
    (tmp_path / "real.jsonl").write_text("")
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    assert predict(song, "-o", tmp_path / "link.jsonl", "--overwrite").status == 0
    assert (tmp_path / "link.jsonl").is_symlink()
    assert json.loads((tmp_path / "real.jsonl").read_text())["input"] == str(song)


def test_a_link_to_itself_costs_itself_only(predict, genrekit, song, tmp_path):
    (tmp_path / "music" / "rock").mkdir(parents=True)
    (tmp_path / "music" / "rock" / "a.flac").symlink_to("a.flac")
    (tmp_path / "music" / "rock" / "b.flac").write_bytes(song.read_bytes())
    assert sum(row["error"] is None for row in rows(predict(tmp_path / "music"))) == 1
    shown = json.loads(genrekit("datasets", "show", tmp_path / "music", "--format", "json").out)
    assert shown["examples"] == 1
