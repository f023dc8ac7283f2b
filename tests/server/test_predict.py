"""``POST /v1/predict``: every way in, every way out, and the rows of the command line."""

import csv
import io
import json

import pytest

import genrekit
from genrekit.prediction import PredictOptions, load_shipped, write_rows

SOUNDS = ("boom_bap.ogg", "string_arpeggios.ogg")
PICTURES = ("night_drive.jpg", "paper_hills.webp")


def files(media, *names):
    return [("files", (name, (media / name).read_bytes())) for name in names]


def rows_of_the_command_line(paths, format="jsonl", **options):
    """Return what ``genrekit predict -o`` writes, with the names that an upload has."""
    chosen = PredictOptions(**options)
    stream = io.StringIO()
    models = load_shipped()
    write_rows(
        genrekit.predict(paths, model=models, options=chosen), stream, format, models, chosen, provenance=True
    )
    text = stream.getvalue()
    for path in paths:
        text = text.replace(str(path), path.name)
    return text


def same(row, expected):
    """Compare rows; a batch may change the last digit of a score."""
    if isinstance(row, float):
        assert row == pytest.approx(expected, abs=2e-6)
    elif isinstance(row, dict):
        assert row.keys() == expected.keys()
        for key in row:
            same(row[key], expected[key])
    elif isinstance(row, list):
        assert len(row) == len(expected)
        for one, other in zip(row, expected, strict=True):
            same(one, other)
    else:
        assert row == expected


@pytest.mark.parametrize("options", [{}, {"top_k": 1, "windows": True}, {"labels": ("rock", "jazz")}])
def test_rows_of_songs_pictures_and_tables_are_those_of_the_command_line(client, media, options):
    names = [*SOUNDS, *PICTURES] if "labels" not in options else list(SOUNDS)
    query = {key: ",".join(value) if isinstance(value, tuple) else value for key, value in options.items()}
    response = client.post("/v1/predict", files=files(media, *names), params=query)
    assert response.status_code == 200
    expected = [
        json.loads(line)
        for line in rows_of_the_command_line([media / n for n in names], **options).splitlines()
    ]
    result = response.json()
    assert (result["answered"], result["failed"]) == (len(names), 0)
    same(result["results"], expected)


def test_a_table_gives_a_row_per_row_with_its_identifying_columns(client, media):
    table = media.parent / "tracks.csv"
    response = client.post("/v1/predict", files={"file": ("tracks.csv", table.read_bytes())})
    expected = [json.loads(line) for line in rows_of_the_command_line([table]).splitlines()]
    assert response.status_code == 200
    same(response.json()["results"], expected)


def test_csv_has_the_header_of_the_command_line_and_the_columns_of_tables(client, media):
    table = media.parent / "tracks.csv"
    response = client.post(
        "/v1/predict",
        files=[("files", ("tracks.csv", table.read_bytes())), *files(media, SOUNDS[0])],
        headers={"Accept": "text/csv"},
    )
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    found = list(csv.DictReader(io.StringIO(response.text)))
    expected = list(csv.DictReader(io.StringIO(rows_of_the_command_line([table], "csv"))))
    assert [row["input"] for row in found] == [row["input"] for row in expected] + [SOUNDS[0]]
    assert [row["track"] for row in found[:-1]] == [row["track"] for row in expected]
    assert list(found[0]) == list(expected[0])


def test_ndjson_has_a_row_per_line(client, media):
    response = client.post(
        "/v1/predict", files=files(media, *SOUNDS, *PICTURES), headers={"Accept": "application/x-ndjson"}
    )
    assert response.headers["content-type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in response.text.splitlines()]
    assert sorted(row["input"] for row in rows) == sorted([*SOUNDS, *PICTURES])


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        (SOUNDS[0], "audio/ogg"),
        (PICTURES[0], "image/jpeg"),
        (SOUNDS[0], "application/octet-stream"),
        (SOUNDS[0], None),
    ],
)
def test_a_raw_body_is_one_file(client, media, name, content_type):
    headers = {"X-Filename": f"C:\\music\\{name}"} | ({"Content-Type": content_type} if content_type else {})
    response = client.post("/v1/predict", content=(media / name).read_bytes(), headers=headers)
    (row,) = response.json()["results"]
    assert row["input"] == name
    assert row["label"]


