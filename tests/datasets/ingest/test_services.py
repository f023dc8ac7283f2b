"""Services played on loopback: their pages, their pace, their errors; nothing leaves this machine."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import pytest
import requests
from support.loopback import Host, serving

from genrekit.datasets import open_dataset
from genrekit.datasets.ingest import IngestOptions, ingest, reccobeats, services
from genrekit.datasets.ingest.inputs import read
from genrekit.datasets.terms import SPOTIFY_NOTE
from genrekit.errors import DatasetError, UsageError
from genrekit.remote import http
from genrekit.training.train import train

MBID = "310d1ee5-e36e-4a26-b5da-f0a33374865c"
PLAYLIST = "37i9dQZF1DXcBWIGoYBM5M"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def host(monkeypatch, clock):
    with serving(Host()) as one:
        for module, name in (
            (services, "LISTENBRAINZ"),
            (services, "MUSICBRAINZ"),
            (services, "DEEZER"),
            (reccobeats, "BASE"),
        ):
            monkeypatch.setattr(module, name, one.base)
        yield one


@pytest.fixture(autouse=True)
def own_features(tmp_path, monkeypatch):
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "cache"))


def test_listenbrainz(host):
    host.api[f"1/playlist/{MBID}"] = lambda query: json.loads((GOLDEN / "listenbrainz.jspf").read_text())
    found = [one for one in read(f"https://listenbrainz.org/playlist/{MBID}/") if not isinstance(one, tuple)]
    assert [(t.title, t.artist, t.source, t.space) for t in found] == [
        ("Redemption Song", "Bob Marley", "listenbrainz", "musicbrainz"),
        ("Pressure Drop", "Toots & The Maytals", "listenbrainz", "spotify"),
    ]
    assert host.seen[0].headers["User-Agent"].startswith("genrekit/")
    assert "Authorization" not in host.seen[0].headers


def test_musicbrainz_in_pages_at_one_a_second(host, monkeypatch, clock):
    monkeypatch.setenv("GENREKIT_CONTACT", "me@example.org")
    recordings = [
        {
            "id": f"r{i}",
            "title": f"Song {i}",
            "length": 1000 * i,
            "isrcs": ["USUM72104140"],
            "artist-credit": [{"name": "A"}, {"name": "B"}],
        }
        for i in range(1, 151)
    ]
    host.api[f"collection/{MBID}"] = lambda query: {"name": "Jazz of mine"}
    host.api["recording"] = lambda query: {
        "recording-count": 150,
        "recordings": recordings[int(query["offset"]) : int(query["offset"]) + int(query["limit"])],
    }
    found = list(read(f"musicbrainz:{MBID}"))
    assert len(found) == 150
    assert (found[4].artist, found[4].isrc, found[4].duration_ms, found[4].playlist) == (
        "A, B",
        "USUM72104140",
        5000,
        "Jazz of mine",
    )
    assert clock.slept[1:] == [1] * (len(host.seen) - 1)
    assert host.seen[0].headers["User-Agent"].endswith("(me@example.org)")
    assert host.seen[1].query["collection"] == MBID


def test_deezer_in_pages_with_its_quota(host, monkeypatch):
    monkeypatch.setattr(services, "DEEZER_QUOTA", 4)
    monkeypatch.setattr(http.time, "sleep", lambda s: None)
    answers = iter([{"error": {"type": "Exception", "message": "Quota limit exceeded", "code": 4}}])
    tracks = [
        {
            "id": i,
            "title": f"T{i}",
            "duration": 200,
            "artist": {"name": "X"},
            "album": {"title": "Y"},
            "isrc": "FRZ039101231",
        }
        for i in range(130)
    ]
    host.api["playlist/908622995"] = lambda query: next(answers, {"title": "Rock party"})
    host.api["playlist/908622995/tracks"] = lambda query: {
        "data": tracks[int(query["index"]) : int(query["index"]) + 100],
        **({"next": "x"} if query["index"] == "0" else {}),
    }
    found = list(read("https://www.deezer.com/en/playlist/908622995"))
    assert len(found) == 130
    assert (found[0].track_id, found[0].duration_ms, found[0].isrc, found[0].playlist) == (
        "0",
        200_000,
        "FRZ039101231",
        "Rock party",
    )
    assert "not training data" in found[0].note
    host.api["playlist/1"] = lambda query: {
        "error": {"type": "DataException", "message": "no data", "code": 800}
    }
    with pytest.raises(DatasetError, match="no data"):
        list(read("deezer:1"))


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_asks_for_patience_gets_it(host, status, clock):
    host.statuses = [(status, {"Retry-After": "1"})]
    host.api[f"1/playlist/{MBID}"] = lambda query: {"playlist": {"track": []}}
    assert list(read(f"listenbrainz:{MBID}")) == []
    assert len(host.seen) == 2
    assert 1 in clock.slept


@pytest.mark.parametrize(
    ("answer", "match"),
    [(b"<html>", "not JSON"), ([], "something else"), (None, "no such file"), (b"[" * 100_000, "not JSON")],
)
def test_answers_that_make_no_sense_are_said(host, answer, match):
    host.api[f"1/playlist/{MBID}"] = lambda query: answer
    with pytest.raises(DatasetError, match=match):
        list(read(f"listenbrainz:{MBID}"))


def test_a_token_goes_to_the_service_and_nowhere_else(host, monkeypatch):
    monkeypatch.setenv("LISTENBRAINZ_TOKEN", "hunter2hunter2")
    with pytest.raises(DatasetError) as caught:
        list(read(f"listenbrainz:{MBID}"))
    assert host.seen[0].headers["Authorization"] == "Token hunter2hunter2"
    assert "hunter2" not in str(caught.value)


def features_of(query):
    """ReccoBeats' answer; a track whose id ends in 9 is unknown to it."""
    ids = query["ids"].split(",")
    assert len(ids) <= 40
    return {
        "content": [
            {"id": "own", "href": f"https://open.spotify.com/track/{i}", "energy": 0.5, "tempo": 100.0 + len(i), "key": 3, "mode": 1, "isrc": "x",
             "acousticness": 0.1, "danceability": 0.6, "instrumentalness": 0, "liveness": 0.1, "loudness": -7.5, "speechiness": 0.05, "valence": 0.4}
            for i in ids
            if not i.endswith("9")
        ]
    }  # fmt: skip


