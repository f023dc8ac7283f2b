"""The public conformance suites: what every backend and every data set loader must do.

A plug-in's own test is two lines::

    def test_conforms():
        check_backend(MyBackend())
"""

from __future__ import annotations

import json
import math
import pickle
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from genrekit.backends.base import Backend, BackendConfig, BackendInfo, Fitted, Prepared
from genrekit.backends.config import make_config
from genrekit.datasets import open_dataset
from genrekit.datasets.base import Dataset
from genrekit.errors import ConfigError, MediaError
from genrekit.labels import normalise
from genrekit.runtime import Runtime
from genrekit.splits import SIDES, group_keys
from genrekit.types import Example, Modality, Windows

# A larger difference between graph and native scores can change which label wins.
MAX_TOLERANCE = 1e-3
SONGS = "synthetic:?genres=3&songs=6&seconds=4&seed=1"


def check_backend(
    backend: Backend, *, examples: Sequence[Example] | None = None, settings: Mapping[str, Any] | None = None
) -> None:
    """Hold a backend against the protocol.

    Parameters
    ----------
    backend : Backend
    examples : sequence of Example, optional
        Labelled examples of at least two labels to train on. Without them, backends for songs get a small
        synthetic set, and backends for tables random rows.
    settings : Mapping, optional
        Config values that make training quick.

    Raises
    ------
    AssertionError
        With a sentence that says which part of the protocol is broken.
    """
    _check_info(backend.info)
    _check_config(backend)
    config = make_config(backend, settings or {})
    examples = tuple(examples or _default_examples(backend.info))
    prepared = [_check_prepare(backend, config, example) for example in examples]
    _check_sendable(backend, config)
    shapes = {windows.values.shape[1:] for windows in prepared}
    _require(len(shapes) == 1, f"prepare gives windows of several shapes: {sorted(shapes)}")
    _check_refusals(backend, config)
    _check_fit(backend, config, examples, prepared)


def check_loader(load: Callable[[], Dataset]) -> None:
    """Hold a loader against what every data set promises, by calling it twice.

    Parameters
    ----------
    load : callable
        Opens the same source at every call.

    Raises
    ------
    AssertionError
        With a sentence that says which promise is broken.
    """
    dataset = load()
    _require(len(dataset.examples) > 0, "a data set has at least one example")
    ids = {example.id for example in dataset.examples}
    _require(len(ids) == len(dataset.examples), "ids are unique")
    for example in dataset.examples:
        _check_example(example, dataset.modality)
    columns = {tuple(example.row) for example in dataset.examples if example.row is not None}
    _require(len(columns) <= 1, "all rows have the same columns in the same order")
    for name, reason in dataset.left_out:
        _require(bool(name and reason.strip()), "what is left out has a name and a reason")
        _require(name not in ids, f"what is left out ({name!r}) is not taken")
    _require(re.fullmatch(r"[0-9a-f]{64}", dataset.fingerprint) is not None, "the fingerprint is a SHA-256")
    again = load()
    _require(again == dataset, "the same source gives the same data set, in the same order")
    _require(again.fingerprint == dataset.fingerprint, "the same source gives the same fingerprint")


def _check_example(example: Example, modality: Modality) -> None:
    name = f"example {example.id!r}"
    _require(bool(example.id), "an id is not empty")
    _require(not re.search("[\ud800-\udfff]", example.id), f"{name} has an id that can be printed")
    _require((example.path is None) != (example.row is None), f"{name} has a file or a row, not both")
    _require(
        (example.row is not None) == (modality is Modality.TABLE), f"{name} is what the data set says it is"
    )
    _require(example.path is None or example.path.is_file(), f"{name} names a file that exists")
    _require(
        all(isinstance(value, float) for value in (example.row or {}).values()),
        f"{name} has numbers in its row",
    )
    _require(len(example.labels) > 0, f"{name} has a label")
    _require(all(normalise(x) == x and x for x in example.labels), f"{name} has normalised labels")
    _require(len(set(example.labels)) == len(example.labels), f"{name} has every label once")
    _require(example.split in (None, *SIDES), f"{name} is on a side that exists, not {example.split!r}")
    _require(example.group is None or bool(example.group.strip()), f"{name} has a group or None, not ''")
    _require(all(isinstance(text, str) for text in example.extra.values()), f"{name} has texts in extra")


def _require(condition: bool, promise: str) -> None:
    if not condition:
        raise AssertionError(promise)


def _check_info(info: BackendInfo) -> None:
    _require(
        re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", info.name) is not None,
        f"info.name is a short lower-case word, not {info.name!r}",
    )
    _require(bool(info.summary.strip()), "info.summary is a sentence")
    _require(bool(info.feature_version), "info.feature_version is not empty")
    _require(isinstance(info.modality, Modality), "info.modality is a Modality")
    _require(len(set(info.columns)) == len(info.columns), "info.columns are unique")
    _require(
        bool(info.columns) or info.modality is not Modality.TABLE, "a backend for tables names its columns"
    )


def _check_config(backend: Backend) -> None:
    _require(issubclass(backend.Config, BackendConfig), "Config derives from BackendConfig")
    config = make_config(backend, {})
    missing = set(backend.info.prepare_keys) - set(backend.Config.model_fields)
    _require(not missing, f"info.prepare_keys are keys of Config; these are not: {sorted(missing)}")
    again = make_config(backend, json.loads(json.dumps(config.model_dump(mode="json"))))
    _require(again == config, "Config survives JSON")
    for field in backend.Config.model_fields:
        _require(field == field.strip("_"), "keys of Config are plain words")
    try:
        make_config(backend, {"no_such_key_": 1})
    except ConfigError:
        return
    raise AssertionError("Config refuses unknown keys")


