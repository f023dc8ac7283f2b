"""Playlists into tables: labels by rules, one row a track, no leak between artists, files found by tags."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import mutagen
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dataset_files import write_song
from support.loopback import Host, serving

from genrekit.datasets import open_dataset
from genrekit.datasets.ingest import IngestOptions, ingest, read_rules
from genrekit.datasets.ingest.inputs import SUFFIXES, read
from genrekit.datasets.ingest.rules import Rules
from genrekit.datasets.ingest.store import Store
from genrekit.datasets.ingest.track import Track
from genrekit.errors import DatasetError, GenrekitError, UsageError

GOLDEN = Path(__file__).parent / "golden"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(folder: Path, *inputs: object, **options: object) -> list[dict[str, str]]:
    ingest([str(word) for word in inputs], folder / "out.csv", IngestOptions(**options))
    return rows(folder / "out.csv")


def playlist(path: Path, *entries: str) -> Path:
    lines = [
        "#EXTM3U",
        *(line for i, entry in enumerate(entries) for line in (f"#EXTINF:{entry}", f"f{i}.mp3")),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def joined(*tracks: Track) -> list[list[int]]:
    """Which of some entries are one track: their numbers, as titles of albums."""
    with Store() as store:
        for i, track in enumerate(tracks):
            store.add(track, f"l{i}")
        return [[int(label[1:]) for label in row.labels] for row in store.rows()]


def test_duplicates_are_found_by_isrc_then_id_then_name_and_length():
    def t(**more):
        return Track("m3u", "p", **more)

    assert joined(t(title="A", isrc="USUM72104140"), t(title="B"), t(title="C", isrc="USUM72104140")) == [
        [0, 2],
        [1],
    ]
    assert joined(
        t(title="A", track_id="1", space="deezer"), t(title="B", track_id="1", space="spotify")
    ) == [[0], [1]]
    assert joined(t(title="A", track_id="1", space="deezer"), t(title="B", track_id="1", space="deezer")) == [
        [0, 1]
    ]
    assert joined(t(title="A", path="/a"), t(title="B", path="/a")) == [[0, 1]]
    by_name = [t(title="Song", artist="Band", duration_ms=ms) for ms in (200_000, 201_900, 203_000, 0)]
    assert joined(*by_name) == [[0, 1, 3], [2]]
    assert joined(t(title="Song (feat. Guest)", artist="BAND, Guest"), t(title="song", artist="Band")) == [
        [0, 1]
    ]
    assert joined(t(title="Song"), t(title="Song")) == [[0], [1]]


def test_duplicates_of_duplicates_are_one():
    chain = [
        Track("m3u", "p", title="A", isrc="USUM72104140"),
        Track("m3u", "p", title="B", artist="X", track_id="7", space="deezer"),
        Track("m3u", "p", title="C", isrc="USUM72104140", track_id="7", space="deezer"),
        Track("m3u", "p", title="b", artist="x"),
    ]
    assert joined(*chain) == [[0, 1, 2, 3]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from(["", "US1234567890", "US1234567891"]), st.integers(0, 3)
        ),
        max_size=12,
    )
)
def test_no_two_rows_share_a_key(entries):
    tracks = [
        Track(
            "m3u",
            "p",
            title=t,
            artist="x",
            isrc=code and f"USUM{code[-8:]}",
            track_id=str(i or ""),
            space="deezer",
        )
        for t, code, i in entries
    ]
    with Store() as store:
        for track in tracks:
            store.add(track, "l")
        found = [row.track for row in store.rows()]
    for key in (lambda t: t.isrc, lambda t: t.track_id, lambda t: t.title):
        keys = [key(track) for track in found if key(track)]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("ambiguous", "expected"),
    [
        ("drop", {"Two": "rock"}),
        ("first", {"One": "jazz", "Two": "rock"}),
        ("multi", {"One": "jazz|rock", "Two": "rock"}),
    ],
)
def test_a_track_in_playlists_of_several_labels(tmp_path, ambiguous, expected):
    first = playlist(tmp_path / "Smooth Jazz.m3u", "100,Band - One")
    second = playlist(tmp_path / "rock.m3u", "101,Band - One", "100,Band - Two")
    found = run(tmp_path, first, second, ambiguous=ambiguous)
    assert {row["title"]: row["label"] for row in found} == expected
    assert {row["group"] for row in found} == {"band"}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Rock Classics 70s", "rock"),
        ("My HIP HOP!", "hip-hop"),
        ("rap_2020", "hip-hop"),
        ("Drum & Bass", "drum and bass"),
        ("best of heavy metal (live)", "metal"),
        ("Rock and Jazz", "rock and jazz"),
        ("rocket songs", "rocket songs"),
        ("خليجي", "خليجي"),
        ("", ""),
    ],
)
def test_a_name_means_a_genre(name, label):
    assert Rules().of(name) == label


def test_rules_of_ones_own_come_in_order(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(
        "~: [\"favou?rites\", ^x]\nKhaleeji: [خليجي, gulf]\nrock: 'rock|metal'\n80s: 80\n", encoding="utf-8"
    )
    rules = read_rules(path)
    assert [rules.of(n) for n in ("My Favorites rock", "خليجي 2020", "METAL", "the 80s", "jazz")] == [
        "",
        "khaleeji",
        "rock",
        "80s",
        "",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "- a", "a: [", "rock: '('", "rock: [[x]]", "rock:", "'a|b': x", "!!python/object:os.system x: y"],
)
def test_rules_that_are_none_are_refused(tmp_path, text):
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(UsageError):
        read_rules(tmp_path / "map.yaml")


def test_labels_from_a_column_or_a_folder(tmp_path):
    found = run(tmp_path, GOLDEN / "exportify_fork.csv", label_from="column")
    assert found[0]["label"] == "qawwali|world"
    (tmp_path / "jazz").mkdir()
    found = run(tmp_path, playlist(tmp_path / "jazz" / "x.m3u", "1,A - B"), label_from="folder")
    assert found[0]["label"] == "jazz"


def test_exports_without_features_of_one_kind_and_another_are_one_table(tmp_path):
    """A track of Spotify's own export gets the features that Exportify has of it."""
    export = {
        "playlists": [
            {
                "name": "rap",
                "items": [
                    {
                        "track": {
                            "trackName": "Say It",
                            "artistName": "Run-DMC",
                            "trackUri": "spotify:track:4iV5W9uYEdYUVa79Axb7Rh",
                        }
                    }
                ],
            }
        ]
    }
    (tmp_path / "Playlist1.json").write_text(json.dumps(export))
    found = run(tmp_path, tmp_path / "Playlist1.json", GOLDEN / "hip_hop_essentials.csv")
    assert [row["tempo"] for row in found] == ["105.1", ""]
    dataset = open_dataset(tmp_path / "out.csv")
    assert dataset.layout == "spotify"
    assert [e.group for e in dataset.examples] == ["run-dmc", "someone"]