def export(path: Path, count: int) -> Path:
    items = [
        {"track": {"trackName": f"T{i}", "artistName": f"A{i // 3}", "trackUri": f"spotify:track:{i:022d}"}}
        for i in range(count)
    ]
    path.write_text(
        json.dumps(
            {
                "playlists": [
                    {"name": "rock", "items": items[: count // 2]},
                    {"name": "jazz", "items": items[count // 2 :]},
                ]
            }
        )
    )
    return path


def test_features_come_in_batches_are_remembered_and_taken_up(host, tmp_path):
    host.api["audio-features"] = features_of
    table = export(tmp_path / "Playlist1.json", 100)
    host.statuses = [(429, {"Retry-After": "1"})]
    done = ingest([str(table)], tmp_path / "out.csv", IngestOptions(reccobeats=True))
    assert (done.rows, done.without_features) == (100, 10)
    assert [len(one.query["ids"].split(",")) for one in host.seen] == [40, 40, 40, 20]
    dataset = open_dataset(tmp_path / "out.csv")
    assert (dataset.layout, dataset.labels, len(dataset.examples)) == ("spotify", ("jazz", "rock"), 90)
    asked = len(host.seen)
    ingest([str(table)], tmp_path / "again.csv", IngestOptions(reccobeats=True))
    assert sum(len(one.query["ids"].split(",")) for one in host.seen[asked:]) == 10
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_features_that_stop_half_way_are_kept(host, tmp_path):
    calls = itertools.count()
    host.api["audio-features"] = lambda query: features_of(query) if next(calls) < 1 else None
    table = export(tmp_path / "Playlist1.json", 100)
    with pytest.raises(DatasetError, match="no such file"):
        ingest([str(table)], tmp_path / "out.csv", IngestOptions(reccobeats=True))
    assert not (tmp_path / "out.csv").exists()
    host.api["audio-features"] = features_of
    asked = len(host.seen)
    ingest([str(table)], tmp_path / "out.csv", IngestOptions(reccobeats=True))
    # 36 of the first 40 are remembered, 4 of them are unknown.
    assert [len(one.query["ids"].split(",")) for one in host.seen[asked:]] == [4, 40, 20]


@pytest.mark.parametrize("damage", ["rubbish", "folder", "off"])
def test_a_cache_that_cannot_be_used_is_done_without(host, tmp_path, monkeypatch, damage):
    host.api["audio-features"] = features_of
    place = tmp_path / "cache" / "reccobeats.sqlite"
    place.parent.mkdir()
    if damage == "folder":
        place.mkdir()
    elif damage == "rubbish":
        place.write_bytes(b"rubbish" * 1000)
    else:
        monkeypatch.setenv("GENREKIT_CACHE", "off")
    done = ingest(
        [str(export(tmp_path / "Playlist1.json", 4))], tmp_path / "out.csv", IngestOptions(reccobeats=True)
    )
    assert (done.rows, done.without_features) == (4, 0)


@pytest.fixture
def web_api(host, monkeypatch):
    """Spotify's Web API on loopback, behind the real spotipy."""
    spotipy = pytest.importorskip("spotipy")
    oauth = pytest.importorskip("spotipy.oauth2")
    monkeypatch.setenv("SPOTIPY_CLIENT_ID", "client")
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", "hunter2hunter2")
    monkeypatch.setattr(oauth.SpotifyClientCredentials, "get_access_token", lambda self, **more: "token")
    create = spotipy.Spotify.__init__

    def init(self, *args, **more):
        create(self, *args, **more)
        self.prefix = host.base

    monkeypatch.setattr(spotipy.Spotify, "__init__", init)
    items = [
        {
            "item": {
                "id": f"{i:022d}",
                "name": f"T{i}",
                "artists": [{"name": f"A{i // 2}"}],
                "album": {"name": "x"},
                "duration_ms": 1000 * (100 + i),
                "external_ids": {"isrc": ""},
            }
        }
        for i in range(120)
    ] + [{"item": None}]
    host.api[f"playlists/{PLAYLIST}"] = lambda query: {"name": "Metal"}
    host.api[f"playlists/{PLAYLIST}/items"] = lambda query: {
        "items": items[int(query["offset"]) : int(query["offset"]) + 100],
        "next": "more" if query["offset"] == "0" else None,
    }
    return host


def test_the_web_api_is_read_and_its_rows_are_marked_and_not_trained_on(web_api, tmp_path):
    web_api.api["audio-features"] = features_of
    output = tmp_path / "out.csv"
    done = ingest(
        [f"https://open.spotify.com/playlist/{PLAYLIST}?si=1"], output, IngestOptions(reccobeats=True)
    )
    assert done.rows == 120
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["licence_note"] for row in rows} == {SPOTIFY_NOTE}
    for backend in ("spotify",):
        with pytest.raises(DatasetError, match="section IV") as caught:
            train(output, backend=backend, output=tmp_path / "m.genrekit")
        assert "to train a machine learning or AI model" in str(caught.value)
    assert not (tmp_path / "m.genrekit").exists()


def test_a_mark_outlives_a_merge(web_api, tmp_path):
    """A track that another export lists first stays marked: the label came from the Web API, too."""
    mine = tmp_path / "Metal.csv"
    mine.write_text("title,artist,duration_ms\nT0,A0,100000\nOther,Z,1\n")
    ingest([str(mine), f"spotify:playlist:{PLAYLIST}"], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        notes = {row["title"]: row["licence_note"] for row in csv.DictReader(file)}
    assert notes["T0"] == SPOTIFY_NOTE
    assert notes["Other"] == ""


def test_files_listed_by_the_web_api_are_not_trained_on_either(tmp_path):
    from support.dataset_files import write_song

    rows = ["path,label,group,licence_note"]
    for i in range(12):
        write_song(tmp_path / f"{i}.wav", seed=i)
        rows.append(f"{i}.wav,{'ab'[i % 2]},{i},{SPOTIFY_NOTE}")
    (tmp_path / "list.csv").write_text("\n".join(rows).replace(f",{SPOTIFY_NOTE}", f',"{SPOTIFY_NOTE}"'))
    with pytest.raises(DatasetError, match="section IV"):
        train(tmp_path / "list.csv", backend="gtzan", output=tmp_path / "m.genrekit")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_web_api_is_said_without_keys(web_api, status):
    web_api.statuses = [(status, {})]
    with pytest.raises(DatasetError, match="Web API") as caught:
        list(read(f"spotify:playlist:{PLAYLIST}"))
    assert "hunter2" not in str(caught.value)


def test_without_keys_the_way_around_is_said(monkeypatch):
    monkeypatch.delenv("SPOTIPY_CLIENT_ID", raising=False)
    monkeypatch.delenv("SPOTIPY_CLIENT_SECRET", raising=False)
    with pytest.raises(UsageError, match="Exportify"):
        list(read(f"spotify:playlist:{PLAYLIST}"))


def test_nothing_here_is_asked_but_loopback(host, monkeypatch):
    """Every address of a service is replaced in these tests; a request elsewhere would fail this one."""
    sent = []
    real = requests.Session.send
    monkeypatch.setattr(
        requests.Session,
        "send",
        lambda self, request, **more: (sent.append(request.url), real(self, request, **more))[1],
    )
    host.api[f"1/playlist/{MBID}"] = lambda query: {"playlist": {"track": []}}
    list(read(f"listenbrainz:{MBID}"))
    assert sent
    assert all(url.startswith("http://127.0.0.1:") for url in sent)
