"""What a missing feature costs a model of Spotify's audio features: accuracy and calibration on the test split.

    python benchmarks/missing_features.py TABLE [--folds 3] [--set key=value ...]

Two models are trained on the train and valid splits of the table, without copies that lack values and with them (``gap_copies`` 0 and
1), and score the test split: as it is, without each feature that the table has, and with a share of the cells taken out at
random. With ``--folds`` the test split stays unused: models are trained and measured on folds of the other two, and the mean is
printed with the standard deviation over folds. Confidence minus accuracy is the mean score of the predicted label minus the share of rows where it is right, in points.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from genrekit.backends import Prepared, make_config, parse_settings, registry
from genrekit.datasets import group_keys, make_folds, make_split, open_dataset
from genrekit.features import SPOTIFY_COLUMNS, model_input

SHARES = (0.1, 0.2, 0.3, 0.4)
VARIANTS = {"without copies": 0, "with copies": 1}


def tests(features: npt.NDArray[np.float64]) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield the name of a change and the changed features [shape=(n, 13)]."""
    yield "nothing missing", features
    for k, name in enumerate(SPOTIFY_COLUMNS):
        if not np.isnan(features[:, k]).all():
            without = features.copy()
            without[:, k] = np.nan
            yield f"no {name}", without
    rng = np.random.default_rng(0)
    for share in SHARES:
        yield (
            f"{share:.0%} of the cells empty",
            np.where(rng.random(features.shape) < share, np.nan, features),
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table")
    parser.add_argument("--folds", type=int, help="Measure on so many folds of train and valid.")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    backend = registry.get("spotify")
    dataset = open_dataset(arguments.table)
    labels, examples = dataset.labels, dataset.examples
    split = make_split(examples)
    if arguments.folds:
        examples = tuple(examples[i] for i in sorted((*split.train, *split.valid)))
        splits = make_folds(examples, k=arguments.folds, valid_size=0.1)
    else:
        splits = (split,)
    features = np.array([[e.row[name] for name in SPOTIFY_COLUMNS] for e in examples], dtype=np.float64)
    windows = model_input(features)
    y = np.array([labels.index(e.labels[0]) for e in examples])
    groups = np.array(group_keys(examples))

    def part(at: tuple[int, ...]) -> Prepared:
        rows = list(at)
        targets = np.eye(len(labels), dtype=np.float32)[y[rows]]
        return Prepared(
            [windows[i][None] for i in rows], targets, groups[rows], tuple(examples[i].id for i in rows)
        )

    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for one in splits:
        print(f"{len(one.train) + len(one.valid):,} rows learnt, {len(one.test):,} rows measured", flush=True)
        test = np.array(one.test)
        for name, copies in VARIANTS.items():
            config = make_config(backend, {**parse_settings(arguments.settings), "gap_copies": copies})
            fitted = backend.fit(part(one.train), part(one.valid), labels, config, lambda event: None)
            scorer = backend.native_scorer(fitted.native)
            for change, changed in tests(features[test]):
                scores = scorer(model_input(changed))
                accuracy = (scores.argmax(axis=1) == y[test]).mean()
                measured = found.setdefault(change, {}).setdefault(name, [])
                measured.append((100 * accuracy, 100 * (scores.max(axis=1).mean() - accuracy)))
    print("\n| | " + " | ".join(f"{name}: accuracy | confidence minus accuracy" for name in VARIANTS) + " |")
    print("|---" * (1 + 2 * len(VARIANTS)) + "|")
    for change, by_name in found.items():
        cells = []
        for values in by_name.values():
            (accuracy, over), spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=len(values) > 1)
            cells += [
                f"{accuracy:.1f}%" + (f" ± {spread[0]:.1f}" if len(values) > 1 else ""),
                f"{over:+.1f}" + (f" ± {spread[1]:.1f}" if len(values) > 1 else ""),
            ]
        print(f"| {change} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
