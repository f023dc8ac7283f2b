"""Held-out comparison of two backends and their combination, on grouped folds.

    python benchmarks/combination.py SOURCE [--read audio] [--backends spectrogram,encoder] [--folds 5] [--set spectrogram.epochs=20]

Every example is scored by models that were not trained on its group. The combination is measured with equal weights, and
with weights and temperature that were fitted on the held-out scores of the other folds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from genrekit.backends import make_config, parse_settings, registry
from genrekit.datasets import make_folds
from genrekit.metrics import difference, paired_draws
from genrekit.models import pooled
from genrekit.preparation import Cache
from genrekit.training import encoded, fit_folds, gather, open_for


def main() -> None:
    """Measure, and print one line of JSON per model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--read")
    parser.add_argument("--backends", default="spectrogram,encoder")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--scores", type=Path, help="Keep the held-out scores in this .npz file.")
    args = parser.parse_args()
    names = args.backends.split(",")
    found = {}
    for name in names:
        backend = registry.get(name)
        own = [word.partition(".")[2] for word in args.set if word.startswith(f"{name}.")]
        config = make_config(backend, parse_settings(own))
        dataset = open_for(backend, config, args.source, read=args.read)
        folds = make_folds(dataset.examples, k=args.folds, seed=args.seed, valid_size=0.15)
        cache = Cache()
        prepared = gather(
            backend, config, dataset, range(len(dataset.examples)), jobs=1, cache=cache, say=print
        )
        prepared = encoded(backend, config, prepared, cache)
        scored = list(fit_folds(backend, config, prepared, folds, print))
        order = [i for one in scored for i in one.indices]
        labels = prepared.labels(range(len(dataset.examples)))
        selected = prepared.select(order, labels)
        fold_of = np.repeat(np.arange(len(scored)), [len(one.indices) for one in scored])
        found[name] = (selected.ids, np.concatenate([one.scores for one in scored]), selected, fold_of)
    ids = found[names[0]][0]
    assert all(one[0] == ids for one in found.values()), "the backends could not read the same examples"
    scores = np.stack([found[name][1] for name in names])
    selected, fold_of = found[names[0]][2:]
    if args.scores:
        np.savez(
            args.scores, scores=scores, targets=selected.targets, fold_of=fold_of, groups=selected.groups
        )
    combined = {name: scores[j] for j, name in enumerate(names)}
    combined["equal weights"] = pooled(scores, np.full(len(names), 1 / len(names)), multilabel=False)
    fitted = np.empty_like(scores[0])
    weights = []
    for fold in range(args.folds):
        others, its = fold_of != fold, fold_of == fold
        factors = fit(scores[:, others], selected.targets[others])
        weights.append(factors.round(3).tolist())
        fitted[its] = pooled(scores[:, its], factors, multilabel=False)
    combined["fitted weights"] = fitted
    print(json.dumps({"weights / temperature, per fold": weights, "examples": len(ids)}))
    draws = {
        name: paired_draws(values, selected.targets, labels, selected.groups)
        for name, values in combined.items()
    }
    best = max(names, key=lambda name: draws[name]["accuracy"][0])
    for name in combined:
        line = {"model": name}
        for metric in ("accuracy", "log_loss"):
            apart = difference(draws[name], draws[best], metric)
            line[metric] = round(float(draws[name][metric][0]), 4)
            line[f"{metric} minus that of {best}"] = [
                None if value is None else round(value, 4) for value in (apart.value, apart.low, apart.high)
            ]
        print(json.dumps(line))


def fit(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the weights over temperature of the lowest log loss."""

    def loss(factors: np.ndarray) -> float:
        return float(
            -np.log((pooled(scores, factors, multilabel=False) * targets).sum(axis=1) + 1e-12).mean()
        )

    start = np.full(len(scores), 1 / len(scores))
    found: np.ndarray = minimize(loss, start, method="L-BFGS-B", bounds=[(0, 20)] * len(start)).x
    return found


if __name__ == "__main__":
    main()