def _check_sendable(backend: Backend, config: BackendConfig) -> None:
    try:
        pickle.dumps((backend, config))
    except Exception as error:  # the promise is about every class
        raise AssertionError(f"a backend and its config can be sent to another process: {error}") from error


def _check_prepare(backend: Backend, config: BackendConfig, example: Example) -> Windows:
    windows = backend.prepare(example, config)
    values = windows.values
    _require(isinstance(windows, Windows), "prepare returns Windows")
    _require(values.dtype == np.float32, f"windows are float32, not {values.dtype}")
    _require(values.ndim >= 2 and len(values) > 0, "there is at least one window, and it has a shape")
    _require(
        backend.info.modality is Modality.TABLE or bool(np.isfinite(values).all()),
        "windows hold finite numbers",
    )
    _require(len(windows.times_s) in (0, len(values)), "every window has its times, or none has")
    _require(
        all(0 <= start < end for start, end in windows.times_s)
        and sorted(windows.times_s) == list(windows.times_s),
        "windows have a start before their end, and stand in order",
    )
    twin = replace(example, id="another name", labels=())
    again = backend.prepare(twin, config)
    _require(np.array_equal(again.values, values, equal_nan=True), "prepare depends on the content alone")
    return windows


def _check_refusals(backend: Backend, config: BackendConfig) -> None:
    if backend.info.modality is Modality.TABLE:
        return
    suffix = {Modality.AUDIO: ".wav", Modality.IMAGE: ".png"}[backend.info.modality]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (
            ("empty", b""),
            ("text", b"this is no media file\n" * 40),
            ("zeros", bytes(4096)),
        ):
            path = Path(folder, name + suffix)
            path.write_bytes(content)
            _refuses(backend, config, path, f"a file of {name}")
        _refuses(backend, config, Path(folder, "missing" + suffix), "a missing file")
        _refuses(backend, config, Path(folder), "a directory")


def _refuses(backend: Backend, config: BackendConfig, path: Path, what: str) -> None:
    try:
        backend.prepare(Example(id=str(path), path=path), config)
    except MediaError:
        return
    except Exception as error:  # the promise is about every other class
        raise AssertionError(
            f"prepare raises MediaError for {what}, not {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"prepare refuses {what}")


def _check_fit(
    backend: Backend, config: BackendConfig, examples: Sequence[Example], prepared: Sequence[Windows]
) -> None:
    labels = tuple(sorted({label for example in examples for label in example.labels}))
    targets = np.array([[label in e.labels for label in labels] for e in examples], dtype=np.float32)
    groups = group_keys(examples)

    def side(members: Sequence[int]) -> Prepared:
        return Prepared(
            [prepared[i].values for i in members],
            targets[list(members)],
            groups[list(members)],
            tuple(examples[i].id for i in members),
        )

    everything = range(len(examples))
    whole = side(everything)
    fitted = backend.fit(whole, None, labels, config, lambda text: None)
    _check_fitted(fitted, whole, labels)
    again = backend.fit(whole, None, labels, config, lambda text: None)
    _require(again.onnx == fitted.onnx, "the same data and seed give the same graph, byte for byte")
    _require(dict(again.native) == dict(fitted.native), "the same data and seed give the same native payload")
    _require(
        json.dumps(dict(again.history)) == json.dumps(dict(fitted.history)), "the history holds no clock"
    )
    valid = side([i for i in everything if i % 3 == 0])
    train = side([i for i in everything if i % 3])
    _check_fitted(backend.fit(train, valid, labels, config, lambda text: None), train, labels)


def _check_fitted(fitted: Fitted, train: Prepared, labels: tuple[str, ...]) -> None:
    runtime = Runtime(fitted.onnx, n_labels=len(labels))
    _require(len(fitted.check_windows) > 0, "fit gives windows to check the graph on")
    graph = runtime.scores(fitted.check_windows)
    _require(
        graph.shape == fitted.check_scores.shape, "check_scores has a row a check window, a column a label"
    )
    difference = float(np.abs(graph - fitted.check_scores).max())
    _require(
        0 <= fitted.tolerance <= MAX_TOLERANCE,
        f"tolerance is at most {MAX_TOLERANCE:g}, not {fitted.tolerance:g}",
    )
    _require(difference <= fitted.tolerance, f"graph and native model agree; they differ by {difference:.2g}")
    scores = runtime.scores(np.concatenate(train.windows))
    if not fitted.thresholds:
        worst = float(np.abs(scores.sum(axis=1) - 1).max())
        _require(
            math.isclose(worst, 0, abs_tol=1e-4),
            f"a window's scores sum to 1; the worst is off by {worst:.2g}",
        )
    json.dumps(dict(fitted.history), allow_nan=False)
    for name in fitted.native:
        _require(
            re.fullmatch(r"[\w.-]+\.(safetensors|ubj)", name) is not None,
            f"native payloads are .safetensors or .ubj files, not {name!r}",
        )


def _default_examples(info: BackendInfo) -> Sequence[Example]:
    if info.modality is Modality.AUDIO:
        return open_dataset(SONGS).examples
    if info.modality is Modality.TABLE:
        rng = np.random.default_rng(0)
        return [
            Example(
                id=f"row {i}",
                row={column: float(value) for column, value in zip(info.columns, row, strict=True)},
                labels=("abc"[i % 3],),
            )
            for i, row in enumerate(rng.random((60, len(info.columns))) + np.arange(60)[:, None] % 3)
        ]
    raise AssertionError(f"give examples: there is no synthetic set of {info.modality} yet")
