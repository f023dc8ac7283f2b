"""The pages on fetching and ingesting: every command in a block of ``sh``, run where it is said to run."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import mutagen.wave
import pytest
from mutagen.id3 import TIT2, TPE1
from support.dataset_files import write_song
from support.fma_host import fma_archives, fma_rows, source_of
from support.loopback import Host, serving
from support.track_tables import tracks

from genrekit.cli import main
from genrekit.datasets import registry
from genrekit.datasets.ingest import reccobeats

DOCS = Path(__file__).parents[1] / "docs"


def commands(page: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def run_all(page: str) -> None:
    lines = commands(page)
    assert lines
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "genrekit"
        with pytest.raises(SystemExit) as leave:
            main(words)
        assert not leave.value.code, line


def test_from_nothing_to_a_model_on_fma_small(tmp_path, monkeypatch, capsys):
    archives = fma_archives(tmp_path / "made", fma_rows(60), duration_s=1.5)
    monkeypatch.chdir(tmp_path)
    with serving(Host(archives)) as host:
        real, changed = registry.get, source_of(archives, host.base)
        monkeypatch.setattr(registry, "get", lambda name: changed if name == "fma" else real(name))
        run_all("fma-small.md")
    assert "majority" in capsys.readouterr().out


def exportify(path: Path, rows: list[dict[str, object]]) -> None:
    names = {
        "track_name": "Track Name",
        "artist": "Artist Name(s)",
        "duration_ms": "Duration (ms)",
        "track_id": "Track URI",
    }
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list({names.get(k, k.replace("_", " ").title()): 0 for k in rows[0]}))
        writer.writeheader()
        writer.writerows(
            {names.get(k, k.replace("_", " ").title()): v for k, v in row.items()} for row in rows
        )


def test_from_a_playlist_to_a_model(tmp_path, monkeypatch):
    table = tracks(240).drop(columns=["genre", "label", "playlist_genre"], errors="ignore").to_dict("records")
    table[0]["duration_ms"] = 2000  # as long as the file of that name
    monkeypatch.chdir(tmp_path)
    for k, name in enumerate(("rock", "jazz", "hip_hop")):
        rows = [
            {**{key: value for key, value in row.items() if key not in ("track_name", "artist", "track_id")},
             "track_name": f"Song {i}", "artist": f"Artist {i // 2}", "track_id": f"spotify:track:{i:022d}"}
            for i, row in enumerate(table)
            if i % 3 == k
        ]  # fmt: skip
        exportify(Path(f"{name}.csv"), rows)
    items = [
        {"track": {"trackName": "A", "artistName": "B", "trackUri": "spotify:track:4iV5W9uYEdYUVa79Axb7Rh"}}
    ]
    Path("Playlist1.json").write_text(json.dumps({"playlists": [{"name": "Blues", "items": items}]}))
    write_song(Path("music/a.wav"))
    Path("party.m3u8").write_text("#EXTM3U\n#PLAYLIST:Disco\n#EXTINF:1,Chic - Le Freak\nmusic/a.wav\n")
    tagged = write_song(Path("music/b.wav"), duration_s=2)
    sound = mutagen.wave.WAVE(tagged)
    sound.add_tags()
    sound.tags.add(TIT2(text="Song 0"))
    sound.tags.add(TPE1(text="Artist 0"))
    sound.save()
    features = {
        "href": "https://open.spotify.com/track/4iV5W9uYEdYUVa79Axb7Rh",
        "energy": 0.5,
        "tempo": 100.0,
    }
    with serving(Host(api={"audio-features": lambda query: {"content": [features]}})) as host:
        monkeypatch.setattr(reccobeats, "BASE", host.base)
        run_all("playlists.md")
    with Path("more.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["tempo"] == "100.0"
    with Path("matched.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == ["music/b.wav"]
    with Path("files.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["path"] == "music/a.wav"
