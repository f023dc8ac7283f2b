"""Prediction in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from genrekit.prediction.in_memory import as_inputs, check_input
from genrekit.prediction.loading import load_models
from genrekit.prediction.model import Model
from genrekit.prediction.options import PredictOptions
from genrekit.prediction.pipeline import Pipeline
from genrekit.preparation import Cache
from genrekit.types import Prediction, Say, silent

if TYPE_CHECKING:
    from genrekit.execution import AnyPool


def predict(
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
) -> Iterator[Prediction]:
    """Predict the genre of all inputs, one prediction per file or row, in order.

    Parameters
    ----------
    inputs : str, Path, bytes, binary file, (np.ndarray, int), PIL.Image.Image, DataFrame, or an iterable of them
        Paths are files, folders and glob patterns; tables are predicted row by row, manifests file by file. Samples
        have shape (n,) or (n_channels, n), floats in [-1, 1], and come with their rate in Hz.
    model : Model, str or Path, or a sequence of them, optional
        The first model that takes an input predicts it; a name of a shipped model or the path of a bundle. All
        shipped models unless given.
    options : PredictOptions, optional
    pool : Pool or DaskPool, optional
        Workers that decode and prepare; the pool stays open.
    jobs : int >= 1, optional
        Without a pool: processes that prepare; by default one per core, and none for a few inputs.
    timeout_s : float > 0, optional
        Without a pool: seconds after which an input counts as failed.
    cache : Cache, optional
    cluster : str, optional
        Without a pool: a Dask cluster instead of local processes, as ``dask://host:port``.
    say : callable
        Takes lines for the user.

    Yields
    ------
    Prediction
        An input that cannot be read is a prediction with ``error``.

    Raises
    ------
    UsageError
        If there is no model, ``options`` name a label that a model does not have, or an input is of no known type.
    BundleError
        If a model cannot be loaded.
    """
    pipeline = Pipeline(
        load_models(model), options or PredictOptions(), cache or Cache(), pool, jobs, timeout_s, cluster, say
    )
    check_input(inputs)
    return _predictions(pipeline, inputs)


def _predictions(pipeline: Pipeline, inputs: Any) -> Iterator[Prediction]:
    with TemporaryDirectory(prefix="genrekit-") as folder:
        for finished in pipeline.run(as_inputs(inputs, Path(folder))):
            assert finished.prediction is not None  # no prediction was known, and no table was left for later
            yield finished.prediction