def test_a_playlist_of_files_is_a_manifest(tmp_path):
    for i in range(3):
        write_song(tmp_path / "music" / f"f{i}.mp3.wav", seed=i).rename(tmp_path / "music" / f"f{i}.mp3")
    playlist(
        tmp_path / "music" / "rock.m3u", "1,Queen - One", "1,Queen - Two", "1,Cher - Three", "1,Cher - Gone"
    )
    found = run(tmp_path, tmp_path / "music" / "rock.m3u")
    assert [row["path"] for row in found] == ["music/f0.mp3", "music/f1.mp3", "music/f2.mp3"]
    dataset = open_dataset(tmp_path / "out.csv")
    assert [(e.labels, e.group) for e in dataset.examples] == [
        (("rock",), "queen"),
        (("rock",), "queen"),
        (("rock",), "cher"),
    ]


def test_files_are_found_by_their_tags(tmp_path):
    def song(name, artist, title, seconds=1.2, isrc=""):
        path = write_song(tmp_path / "music" / name, duration_s=seconds, seed=len(name)).rename(
            tmp_path / "music" / name
        )
        flac = path.with_suffix(".flac")
        import soundfile as sf

        y, sr = sf.read(path)
        sf.write(flac, y, sr)
        path.unlink()
        tags = mutagen.File(flac)
        tags.update({"artist": [artist], "title": [title]} | ({"isrc": [isrc]} if isrc else {}))
        tags.save()
        return flac

    song("a.wav", "QUEEN", "Under  Pressure")
    song("bb.wav", "Somebody", "else entirely", isrc="US-UM7-21-04140")
    song("ccc.wav", "Queen", "Long song", seconds=9)
    (tmp_path / "music" / "broken.flac").write_bytes(b"fLaC" + bytes(50))
    table = tmp_path / "rock.csv"
    table.write_text(
        "title,artist,isrc,duration_ms\nUnder Pressure,Queen,,1200\nX,Y,USUM72104140,\nLong song,Queen,,1000\nNo file,Queen,,\n"
    )
    found = run(tmp_path, table, match=tmp_path / "music")
    assert [(row["title"], row["path"]) for row in found] == [
        ("Under Pressure", "music/a.flac"),
        ("X", "music/bb.flac"),
    ]
    assert len(open_dataset(tmp_path / "out.csv").examples) == 2


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_every_kind_of_table_is_read_again(tmp_path, suffix):
    output = tmp_path / f"out{suffix}"
    ingest([str(GOLDEN / "hip_hop_essentials.csv")], output)
    assert open_dataset(output).labels == ("hip-hop",)


