"""Further training of the last layers of an encoder."""

import json

import numpy as np
import onnx
import pytest
import torch
from support.night import day_and_night
from support.own_encoder import HEARS, linear

from genrekit.backends import Prepared, make_config, registry
from genrekit.backends.encoder import encoders, musicnn_network
from genrekit.backends.encoder.encoding import PatchEncoder
from genrekit.backends.encoder.fine_tune import TunedNetwork
from genrekit.backends.encoder.heads import Linear
from genrekit.backends.encoder.musicnn import MusicnnEncoder
from genrekit.errors import ConfigError
from genrekit.models import Runtime

BACKEND = registry.get("encoder")
LABELS = ("high", "low")
SETTINGS = {"patches": 2, "head": "lda", "fine_tune_epochs": 2, "fine_tune_rate": 1e-3}


def patches(n, seed=0, longest=2):
    """Windows of up to ``longest`` patches with energy in the upper or the lower bands, in turn."""
    rng = np.random.default_rng(seed)
    windows = []
    for i in range(n):
        window = rng.uniform(0, 1, (1, 1 + i % longest, 187, 96)).astype(np.float32)
        window[..., slice(48, None) if i % 2 else slice(48)] += 1.5
        windows.append(window)
    targets = np.eye(2, dtype=np.float32)[[1 - i % 2 for i in range(n)]]
    names = tuple(f"{seed} {i}" for i in range(n))
    return Prepared(windows, targets, np.array(names), names)


def state_of(graph):
    """The constants of the encoder in a graph, by their content."""
    model = onnx.load_from_string(graph)
    (scan,) = (node for node in model.graph.node if node.op_type == "Scan")
    body = next(a.g for a in scan.attribute if a.name == "body")
    return {tensor.raw_data for tensor in body.initializer if len(tensor.raw_data) > 256}


@pytest.fixture(scope="module")
def fitted():
    said = []
    config = make_config(BACKEND, {**SETTINGS, "fine_tune": 2, "patches": 1})
    found = BACKEND.fit(patches(20, longest=1), patches(10, seed=1, longest=1), LABELS, config, said.append)
    return found, said


def test_the_last_layers_are_trained_and_the_first_are_not(fitted):
    found, said = fitted
    before = BACKEND.fit(patches(6), None, LABELS, make_config(BACKEND, {**SETTINGS, "folds": 2}), str)
    old, new = state_of(before.onnx), state_of(found.onnx)
    # The dense layer before the head, its bias and norm, and the last convolution with its own.
    assert 0 < len(old - new) <= 8
    assert len(old & new) > len(old) / 2
    history = found.history["fine_tune"]
    assert history["layers"] == 2
    assert len(history["curve"]) == 2
    assert 0 < history["parameters"] < 400_000
    assert any("fine-tuning, epoch 1 of 2" in line for line in said)
    assert any("on 10 validation examples" in line or "heads on 10" in line for line in said)


def test_the_graph_is_what_was_trained(fitted):
    found, _ = fitted
    runtime = Runtime(found.onnx, n_labels=2)
    scores = runtime.scores(found.check_windows)
    np.testing.assert_allclose(scores, found.check_scores, atol=found.tolerance)
    new = patches(10, seed=5)
    assert (runtime.example_scores(new.windows).argmax(axis=1) == new.targets.argmax(axis=1)).mean() >= 0.9
    assert found.distance_threshold == 1.0
    assert runtime.has_distance


@pytest.mark.night
def test_the_same_training_gives_the_same_graph():
    config = make_config(BACKEND, {**SETTINGS, "fine_tune": 2, "fine_tune_epochs": 1, "patches": 1})
    one, again = (
        BACKEND.fit(patches(4, longest=1), patches(4, seed=1, longest=1), LABELS, config, str)
        for _ in range(2)
    )
    assert again.onnx == one.onnx


@pytest.mark.parametrize("multilabel", day_and_night([True, False], day=1))
def test_tags_and_several_labels(multilabel):
    settings = {**SETTINGS, "fine_tune": 1, "layer": "tags", "multilabel": multilabel, "fine_tune_epochs": 1}
    found = BACKEND.fit(patches(6), patches(4, seed=1), LABELS, make_config(BACKEND, settings), str)
    assert found.history["fine_tune"]["parameters"] == 200 * 50 + 50
    assert set(found.thresholds) == (set(LABELS) if multilabel else set())


def test_it_begins_as_the_head_on_the_encoder_as_it_is():
    rng = np.random.default_rng(0)
    head = Linear(rng.normal(size=(50, 3)), rng.normal(size=3))
    network = TunedNetwork(MusicnnEncoder().network(), "tags", head, has_odds=True).eval()
    windows = patches(2).windows[1]
    with torch.inference_mode():
        logits = network(torch.from_numpy(windows)).numpy()
    tags = PatchEncoder("musicnn").layer_of(PatchEncoder("musicnn")(windows), "tags").astype(np.float64)
    tags = tags.clip(1e-4, 1 - 1e-4)
    np.testing.assert_allclose(logits, head(np.log(tags / (1 - tags)).mean(axis=1)), rtol=1e-3, atol=1e-3)


def test_the_parts_are_all_of_the_network_but_its_input():
    names = [name for name, _ in MusicnnEncoder().network().named_parameters()]
    for layer, parts in MusicnnEncoder().parts.items():
        rest = [name for name in names if not name.startswith(tuple(p for part in parts for p in part))]
        assert rest == (["input.scale", "input.shift"] + ["output.weight", "output.bias"] * (layer != "tags"))


def test_exporting_changes_nothing():
    encoder = MusicnnEncoder()
    assert encoder.export(musicnn_network.load(encoder.weights())) == encoders.graph("musicnn")


def test_without_a_validation_split_it_is_refused():
    with pytest.raises(ConfigError, match="validation split"):
        BACKEND.fit(patches(8), None, LABELS, make_config(BACKEND, {"fine_tune": 1}), str)


def test_what_cannot_be_tuned_is_refused(tmp_path):
    path = tmp_path / "own.onnx"
    path.write_bytes(linear([40, 16]).SerializeToString())
    layers = {"e": {"output": "z", "size": 5}}
    path.with_suffix(".yaml").write_text(json.dumps({"hears": dict(HEARS), "layers": layers}))
    with pytest.raises(ConfigError, match="needs an encoder in PyTorch"):
        make_config(BACKEND, {"encoder": str(path), "fine_tune": 1})
    with pytest.raises(ConfigError, match="must be 5 or less"):
        make_config(BACKEND, {"fine_tune": 6})
    assert make_config(BACKEND, {"layer": "tags", "fine_tune": 6}).fine_tune == 6
