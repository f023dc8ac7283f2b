"""What a picture's colours alone say about its genre: the row that a network must beat.

    python benchmarks/covers.py MANIFEST

MANIFEST has the columns path, label, group and split, as ``genrekit datasets split`` writes them. A histogram of 8 x 8 x 8
colours and a logistic regression, whose C is chosen on the validation split; the test split is used once.
"""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from genrekit.datasets import group_keys, open_dataset
from genrekit.evaluation import render
from genrekit.media import images
from genrekit.metrics import measure_scores
from genrekit.types import Modality

SIZE, BINS = 64, 8


def colours(path) -> np.ndarray:
    """Square roots of the shares of 512 colours."""
    levels = images.load(path, size=SIZE).reshape(-1, 3).astype(int) * BINS // 256
    counts = np.bincount(levels @ np.array([BINS * BINS, BINS, 1]), minlength=BINS**3)
    return np.sqrt(counts / counts.sum())


def main() -> None:
    """Print the report of the test split."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest")
    arguments = parser.parse_args()
    dataset = open_dataset(arguments.manifest, modality=Modality.IMAGE)
    labels = dataset.labels
    sides = {side: [e for e in dataset.examples if e.split == side] for side in ("train", "valid", "test")}
    x = {side: np.stack([colours(e.path) for e in examples]) for side, examples in sides.items()}
    y = {side: np.array([labels.index(e.labels[0]) for e in examples]) for side, examples in sides.items()}
    models = {
        c: LogisticRegression(C=c, max_iter=2000).fit(x["train"], y["train"])
        for c in (0.1, 0.3, 1, 3, 10, 30)
    }
    losses = {
        c: log_loss(y["valid"], m.predict_proba(x["valid"]), labels=range(len(labels)))
        for c, m in models.items()
    }
    best = min(losses, key=losses.__getitem__)
    print(f"C = {best}, validation log loss {losses[best]:.3f}")
    model = LogisticRegression(C=best, max_iter=2000).fit(
        np.concatenate([x["train"], x["valid"]]), np.concatenate([y["train"], y["valid"]])
    )
    measured = measure_scores(
        model.predict_proba(x["test"]),
        np.eye(len(labels), dtype=np.float32)[y["test"]],
        labels,
        group_keys(sides["test"]),
        split="published sides",
    )
    Console().print(render(measured))


if __name__ == "__main__":
    main()
