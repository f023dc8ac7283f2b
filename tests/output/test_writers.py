"""Writers: one row out for every prediction, whatever the names hold, at once."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from genrekit.errors import UsageError
from genrekit.output import open_writer
from genrekit.prediction import read_results
from genrekit.types import Prediction, WindowScore

TEXTS = ("table", "json", "jsonl", "csv")

ROCK = Prediction(
    "songs/a.wav",
    model="gtzan",
    label="rock",
    score=0.7123456789,
    scores=(("rock", 0.7123456789), ("metal", 0.2), ("pop", 0.05)),
    labels=("rock",),
    windows=(
        WindowScore(0, 3, "rock", 0.8),
        WindowScore(3, 6, "rock", 0.6),
        WindowScore(6, 9.0004, "metal", 0.5),
    ),
    extra={"artist": "The Examples", "label": "guess"},
)
FAILED = Prediction("bad.wav", error="It is text, not audio.")
UNSURE = Prediction("b.wav", model="gtzan", scores=(("pop", 0.3), ("rock", 0.29)))
NASTY = (
    "new\nline.wav",
    "carriage\rreturn.wav",
    'a "quoted", name.wav',
    "\udce9t\udce9.wav",
    "\x1b[31mred\x1b[2J.wav",
    "[bold]markup[/bold] :smile:.wav",
    "\u202egnp.wav",
    "\u65e5\u672c\u8a9e\u306e\u97f3\u697d.flac",
    "",
)


def written(format: str, *predictions: Prediction, encoding: str = "utf-8", **options: object) -> str:
    """What a writer leaves in a strict stream, decoded."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    with open_writer(format, stream, **options) as writer:
        for prediction in predictions:
            writer.write(prediction)
    return raw.getvalue().decode(encoding)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class TestEveryFormat:
    @pytest.mark.parametrize("format", TEXTS)
    @pytest.mark.parametrize("windows", [True, False])
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
    def test_no_name_crashes_it(self, format, windows, encoding):
        predictions = [Prediction(name, model=name, error=name, scores=((name, 0.5),)) for name in NASTY]
        predictions += [Prediction(name, label=name, score=0.5, scores=((name, 0.5),)) for name in NASTY]
        text = written(format, *predictions, encoding=encoding, windows=windows, top_k=2)
        assert text

    @pytest.mark.parametrize("format", TEXTS)
    def test_every_row_is_out_before_the_next_one_comes(self, format):
        raw = io.BytesIO()
        writer = open_writer(format, io.TextIOWrapper(raw, encoding="utf-8"))
        for i in range(3):
            before = len(raw.getvalue())
            writer.write(Prediction(f"{i}.wav", label="rock", score=0.5, scores=(("rock", 0.5),)))
            assert f"{i}.wav" in raw.getvalue()[before:].decode()

    @pytest.mark.parametrize("format", TEXTS)
    def test_the_stream_stays_open(self, format):
        stream = io.StringIO()
        with open_writer(format, stream) as writer:
            writer.write(FAILED)
        assert not stream.closed

    @pytest.mark.parametrize("format", TEXTS)
    def test_a_reader_that_has_gone_is_reported_once(self, format):
        class Closed(io.StringIO):
            gone = False

            def write(self, text: str) -> int:
                if self.gone:
                    raise BrokenPipeError
                return super().write(text)

        stream = Closed()
        with pytest.raises(BrokenPipeError), open_writer(format, stream) as writer:  # noqa: PT012
            writer.write(ROCK)
            stream.gone = True
            writer.write(ROCK)

    def test_an_unknown_format_is_refused_with_the_known_ones(self):
        with pytest.raises(UsageError, match="table, json, jsonl, csv"):
            open_writer("xml", io.StringIO())

    def test_at_least_one_label(self):
        with pytest.raises(UsageError, match="top_k is 0"):
            open_writer("csv", io.StringIO(), top_k=0)


