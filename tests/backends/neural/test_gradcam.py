"""Heat maps of networks by gradients."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from genrekit.backends.image.backbones import Pictures
from genrekit.backends.neural.calibration import Scorer
from genrekit.backends.neural.gradcam import grad_cam
from genrekit.backends.spectrogram.networks import build


class Corner(nn.Module):
    """Label 0 is loudness in the top left quarter, label 1 the lack of it."""

    def __init__(self):
        super().__init__()
        self.places = nn.AvgPool2d(4)
        self.mask = torch.zeros(1, 1, 4, 4)
        self.mask[..., :2, :2] = 1

    def forward(self, windows):
        seen = self.places(windows[:, None]) * self.mask
        total = seen.sum(dim=(1, 2, 3))
        return torch.stack([total, -total], dim=1)


def scorer_of(*networks):
    return Scorer(networks, temperature=1.0, multilabel=False).eval()


def test_the_map_is_bright_where_the_activations_speak_for_the_label():
    window = np.full((16, 16), 0.1, np.float32)
    window[:8, :8] = 1
    cam = grad_cam(scorer_of(Corner()), window, 0)
    assert cam.shape == (16, 16)
    assert cam.max() == pytest.approx(1)
    assert cam[:6, :6].min() > 0.5 > cam[10:, 10:].max()


def test_where_nothing_speaks_for_it_the_map_is_dark():
    assert not grad_cam(scorer_of(Corner()), np.ones((16, 16), np.float32), 1).any()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (partial(build, 3, arch="resnet", width=4), (32, 40)),
        (partial(build, 3, arch="plain", width=4), (32, 40)),
        (partial(Pictures, "resnet18", 3, dropout=0.0), (3, 64, 48)),
    ],
    ids=["resnet", "plain", "pictures"],
)
def test_every_network_shows_its_places(make, shape):
    network = make()
    window = np.random.default_rng(0).uniform(-40, 0, shape).astype(np.float32)
    cam = grad_cam(scorer_of(network, network), window, 2)
    assert cam.shape == shape[-2:]
    assert np.isfinite(cam).all()
    assert 0 <= cam.min() <= cam.max() <= 1 + 1e-6
    assert not any(module._forward_hooks for module in network.modules())
