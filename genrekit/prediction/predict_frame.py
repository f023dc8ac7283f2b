"""Predictions as a data frame of pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from genrekit.analysis import columns_of
from genrekit.prediction.loading import load_models
from genrekit.prediction.model import Model
from genrekit.prediction.options import PredictOptions
from genrekit.prediction.predicting import predict
from genrekit.preparation import Cache
from genrekit.types import Prediction, Say, silent

if TYPE_CHECKING:
    from genrekit.execution import AnyPool

_TEXT_MEASURES = ("key", "camelot")


def predict_frame(
    inputs: Any,
    *,
    model: Model | str | Path | Sequence[Model | str | Path] | None = None,
    options: PredictOptions | None = None,
    pool: AnyPool | None = None,
    jobs: int | None = None,
    timeout_s: float | None = None,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = silent,
) -> pd.DataFrame:
    """Predict the genre of all inputs, as a data frame with one row per file or row, in order.

    Parameters
    ----------
    inputs : DataFrame, Series, or as for `genrekit.predict`
        A data frame of features, or of files in a column ``path``; a series of paths. Relative paths in them start at
        the current directory. Anything else as `genrekit.predict` takes it.
    model, options, pool, jobs, timeout_s, cache, cluster, say
        As for `genrekit.predict`.

    Returns
    -------
    pd.DataFrame
        For a data frame or a series one row per row, with its index, so that ``frame.join(found)`` puts both side by
        side; else with the index 0, 1, 2 ... Columns:

        - ``input``, ``label`` (string), ``score`` (float64, in [0, 1]), ``model``, ``error``, ``note`` (string),
          ``familiar`` (boolean); missing where there is none
        - ``label_1``, ``score_1`` ... ``label_k``, ``score_k``: the best ``options.top_k`` labels (string, float64)
        - ``labels`` (object, tuple of str) if a model has several labels per example
        - ``reasons`` (object, tuple of `Contribution`), ``windows`` (object, tuple of `WindowScore`) and ``image`` (object,
          bytes) where ``options`` ask for them
        - the measures of ``options.measures``: ``key`` and ``camelot`` are string, others float64
        - the columns that identify rows of table files (string; ``extra_NAME`` if the name is taken); not for a data
          frame, which has them

    Raises
    ------
    UsageError, BundleError
        As `genrekit.predict`.

    Examples
    --------
    >>> predict_frame(["song.mp3"]).label[0]  # doctest: +SKIP
    'jazz'
    """
    models = load_models(model)
    options = options or PredictOptions()
    index = inputs.index if isinstance(inputs, pd.DataFrame | pd.Series) else None
    if isinstance(inputs, pd.Series):
        inputs = pd.DataFrame({"path": inputs.array})
    found: list[Prediction] = []
    if index is None or len(index):
        found = list(
            predict(
                inputs,
                model=models,
                options=options,
                pool=pool,
                jobs=jobs,
                timeout_s=timeout_s,
                cache=cache,
                cluster=cluster,
                say=say,
            )
        )
    if index is not None:
        # A table that cannot be read, or not to its end, has one prediction that says so.
        found += [replace(found[-1]) for _ in range(len(index) - len(found))]
        found = [replace(prediction, extra={}) for prediction in found]
    multilabel = any(one.bundle.manifest.multilabel for one in models)
    return _frame(found, options, index, multilabel=multilabel)


def _frame(
    found: Sequence[Prediction], options: PredictOptions, index: pd.Index[Any] | None, *, multilabel: bool
) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "input": _strings(p.id for p in found),
        "label": _strings(p.label for p in found),
        "score": _floats(p.score for p in found),
        "model": _strings(p.model or None for p in found),
        "error": _strings(p.error for p in found),
        "note": _strings(p.note for p in found),
        "familiar": pd.array([p.familiar for p in found], dtype="boolean"),
    }
    for k in range(options.top_k):
        ranked = [p.scores[k] if k < len(p.scores) else (None, None) for p in found]
        columns[f"label_{k + 1}"] = _strings(label for label, _ in ranked)
        columns[f"score_{k + 1}"] = _floats(score for _, score in ranked)
    objects = {
        "labels": multilabel,
        "reasons": options.explain,
        "windows": options.windows,
        "image": options.images,
    }
    for name in (name for name, wanted in objects.items() if wanted):
        columns[name] = pd.Series([getattr(p, name) for p in found], dtype=object).array
    for name in columns_of(options.measures):
        make = _strings if name in _TEXT_MEASURES else _floats
        columns[name] = make(p.analysis.get(name) for p in found)
    for name in dict.fromkeys(name for p in found for name in p.extra):
        column = name
        while column in columns:
            column = f"extra_{column}"
        columns[column] = _strings(p.extra.get(name) for p in found)
    return pd.DataFrame(columns, index=index)


def _strings(cells: Any) -> Any:
    return pd.array(list(cells), dtype="string")


def _floats(cells: Any) -> Any:
    return pd.array(list(cells), dtype="float64")