def test_folders_and_zips_of_playlists(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    for name in ("hip_hop_essentials.csv", "apple.xml", "blues.xspf"):
        (folder / name).write_bytes((GOLDEN / name).read_bytes())
    (folder / "bad.xspf").write_text("<nothing")
    (folder / "notes.txt").write_text("x")
    with zipfile.ZipFile(tmp_path / "exports.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    by_folder = run(tmp_path, folder)
    assert {row["label"] for row in by_folder} == {"hip-hop", "country", "blues"}
    assert [r["title"] for r in run(tmp_path, tmp_path / "exports.zip")] == [r["title"] for r in by_folder]


def test_one_bad_input_stops_no_other(tmp_path):
    done = ingest(
        [str(tmp_path / "none.m3u"), str(GOLDEN / "apple.xml"), str(GOLDEN / "empty.m3u8")],
        tmp_path / "o.csv",
    )
    assert done.rows == 2
    assert [Path(name).name for name, _ in done.failed] == ["none.m3u", "empty.m3u8"]
    assert done.problems


def test_a_playlist_on_the_web(tmp_path):
    files = {
        "lists/Hot%20Jazz.m3u".replace("%20", " "): b"",
        "lists/rock.csv": (GOLDEN / "hip_hop_essentials.csv").read_bytes(),
    }
    with serving(Host(files)) as host:
        assert run(tmp_path, f"{host.base}lists/rock.csv?token=hunter2hunter2")[0]["label"] == "rock"
        with pytest.raises(DatasetError, match="not the address of a playlist") as caught:
            list(read(f"{host.base}lists/page.html?token=hunter2hunter2"))
        assert "hunter2" not in str(caught.value)


BOMB = '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><playlist><title>&b;</title></playlist>'
HOSTILE = {
    "entities.xspf": BOMB,
    "external.xspf": '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><playlist><title>&a;</title></playlist>',
    "entities.xml": BOMB.replace("playlist", "plist"),
    "binary.xml": "bplist00" + "\0" * 40,
    "deep.json": "[" * 100_000,
    "deep.jspf": '{"playlist":' * 50_000,
    "types.json": '{"playlists": [5, null, {"items": 7}, {"name": [], "items": [3, {"track": 5}, {"track": {"trackName": {}}}]}]}',
    "types.jspf": '{"playlist": {"title": 5, "track": [null, {"title": ["x"]}, {"title": 7, "duration": {}, "identifier": 5}]}}',
    "nul.m3u": "#EXTINF:1,A - B\n\0\n#EXTINF:nan,C - D\nx\0y.mp3\n",
    "long.m3u": "#EXTINF:1," + "x" * 300_000 + "\na.mp3\n",
    "numbers.pls": "[playlist]\nFile99999999999=a\nFile1=" + "a" * 5000 + "\nLength1=1e999\n",
    "empty.csv": "",
    "other.csv": "a,b\n1,2\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_playlists_end_in_words(tmp_path, name):
    (tmp_path / name).write_text(HOSTILE[name], encoding="utf-8")
    assert all(isinstance(one, tuple) or one.title.isprintable() for one in entries(tmp_path / name))


def entries(path: Path) -> list[object]:
    """What a playlist holds, or nothing where it is refused in words."""
    try:
        return list(read(str(path)))
    except GenrekitError:
        return []


@given(st.binary(max_size=300), st.sampled_from(sorted(SUFFIXES)))
def test_any_bytes_end_in_words(tmp_path_factory, data, suffix):
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    path.write_bytes(data)
    entries(path)


@pytest.mark.parametrize(
    "word",
    [
        "listenbrainz:x",
        "deezer:abc",
        "musicbrainz:1",
        "spotify:track:4iV5W9uYEdYUVa79Axb7Rh",
        "https://open.spotify.com/album/1",
    ],
)
def test_addresses_that_name_no_playlist_are_usage(word):
    with pytest.raises(UsageError):
        list(read(word))
