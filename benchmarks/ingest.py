"""Memory and time of ``genrekit ingest`` over many entries: ``python benchmarks/ingest.py [ENTRIES]``.

Entries are made up: 1 in 10 repeats a track, 1 in 50 of these under another label. Exportify's CSV with features, and an M3U.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FEATURES = ("Danceability", "Energy", "Key", "Loudness", "Mode", "Speechiness", "Acousticness", "Instrumentalness", "Liveness", "Valence", "Tempo", "Time Signature")  # fmt: skip


def entries(count: int) -> Iterator[tuple[int, int, str]]:
    """Number, track and label of every entry."""
    for i in range(count):
        track = i if i % 10 else i // 2
        yield i, track, ("rock", "jazz", "pop")[(track + (i % 500 == 0)) % 3]


def write_csv(path: Path, count: int) -> None:
    """Write Exportify's form, with a column that names the playlist."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(
            [
                "Track URI",
                "Track Name",
                "Artist Name(s)",
                "Album Name",
                "Duration (ms)",
                "ISRC",
                "Playlist",
                *FEATURES,
            ]
        )
        for _, track, label in entries(count):
            values = [f"{(track * k) % 997 / 997:.3f}" for k in (3, 5)]
            numbers = [*values, track % 12, -7.5, track % 2, *values, *values, values[0], 100 + track % 60, 4]
            rows.writerow(
                [f"spotify:track:{track:022d}", f"Song number {track}", f"Artist {track // 7}", f"Album {track // 12}", 180_000 + track % 90_000, f"USUM7{track:07d}", label, *numbers]
            )  # fmt: skip


def write_m3u(path: Path, count: int) -> None:
    """Write an M3U of one playlist."""
    with path.open("w", encoding="utf-8") as file:
        file.write("#EXTM3U\n#PLAYLIST:Rock\n")
        for _, track, _ in entries(count):
            file.write(
                f"#EXTINF:{180 + track % 90},Artist {track // 7} - Song number {track}\nmusic/{track}.mp3\n"
            )


def main() -> None:
    """Measure each kind in a process of its own."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("many.csv", write_csv), ("many.m3u8", write_m3u)):
            path, output = Path(folder, name), Path(folder, f"{name}.out.csv")
            write(path, count)
            start_s = time.monotonic()
            command = [sys.executable, "-m", "genrekit", "ingest", str(path), "-o", str(output)]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as run:
                out = run.stdout.readline().split("->")[0].strip() if run.stdout else ""
                _, status, usage = os.wait4(run.pid, 0)
            assert status == 0, status
            peak_mb = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
            print(
                f"{name}: {path.stat().st_size / 1e6:.0f} MB, {out}: {time.monotonic() - start_s:.0f} s, peak {peak_mb:.0f} MiB"
            )


if __name__ == "__main__":
    main()
