"""Measure whether altered copies of songs help training, against a training that sees as many examples without them.

    python benchmarks/copies.py songs.csv [--copies 3] [--seeds 3] [--set arch=plain --set width=8 --set epochs=30]

The manifest has the columns path, label and group (the artist). Three trainings of the `spectrogram` backend are measured on the same folds by
group: without copies, with them, and without them for ``1 + copies`` times as many epochs, which are at least as many steps of
the optimiser. Differences are paired over groups, all seeds together.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import genrekit
from genrekit.backends import parse_settings
from genrekit.metrics import ScoredExample, difference, paired_draws

METRICS = {"accuracy": (100, " %"), "log_loss": (1, "")}


def main() -> None:
    """Print a row per training and seed, then the differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source")
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    settings = {"epochs": 30, **parse_settings(arguments.settings), "keep": "last", "members": 1}
    times = 1 + arguments.copies
    variants = {
        "without copies": settings,
        f"{arguments.copies} copies": {**settings, "copies": arguments.copies},
        f"without copies, {times} times the epochs": {**settings, "epochs": times * settings["epochs"]},
    }
    rows: dict[str, list[ScoredExample]] = {name: [] for name in variants}
    print("| training | seed | accuracy | log loss | CPU seconds |\n|---|---|---|---|---|")
    for seed in range(arguments.seeds):
        for name, config in variants.items():
            begin = time.process_time()
            measured = genrekit.cross_validate(
                arguments.source,
                backend="spectrogram",
                k=arguments.folds,
                by="group",
                jobs=1,
                valid_size=0.1,
                config={**config, "seed": seed},
            )
            rows[name] += sorted(measured.rows, key=lambda row: row.id)
            cells = [
                f"{scale * measured.report.metrics[metric].value:.{1 if unit else 2}f}{unit}"
                for metric, (scale, unit) in METRICS.items()
            ]
            print(
                f"| {name} | {seed} | {' | '.join(cells)} | {time.process_time() - begin:.0f} |", flush=True
            )
    labels = measured.report.labels
    draws = {
        name: paired_draws(
            np.array([row.scores for row in found]),
            np.array([[row.label == label for label in labels] for row in found]),
            labels,
            [row.group for row in found],
        )
        for name, found in rows.items()
    }
    names = list(variants)
    for one, other in ((1, 0), (1, 2), (2, 0)):
        for metric, (scale, unit) in METRICS.items():
            found = difference(draws[names[one]], draws[names[other]], metric)
            low, high = scale * (found.low or 0), scale * (found.high or 0)
            print(
                f"{names[one]} minus {names[other]}: {metric} {scale * found.value:+.2f}{unit} ({low:+.2f} to {high:+.2f})"
            )


if __name__ == "__main__":
    main()