def test_a_raw_table_needs_no_name(client, media):
    content = (media.parent / "tracks.csv").read_bytes()
    response = client.post(
        "/v1/predict", content=content, headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert response.json()["answered"] == len(content.splitlines()) - 1


def test_numbers_in_json_are_the_numbers_of_the_command_line(client, numbers):
    response = client.post("/v1/predict", json={"features": numbers, "top_k": 2})
    (row,) = response.json()["results"]
    assert row["input"] == "numbers"
    assert row["model"] == "gtzan"
    assert len(row["scores"]) == 2
    many = client.post("/v1/predict", json={"features": [numbers, numbers]}).json()
    assert [one["label"] for one in many["results"]] == [row["label"]] * 2


def test_rows_in_json_are_the_rows_of_a_table(client, media):
    table = list(csv.DictReader(io.StringIO((media.parent / "tracks.csv").read_text(encoding="utf-8"))))
    response = client.post("/v1/predict", json={"rows": table})
    by_file = client.post(
        "/v1/predict", files={"file": ("t.csv", (media.parent / "tracks.csv").read_bytes())}
    )
    assert [r["label"] for r in response.json()["results"]] == [r["label"] for r in by_file.json()["results"]]


def test_a_broken_file_is_a_row_and_the_others_are_answered(client, media):
    response = client.post(
        "/v1/predict", files=[("files", ("broken.mp3", b"no sound" * 50)), *files(media, SOUNDS[0])]
    )
    assert response.status_code == 200
    broken, good = response.json()["results"]
    assert broken["error"]
    assert broken["label"] is None
    assert good["label"]
    assert response.json()["failed"] == 1


def test_nothing_answered_is_422_with_the_reason(client):
    response = client.post("/v1/predict", files={"file": ("broken.mp3", b"no sound" * 50)})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "/problems/unusable"
    assert problem["detail"] == problem["results"][0]["error"]
    assert client.get(problem["type"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"features": [1, 2]}, "57"),
        ({"features": ["a"] * 57}, "/features/0"),
        ({"features": [[1] * 57, [True] * 57]}, "/features/1/0"),
        ({"features": 7}, "list of numbers"),
        ({"features": []}, "list of numbers"),
        ({"rows": [{}, 3]}, "/rows/1"),
        ({"feature": [1]}, "nothing to predict"),
        ({}, "nothing to predict"),
        ({"features": [1], "rows": []}, "one of them"),
        ([], "list of numbers"),
        ("text", "not an object"),
        ({"path": "/etc/passwd"}, "no paths"),
        ({"spectrogram": [[1], [1, 2]]}, "rectangle"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "length"),
    ],
)
def test_json_that_cannot_be_used_is_refused_in_words(client, body, words):
    response = client.post("/v1/predict", json=body)
    assert 400 <= response.status_code < 500
    assert words in response.json()["detail"] + response.json().get("hint", "")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"features": [NaN]}', b"[" * 100_000, b'{"features": [1e999]}']
)
def test_what_is_not_strict_json_is_refused(client, body):
    response = client.post("/v1/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u", b"song.mp3\n"),
        ("list.m3u8", b"#EXTM3U\n/etc/passwd\n"),
        ("a.mp3", b"#EXTM3U\nhttp://example.org/a.mp3\n"),
        ("disc.cue", b'FILE "a.wav" WAVE\n'),
        ("list.pls", b"[playlist]\n"),
        ("songs.zip", b"PK\x03\x04" + b"\0" * 30),
        ("songs.mp3", b"PK\x03\x04" + b"\0" * 30),
        ("t.csv.gz", b"\x1f\x8b\x08" + b"\0" * 30),
        ("names.txt", b"a.mp3\nb.mp3\n"),
        ("manifest.csv", b"path,label\n/etc/passwd,rock\n"),
        ("manifest.jsonl", b'{"path": "/etc/passwd"}\n'),
    ],
)
def test_what_refers_to_other_files_is_not_taken(client, name, content):
    response = client.post("/v1/predict", files={"file": (name, content)})
    assert response.status_code == 415, response.text
    assert "root:" not in response.text


