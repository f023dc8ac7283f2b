"""Public conformance suites: requirements of every backend and every data set loader.

A plug-in's own test is two lines::

    def test_conforms():
        check_backend(MyBackend())
"""

from __future__ import annotations

import json
import pickle
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genrekit.backends import (
    Backend,
    BackendConfig,
    BackendInfo,
    ExplainsWithImages,
    draw,
    heat_map,
    make_config,
)
from genrekit.datasets import SPLITS, Dataset, open_dataset
from genrekit.errors import ConfigError, MediaError
from genrekit.labels import normalise
from genrekit.testing.features import check_named_features
from genrekit.testing.fit import check_fit, with_several_labels
from genrekit.testing.requirement import require
from genrekit.types import SPECTROGRAM, Example, Modality, Windows

SONGS = "synthetic:?genres=3&songs=6&seconds=4&seed=1"


def check_backend(
    backend: Backend, *, examples: Sequence[Example] | None = None, settings: Mapping[str, Any] | None = None
) -> None:
    """Check a backend against the protocol.

    Parameters
    ----------
    backend : Backend
    examples : sequence of Example, optional
        Labelled examples of at least two labels to train on. By default, a small synthetic set for backends of songs,
        drawn pictures for backends of pictures, and random rows for backends of tables.
    settings : Mapping, optional
        Config values that make training quick; not ``multilabel``: a multi-label backend
        is fitted both ways.

    Raises
    ------
    AssertionError
        With a sentence that names the broken part of the protocol.
    """
    _check_info(backend.info)
    _check_config(backend)
    config = make_config(backend, settings or {})
    with tempfile.TemporaryDirectory() as folder:
        examples = tuple(examples or _default_examples(backend.info, Path(folder)))
        prepared = [_check_prepare(backend, config, example) for example in examples]
    _check_sendable(backend, config)
    shapes = {windows.values.shape[1:] for windows in prepared}
    require(len(shapes) == 1, f"prepare returns windows of several shapes: {sorted(shapes)}")
    _check_refusals(backend, config)
    _check_pictures(backend, config, prepared[0].values[0])
    check_named_features(backend, np.concatenate([windows.values for windows in prepared]))
    check_fit(
        backend, config, [replace(e, labels=e.labels[:1]) for e in examples], prepared, multilabel=False
    )
    if backend.info.multilabel:
        several = make_config(backend, {**(settings or {}), "multilabel": True})
        check_fit(backend, several, with_several_labels(examples), prepared, multilabel=True)


def check_loader(load: Callable[[], Dataset]) -> None:
    """Check a loader against the requirements of data sets, by calling it twice.

    Parameters
    ----------
    load : callable
        Function that opens the same source at every call.

    Raises
    ------
    AssertionError
        With a sentence that names the broken requirement.
    """
    dataset = load()
    require(len(dataset.examples) > 0, "a data set has at least one example")
    ids = {example.id for example in dataset.examples}
    require(len(ids) == len(dataset.examples), "ids are unique")
    for example in dataset.examples:
        _check_example(example, dataset.modality)
    columns = {tuple(example.row) for example in dataset.examples if example.row is not None}
    require(len(columns) <= 1, "all rows have the same columns in the same order")
    for name, reason in dataset.left_out:
        require(bool(name and reason.strip()), "everything left out has a name and a reason")
        require(name not in ids, f"what is left out ({name!r}) is not an example")
    require(re.fullmatch(r"[0-9a-f]{64}", dataset.fingerprint) is not None, "the fingerprint is a SHA-256")
    again = load()
    require(again == dataset, "the same source gives the same data set, in the same order")
    require(again.fingerprint == dataset.fingerprint, "the same source gives the same fingerprint")


def _check_example(example: Example, modality: Modality) -> None:
    name = f"example {example.id!r}"
    require(bool(example.id), "an id is not empty")
    require(not re.search("[\ud800-\udfff]", example.id), f"{name} has an id that can be printed")
    given = [w for w in (example.path, example.row, example.array, example.address) if w is not None]
    require(len(given) == 1, f"{name} has a file, an address, a row or an array, and one of them")
    require((example.array is None) == (example.kind is None), f"{name} has a kind if it has an array")
    require(
        (example.row is not None) == (modality is Modality.TABLE), f"{name} is what the data set says it is"
    )
    require(example.path is None or example.path.is_file(), f"{name} names a file that exists")
    require(
        all(isinstance(value, float) for value in (example.row or {}).values()),
        f"{name} has numbers in its row",
    )
    if example.array is not None and example.kind == SPECTROGRAM:
        array = example.array
        require(modality is Modality.AUDIO, f"{name} is a song, as its spectrogram says")
        require(
            array.ndim == 2 and array.size > 0 and array.dtype in (np.uint8, np.float32),
            f"{name} has a spectrogram of mel bands and frames, uint8 or float32",
        )
    require(len(example.labels) > 0, f"{name} has a label")
    require(all(normalise(x) == x and x for x in example.labels), f"{name} has normalised labels")
    require(len(set(example.labels)) == len(example.labels), f"{name} has every label once")
    require(example.split in (None, *SPLITS), f"{name} is in a split that exists, not {example.split!r}")
    require(example.group is None or bool(example.group.strip()), f"{name} has a group or None, not ''")
    require(all(isinstance(text, str) for text in example.extra.values()), f"{name} has texts in extra")


