"""Manifest of a trained model: its data, its metrics, and the versions of the libraries that made it."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.backends import Backend, BackendConfig, Fitted
from genrekit.datasets import Dataset, Split
from genrekit.hashing import hash_file
from genrekit.metrics import Report
from genrekit.models import Manifest, Runtime
from genrekit.training.prepared_dataset import PreparedDataset

MAX_CONFUSION_LABELS = 500


def make_manifest(
    backend: Backend,
    config: BackendConfig,
    fitted: Fitted,
    runtime: Runtime,
    labels: tuple[str, ...],
    *,
    name: str,
    measured: Report | None,
    data: Mapping[str, Any],
    data_fingerprint: str,
    parent: str | None,
    history: Mapping[str, Any],
    about: str,
    licence: str,
) -> Manifest:
    """Make the manifest of a trained model.

    Parameters
    ----------
    backend : Backend
    config : BackendConfig
    fitted : Fitted
        Result of the training.
    runtime : Runtime
        Its loaded graph.
    labels : tuple of str
        In the order of the scores.
    name : str
        Name of the model.
    measured : Report, optional
        Report on the test split.
    data : Mapping
        Facts of `data_facts`.
    data_fingerprint : str
        Hash of the contents, labels and splits.
    parent : str, optional
        SHA-256 of the bundle before this one.
    history : Mapping
        Facts beside those of the backend.
    about, licence : str
        For the model card.
    """
    return Manifest(
        name=name,
        backend=backend.info.name,
        modality=backend.info.modality,
        labels=labels,
        multilabel=config.multilabel,
        config=config.model_dump(mode="json"),
        feature_version=backend.info.feature_version,
        columns=backend.info.columns,
        input_shape=fitted.check_windows.shape[1:],
        outputs=runtime.declaration(fitted.distance_threshold, fitted.distance_thresholds_of_few),
        thresholds=dict(fitted.thresholds),
        metrics=kept_metrics(measured) if measured else None,
        data=dict(data),
        data_fingerprint=data_fingerprint,
        parent=parent,
        history={**fitted.history, **history},
        versions=versions(),
        about=" ".join(about.split()),
        licence=licence,
        genrekit=__version__,
    )


def data_facts(dataset: Dataset, prepared: PreparedDataset, split: Split, *, refit: bool) -> dict[str, Any]:
    """Return facts of the data that a model was trained on, without paths."""
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
