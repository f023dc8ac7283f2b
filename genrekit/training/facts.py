"""Facts of a training for the manifest of its bundle: data, numbers, versions."""

from __future__ import annotations

import platform
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genrekit.datasets import Dataset, Split
from genrekit.hashing import hash_file
from genrekit.metrics import Report
from genrekit.training.prepared_dataset import PreparedDataset

MAX_CONFUSION_LABELS = 500


def data_facts(dataset: Dataset, prepared: PreparedDataset, split: Split, *, refit: bool) -> dict[str, Any]:
    """Return source, counts, split and what was left out of a data set that was trained on."""
    assert split.options is not None
    return {
        "source": " + ".join(
            one if dataset.layout == "synthetic" else Path(one).name
            for one in dataset.sources or (dataset.source,)
        ),
        "layout": dataset.layout,
        "fingerprint": dataset.fingerprint,
        **({"sha256": hash_file(dataset.file)} if dataset.file else {}),
        "examples": len(prepared.windows),
        "counts": dict(
            Counter(label for i in sorted(prepared.windows) for label in sorted(dataset.examples[i].labels))
        ),
        "left_out": len(dataset.left_out) + len(prepared.failures),
        "removed": dict(dataset.removed),
        "notes": list(dataset.notes),
        "split": {
            "method": split.method,
            **asdict(split.options),
            "train": len(split.train),
            "valid": len(split.valid),
            "test": len(split.test),
        },
        "fitted_on": "all splits, after the test split was measured" if refit else "train and valid",
    }


def kept_metrics(report: Report) -> dict[str, Any]:
    """Return a report as stored in a bundle: without paths, and without a matrix too large for the manifest."""
    facts = report.to_dict()
    facts["failures"] = len(report.failures)
    if len(report.labels) > MAX_CONFUSION_LABELS:
        del facts["confusion"]
    return facts


def versions() -> dict[str, str]:
    """Return Python and the libraries that train, with their versions."""
    names = ("numpy", "onnx", "onnxruntime", "scikit-learn", "xgboost", "torch", "torchvision", "lightning")
    found = {"python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):  # some libraries have more than one distribution name
            found[name] = version(name)
    return found
