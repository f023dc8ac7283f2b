"""Measure how bandwidth changes the features of the ``gtzan`` backend, and write what corrects them.

    python benchmarks/gtzan_bandwidth.py GTZAN > genrekit/backends/gtzan/bandwidth.csv

GTZAN holds ``features_30_sec.csv`` and sound files of its tracks in ``audio/``. Those that are not in the test split of the fault-filtered
lists are resampled to 16 and 8 kHz and encoded as mp3 at 64 and 32 kbit/s. Linear discriminant analysis tells these from each other and
from whole recordings (the train and valid rows of the table, and the recordings as they are); ridge regression of reduced rank
(A. J. Izenman, Journal of Multivariate Analysis 5, 1975) estimates the difference of a recording to the whole one.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
from robustness import SOUND, changed
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from genrekit.backends import make_config, registry
from genrekit.backends.gtzan.relative import LEVEL_COLUMNS, level_free
from genrekit.datasets import open_dataset
from genrekit.features import GTZAN_COLUMNS
from genrekit.types import Example

USED = ("mp3, 64 kbit/s", "mp3, 32 kbit/s", "16 kHz", "8 kHz")
RANK = 4
RIDGE = 1.0  # of features in standard deviations
SHRINKAGE = 0.1  # of the discriminant analysis

HEAD = """\
# How to correct level-free features for the bandwidth of their recording, as benchmarks/gtzan_bandwidth.py found it.
# From {n} recordings of GTZAN, none of them in the test split of the fault-filtered lists.
# Per feature: standard deviation over the train and valid rows of the table; per narrowing the weights of the log odds ("constant": their
# constant), {rank} combinations of features, the differences that each predicts, and the difference where they are zero.\
"""


def main() -> None:
    """Print the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = open_dataset(f"gtzan:{folder}").examples
    table = np.array([[e.row[c] for c in GTZAN_COLUMNS] for e in rows if e.split in ("train", "valid")])
    tested = {Path(e.id).stem for e in rows if e.split == "test"}
    songs = [path for path in sorted((folder / "audio").rglob("*.flac")) if path.stem not in tested]
    backend = registry.get("gtzan")
    config = make_config(backend, {})
    with tempfile.TemporaryDirectory() as work:
        files = changed(songs, Path(work), {name: SOUND[name] for name in USED})
        features = {
            name: level_free(
                np.concatenate(
                    [backend.prepare(Example(path.name, path=path), config).values for path in paths]
                )
            )
            for name, paths in files.items()
        }
    write(table, len(songs), features["unchanged"], [features[name] for name in USED])


def write(table: np.ndarray, n: int, unchanged: np.ndarray, changes: list[np.ndarray]) -> None:
    """Print the table for level-free features of songs [shape=(n, 54)] and of their changed forms."""
    deviations = level_free(table).std(axis=0)
    rows, whole = level_free(table) / deviations, unchanged / deviations
    changes = [values / deviations for values in changes]
    weights, constants = discriminants([np.concatenate([rows, whole]), *changes])
    columns = {"deviation": np.append(deviations, 0)}
    for number, (name, values) in enumerate(zip(USED, changes, strict=True), start=1):
        columns[f"gate {name}"] = np.append(weights[number] - weights[0], constants[number] - constants[0])
        mean, difference = values.mean(axis=0), whole - values
        centred = values - mean
        left = np.linalg.solve(
            centred.T @ centred + RIDGE * len(centred) * np.eye(len(mean)),
            centred.T @ (difference - difference.mean(axis=0)),
        )
        kept = np.linalg.svd(centred @ left, full_matrices=False)[2][:RANK]
        left = left @ kept.T
        for k in range(RANK):
            columns[f"input {name}, {k + 1}"] = np.append(left[:, k], 0)
        for k in range(RANK):
            columns[f"output {name}, {k + 1}"] = np.append(kept[k], 0)
        columns[f"offset {name}"] = np.append(difference.mean(axis=0) - mean @ left @ kept, 0)
    print(HEAD.format(n=n, rank=RANK))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["feature", *columns])
    for k, feature in enumerate((*LEVEL_COLUMNS, "constant")):
        out.writerow([feature, *(f"{values[k]:.5g}" for values in columns.values())])


def discriminants(classes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return weights [shape=(k, d)] and constants [shape=(k,)] of linear discriminant analysis of equally frequent classes."""
    y = np.repeat(range(len(classes)), [len(rows) for rows in classes])
    found = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(np.concatenate(classes), y)
    return found.coef_, found.intercept_ - np.log(found.priors_)


if __name__ == "__main__":
    main()
