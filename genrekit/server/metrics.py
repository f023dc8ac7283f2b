"""Metrics for Prometheus; one registry per server, so that two in one process do not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from genrekit import __version__
from genrekit.types import Prediction

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
_SCORES = tuple(n / 10 for n in range(1, 11))


class Metrics:
    """Counters and measurements of a server."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        Info("genrekit", "The version.", registry=r).info({"version": __version__})
        self._requests = Counter("genrekit_requests", "Requests.", ["route", "status"], registry=r)
        self._request_s = Histogram(
            "genrekit_request_seconds", "Seconds of requests.", ["route"], buckets=_SECONDS, registry=r
        )
        self.inputs = Counter("genrekit_inputs", "Rows of results.", ["model", "outcome"], registry=r)
        self.prepare_s = Histogram(
            "genrekit_prepare_seconds",
            "Seconds from the submission of an input to a worker to its windows.",
            buckets=_SECONDS,
            registry=r,
        )
        self._score_s = Histogram(
            "genrekit_score_seconds",
            "Seconds of a batch in the graph.",
            ["model"],
            buckets=_SECONDS,
            registry=r,
        )
        self._batch = Histogram(
            "genrekit_batch_windows", "Windows of a batch.", ["model"], buckets=_SIZES, registry=r
        )
        self.admitted = Gauge("genrekit_admitted_requests", "Requests in work or waiting for it.", registry=r)
        self.busy = Counter(
            "genrekit_refused_busy", "Requests refused because the queue was full.", registry=r
        )
        self.gone = Counter(
            "genrekit_clients_gone", "Requests whose client left before the response.", registry=r
        )
        self.crashes = Counter("genrekit_worker_crashes", "Inputs whose worker died.", registry=r)
        self.confidence = Histogram(
            "genrekit_confidence",
            "Score of the label; drift shows here first.",
            ["model"],
            buckets=_SCORES,
            registry=r,
        )
        self.temp_bytes = Gauge("genrekit_temp_bytes", "Bytes of uploads on disk.", registry=r)
        self.shadow = Counter(
            "genrekit_shadow",
            "Inputs that the shadow model predicted too.",
            ["model", "shadow", "outcome"],
            registry=r,
        )
        self.variant = Counter("genrekit_variant_requests", "Requests by variant.", ["model"], registry=r)
        self._models = Gauge("genrekit_model_info", "Loaded models.", ["model", "sha256"], registry=r)
        self.reloads = Counter(
            "genrekit_reloads", "Attempts to load the models again.", ["outcome"], registry=r
        )
        self.kept = Counter(
            "genrekit_kept", "What became of uploads to keep and of feedback.", ["outcome"], registry=r
        )
        self.store_waiting = Gauge("genrekit_store_waiting", "Orders that wait for the store.", registry=r)

    @cache  # noqa: B019 - one per server; looking up labels costs more than counting
    def _of(self, route: str, status: str) -> tuple[Counter, Histogram]:
        return self._requests.labels(route, status), self._request_s.labels(route)

    def request(self, route: str, status: int, took_s: float | None = None) -> None:
        """Count a request; ``route`` is the pattern of its address."""
        requests, seconds = self._of(route, str(status))
        requests.inc()
        if took_s is not None:
            seconds.observe(took_s)

    def models(self, loaded: Iterable[tuple[str, str]]) -> None:
        """Set the loaded models by name and hash."""
        self._models.clear()
        for name, sha256 in loaded:
            self._models.labels(name, sha256).set(1)

    def batch_observer(self, model: str) -> Callable[[int, float], None]:
        """Return what takes the windows and seconds of the batches of a model."""
        seconds, windows = self._score_s.labels(model), self._batch.labels(model)

        def observe(n_windows: int, took_s: float) -> None:
            seconds.observe(took_s)
            windows.observe(n_windows)

        return observe

    def prediction(self, prediction: Prediction) -> None:
        """Count a row."""
        if prediction.error is not None:
            self.inputs.labels("", "error").inc()
            return
        self.inputs.labels(prediction.model, "label" if prediction.label else "abstained").inc()
        if prediction.score is not None:
            self.confidence.labels(prediction.model).observe(prediction.score)

    def text(self) -> bytes:
        """Return the exposition format."""
        return generate_latest(self.registry)
