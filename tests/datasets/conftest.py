"""Small sources of every layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dataset_files import KAGGLE_HEADER, kaggle_row, write_rows, write_song


class Clock:
    """A clock that sleeping alone moves on."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return 1000 + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which services are waited for."""
    found = Clock()
    monkeypatch.setattr("genrekit.remote.http.time", found)
    return found


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder of two genres with three songs each."""
    for genre in ("Blues", "Hip  Hop"):
        for k in range(3):
            write_song(tmp_path / "music" / genre / f"song{k}.wav", seed=k)
    return tmp_path / "music"


@pytest.fixture
def gtzan(tmp_path: Path) -> Path:
    """A tiny GTZAN: a table, audio, the lists of the split, and the index of artists; nothing of the real one."""
    root = tmp_path / "gtzan"
    tracks = [("blues", 0), ("blues", 1), ("metal", 58), ("metal", 59), ("rock", 16), ("rock", 17)]
    names = [f"{genre}.{number:05d}" for genre, number in tracks]
    rows = [kaggle_row(f"{name}.wav", name.split(".")[0], k) for k, name in enumerate(names)]
    # The one pair of GTZAN that stands under two genres.
    rows[2][1:-1] = rows[4][1:-1]
    write_rows(root / "features_30_sec.csv", [KAGGLE_HEADER, *rows])
    slices = [
        kaggle_row(f"{name}.{k}.wav", name.split(".")[0], 100 + 10 * i + k)
        for i, name in enumerate(names)
        for k in range(2)
    ]
    write_rows(root / "features_10_sec.csv", [KAGGLE_HEADER, *slices])
    for k, name in enumerate(names[:4]):
        write_song(root / "genres_original" / name.split(".")[0] / f"{name}.wav", seed=k)
    lists = {"train": ["blues.00000", "metal.00059"], "valid": ["blues.00001"], "test": ["rock.00016"]}
    (root / "splits").mkdir()
    for side, members in lists.items():
        lines = [f"{name.split('.')[0]}/{name}.wav" for name in members]
        (root / "splits" / f"{side}_filtered.txt").write_text("\n".join(lines) + "\n")
    index = ["## an index", "blues.00000.wav ::: John Lee Hooker ::: Boom Boom", "blues.00001.wav ::: :::"]
    index += ["rock.00016.wav ::: Queen ::: Tie Your Mother Down", "metal.00059.wav ::: Dio ::: "]
    (root / "artists.txt").write_text("\n".join(index))
    return root