class TestJson:
    def test_one_object_a_line_with_fixed_keys(self):
        lines = [json.loads(line) for line in written("jsonl", ROCK, FAILED, UNSURE, top_k=2).splitlines()]
        assert [line["input"] for line in lines] == ["songs/a.wav", "bad.wav", "b.wav"]
        assert all(list(line)[:7] == list(lines[0])[:7] for line in lines)
        assert lines[0] == {
            "input": "songs/a.wav",
            "label": "rock",
            "score": 0.712346,
            "model": "gtzan",
            "error": None,
            "note": None,
            "familiar": None,
            "labels": ["rock"],
            "scores": [{"label": "rock", "score": 0.712346}, {"label": "metal", "score": 0.2}],
            "extra": {"artist": "The Examples", "label": "guess"},
        }
        assert lines[1]["error"] == "It is text, not audio."
        assert lines[2]["label"] is None

    def test_the_array_holds_the_same_objects(self):
        lines = written("jsonl", ROCK, FAILED, windows=True).splitlines()
        assert json.loads(written("json", ROCK, FAILED, windows=True)) == [json.loads(line) for line in lines]

    @pytest.mark.parametrize("n", [0, 1, 5])
    def test_the_array_is_valid_for_any_number(self, n):
        assert len(json.loads(written("json", *[FAILED] * n))) == n

    def test_an_interrupted_array_is_complete(self):
        stream = io.StringIO()
        with pytest.raises(KeyboardInterrupt), open_writer("json", stream) as writer:  # noqa: PT012
            writer.write(FAILED)
            raise KeyboardInterrupt
        assert len(json.loads(stream.getvalue())) == 1

    def test_the_timeline_is_nested(self):
        line = json.loads(written("jsonl", ROCK, windows=True))
        assert line["windows"][2] == {"start_s": 6.0, "end_s": 9.0, "label": "metal", "score": 0.5}
        assert json.loads(written("jsonl", FAILED, windows=True))["windows"] == []
        assert "windows" not in json.loads(written("jsonl", ROCK))

    @pytest.mark.parametrize("name", NASTY)
    def test_names_come_back_exactly(self, name):
        for encoding in ("utf-8", "ascii"):
            assert json.loads(written("json", Prediction(name), encoding=encoding))[0]["input"] == name

    def test_bytes_of_a_name_come_back(self):
        line = json.loads(written("jsonl", Prediction(os.fsdecode(b"\xe9t\xe9.wav"))))
        assert os.fsencode(line["input"]) == b"\xe9t\xe9.wav"


class TestCsv:
    def test_columns_are_fixed(self):
        header = "input,label,score,model,error,note,familiar,label_1,score_1,label_2,score_2"
        assert written("csv", top_k=2) == header + "\n"
        assert written("csv", FAILED, ROCK, top_k=2).splitlines() == [
            header,
            'bad.wav,,,,"It is text, not audio.",,,,,,',
            "songs/a.wav,rock,0.712346,gtzan,,,,rock,0.712346,metal,0.2",
        ]

    def test_fewer_labels_than_asked_for_leave_cells_empty(self):
        row = rows(written("csv", UNSURE, top_k=4))[0]
        assert (row["label"], row["label_2"], row["score_2"], row["label_3"], row["score_4"]) == (
            "",
            "rock",
            "0.29",
            "",
            "",
        )

    def test_extra_columns_do_not_hide_ours(self):
        row = rows(written("csv", ROCK, extra=("artist", "label", "year")))[0]
        assert (row["label"], row["extra_label"], row["artist"], row["year"]) == (
            "rock",
            "guess",
            "The Examples",
            "",
        )

    def test_a_row_a_window(self):
        table = rows(written("csv", ROCK, FAILED, UNSURE, windows=True, extra=("artist",)))
        assert [row["input"] for row in table] == ["songs/a.wav"] * 3 + ["bad.wav", "b.wav"]
        assert [row["start_s"] for row in table] == ["0.0", "3.0", "6.0", "", ""]
        assert (table[2]["end_s"], table[2]["window_label"], table[2]["window_score"]) == (
            "9.0",
            "metal",
            "0.5",
        )
        assert [row["artist"] for row in table] == ["The Examples"] * 3 + ["", ""]
        assert table[3]["error"]

    @pytest.mark.parametrize("name", [name for name in NASTY if "\udce9" not in name])
    def test_names_come_back_exactly(self, name):
        table = rows(written("csv", Prediction(name, error=name), ROCK))
        assert (table[0]["input"], table[0]["error"]) == (name, name)
        assert len(table) == 2

    def test_what_the_stream_cannot_encode_is_escaped(self):
        assert rows(written("csv", Prediction("\udce9.wav")))[0]["input"] == "\\udce9.wav"
        assert rows(written("csv", Prediction("é.wav"), encoding="ascii"))[0]["input"] == "\\xe9.wav"
        assert rows(written("csv", Prediction("é.wav")))[0]["input"] == "é.wav"


