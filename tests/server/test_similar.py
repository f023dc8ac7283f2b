"""``POST /v1/similar``: as the command line, by files, numbers and rows of the index."""

import shutil

import pytest
from support.serving import running, started

from genrekit.errors import GenrekitError
from genrekit.similarity import index, similar

TRACKS = "tracks.csv"


@pytest.fixture(scope="module")
def library(songs, network, tmp_path_factory):
    """A folder of songs with tags, and its index."""
    import mutagen

    folder = tmp_path_factory.mktemp("library")
    for number, example in enumerate(songs.examples[:9]):
        path = folder / "music" / f"{number}.flac"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(example.path, path)
        file = mutagen.File(path, easy=True)
        file["artist"], file["title"] = f"artist {number % 3}", f"title {number}"
        file.save()
    index(folder / "music", folder / "music.index", model=network.path, jobs=1)
    return folder


@pytest.fixture(scope="module")
def client(library, network):
    with running(models=(str(network.path), "spotify"), index=library / "music.index") as found:
        yield found


def sent(library, number):
    return ("song.flac", (library / "music" / f"{number}.flac").read_bytes())


def named(response):
    assert response.status_code == 200, response.text
    return [(row["input"], row["score"]) for row in response.json()["results"]]


def test_a_file_gives_what_the_command_line_gives(client, library):
    expected = similar(library / "music" / "4.flac", library / "music.index", k=5)
    by_file = client.post("/v1/similar?k=5", files={"files": sent(library, 4)})
    wanted = [(one.path.rsplit("/", 1)[1], pytest.approx(one.score, abs=1e-5)) for one in expected]
    assert named(by_file) == wanted
    found = by_file.json()
    assert found["query"] == {
        "input": "song.flac", "id": None, "in_index": True, "artist": "artist 1", "title": "title 4",
    }  # fmt: skip
    assert found["songs"] == 9
    assert found["results"][0] | {"label": None} == {
        "rank": 1, "id": expected[0].id, "input": wanted[0][0], "score": found["results"][0]["score"], "label": None,
        "label_score": expected[0].label_score, "artist": expected[0].artist, "title": expected[0].title,
        "length_s": expected[0].length_s, "exists": True,
    }  # fmt: skip
    headers = {"Content-Type": "audio/flac"}
    raw = client.post("/v1/similar?k=5", content=sent(library, 4)[1], headers=headers)
    assert named(raw) == wanted
    assert str(library) not in by_file.text


def test_a_row_of_the_index_is_a_query(client, library):
    expected = named(client.post("/v1/similar?k=5", files={"files": sent(library, 4)}))
    by_id = {row["input"]: row["id"] for row in client.post("/v1/similar?id=1").json()["results"]}
    for response in (
        client.post(f"/v1/similar?id={by_id['4.flac']}&k=5"),
        client.post("/v1/similar", json={"id": by_id["4.flac"], "k": 5}),
        client.post("/v1/similar", files={"id": (None, str(by_id["4.flac"])), "k": (None, "5")}),
    ):
        assert [name for name, _ in named(response)] == [name for name, _ in expected]
        assert response.json()["query"]["input"] == "4.flac"