def _check_info(info: BackendInfo) -> None:
    require(
        re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", info.name) is not None,
        f"info.name is a short lower-case word, not {info.name!r}",
    )
    require(bool(info.summary.strip()), "info.summary is a sentence")
    require(bool(info.feature_version), "info.feature_version is not empty")
    require(isinstance(info.modality, Modality), "info.modality is a Modality")
    require(len(set(info.columns)) == len(info.columns), "info.columns are unique")
    require(
        bool(info.columns) or info.modality is not Modality.TABLE, "a backend for tables names its columns"
    )


def _check_config(backend: Backend) -> None:
    require(issubclass(backend.Config, BackendConfig), "Config derives from BackendConfig")
    config = make_config(backend, {})
    missing = set(backend.info.prepare_keys) - set(backend.Config.model_fields)
    require(not missing, f"info.prepare_keys are keys of Config; these are not: {sorted(missing)}")
    require(config.multilabel is False, "the Config key 'multilabel' is off by default")
    again = make_config(backend, json.loads(json.dumps(config.model_dump(mode="json"))))
    require(again == config, "Config survives JSON")
    for field in backend.Config.model_fields:
        require(field == field.strip("_"), "keys of Config are plain words")
    try:
        make_config(backend, {"no_such_key_": 1})
    except ConfigError:
        return
    raise AssertionError("Config refuses unknown keys")


def _check_sendable(backend: Backend, config: BackendConfig) -> None:
    try:
        pickle.dumps((backend, config))
    except Exception as error:  # the requirement covers every class
        raise AssertionError(f"a backend and its config can be sent to another process: {error}") from error


def _check_prepare(backend: Backend, config: BackendConfig, example: Example) -> Windows:
    windows = backend.prepare(example, config)
    values = windows.values
    require(isinstance(windows, Windows), "prepare returns Windows")
    require(values.dtype in (np.float32, np.uint8), f"windows are float32 or uint8, not {values.dtype}")
    require(values.ndim >= 2 and len(values) > 0, "there is at least one window, and it has a shape")
    require(
        backend.info.modality is Modality.TABLE or bool(np.isfinite(values).all()),
        "windows hold finite numbers",
    )
    require(len(windows.times_s) in (0, len(values)), "every window has its times, or none does")
    require(
        all(0 <= start < end for start, end in windows.times_s)
        and sorted(windows.times_s) == list(windows.times_s),
        "windows have a start before their end, and are in order",
    )
    twin = replace(example, id="another name", labels=())
    again = backend.prepare(twin, config)
    require(np.array_equal(again.values, values, equal_nan=True), "prepare depends on the content only")
    return windows


def _check_pictures(backend: Backend, config: BackendConfig, window: np.ndarray) -> None:
    if not isinstance(backend, ExplainsWithImages):
        return
    axes = backend.picture_axes(config)
    if axes is None:
        return
    used = [axis for axis in (axes.height, axes.width, axes.pieces) if axis is not None]
    require(
        len(set(used)) == len(used) and all(0 <= axis < window.ndim for axis in used),
        f"picture_axes are different axes of a window of shape {window.shape}, not {used}",
    )
    require(min(axes.blocks) > 0, "picture_axes has blocks")
    heat = heat_map(lambda windows: np.full(len(windows), 0.5), window, axes)
    require(draw(window, heat, axes, "a title").startswith(b"\x89PNG"), "a window can be drawn")


def _check_refusals(backend: Backend, config: BackendConfig) -> None:
    if backend.info.modality is Modality.TABLE:
        return
    suffix = {Modality.AUDIO: ".wav", Modality.IMAGE: ".png"}[backend.info.modality]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (
            ("empty", b""),
            ("text", b"this is not a media file\n" * 40),
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
    except Exception as error:  # the requirement covers every other class
        raise AssertionError(
            f"prepare raises MediaError for {what}, not {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"prepare refuses {what}")


def _default_examples(info: BackendInfo, folder: Path) -> Sequence[Example]:
    if info.modality is Modality.AUDIO:
        return open_dataset(SONGS).examples
    if info.modality is Modality.IMAGE:
        return _pictures(folder)
    rng = np.random.default_rng(0)
    return [
        Example(
            id=f"row {i}",
            row={column: float(value) for column, value in zip(info.columns, row, strict=True)},
            labels=("abc"[i % 3],),
        )
        for i, row in enumerate(rng.random((60, len(info.columns))) + np.arange(60)[:, None] % 3)
    ]


def _pictures(folder: Path) -> Sequence[Example]:
    """Draw noisy stripes of three directions, the labels, in random colours; six pictures per label, upright and rotated."""
    rng = np.random.default_rng(0)
    examples = []
    for i in range(18):
        label = ("across", "down", "slanted")[i % 3]
        height, width = ((64, 64), (64, 96), (96, 64))[i // 3 % 3]
        y, x = np.mgrid[:height, :width]
        way = {"across": y, "down": x, "slanted": x + y}[label]
        stripes = np.sin(way / rng.uniform(1.5, 3) + rng.uniform(0, 6))[..., None]
        picture = 128 + 90 * stripes * rng.uniform(-1, 1, 3) + rng.normal(0, 10, (height, width, 3))
        path = folder / f"{i}.png"
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
        examples.append(Example(id=path.name, path=path, labels=(label,), group=f"group {i}"))
    return examples
