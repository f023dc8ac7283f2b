"""How long a million rows of a CSV table take against a bare pandas and XGBoost script, and in how much memory.

    python benchmarks/tabular.py [--rows N] [--model MODEL] [--repeats N]

Both read the same generated table, score it with the same trees and write the same columns; every run is a new
process, the two in turn. Memory is the largest resident size of the process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from genrekit.features import MODEL_COLUMNS, SPOTIFY_COLUMNS
from genrekit.prediction import find

# What somebody writes who needs it once: everything at a time.
PLAIN = """
import sys
import numpy as np, pandas as pd, xgboost as xgb
table, model, output, labels = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split("|")
frame = pd.read_csv(table)
frame["tempo_fraction"] = frame["tempo"] - np.floor(frame["tempo"])
frame["energy_over_loudness"] = frame["energy"] / 10 ** (frame["loudness"] / 20)
booster = xgb.Booster(model_file=model)
scores = booster.inplace_predict(frame[sys.argv[5].split("|")].to_numpy(np.float32))
order = np.argsort(-scores, axis=1)[:, :3]
answer = frame[["track_id", "artist", "track"]].copy()
for k in range(3):
    answer[f"label_{k + 1}"] = np.array(labels)[order[:, k]]
    answer[f"score_{k + 1}"] = np.take_along_axis(scores, order[:, [k]], axis=1)[:, 0].round(6)
answer.to_csv(output, index=False)
"""


def measure(command: list[str]) -> tuple[float, float]:
    """Wall-clock seconds of a whole process, and its largest resident size in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command[:4]} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit / 1e6


def write_table(path: Path, n_rows: int, seed: int = 0) -> None:
    """Write rows with Spotify's columns, three that name the track, and digits as the service gives them."""
    rng = np.random.default_rng(seed)
    for start in range(0, n_rows, 100_000):
        n = min(100_000, n_rows - start)
        frame = pd.DataFrame(
            rng.beta(2, 3, (n, len(SPOTIFY_COLUMNS))).round(4), columns=list(SPOTIFY_COLUMNS)
        )
        frame["loudness"] = (-30 * frame["loudness"]).round(3)
        frame["tempo"] = rng.normal(120, 25, n).clip(40, 220).round(3)
        frame["duration_ms"] = rng.integers(90_000, 400_000, n)
        frame["key"] = rng.integers(0, 12, n)
        frame["mode"] = rng.integers(0, 2, n)
        frame["time_signature"] = rng.choice([3, 4, 5], n)
        frame.insert(0, "track_id", [f"{i:022x}" for i in range(start, start + n)])
        frame.insert(1, "artist", [f"Artist {i}" for i in rng.integers(0, 50_000, n)])
        frame.insert(2, "track", [f"A song, number {i}" for i in range(start, start + n)])
        frame.to_csv(path, mode="a", header=start == 0, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="A million rows against pandas and XGBoost.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--model", default="spotify", help="a spotify bundle (default: the shipped one)")
    parser.add_argument("--repeats", type=int, default=3, help="measured pairs (default: %(default)s)")
    arguments = parser.parse_args()
    bundle = find(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        table, trees, output = (Path(folder, name) for name in ("table.csv", "model.ubj", "out.csv"))
        write_table(table, arguments.rows)
        trees.write_bytes(bundle.files["model.ubj"])
        program = [sys.executable, "-m", "genrekit", "predict", "--overwrite", "--model", arguments.model]
        ours = [*program, str(table), "-o", str(output)]
        names = "|".join(bundle.manifest.labels), "|".join(MODEL_COLUMNS)
        plain = [sys.executable, "-c", PLAIN, str(table), str(trees), str(output), *names]
        pairs = [(measure(plain), measure(ours)) for _ in range(arguments.repeats)]
    medians = [
        (statistics.median(pair[k][0] for pair in pairs), statistics.median(pair[k][1] for pair in pairs))
        for k in (0, 1)
    ]
    ratio = statistics.median(ours[0] / plain[0] for plain, ours in pairs)
    print(
        f"{arguments.rows:,} rows, {os.cpu_count()} cores, median of {arguments.repeats} pairs of new processes"
    )
    print(f"pandas and XGBoost {medians[0][0]:7.1f} s {medians[0][1]:7.0f} MB")
    print(f"genrekit predict   {medians[1][0]:7.1f} s {medians[1][1]:7.0f} MB")
    print(f"genrekit / plain   {ratio:7.2f}   {medians[1][1] / medians[0][1]:7.2f}")


if __name__ == "__main__":
    main()
