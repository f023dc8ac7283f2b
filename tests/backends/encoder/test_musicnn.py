"""The built-in encoder: equal to the original TensorFlow graph, in PyTorch and in ONNX."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genrekit.backends.encoder import encoders, musicnn_network, musicnn_weights
from genrekit.backends.encoder.check import check_graph, open_session
from genrekit.backends.encoder.musicnn import WEIGHTS, MusicnnEncoder
from genrekit.errors import BackendError

TOLERANCE = {"tags": 1e-6, "penultimate": 2e-5}


@pytest.fixture(scope="module")
def goldens():
    return dict(np.load(Path(__file__).parent / "musicnn_goldens.npz"))


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_it_is_the_original(goldens, kind):
    if kind == "torch":
        with torch.inference_mode():
            found = musicnn_network.load(MusicnnEncoder().weights())(torch.from_numpy(goldens["patches"]))
        tags, penultimate = (found[name].numpy() for name in ("tags", "penultimate"))
    else:
        session = open_session(encoders.graph("musicnn"))
        tags, penultimate = session.run(["tags", "penultimate"], {"patches": goldens["patches"]})
    for name, part in (("tags", tags), ("penultimate", penultimate)):
        np.testing.assert_allclose(part, goldens[name], atol=TOLERANCE[name], rtol=0)


def test_the_state_of_the_network_is_what_the_graph_is_written_from():
    network = musicnn_network.load(MusicnnEncoder().weights())
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    assert musicnn_weights.to_onnx(state) == encoders.graph("musicnn")


def test_the_graph_does_what_the_facts_say():
    assert check_graph(encoders.graph("musicnn"), MusicnnEncoder.facts) == ""


def test_the_notice_is_beside_the_weights():
    notice = WEIGHTS.with_name("musicnn.LICENSE.txt").read_text(encoding="utf-8")
    assert "Universitat Pompeu Fabra" in notice
    assert "Permission to use, copy, modify" in notice


@pytest.mark.parametrize("content", [None, b"", b"no weights"])
def test_damaged_weights_are_refused(tmp_path, monkeypatch, content):
    path = tmp_path / "musicnn.safetensors"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr("genrekit.backends.encoder.musicnn.WEIGHTS", path)
    with pytest.raises(BackendError, match="missing or damaged"):
        MusicnnEncoder().graph()