def test_filters_are_those_of_the_command_line(client, library):
    found = client.post("/v1/similar?other_artists", files={"files": sent(library, 4)}).json()["results"]
    assert {row["artist"] for row in found} == {"artist 0", "artist 2"}
    label = found[0]["label"]
    genre = client.post(f"/v1/similar?genre={label}", files={"files": sent(library, 4)}).json()["results"]
    assert genre
    assert {row["label"] for row in genre} == {label}
    away = similar(
        library / "music" / "4.flac", library / "music.index", k=3, unlike=library / "music" / "2.flac"
    )
    ids = {row["input"]: row["id"] for row in found}
    expected = [(one.path.rsplit("/", 1)[1], pytest.approx(one.score, abs=1e-5)) for one in away]
    files = [("files", sent(library, 4)), ("unlike", sent(library, 2))]
    assert named(client.post("/v1/similar?k=3", files=files)) == expected
    assert named(client.post(f"/v1/similar?k=3&unlike={ids['2.flac']}", files=files[:1])) == expected
    part = similar(library / "music" / "4.flac", library / "music.index", k=3, offset_s=0.5, duration_s=1)
    by_part = client.post("/v1/similar?k=3&offset=0.5&duration=1", files=files[:1])
    assert [name for name, _ in named(by_part)] == [one.path.rsplit("/", 1)[1] for one in part]


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"url": "/v1/similar?id=999"}, 404, "no row 999"),
        ({"url": "/v1/similar?id=1&unlike=999"}, 404, "no row 999"),
        ({"url": "/v1/similar?id=1&k=0"}, 400, "k is '0'"),
        ({"url": "/v1/similar?id=1&genre=nosuch"}, 400, "its genres are"),
        ({"url": "/v1/similar?id=1&top_k=3"}, 400, "no parameter"),
        ({"url": "/v1/similar?id=one"}, 400, "id is 'one'"),
        ({"url": "/v1/similar", "json": {}}, 400, "nothing"),
        ({"url": "/v1/similar", "json": {"id": {}}}, 422, "/id"),
        ({"url": "/v1/similar", "json": {"features": [0.5] * 13}}, 422, "no model takes"),
        ({"url": "/v1/similar", "files": {"file": ("a.mp3", b"no song")}}, 422, "not a known sound format"),
        ({"url": "/v1/similar", "files": {"file": ("a.m3u8", b"#EXTM3U")}}, 415, "playlist"),
        ({"url": "/v1/similar?id=1", "headers": {"Accept": "text/csv"}}, 406, "Accept"),
    ],
)
def test_what_cannot_be_a_query_says_so(client, request_, status, words):
    response = client.post(request_.pop("url"), **request_)
    assert response.status_code == status, response.text
    assert words in response.json()["detail"]


def test_one_song_at_a_time(client, library):
    two = [("files", sent(library, 1)), ("files", sent(library, 2))]
    assert "a search is by one" in client.post("/v1/similar", files=two).json()["detail"]
    assert "a search is by one" in client.post("/v1/similar", files={"unlike": two[0][1]}).json()["detail"]


def test_a_row_of_a_table_and_numbers(tmp_path, media):
    table = media.parent / TRACKS
    made = index(table, tmp_path / "rows.index", model="spotify", jobs=1)
    assert made.total > 1
    expected = [
        one.input.partition("#")[2] for one in similar(f"{table}#row 2", tmp_path / "rows.index", k=3)
    ]
    lines = table.read_bytes().splitlines()
    with running(models=("spotify",), index=tmp_path / "rows.index") as rows:
        found = rows.post("/v1/similar?k=4", files={"file": ("t.csv", b"\n".join(lines[:2]))})
        assert [name.partition("#")[2] for name, _ in named(found)][
            1:
        ] == expected  # it is not known as the same row
        assert named(found)[0][1] == pytest.approx(1, abs=1e-6)
        assert (
            "several rows"
            in rows.post("/v1/similar", files={"file": ("t.csv", table.read_bytes())}).json()["detail"]
        )
        assert len(named(rows.post("/v1/similar", json={"features": [0.5] * 13}))) == made.total


def test_without_an_index_and_with_one_of_another_model(library, tmp_path):
    with running(models=("spotify",)) as without:
        response = without.post("/v1/similar?id=1")
        assert response.status_code == 501
        assert "--index" in response.json()["hint"]
        assert "/v1/similar" not in without.get("/openapi.json").json()["paths"]
    with (
        pytest.raises(GenrekitError, match="which is not served"),
        running(models=("spotify",), index=library / "music.index"),
    ):
        pass
    with started(tmp_path, "spotify", "--index", str(tmp_path / "none.index")) as refused:
        assert refused.wait() == 2
        assert "is not there" in refused.said()


def test_an_index_that_grows_is_read_again(library, network, tmp_path):
    shutil.copytree(library / "music", tmp_path / "music")
    index(tmp_path / "music" / "1.flac", tmp_path / "i", model=network.path, jobs=1)
    with running(models=(str(network.path),), index=tmp_path / "i") as client:
        assert named(client.post("/v1/similar?id=1")) == []
        index(tmp_path / "music", tmp_path / "i", model=network.path, jobs=1)
        assert len(named(client.post("/v1/similar?id=1"))) == 8
        (tmp_path / "i" / "vectors.f32").write_bytes(b"")
        (tmp_path / "i" / "index.json").touch()
        response = client.post("/v1/similar?id=1")
        assert response.status_code == 503
        assert str(tmp_path) not in response.text
