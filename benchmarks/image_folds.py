"""Measure a recipe of the image backend on folds, and on each large source of covers without that source.

    genrekit datasets split labels.csv --test-size 0.15 --valid-size 0.15 --seed 0 -o split.csv   # as it was trained
    python benchmarks/image_folds.py split.csv --set arch=resnet18 --set weights=resnet18_imagenet_to_layer3.safetensors

The manifest has the columns path, label, group, split and source. The covers of its splits train and valid are cut into five folds
with groups together; a network is trained from the start for each fold and for each large source, seven trainings for the
covers of the shipped model, for which a GPU is advisable. A source is measured on the genres that all large sources have.
The test split is not touched.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from image_sources import LEAST, read
from sklearn.model_selection import StratifiedGroupKFold

from genrekit.backends import Prepared, make_config, parse_settings, registry
from genrekit.backends.image.backend import ImageConfig
from genrekit.backends.image.recipe import ImageRecipe
from genrekit.backends.neural.calibration import example_scores, window_logits
from genrekit.backends.neural.device import choose
from genrekit.backends.neural.ensemble import quiet, train_ensemble
from genrekit.metrics import paired_draws
from genrekit.types import Example, silent

FOLDS = 5
METRICS = ("accuracy", "macro_f1", "log_loss")


def prepared(paths: np.ndarray, targets: np.ndarray, groups: np.ndarray, config: ImageConfig) -> Prepared:
    """Decode all covers."""
    backend = registry.get("image")
    windows = [backend.prepare(Example(path, path=Path(path)), config).values for path in paths]
    return Prepared(windows, targets.astype(np.float32), groups, tuple(paths))


def scores_of(everything: Prepared, learn: np.ndarray, held: np.ndarray, config: ImageConfig) -> np.ndarray:
    """Train on some covers and return the scores [shape=(len(held), n_labels)] of others."""
    recipe = ImageRecipe(config, everything.targets.shape[1])
    with tempfile.TemporaryDirectory() as folder, quiet():
        trained = train_ensemble(
            recipe, Path(folder), everything.subset(learn), None, config, choose(config), silent, resume=False
        )
    networks = [member.network for member in trained]
    logits, owners = window_logits(networks, everything.subset(held), config.batch_size)
    return np.asarray(example_scores(logits, owners, len(held), 1.0, multilabel=False))


def main() -> None:
    """Print a row per set of covers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    config = make_config(registry.get("image"), {"keep": "last", **parse_settings(arguments.settings)})
    covers = read(arguments.manifest)
    covers = {name: column[covers["split"] != "test"] for name, column in covers.items()}
    label, source, group = covers["label"], covers["source"], covers["group"]
    labels = np.unique(label)
    targets = label[:, None] == labels
    everything = prepared(covers["path"], targets, group, config)
    large = [one for one in np.unique(source) if (source == one).sum() > 5 * LEAST]
    shared = [g for g in labels if all(((label == g) & (source == s)).sum() >= LEAST for s in large)]

    def show(name: str, held: np.ndarray, scores: np.ndarray) -> None:
        draws = paired_draws(scores, targets[held], labels.tolist(), group[held])
        cells = []
        for metric in METRICS:
            value, *resamples = draws[metric]
            low, high = np.quantile(resamples, [0.025, 0.975])
            cells.append(f"{value:.3f} ({low:.3f} to {high:.3f})")
        print(f"| {name} | {len(held)} | {' | '.join(cells)} |", flush=True)

    print(f"| measured on | covers | {' | '.join(METRICS)} |\n|---|---|{'---|' * len(METRICS)}")
    scores = np.zeros(targets.shape)
    cutter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for learn, held in cutter.split(label, label, group):
        scores[held] = scores_of(everything, learn, held, config)
    show(f"{FOLDS} folds", np.arange(len(label)), scores)
    for one in large:
        held = np.flatnonzero((source == one) & np.isin(label, shared))
        found = scores_of(everything, np.flatnonzero(source != one), held, config)
        show(f"{', '.join(shared)} of {one}, learnt from the others", held, found)


if __name__ == "__main__":
    main()