def test_a_kind_of_body_that_is_not_known_is_415(client):
    response = client.post(
        "/v1/predict", content=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code == 415
    assert "multipart" in response.json()["hint"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"topk": 3}, "top_k"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": "many"}, "top_k"),
        ({"min_confidence": 2}, "min_confidence"),
        ({"unfamiliar": "maybe"}, "unfamiliar"),
        ({"labels": "polka"}, "polka"),
        ({"with": "tempo"}, "bpm"),
        ({"offset": "nan"}, "offset"),
        ({"duration": -1}, "duration"),
    ],
)
def test_parameters_are_checked(client, media, query, words):
    response = client.post("/v1/predict", files=files(media, SOUNDS[0]), params=query)
    assert response.status_code == 400
    assert words in response.json()["detail"] + response.json().get("hint", "")


def test_parameters_come_in_the_query_and_in_form_fields(client, media):
    form = client.post(
        "/v1/predict", files=files(media, SOUNDS[0]), data={"model": "spectrogram", "top-k": "1"}
    )
    query = client.post("/v1/predict?model=spectrogram&top_k=1", files=files(media, SOUNDS[0]))
    assert form.json() == query.json()
    assert form.json()["results"][0]["model"] == "spectrogram"
    twice = client.post("/v1/predict?top_k=1", files=files(media, SOUNDS[0]), data={"top_k": "2"})
    assert twice.status_code == 400


def test_a_model_that_is_not_loaded_is_404(client, media):
    response = client.post("/v1/predict?model=spectrogramm", files=files(media, SOUNDS[0]))
    assert response.status_code == 404
    assert "spectrogram?" in response.json()["hint"]


def test_measures_and_reasons(client, media):
    song = client.post("/v1/predict?with=bpm,key&duration=5", files=files(media, SOUNDS[0])).json()[
        "results"
    ][0]
    assert song["bpm"] is None or song["bpm"] > 0
    assert "camelot" in song
    table = (media.parent / "tracks.csv").read_bytes()
    row = client.post("/v1/predict?explain", files={"file": ("t.csv", table)}).json()["results"][0]
    assert row["reasons"][0]["feature"]


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0"])
def test_a_format_that_is_not_there_is_406(client, media, accept):
    response = client.post("/v1/predict", files=files(media, SOUNDS[0]), headers={"Accept": accept})
    assert response.status_code == 406


def test_too_many_files_and_too_many_bytes_are_413(client):
    many = client.post("/v1/predict", files=[("files", (f"{n}.wav", b"x")) for n in range(33)])
    assert many.status_code == 413
    large = client.post("/v1/predict", content=b"x" * 64_000_001, headers={"Content-Type": "audio/wav"})
    assert large.status_code == 413
    assert large.json()["type"] == "/problems/too-large"


@pytest.mark.parametrize(
    "given", ["schöne Musik.ogg".encode(), b"sch%C3%B6ne%20Musik.ogg", "schöne Musik.ogg".encode("latin-1")]
)
def test_names_in_headers_are_utf_8_or_what_they_can_be(client, media, given):
    song = (media / SOUNDS[0]).read_bytes()
    response = client.post(
        "/v1/predict", content=song, headers={"X-Filename": given, "Content-Type": "audio/ogg"}
    )
    assert response.json()["results"][0]["input"] == "schöne Musik.ogg"
