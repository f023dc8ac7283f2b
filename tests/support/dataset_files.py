"""Writing the small files that the tests of data sets read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf

from genrekit.features.schema import GTZAN_COLUMNS

SR = 22_050


def write_song(path: Path, *, seed: int = 0, duration_s: float = 1.2, silent: bool = False) -> Path:
    """Write noise as a sound file; the seed makes it another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y = np.random.default_rng(seed).uniform(-0.5, 0.5, round(duration_s * SR))
    sf.write(path, y * (not silent), SR, subtype="PCM_16")
    return path


def write_rows(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write rows, the header first, as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def kaggle_row(name: str, label: str, seed: int) -> list[object]:
    """A row as Kaggle's GTZAN table has them, with made-up numbers."""
    return [name, 661_794, *np.random.default_rng(seed).normal(size=57).tolist(), label]


KAGGLE_HEADER = ["filename", "length", *GTZAN_COLUMNS, "label"]


def write_spectrograms(path: Path, names: Sequence[str], /, **arrays: object) -> Path:
    """Write made-up spectrograms of 4 mel bands and 6 frames; arrays replace or add to names and mel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mel = np.random.default_rng(0).integers(0, 256, (len(names), 4, 6), dtype=np.uint8)
    np.savez_compressed(path, **{"names": np.array(names, dtype=str), "mel": mel, **arrays})
    return path


FMA_COLUMNS = (
    ("album", "comments"), ("artist", "bio"), ("artist", "id"), ("artist", "name"), ("set", "split"),
    ("set", "subset"), ("track", "genre_top"), ("track", "genres"), ("track", "genres_all"), ("track", "title"),
)  # fmt: skip
FMA_GENRES = ((10, 0, "Pop", 10), (12, 0, "Rock", 12), (21, 0, "Hip-Hop", 21), (25, 12, "Punk", 12), (45, 12, "Noise", 12), (46, 10, "Noise ", 10))  # fmt: skip


def fma_row(
    number: object, artist: int, side: str, subset: str, top: str, genres: str, every: str
) -> list[object]:
    """A row of tracks.csv; its biography has a comma, a quotation mark and a line break, as real ones have."""
    bio = 'Born, they say,\nin "1970"'
    return [number, 0, bio, artist, f"Artist {artist}", side, subset, top, genres, every, f"Song {number}"]


def write_fma(
    root: Path,
    rows: Sequence[Sequence[object]],
    *,
    size: str = "small",
    songs: Sequence[int] = (),
    duration_s: float = 0.1,
) -> Path:
    """Write the tables of the FMA and songs as its archives unpack."""
    header = [["", *(top for top, _ in FMA_COLUMNS)], ["", *(name for _, name in FMA_COLUMNS)]]
    index = ["track_id", *[""] * len(FMA_COLUMNS)]
    write_rows(root / "fma_metadata" / "tracks.csv", [*header, index, *rows])
    genres = [[number, 1, parent, title, top] for number, parent, title, top in FMA_GENRES]
    names = ["genre_id", "#tracks", "parent", "title", "top_level"]
    write_rows(root / "fma_metadata" / "genres.csv", [names, *genres])
    for number in songs:
        folder = root / f"fma_{size}" / f"{number // 1000:03d}"
        write_song(folder / "song.wav", seed=number, duration_s=duration_s).rename(
            folder / f"{number:06d}.mp3"
        )
    return root
