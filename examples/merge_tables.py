"""Merge two public Spotify tables into the one that the shipped model learnt from, and hold it against itself.

    python examples/merge_tables.py spotify_songs.csv music_genre.csv merged.csv

Both are well known: the songs of TidyTuesday (21 January 2020; playlists of six genres) and Kaggle's "Prediction of
music genre" (ten genres). Merged naively, a model can tell the tables apart and with them the genres: only one lacks
tempo (written ``?``) and duration (-1) here and there, and only one has key and mode. So only the ten features of
both are kept, values are taken out of one as often as they are missing in the other, and tracks of both are left out.
At the end a classifier tries to tell the tables apart within each genre that both have: 0.5 is chance.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from genrekit.datasets import open_dataset
from genrekit.features import SPOTIFY_COLUMNS
from genrekit.labels import canonical

SHARED = tuple(name for name in SPOTIFY_COLUMNS if name not in ("key", "mode", "time_signature"))
# 'alternative' is not a sound: its tracks have other genres in the other table.
LEFT_OUT = ("alternative",)
MISSING = ("tempo", "duration_ms")


def rows_of(source: str) -> list[tuple[tuple[float, ...], str, str]]:
    """(ten features, genre, group) of every track that is listed under one genre."""
    genres: defaultdict[tuple[float, ...], set[str]] = defaultdict(set)
    groups: dict[tuple[float, ...], str] = {}
    for example in open_dataset(source).examples:
        values = tuple(example.row[name] for name in SHARED)
        genres[values] |= {canonical(label) for label in example.labels}
        groups[values] = f"{source}: {example.group or example.id}"
    one = [(values, *names, groups[values]) for values, names in genres.items() if len(names) == 1]
    return [row for row in one if row[1] not in LEFT_OUT]


def punch(values: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> None:
    """Take values out at random, in place, until each column lacks about this share."""
    lacks = np.isnan(values).mean(axis=0)
    values[rng.random(values.shape) < np.maximum(share - lacks, 0) / (1 - lacks)] = np.nan


def main(songs_path: str, genres_path: str, output: str) -> None:
    rng = np.random.default_rng(0)
    songs, genres = rows_of(songs_path), rows_of(genres_path)
    in_both = {row[0] for row in songs} & {row[0] for row in genres}
    tables = [[row for row in table if row[0] not in in_both] for table in (songs, genres)]
    arrays = [np.array([row[0] for row in table]) for table in tables]
    share = np.max([np.isnan(array).mean(axis=0) for array in arrays], axis=0)
    print("missing, before:", *(np.round(np.isnan(a).mean(axis=0), 3) for a in arrays), sep="\n  ")
    for array in arrays:
        punch(array, share, rng)
    print("missing, after:", *(np.round(np.isnan(a).mean(axis=0), 3) for a in arrays), sep="\n  ")
    with open(output, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*SHARED, "genre", "group"])
        for table, array in zip(tables, arrays, strict=True):
            for (_, genre, group), values in zip(table, array, strict=True):
                cells = ["" if np.isnan(value) else repr(float(value)) for value in values]
                writer.writerow([*cells, genre, group])
    print("genres:", *(dict(Counter(row[1] for row in table)) for table in tables), sep="\n  ")
    print(f"left out because they are in both tables: {len(in_both)}")
    for genre in sorted({row[1] for row in tables[0]} & {row[1] for row in tables[1]}):
        X, y = [], []
        for number, (table, array) in enumerate(zip(tables, arrays, strict=True)):
            chosen = [i for i, row in enumerate(table) if row[1] == genre]
            X.append(array[chosen])
            y.append(np.full(len(chosen), number))
        told = cross_val_predict(
            HistGradientBoostingClassifier(random_state=0),
            np.concatenate(X),
            np.concatenate(y),
            method="predict_proba",
        )
        print(
            f"telling the tables apart within {genre}: AUC {roc_auc_score(np.concatenate(y), told[:, 1]):.2f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
