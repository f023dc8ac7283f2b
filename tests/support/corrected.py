"""A champion that learnt rows of numbers, and a store of corrections of rows that it gets wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from genrekit.backends import registry
from genrekit.feedback import Event, Predicted, Store, new_id, now, opaque
from genrekit.hashing import hash_file
from genrekit.training import train

LABELS = ("blues", "jazz", "metal")
CONFIG = {"classifier": "lda", "transform": "standard", "window_s": 3}


def columns() -> tuple[str, ...]:
    """Return the columns of a row."""
    return registry.get("gtzan").info.columns


def rows(n: int, seed: int, *, shifted: bool = False) -> list[tuple[str, list[float]]]:
    """Return rows with their labels; two labels sound otherwise where they are shifted."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        at = number % len(LABELS)
        row = rng.normal(0, 1, len(columns()))
        start = 10 * at + 30 * (shifted and at != 2)
        row[start : start + 10] += 1.5
        found.append((LABELS[at], row.tolist()))
    return found


def original(path: Path, n: int = 240) -> Path:
    """Write the data of the champion: a table with groups of four rows."""
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["filename", "artist", *columns(), "label"])
        for number, (label, row) in enumerate(rows(n, 0)):
            out.writerow([f"row{number}.wav", f"artist {label} {number // 12}", *row, label])
    return path


def champion(folder: Path) -> tuple[Path, Path]:
    """Return the table and the bundle of a champion."""
    table = original(folder / "original.csv")
    train(table, backend="gtzan", config=CONFIG, output=folder / "mine.genrekit")
    return table, folder / "mine.genrekit"


def add(
    store: Store, row: list[float], label: str, uploader: str, *, folder: Path, verdict: str = "wrong"
) -> str:
    """Put a correction into a store; return the hash of its row."""
    path = folder / "row.json"
    path.write_text(json.dumps(dict(zip(columns(), row, strict=True)), sort_keys=True))
    event = Event(
        kind="keep",
        time=now(),
        id=new_id(),
        uploader=opaque("test", uploader),
        sha256=hash_file(path),
        suffix=".json",
        consent=True,
        predicted=Predicted(model="mine", labels=("metal",)),
    )
    store.keep(path, event)
    store.add(event.model_copy(update={"kind": "feedback", "verdict": verdict, "labels": (label,)}))
    return event.sha256


def good(store: Store, n: int, folder: Path, *, uploaders: int = 40, seed: int = 1) -> list[str]:
    """Put corrections with right labels into a store, from many uploaders."""
    return [
        add(store, row, label, f"person {number % uploaders}", folder=folder)
        for number, (label, row) in enumerate(rows(n, seed, shifted=True))
    ]
