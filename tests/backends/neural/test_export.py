"""Networks as graphs: the same scores, any number and length of windows, and nothing of this machine."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from scipy.special import softmax
from support.easy_set import BACKEND, config_of, easy, fit, members_of, one_each
from torch import Tensor, nn

import genrekit
from genrekit.backends.base import GRAPH_FILE, Fitted, Prepared
from genrekit.backends.neural import native
from genrekit.backends.neural.calibration import Scorer
from genrekit.backends.neural.export import to_onnx
from genrekit.backends.neural.fitting import TOLERANCE
from genrekit.backends.neural.network import Network
from genrekit.backends.spectrogram.recipe import SpectrogramRecipe
from genrekit.errors import BundleError
from genrekit.metrics.threshold_tuning import best_threshold
from genrekit.models.runtime import Runtime

TRAIN, VALID = one_each(18), one_each(9, seed=1)
SEVERAL = [[0], [1, 2], [2], [0, 1, 2]] * 5


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """Two plain networks of one label per example, with a temperature."""
    return fit(tmp_path_factory.mktemp("members"), TRAIN, VALID, members=2)


def short(prepared: Prepared) -> Prepared:
    """Return the shortest windows that a network takes."""
    return replace(prepared, windows=[windows[:, :, :8] for windows in prepared.windows])


def fit_several(folder: Path) -> Fitted:
    train, valid = short(easy(SEVERAL)), short(easy(SEVERAL, seed=1))
    return fit(folder, train, valid, arch="resnet", multilabel=True, half=True, window_s=0.5)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """A residual network of several labels per example, in 16 bits, exported with the shortest windows."""
    return fit_several(tmp_path_factory.mktemp("several"))


def scorer_of(fitted: Fitted, *, multilabel: bool, **settings: object) -> Scorer:
    recipe = SpectrogramRecipe(config_of(**settings), 3)
    return native.restore(members_of(fitted), recipe.network, multilabel=multilabel)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("n_frames", [8, 9, 16, 61])
def test_the_graph_gives_the_scores_of_the_networks(members, several, n, n_frames):
    rng = np.random.default_rng(n)
    windows = rng.uniform(-40, 0, (n, 32, n_frames)).astype(np.float32)
    for fitted, multilabel, settings in ((members, False, {}), (several, True, {"arch": "resnet"})):
        with torch.inference_mode():
            expected = scorer_of(fitted, multilabel=multilabel, **settings)(torch.from_numpy(windows))
        scores = Runtime(fitted.onnx, n_labels=3).scores(windows)
        np.testing.assert_allclose(scores, expected.numpy(), atol=TOLERANCE)


def test_the_graph_is_held_against_songs_and_noise(members):
    assert np.array_equal(members.check_windows[: len(TRAIN)], [w[0] for w in TRAIN.windows])
    assert len(members.check_windows) == 2 * len(TRAIN)
    scores = Runtime(members.onnx, n_labels=3).scores(members.check_windows)
    np.testing.assert_allclose(scores, members.check_scores, atol=TOLERANCE)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_the_graph_holds_the_weights_and_the_payload_what_it_lacks(members):
    assert len(members.native[native.PAYLOAD]) < len(members.onnx) / 4
    tensors = native.tensors(members_of(members))
    assert {name.partition(".")[0] for name in tensors} == {"0", "1", "temperature"}
    state = SpectrogramRecipe(config_of(), 3).bare_network().state_dict()
    assert all(tensors[f"1.{name}"].shape == values.shape for name, values in state.items())


def test_half_of_the_bits_are_half_of_the_graph_and_the_same_on_both_sides(several):
    n_parameters = several.history["parameters"]
    assert 2 * n_parameters < len(several.onnx) < 3 * n_parameters + 30_000  # nodes and names
    scores = Runtime(several.onnx, n_labels=3).scores(several.check_windows)
    np.testing.assert_allclose(scores, several.check_scores, atol=1e-5)


def test_rounding_hardly_changes_scores():
    torch.manual_seed(0)
    network = SpectrogramRecipe(config_of(), 3).network()
    scorer = Scorer([network], temperature=1.0, multilabel=False).eval()
    windows = torch.from_numpy(TRAIN.windows[0])
    with torch.inference_mode():
        before = scorer(windows)
        native.round_to_half(network)
        after = scorer(windows)
    assert 0 < (before - after).abs().max() < 5e-3


def test_thresholds_are_those_of_the_rounded_networks(several):
    valid = short(easy(SEVERAL, seed=1))
    scores = Runtime(several.onnx, n_labels=3).example_scores(valid.windows)
    for k, threshold in enumerate(several.thresholds.values()):
        assert threshold == pytest.approx(best_threshold(scores[:, k], valid.targets[:, k] > 0), abs=1e-6)


@pytest.mark.parametrize("graph", [b"", b"no graph", None])
def test_damaged_graphs_are_refused(members, graph):
    hostile = onnx.load_from_string(members.onnx)
    hostile.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    files = {**members.native, GRAPH_FILE: hostile.SerializeToString() if graph is None else graph}
    with pytest.raises(BundleError, match="damaged"):
        native.restore(files, SpectrogramRecipe(config_of(), 3).bare_network, multilabel=False)


def test_silence_is_scored(members):
    scores = Runtime(members.onnx, n_labels=3).scores(np.full((1, 32, 16), -40, np.float32))
    assert np.isfinite(scores).all()


class Tiny(Network):
    """Features are the means of the bands."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(32, 3)

    def encode(self, windows: Tensor) -> Tensor:
        return windows.mean(dim=2)

    def score(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features)
        return logits


