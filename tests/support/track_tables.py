"""Made-up tables of Spotify's features, whose genres can be learnt."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genrekit.features.schema import SPOTIFY_COLUMNS

GENRES = {"jazz": (-18, 0.3), "metal": (-4, 0.9), "pop": (-7, 0.6)}  # loudness in dB, energy


def tracks(n: int, seed: int = 0) -> pd.DataFrame:
    """``n`` tracks of three genres in turn, three per artist, with Spotify's columns and five others."""
    rng = np.random.default_rng(seed)
    labels = [list(GENRES)[i % 3] for i in range(n)]
    frame = pd.DataFrame(rng.beta(2, 3, (n, 13)).round(4), columns=list(SPOTIFY_COLUMNS))
    frame["loudness"] = [round(GENRES[g][0] + rng.normal(0, 2), 3) for g in labels]
    frame["energy"] = [float(np.clip(GENRES[g][1] + rng.normal(0, 0.1), 0, 1).round(4)) for g in labels]
    frame["tempo"] = rng.normal(120, 20, n).clip(50, 200).round(3)
    frame["duration_ms"] = rng.integers(120_000, 300_000, n)
    frame["key"] = rng.integers(0, 12, n)
    frame["mode"] = rng.integers(0, 2, n)
    frame["time_signature"] = 4
    frame.insert(0, "track_id", [f"t{seed}-{i}" for i in range(n)])
    frame.insert(1, "artist", [f"artist {i % 3} {i // 9}" for i in range(n)])
    frame.insert(2, "track", [f'Song {i}, "live"' for i in range(n)])
    frame["popularity"] = rng.integers(0, 100, n)
    frame["genre"] = labels
    return frame
