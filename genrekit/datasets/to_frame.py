"""Data sets as data frames of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from genrekit.datasets.base import Dataset

_FIRST_ROW = 2  # the column names are row 1


def frame_of(dataset: Dataset) -> pd.DataFrame:
    """Return the examples of a data set as a data frame; see `Dataset.to_frame`."""
    examples = dataset.examples
    texts = {
        "id": [e.id for e in examples],
        "path": [None if e.path is None else str(e.path) for e in examples],
        "label": ["|".join(e.labels) or None for e in examples],
        "group": [e.group for e in examples],
        "split": [e.split for e in examples],
    }
    columns: dict[str, Any] = {name: pd.array(cells, dtype="string") for name, cells in texts.items()}
    if any(e.offset_s or e.duration_s is not None for e in examples):
        columns["offset_s"] = pd.array([e.offset_s for e in examples], dtype="float64")
        columns["duration_s"] = pd.array([e.duration_s for e in examples], dtype="float64")
    for name in dict.fromkeys(name for e in examples for name in e.row or ()):
        columns[name] = pd.array([(e.row or {}).get(name) for e in examples], dtype="float64")
    for name in dict.fromkeys(name for e in examples for name in e.extra):
        column = name
        while column in columns:
            column = f"extra_{column}"
        columns[column] = pd.array([e.extra.get(name) for e in examples], dtype="string")
    return pd.DataFrame(columns, index=_index(dataset))


def _index(dataset: Dataset) -> pd.Index[Any] | None:
    if dataset.index is None:
        return None
    return dataset.index[[e.row_number - _FIRST_ROW for e in dataset.examples if e.row_number is not None]]