@pytest.mark.night
def test_the_same_network_gives_the_same_graph():
    scorer = Scorer([Tiny()], temperature=1.5, multilabel=False).eval()
    one, again = (to_onnx(scorer, TRAIN.windows[0][0], {1: "frames"}) for _ in range(2))
    assert one == again


@pytest.mark.night
def test_the_same_training_gives_the_same_graph(tmp_path, several):
    again = fit_several(tmp_path)
    assert again.onnx == several.onnx
    assert again.native == several.native


def test_the_graph_names_nothing_of_this_machine(members):
    model = onnx.load_from_string(members.onnx)
    assert not model.doc_string
    assert not model.metadata_props
    folders = {Path(genrekit.__file__).parents[1], Path(torch.__file__).parents[1], Path.home(), Path.cwd()}
    traces = {str(folder) for folder in folders if len(folder.parts) > 1}
    traces |= {"site-packages", ".py", f"{socket.gethostname()}/", f"/{getpass.getuser()}/", os.sep + "tmp"}
    assert not [trace for trace in traces if trace.encode() in members.onnx]


@pytest.mark.usefixtures("without_graph")
def test_a_backend_fits_in_a_folder_that_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    labels = ("a", "b", "c")
    fitted = BACKEND.fit(TRAIN, VALID, labels, config_of(epochs=1), lambda text: None)
    assert fitted.tolerance == TOLERANCE
    assert not list(tmp_path.iterdir())


def test_the_embeddings_are_what_goes_into_the_last_layers(members):
    runtime = Runtime(members.onnx, n_labels=3)
    windows = members.check_windows[:6]
    graph = onnx.load_model_from_string(members.onnx).graph
    weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.name.startswith("networks.")}
    last = [name for name in weights if name.endswith("linear.weight")]
    embeddings = runtime.embeddings(windows)
    assert (
        embeddings.shape == (6, sum(weights[name].shape[1] for name in last)) == (6, runtime.embedding_size)
    )
    parts = np.split(embeddings, len(last), axis=1)
    logits = np.stack(
        [
            part @ weights[name].T + weights[name.replace("weight", "bias")]
            for part, name in zip(parts, sorted(last), strict=True)
        ]
    )
    temperature = float(native.tensors(members_of(members))["temperature"])
    scores = softmax(logits / temperature, axis=-1).mean(axis=0)
    np.testing.assert_allclose(scores, runtime.scores(windows), atol=1e-5)
