"""Reports as data frames of pandas."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from genrekit.errors import UsageError

if TYPE_CHECKING:
    from genrekit.metrics.report import Report

PARTS = ("metrics", "labels", "confusion", "calibration")


def frame_of(report: Report, part: str) -> pd.DataFrame:
    """Return a part of a report as a data frame; see `Report.to_frame`."""
    if part == "metrics":
        rows = [asdict(estimate) for estimate in report.metrics.values()]
        index = pd.Index(list(report.metrics), name="metric", dtype="str")
        return pd.DataFrame(rows, index, ["value", "low", "high"], dtype="float64")
    labels = pd.Index(list(report.labels), name="label", dtype="str")
    if part == "labels":
        names = ["precision", "recall", "f1"] + ["average_precision", "roc_auc"] * report.multilabel
        rows = [asdict(label) for label in report.per_label]
        frame = pd.DataFrame(rows, labels, names, dtype="float64")
        frame.insert(3, "support", pd.array([label.support for label in report.per_label], dtype="int64"))
        return frame
    if part == "confusion":
        index = labels if report.confusion else labels[:0]
        return pd.DataFrame(report.confusion or None, index, list(report.labels), dtype="int64")
    if part == "calibration":
        frame = pd.DataFrame(report.calibration or None, columns=["examples", "confidence", "accuracy"])
        return frame.astype({"examples": "int64", "confidence": "float64", "accuracy": "float64"})
    raise UsageError(f"A report has no part {part!r}; allowed are {', '.join(PARTS)}.")