class TestTable:
    @pytest.fixture(params=[40, 60, 80, 120])
    def width(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
        monkeypatch.setenv("COLUMNS", str(request.param))
        return request.param

    def test_labels_come_first_and_nothing_is_wider_than_the_terminal(self, width):
        path = "music/" + "a very long folder name/" * 6 + "the song.wav"
        long = Prediction(
            path, label="rock", score=0.7, scores=(("rock", 0.7), ("alternative rock and roll", 0.2))
        )
        lines = written("table", long, FAILED, ROCK, windows=True).splitlines()
        assert max(map(len, lines)) <= width
        place = next(i for i, line in enumerate(lines) if line.startswith("rock "))
        folder, first = "".join(lines[:place]), lines[place]
        assert "70 %" in first
        assert first.rstrip().endswith("song.wav")
        assert folder.startswith("music/a very long")

    def test_bars_are_as_long_as_the_scores(self, width):
        lines = written(
            "table", Prediction("x", label="a", scores=(("a", 0.5), ("b", 0.25), ("c", 0.0)))
        ).splitlines()
        full = max(4, min(20, width // 5))
        assert [line.count("█") for line in lines] == [full // 2, full // 4, 0]

    def test_errors_and_doubts_are_told_apart(self):
        text = written("table", FAILED, UNSURE)
        assert text.splitlines()[0].split() == ["error", "bad.wav"]
        assert "It is text, not audio." in text.splitlines()[1]
        assert "unsure" in text
        assert "30 %" in text

    def test_an_answer_without_scores_is_shown(self):
        assert written("table", Prediction("x.wav", label="rock")).split() == ["rock", "x.wav"]

    def test_only_top_k_labels(self):
        assert "metal" not in written("table", ROCK, top_k=1)

    def test_the_model_is_named_when_it_changes(self):
        other = Prediction("c.jpg", model="covers", label="pop", scores=(("pop", 1.0),))
        lines = written("table", ROCK, ROCK, other, ROCK).splitlines()
        assert [line.strip() for line in lines if line.startswith("model")] == [
            "model gtzan",
            "model covers",
            "model gtzan",
        ]

    def test_the_timeline_joins_windows_of_one_label(self):
        assert "0:00-0:06 rock 70 %, 0:06-0:09 metal 50 %" in written("table", ROCK, windows=True)
        assert "0:00" not in written("table", ROCK)

    def test_minutes(self):
        song = Prediction("x", windows=(WindowScore(59.6, 3601, "pop", 0.5),))
        assert "1:00-60:01 pop 50 %" in written("table", song, windows=True)

    def test_names_cannot_steer_the_terminal(self):
        text = written("table", *[Prediction(name, error=name, model=name) for name in NASTY])
        assert text.isascii() or all(c.isprintable() or c == "\n" for c in text)
        assert "\x1b" not in text
        assert "\\x1b[31mred" in text
        assert "[bold]markup[/bold] :smile:" in text

    def test_wide_characters_take_two_columns(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "40")
        name = "\u65e5\u672c\u8a9e\u306e\u97f3\u697d" * 5
        line = written("table", Prediction(name, label="a", scores=(("a", 0.5),))).splitlines()[0].rstrip()
        assert 0 < line.count("…") < 2
        assert sum(2 if ord(c) > 0x3000 else 1 for c in line) <= 40

    def test_ascii_terminals_get_ascii(self):
        assert "####" in written("table", ROCK, encoding="ascii")

    def test_colours_only_on_a_terminal(self, monkeypatch):
        assert "\x1b" not in written("table", ROCK)
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        assert "\x1b[1;32mrock" in written("table", ROCK)


def test_importing_writers_needs_neither_numpy_nor_pandas():
    code = "import sys, genrekit.output.writers; print(*{'numpy', 'pandas', 'sklearn'}.intersection(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_a_terminal_gets_a_strip_of_which_genre_when():
    windows = tuple(WindowScore(3.0 * i, 3.0 * i + 3, "jazz" if i < 5 else "pop", 0.5) for i in range(10))
    prediction = Prediction(
        "song", model="m", label="jazz", score=0.5, scores=(("jazz", 0.5),), windows=windows
    )
    stream = io.StringIO()
    stream.isatty = lambda: True
    with open_writer("table", stream, windows=True) as writer:
        writer.write(prediction)
    shown = stream.getvalue()
    assert shown.count("■") == 60 + 2
    plain = io.StringIO()
    with open_writer("table", plain, windows=True) as writer:
        writer.write(prediction)
    assert "■" not in plain.getvalue()


@pytest.mark.parametrize("familiar", [True, False, None])
def test_whether_an_input_is_like_what_was_learnt_is_read_back(tmp_path, familiar):
    prediction = replace(ROCK, familiar=familiar)
    word = {True: "true", False: "false", None: ""}[familiar]
    assert rows(written("csv", prediction))[0]["familiar"] == word
    assert json.loads(written("jsonl", prediction))["familiar"] is familiar
    assert ("unlike anything that the model learnt" in written("table", prediction)) == (familiar is False)
    for format in ("csv", "jsonl"):
        path = tmp_path / f"results.{format}"
        path.write_text(written(format, prediction, provenance=True), encoding="utf-8")
        (again,) = read_results(path)
        assert again.familiar is familiar
