"""What is unlike anything learnt: the distance, and its limits from examples that were not trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.easy_set import easy, fit, members_of, one_each
from torch import nn

from genrekit.backends.base import Prepared
from genrekit.backends.neural import native
from genrekit.backends.neural.distance import LEAST_KEPT, features_of, fit_distance, fit_limits, keep
from genrekit.backends.neural.network import Network
from genrekit.models.runtime import Runtime

CENTRES = np.random.default_rng(0).normal(0, 3, (3, 20))


class Same(Network):
    """Features are the windows themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(20, 3)

    def encode(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.flatten(1)

    def score(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(features)
        return logits


def songs(n: int, n_windows: int, seed: int, *, shift: float = 0.0) -> Prepared:
    """Songs of three classes; they differ from one another as much as their windows do."""
    rng = np.random.default_rng(seed)
    which = np.arange(n) % 3
    means = CENTRES[which] + rng.normal(shift, 1, (n, 20))
    windows = [(mean + rng.normal(0, 1, (n_windows, 20))).astype(np.float32) for mean in means]
    names = tuple(f"{seed} {i}" for i in range(n))
    return Prepared(windows, np.eye(3, dtype=np.float32)[which], np.array(names), names)


@pytest.mark.parametrize("multilabel", [False, True])
def test_limits_hold_for_any_number_of_windows(multilabel):
    networks = [Same()]
    distance = fit_distance(networks, songs(600, 4, 1), 64, multilabel=multilabel)
    limits = fit_limits(distance, networks, songs(400, 4, 2), 64)
    assert limits is not None
    assert len(limits.of_few) == 4
    assert limits.of_few[0] > limits.of_few[-1] == limits.of_many
    for n, limit in enumerate(limits.of_few, start=1):
        flagged = [distance(torch.from_numpy(x)).mean() > limit for x in songs(1000, n, 3).windows]
        assert 0.02 < np.mean(flagged) < 0.09
        far = [distance(torch.from_numpy(x)).mean() > limit for x in songs(100, n, 4, shift=5).windows]
        assert np.mean(far) > 0.95
    # What holds for four windows would call many songs of one window unfamiliar.
    alone = [float(distance(torch.from_numpy(x)).mean()) for x in songs(1000, 1, 5).windows]
    assert np.mean(np.array(alone) > limits.of_many) > 0.1


@pytest.mark.parametrize(("n", "width"), [(12, 20), (3, 20), (40, 20)])
def test_few_examples_and_features_that_never_vary(n, width):
    prepared = songs(n, 1, 0)
    for windows in prepared.windows:
        windows[:, 5:9] = 1.5
    distance = fit_distance([Same()], prepared, 8, multilabel=False)
    found = distance(torch.from_numpy(np.concatenate(prepared.windows)))
    assert bool(torch.isfinite(found).all())
    assert bool((distance(torch.full((2, width), 1e4)) > 100).all())


def test_networks_are_measured_together():
    prepared = songs(60, 2, 0)
    features = features_of([Same(), Same()], prepared.windows, 16)
    assert features[0].shape == (2, 40)
    assert fit_distance([Same(), Same()], prepared, 16, multilabel=False)(
        torch.from_numpy(features[0])
    ).shape == (2,)


def test_whole_groups_are_kept_and_no_label_is_lost():
    prepared = replace(songs(60, 1, 0), groups=np.array([f"artist {i // 4}" for i in range(60)]))
    trained, kept = keep(prepared, 12, seed=0) or pytest.fail("nothing was kept")
    assert not set(trained.groups) & set(kept.groups)
    assert len(trained) + len(kept) == 60
    assert LEAST_KEPT <= len(kept) <= 20
    assert (trained.targets.sum(axis=0) > 0).all()
    assert [a.ids for a in keep(prepared, 12, seed=0) or ()] == [trained.ids, kept.ids]


@pytest.mark.parametrize("case", ["too few", "one group", "a label of one group"])
def test_nothing_is_kept_where_training_would_suffer(case):
    prepared = songs(60, 1, 0)
    if case == "one group":
        prepared = replace(prepared, groups=np.array(["one"] * 60))
    if case == "a label of one group":
        prepared = replace(prepared, groups=np.array(list("abc") * 20))
    assert keep(prepared, 5 if case == "too few" else 15, seed=0) is None


@pytest.mark.usefixtures("exported_once")
@pytest.mark.parametrize(
    ("way", "members"),
    [
        ("valid", 1),
        ("of train", 1),
        pytest.param("valid", 2, marks=pytest.mark.night),
        pytest.param("joined", 1, marks=pytest.mark.night),
    ],
)
def test_a_trained_network_has_a_distance(tmp_path, way, members):
    said: list[str] = []
    train, valid = one_each(100 if way == "of train" else 45), one_each(30, seed=1)
    fitted = fit(
        tmp_path,
        train,
        None if way == "of train" else valid,
        said=said,
        epochs=6,
        join_valid=way == "joined",
        members=members,
    )
    runtime = Runtime(fitted.onnx, n_labels=3)
    assert runtime.has_distance
    assert fitted.history["distance"]["examples"] == {"valid": 30, "joined": 10, "of train": 10}[way]
    assert any("examples that were not trained on" in line for line in said)
    assert len(fitted.distance_thresholds_of_few) == 2
    limit = fitted.distance_threshold
    assert limit is not None
    new = one_each(60, seed=7)
    flagged = [runtime.distance(windows).mean() > limit for windows in new.windows]
    assert np.mean(flagged) <= 0.3
    strange = np.random.default_rng(0).uniform(-40, 0, (40, 32, 16)).astype(np.float32)
    strange[:, ::2] = -40
    assert (runtime.distance(strange) > fitted.distance_thresholds_of_few[0]).mean() > 0.9
    # The distance is of the embeddings, and changes nothing in what explanations need.
    assert "distance" not in "".join(native.tensors(members_of(fitted)))


@pytest.mark.parametrize("settings", [{"kept_share": 0}, {"kept_share": 0, "join_valid": True}])
def test_without_kept_examples_there_is_no_distance(tmp_path, monkeypatch, settings):
    distances = []

    def export(*arguments, distance, **more):
        distances.append(distance)
        return b""

    monkeypatch.setattr("genrekit.backends.neural.fitting.to_onnx", export)
    fitted = fit(tmp_path, one_each(30), one_each(30, seed=1), epochs=1, **settings)
    assert distances == [None]
    assert fitted.distance_threshold is None
    assert fitted.distance_thresholds_of_few == ()


@pytest.mark.usefixtures("without_graph")
def test_too_few_examples_train_without_one_and_it_is_said(tmp_path):
    said: list[str] = []
    fitted = fit(tmp_path, one_each(20), None, said=said, epochs=1)
    assert fitted.distance_threshold is None
    assert any("no distance: fewer than 10 examples" in line for line in said)


@pytest.mark.usefixtures("without_graph")
def test_several_labels_are_one_class(tmp_path):
    labels = [[0], [1, 2], [2], [0, 1, 2]] * 6
    fitted = fit(tmp_path, easy(labels), easy(labels, seed=1), epochs=2, multilabel=True)
    assert fitted.distance_threshold is not None
