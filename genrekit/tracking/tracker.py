"""Logging of records to MLflow."""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genrekit import __version__
from genrekit.errors import TrainingError, UsageError
from genrekit.evaluation import write_report
from genrekit.tracking.record import Record
from genrekit.tracking.serving import signature

EXPERIMENT = "genrekit"
"""Of all runs, unless ``MLFLOW_EXPERIMENT_NAME`` or ``MLFLOW_EXPERIMENT_ID`` names another."""

_QUIET = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",  # a system without git is no reason for a warning
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_MAX_PARAM, _MAX_TAG = 6000, 5000
_BATCH = 1000


class Tracker:
    """A place to log to.

    Attributes
    ----------
    uri : str
        Address of MLflow; empty for its default.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def log(self, record: Record) -> str:
        """Log a record, and return the id of its run.

        Raises
        ------
        TrainingError
            If MLflow refuses it; what was logged until then stays there.
        """
        with _speaking(self.uri, TrainingError, "The results are kept in their own files.") as mlflow:
            return _log(mlflow, record, _experiment(mlflow), nested=False)


def open_tracker(target: str) -> Tracker:
    """Return a tracker after a connection to it was tested, so that a failure comes before hours of work.

    Parameters
    ----------
    target : str
        ``mlflow`` or ``mlflow:URI``.

    Raises
    ------
    UsageError
        If there is no such kind of tracker, MLflow is not installed, or there is nothing at the URI.
    """
    kind, _, uri = target.partition(":")
    if kind != "mlflow":
        raise UsageError(
            f"{target!r} is not a place to log to; there is mlflow.",
            "For example: --track mlflow, or --track mlflow:sqlite:///runs.db",
        )
    if find_spec("mlflow") is None:
        raise UsageError(
            "--track needs MLflow, which is not installed.", 'Install it: pip install "genrekit[mlflow]"'
        )
    hint = "Pass the address of a server or a database: --track mlflow:http://HOST:5000 or mlflow:sqlite:///runs.db"
    with _speaking(uri, UsageError, hint) as mlflow:
        mlflow.MlflowClient().search_experiments(max_results=1)
    return Tracker(uri)


@contextmanager
def _speaking(uri: str, kind: type[UsageError | TrainingError], hint: str) -> Iterator[Any]:
    """Return MLflow, silent on stdout and with errors as sentences."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow and what it imports
        import mlflow

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        before = mlflow.get_tracking_uri()
        try:
            if uri:
                mlflow.set_tracking_uri(uri)
            yield mlflow
        except (UsageError, TrainingError):
            raise
        except Exception as error:  # of a database, of HTTP, of MLflow
            words = " ".join(str(error).split())[:300]
            raise kind(f"MLflow at {uri or before} does not work: {words}", hint) from None
        finally:
            if uri:
                mlflow.set_tracking_uri(before)


def _experiment(mlflow: Any) -> str | None:
    """Return the id of the experiment of all runs; None where the environment names another."""
    if {"MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"} & os.environ.keys():
        return None
    client = mlflow.MlflowClient()
    known = client.get_experiment_by_name(EXPERIMENT)
    return str(known.experiment_id if known else client.create_experiment(EXPERIMENT))


def _log(mlflow: Any, record: Record, experiment: str | None, *, nested: bool) -> str:
    tags = {"genrekit.task": record.task, "genrekit.version": __version__}
    tags |= {f"genrekit.{name}": text[:_MAX_TAG] for name, text in record.tags.items()}
    with mlflow.start_run(run_name=record.name, experiment_id=experiment, nested=nested, tags=tags) as run:
        mlflow.log_params({name: _word(value) for name, value in record.settings.items()})
        mlflow.log_metrics(_bounded(record))
        _log_curves(mlflow, record, run.info.run_id)
        for path in record.files:
            mlflow.log_artifact(str(path), "files")
        for name, text in record.texts.items():
            mlflow.log_text(text, f"files/{name}")
        if record.measured:
            with TemporaryDirectory() as folder:
                write_report(record.measured.report, folder, predictions=record.measured.rows, overwrite=True)
                mlflow.log_artifacts(folder, "report")
        if record.bundle:
            _log_model(mlflow, record.bundle)
        for part in record.parts:
            _log(mlflow, part, experiment, nested=True)
        return str(run.info.run_id)


def _log_curves(mlflow: Any, record: Record, run_id: str) -> None:
    from mlflow.entities import Metric

    points = [
        Metric(_name(name), value, 0, step)
        for name, curve in record.curves.items()
        for step, value in curve
        if math.isfinite(value)
    ]
    client = mlflow.MlflowClient()
    for start in range(0, len(points), _BATCH):
        client.log_batch(run_id, metrics=points[start : start + _BATCH])


def _log_model(mlflow: Any, bundle: Path) -> None:
    """Log a bundle as a model that MLflow loads by the name of a module of this package: nothing is pickled."""
    import mlflow.pyfunc

    mlflow.pyfunc.log_model(
        name="model",
        loader_module="genrekit.tracking.serving",
        data_path=str(bundle),
        pip_requirements=[f"genrekit=={__version__}"],
        signature=signature(bundle),
    )


def _bounded(record: Record) -> Mapping[str, float]:
    """Return values and the ends of their intervals."""
    found = {}
    for name, estimate in record.metrics.items():
        ends = {"": estimate.value, "_low": estimate.low, "_high": estimate.high}
        for suffix, value in ends.items():
            if value is not None and math.isfinite(value):
                found[_name(name + suffix)] = float(value)
    return found


def _name(text: str) -> str:
    """Return a name that MLflow takes: letters, digits and _-./ only."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "_-./ ") else "_" for one in text)


def _word(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text[:_MAX_PARAM]
