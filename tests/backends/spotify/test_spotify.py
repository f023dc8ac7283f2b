"""The ``spotify`` backend: its settings, one row made ready, and its native payload."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support import quick

from genrekit.backends.base import Fitted, Prepared
from genrekit.backends.capabilities import Explains, ReadsTables, ScoresNatively
from genrekit.backends.config import make_config
from genrekit.backends.spotify import fit as spotify_fit
from genrekit.backends.spotify import native as spotify_native
from genrekit.backends.spotify.backend import SpotifyBackend, SpotifyConfig
from genrekit.backends.trees import tensors
from genrekit.errors import BundleError, ConfigError, MediaError
from genrekit.features.schema import SPOTIFY_COLUMNS
from genrekit.features.spotify_schema import MODEL_COLUMNS
from genrekit.models.runtime import Runtime
from genrekit.types import Example

BACKEND = SpotifyBackend()
CONFIG = SpotifyConfig()
LABELS = ("jazz", "metal", "pop")
ROW = dict(
    zip(
        SPOTIFY_COLUMNS,
        (0.3, 0.1, 0.05, 0.0, 0.64, -6.0, 0.5, 0.4, 210_000.0, 120.25, 7.0, 4.0, 1.0),
        strict=True,
    )
)


def fit(*, several: bool = False) -> Fitted:
    rng = np.random.default_rng(0)
    X = rng.random((120, 15)).astype(np.float32)
    y = np.arange(120) % 3
    X[:, 5] += y
    X[rng.random(X.shape) < 0.2] = np.nan
    targets = np.eye(3, dtype=np.float32)[y]
    if several:
        targets[::7] = 1
    train = Prepared(
        [row[None] for row in X], targets, np.arange(120).astype(str), tuple(map(str, range(120)))
    )
    return BACKEND.fit(train, None, LABELS, SpotifyConfig(**quick.SPOTIFY), lambda text: None)


@pytest.fixture(scope="module")
def single() -> Fitted:
    return fit()


@pytest.fixture(scope="module")
def multi() -> Fitted:
    return fit(several=True)


def test_a_window_is_the_features_and_what_follows_from_them() -> None:
    windows = BACKEND.prepare(Example(id="a", row=ROW), CONFIG)
    assert windows.values.shape == (1, 15)
    assert windows.values.dtype == np.float32
    assert windows.times_s == ()
    np.testing.assert_array_equal(windows.values[0, :13], np.float32(list(ROW.values())))
    np.testing.assert_allclose(windows.values[0, 13:], [0.25, 0.64 / 10**-0.3], rtol=1e-6)


def test_what_is_absent_is_missing_and_so_is_what_follows_from_it() -> None:
    row = {"tempo": float("nan"), "energy": 0.5, "danceability": 0.7}
    (values,) = BACKEND.prepare(Example(id="a", row=row), CONFIG).values
    known = {name for name, value in zip(MODEL_COLUMNS, values, strict=True) if not np.isnan(value)}
    assert known == {"energy", "danceability"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, "no value in any of the 13"),
        (dict.fromkeys(SPOTIFY_COLUMNS, float("nan")), "no value in any of the 13"),
        ({"artist": 1.0}, "no value in any of the 13"),
        (ROW | {"tempo": float("inf")}, "no finite number in tempo"),
        (ROW | {"energy": -float("inf")}, "no finite number in energy"),
        (ROW | {"duration_ms": 1e300}, "no finite number in duration_ms"),
        (ROW | {"loudness": -1e6}, "no finite number in energy_over_loudness"),
    ],
)
def test_rows_that_say_nothing_are_refused(row, words) -> None:
    with pytest.raises(MediaError, match=words):
        BACKEND.prepare(Example(id="a", row=row), CONFIG)


def test_a_file_is_no_row(tmp_path) -> None:
    with pytest.raises(MediaError, match="not a row of features"):
        BACKEND.prepare(Example(id="a", path=tmp_path / "a.wav"), CONFIG)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"max_features": 3},
            "max_features = 3: not a parameter of XGBoost.*did you mean 'colsample_bynode'",
        ),
        ({"min_samples_leaf": 3}, "min_samples_leaf = 3: .*did you mean 'min_child_weight'"),
        ({"eta": 0.1}, "eta = 0.1: has another name.*did you mean 'learning_rate'"),
        ({"n_jobs": 4}, "n_jobs = 4: .*OMP_NUM_THREADS"),
        ({"grow_policy": "lossguide"}, "grow_policy.*cannot be set"),
        ({"max_features": 3, "min_samples_leaf": 2}, "max_features.*; min_samples_leaf"),
        ({"max_dept": 3}, "unknown key 'max_dept' .did you mean 'max_depth'"),
        ({"num_parallel_tree": 4, "subsample": 1, "colsample_bynode": 1}, "num_parallel_tree above 1"),
        ({"subsample": 0}, "subsample = 0: "),
        ({"max_depth": 0}, "max_depth = 0: "),
        ({"class_weight": "balance"}, "class_weight = 'balance': "),
        ({"device": "gpu"}, "device = 'gpu': "),
        ({"learning_rate": "nan"}, "learning_rate = 'nan': "),
    ],
)
def test_what_xgboost_would_ignore_is_refused(values, words) -> None:
    with pytest.raises(ConfigError, match=words):
        make_config(BACKEND, values)


def test_xgboost_uses_every_parameter_and_would_ignore_others() -> None:
    rows = xgb.DMatrix(np.random.default_rng(0).random((30, 15)), np.arange(30) % 2)
    parameters = {name: getattr(CONFIG, name) for name in spotify_fit.PARAMETERS}
    # Training elsewhere may have left XGBoost silent.
    with xgb.config_context(verbosity=1):
        xgb.train(parameters, rows, 1)  # which warns of a parameter that it does not use
    with xgb.config_context(verbosity=1), pytest.warns(UserWarning, match="max_features"):
        xgb.train(parameters | {"max_features": 3}, rows, 1)
    ours = {
        *(
            "n_estimators",
            "early_stopping_rounds",
            "class_weight",
            "gap_copies",
            "multilabel",
            "device",
            "seed",
        )
    }
    assert set(SpotifyConfig.model_fields) == ours | set(parameters)


def test_the_default_grid_is_of_values_that_are_allowed() -> None:
    for values in product(*SpotifyConfig.default_grid.values()):
        make_config(BACKEND, dict(zip(SpotifyConfig.default_grid, values, strict=True)))


def test_a_forest_with_any_sampling_is_allowed() -> None:
    assert SpotifyConfig(num_parallel_tree=4, subsample=1, colsample_bynode=0.5).num_parallel_tree == 4


def test_the_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, genrekit.backends.spotify.backend as s; s.SpotifyConfig(); s.SpotifyBackend().feature_columns(['a']);"
        "print([m for m in ('numpy', 'xgboost', 'sklearn', 'pyarrow', 'onnx', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_has_every_hook() -> None:
    assert isinstance(BACKEND, ReadsTables)
    assert isinstance(BACKEND, ScoresNatively)
    assert isinstance(BACKEND, Explains)


def test_its_columns_are_found_however_they_are_spelt() -> None:
    columns = ("Artist", *(name.replace("_", " ").title() for name in SPOTIFY_COLUMNS))
    assert BACKEND.feature_columns(columns) == frozenset(columns[1:])
    assert BACKEND.feature_columns(("tempo", "energy", "artist")) == frozenset()


def test_tables_are_read_as_prepare_reads_rows() -> None:
    table = pa.table(
        {name: [value, None, value] for name, value in ROW.items()} | {"artist": ["a", "b", "c"]}
    )
    table = table.set_column(
        table.column_names.index("energy"), "energy", pa.array([0.64, None, 7.0], pa.float64())
    )
    reader = BACKEND.open_table(table)
    rows = reader.read(table)
    assert rows.windows.shape == (3, 15)
    np.testing.assert_array_equal(rows.windows[:1], BACKEND.prepare(Example(id="a", row=ROW), CONFIG).values)
    assert set(rows.errors) == {1, 2}
    assert reader.notes == ()


def holes(share: float, n: int = 300, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = (rng.random((n, 15)) * 2).astype(np.float32)
    rows[rng.random(rows.shape) < share] = np.nan
    return rows


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("name", ["single", "multi"])
def test_native_scores_are_those_of_the_graph(name, share, request) -> None:
    fitted = request.getfixturevalue(name)
    rows = holes(share)
    scores = BACKEND.native_scorer({**fitted.native, "README.md": b"", "model.onnx": b""})(rows)
    assert scores.shape == (300, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, Runtime(fitted.onnx, n_labels=3).scores(rows), atol=1e-5)


VALUES = st.floats(-10, 10, width=32) | st.just(np.float32("nan")) | st.floats(width=32, allow_infinity=False)


@pytest.fixture(scope="module")
def scorers(single, multi):
    return [
        (BACKEND.native_scorer(one.native), Runtime(one.onnx, n_labels=3).scores) for one in (single, multi)
    ]


@settings(deadline=None)
@given(rows=arrays(np.float32, (8, 15), elements=VALUES))
def test_any_row_scores_the_same_natively_and_by_the_graph(scorers, rows) -> None:
    for native, graph in scorers:
        np.testing.assert_allclose(native(rows), graph(rows), atol=1e-5)


@pytest.mark.parametrize("name", ["single", "multi"])
def test_no_rows_give_no_scores(name, request) -> None:
    fitted = request.getfixturevalue(name)
    scorer = BACKEND.native_scorer(fitted.native)
    assert scorer(np.empty((0, 15), np.float32)).shape == (0, 3)
    assert BACKEND.explainer(fitted.native)(np.empty((0, 15), np.float32), []) == []


def test_rows_of_another_backend_are_refused(single) -> None:
    with pytest.raises(BundleError, match="windows of 15 numbers"):
        BACKEND.native_scorer(single.native)(np.zeros((2, 57), np.float32))


def test_contributions_sum_to_the_margins(single, multi) -> None:
    rows = holes(0.3, n=40)
    contributions = spotify_native.contributions(single.native, rows)
    assert contributions.shape == (40, 3, 16)
    scores = BACKEND.native_scorer(single.native)(rows)
    margins = contributions.sum(axis=2)
    np.testing.assert_allclose(
        np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True), scores, atol=1e-5
    )
    contributions = spotify_native.contributions(multi.native, rows)
    scores = BACKEND.native_scorer(multi.native)(rows)
    np.testing.assert_allclose(1 / (1 + np.exp(-contributions.sum(axis=2))), scores, atol=1e-5)


def test_reasons_are_ordered_by_strength_with_what_the_row_has(single) -> None:
    rows = holes(0.3, n=40)
    labels = np.arange(40) % 3
    contributions = spotify_native.contributions(single.native, rows)
    for i, reasons in enumerate(BACKEND.explainer(single.native)(rows, labels)):
        assert {reason.feature for reason in reasons} == set(MODEL_COLUMNS)
        strengths = [abs(reason.contribution) for reason in reasons]
        assert strengths == sorted(strengths, reverse=True)
        for reason in reasons:
            k = MODEL_COLUMNS.index(reason.feature)
            assert reason.contribution == contributions[i, labels[i], k]
            assert reason.value == (None if np.isnan(rows[i, k]) else rows[i, k])


def test_the_feature_that_tells_the_labels_apart_contributes_most(single) -> None:
    rows = np.full((1, 15), 0.5, np.float32)
    rows[0, 5] = 2.5  # loudness, which the made-up labels follow
    (reasons,) = BACKEND.explainer(single.native)(rows, [2])
    assert reasons[0].feature == "loudness"
    assert reasons[0].contribution > 0.3


TREES = "trees.safetensors"


def other_features(data: bytes) -> bytes:
    return tensors.dumps([replace(model, n_features=16) for model in tensors.loads(data)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda native: {}, "holds none"),
        (lambda native: {"other.safetensors": native[TREES]}, r"holds other\.safetensors"),
        (lambda native: {TREES: tensors.dumps(tensors.loads(native[TREES]) * 2)}, "beside others"),
        (lambda native: {TREES: native[TREES][:-100]}, r"trees\.safetensors is damaged"),
        (lambda native: {TREES: b""}, r"trees\.safetensors is damaged"),
        (lambda native: {TREES: b"{" * 10_000}, r"trees\.safetensors is damaged"),
        (lambda native: {TREES: other_features(native[TREES])}, "16 features, not 15"),
    ],
)
def test_damaged_payloads_are_refused(single, change, words) -> None:
    members = change(dict(single.native))
    for hook in (BACKEND.native_scorer, BACKEND.explainer):
        with pytest.raises(BundleError, match=words):
            hook(members)


def test_changed_bytes_are_refused_or_still_a_model(single) -> None:
    data = single.native[TREES]
    rng = np.random.default_rng(0)
    rows = holes(0.2, n=5)
    refused = 0
    for _ in range(60):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 4):
            damaged[at] = rng.integers(256)
        try:
            assert BACKEND.native_scorer({TREES: bytes(damaged)})(rows).shape[0] == 5
        except BundleError:
            refused += 1
    assert refused > 5
