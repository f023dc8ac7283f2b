"""What commands say when they are done, or interrupted."""

from collections import Counter

import pytest

from genrekit import training
from genrekit.cli.output_rows import wrote
from genrekit.labels import GenreNames
from genrekit.prediction import Counts


def test_a_file_of_results_is_summed_up(genrekit, model_path, songs, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "broken2.wav").write_bytes(b"RIFF")
    out = tmp_path / "genres.csv"
    paths = [example.path for example in songs.examples[:5]]
    broken = [tmp_path / "broken.wav", tmp_path / "broken2.wav", tmp_path / "none.wav"]
    run = genrekit("predict", *paths, *broken, "--model", model_path, "-o", out)
    assert run.status == 3
    (line,) = [line for line in run.err.splitlines() if line.startswith("wrote")]
    assert line.startswith(f"wrote 8 rows to {out}: ")
    assert "; 3 not read: The content is not a known sound format 2, no such file 1" in line
    labels = line.split(": ", 1)[1].split("; ")[0].split(", ")
    assert sum(int(one.rpartition(" ")[2]) for one in labels) == 5


def test_an_abstention_is_unsure():
    counts = Counts(predicted=3, labels=Counter({"": 1, "rock": 2}))
    assert wrote(counts, "x.csv", GenreNames()) == "wrote 3 rows to x.csv: Rock 2, unsure 1"


def test_rows_on_stdout_say_why_inputs_were_not_read(genrekit, model_path):
    run = genrekit("predict", "nowhere.wav", "none.mp3", "--model", model_path)
    assert (run.status, "2 of 2 inputs could not be read: no such file; their rows say" in run.err) == (
        1,
        True,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--backend", "gtzan"), "the same command starts from them"),
        (("--backend", "gtzan", "--grid", "window_s=2,3"), "the same command goes on after them"),
        (("--backend", "spectrogram"), "to go on, add --resume"),
    ],
)
def test_an_interrupted_training_says_how_to_go_on(genrekit, words, said, tmp_path, monkeypatch):
    def interrupted(*arguments, output, **options):
        training.beside(output).mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupted)
    run = genrekit("train", "synthetic:?genres=2&songs=2&seconds=1", "-o", tmp_path / "m.genrekit", *words)
    assert (run.status, said in run.err) == (130, True)
