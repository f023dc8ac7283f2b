import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import DatasetError, UsageError
from genrekit.library.tags.journal import read_journal
from genrekit.output import open_writer
from genrekit.prediction.inputs import Input
from genrekit.prediction.results_file import read_results, results_for
from genrekit.types import Content, Prediction, WindowScore

GOOD = Prediction(
    "a b.mp3",
    model="m",
    label="rock",
    score=0.75,
    labels=("rock", "pop"),
    scores=(("rock", 0.75), ("pop", 0.5)),
    windows=(WindowScore(0, 1, "rock", 0.7), WindowScore(1, 2, "pop", 0.6)),
    content=Content(12, "ab" * 32),
)
BAD = Prediction("broken.mp3", error="The file is empty.")
UNSURE = Prediction("c.mp3", model="m", score=0.2, scores=(("rock", 0.2),), content=Content(3, "cd" * 32))


def written(path, format, **options):
    stream = io.BytesIO() if format == "parquet" else io.StringIO()
    with open_writer(format, stream, top_k=2, provenance=True, **options) as writer:
        for prediction in (GOOD, BAD, UNSURE):
            writer.write(prediction)
    value = stream.getvalue()
    path.write_bytes(value if isinstance(value, bytes) else value.encode())
    return list(read_results(path))


@pytest.mark.parametrize("format", ["jsonl", "csv", "json", "parquet"])
@pytest.mark.parametrize("windows", [False, True])
def test_what_predict_writes_comes_back(tmp_path, format, windows):
    rows = written(tmp_path / f"out.{format}", format, windows=windows, multilabel=True)
    for row, wanted in zip(rows, (GOOD, BAD, UNSURE), strict=True):
        assert (row.id, row.label, row.score, row.labels) == (
            wanted.id,
            wanted.label,
            wanted.score,
            wanted.labels,
        )
        assert (row.scores, row.error, row.content) == (wanted.scores, wanted.error, wanted.content)


def test_paths_choose_among_results():
    rows = list(
        results_for([Input("./c.mp3"), Input("new.mp3"), Input("x", error="is odd")], [GOOD, UNSURE], "out")
    )
    assert [row.error for row in rows] == [None, "has no result in out", "is odd"]
    assert rows[0] == UNSURE


@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["input", "label", "score", "labels", "scores", "sha256", "bytes"]), inner
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_any_line_is_one_row(tmp_path_factory, line):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    line = line.replace(b"\n", b" ")
    good = json.dumps({"input": "a", "label": None}).encode()
    path.write_bytes(line + b"\n" + good + b"\n")
    rows = list(read_results(path))
    texts = (line.decode(encoding, "replace") for encoding in ("utf-8", "cp1252"))  # a lone NBSP is blank
    assert len(rows) - 1 in {bool(line.strip()), *(bool(text.strip()) for text in texts)}
    assert rows[-1] == Prediction("a")
    path.with_suffix(".j").write_bytes(line + b"\n")
    with pytest.raises(DatasetError):
        read_journal(path.with_suffix(".j"))


def test_what_is_no_file_of_results(tmp_path):
    for name, error in (("a.txt", UsageError), ("none.jsonl", DatasetError), ("t.csv", DatasetError)):
        (tmp_path / "t.csv").write_text("a,b\n1,2\n")
        with pytest.raises(error):
            list(read_results(tmp_path / name))


def test_a_journal_of_another_version_and_one_cut_short(tmp_path):
    entry = {
        "genrekit_tags": 2, "path": "/a", "format": "flac", "before": {}, "values": {"bpm": [[], ["120"]]},
        "sha256_before": "0", "sha256_after": "1",
    }  # fmt: skip
    line = json.dumps(entry)
    path = tmp_path / "j.jsonl"
    path.write_text(json.dumps(entry | {"genrekit_tags": 3}) + "\n")
    with pytest.raises(DatasetError, match="not a journal"):
        read_journal(path)
    path.write_text(f"{line}\n{line[:40]}")
    assert [one.path for one in read_journal(path)] == ["/a"]
    path.write_text(f"{line[:40]}\n{line}\n")
    with pytest.raises(DatasetError, match="line 1"):
        read_journal(path)


MEASURED = replace(
    GOOD, windows=(), analysis={"bpm": 120.5, "key": "Eb major", "camelot": "5B", "key_confidence": 0.5}
)


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_what_was_measured_comes_back(tmp_path, format):
    unclear = replace(MEASURED, id="b.mp3", analysis=dict.fromkeys(MEASURED.analysis))
    path = tmp_path / f"out.{format}"
    with path.open("w", encoding="utf-8") as stream:
        options = {"analysis": tuple(MEASURED.analysis), "provenance": True, "multilabel": True}
        with open_writer(format, stream, top_k=2, **options) as writer:
            writer.write(MEASURED)
            writer.write(unclear)
    assert [row.analysis for row in read_results(path)] == [MEASURED.analysis, unclear.analysis]
    assert not written(path, format)[0].analysis


@pytest.mark.parametrize("value", ['"fast"', "[120]", "1" + "0" * 400])
def test_a_measure_that_is_none_is_no_result(tmp_path, value):
    path = tmp_path / "out.jsonl"
    path.write_text('{"input": "a", "label": null, "bpm": ' + value + "}\n")
    (row,) = read_results(path)
    assert "not a result" in row.error


@pytest.mark.parametrize("above", ["", "sep=;\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_results_that_a_spreadsheet_saved_again(tmp_path, above, encoding):
    wanted = replace(MEASURED, id="caf\u00e9, live; take 2.mp3")
    stream = io.StringIO()
    options = {"analysis": tuple(wanted.analysis), "provenance": True, "multilabel": True}
    with open_writer("csv", stream, top_k=2, **options) as writer:
        writer.write(wanted)
    rows = [
        [
            cell.replace(".", ",") if k and set(cell) <= set("0123456789.") else cell
            for k, cell in enumerate(row)
        ]
        for row in csv.reader(io.StringIO(stream.getvalue()))
    ]
    again = io.StringIO(newline="")
    csv.writer(again, delimiter=";").writerows(rows)
    (tmp_path / "out.csv").write_bytes((above + again.getvalue()).encode(encoding))
    (row,) = read_results(tmp_path / "out.csv")
    assert (row.id, row.score, row.scores, row.analysis) == (wanted.id, 0.75, wanted.scores, wanted.analysis)


def test_results_as_json_lines_keep_names_that_are_not_text(tmp_path):
    (tmp_path / "out.jsonl").write_bytes('{"input": "caf\\udce9.wav", "label": null}\n'.encode("utf-16"))
    assert list(read_results(tmp_path / "out.jsonl")) == [Prediction("caf\udce9.wav")]
