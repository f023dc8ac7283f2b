from __future__ import annotations

import numpy as np
import pytest
import torch
from support.easy_set import one_each
from torch import nn

from genrekit.backends.neural.calibration import (
    Scorer,
    example_scores,
    fit_temperature,
    probabilities,
    window_logits,
)


def drawn(n: int, temperature: float, *, multilabel: bool) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Logits that are too large by a factor, and labels that were drawn from what they should have said."""
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(1, n, 4)) * 2)
    scores = probabilities(logits, 1.0, multilabel=multilabel).numpy()
    if multilabel:
        targets = (rng.random(scores.shape) < scores).astype(np.float32)
    else:
        targets = np.array([rng.multinomial(1, row / row.sum()) for row in scores], np.float32)
    return logits * temperature, torch.arange(n), targets


@pytest.mark.parametrize("multilabel", [True, False])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_is_found_again(multilabel, temperature):
    found = fit_temperature(*drawn(3000, temperature, multilabel=multilabel), multilabel=multilabel)
    assert found == pytest.approx(temperature, rel=0.12)
    assert found == float(f"{found:.4g}")


def test_a_handful_of_examples_makes_nothing_certain():
    logits = torch.tensor([[[3.0, 0.0], [0.0, 3.0]]])
    targets = np.eye(2, dtype=np.float32)
    found = fit_temperature(logits, torch.arange(2), targets, multilabel=False)
    assert 0.3 < found < 1  # without a prior, all right means as low as it goes
    wrong = fit_temperature(logits, torch.arange(2), targets[::-1], multilabel=False)
    assert 1 < wrong < 5


def test_windows_and_networks_are_averaged_as_probabilities():
    rng = np.random.default_rng(1)
    logits = torch.from_numpy(rng.normal(size=(2, 5, 3)))
    owners = torch.tensor([0, 0, 1, 1, 1])
    scores = example_scores(logits, owners, 2, 2.0, multilabel=False)
    each = (logits / 2).softmax(dim=-1).mean(dim=0)
    np.testing.assert_allclose(scores, torch.stack([each[:2].mean(0), each[2:].mean(0)]))
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    several = example_scores(logits, owners, 2, 2.0, multilabel=True)
    np.testing.assert_allclose(several[0], (logits / 2).sigmoid().mean(dim=0)[:2].mean(0))


def test_a_scorer_says_what_the_examples_were_calibrated_on():
    torch.manual_seed(0)
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(32 * 16, 3)).eval() for _ in range(2)]
    side = one_each(4)
    logits, owners = window_logits(networks, side, batch_size=3)
    assert logits.shape == (2, 8, 3)
    scorer = Scorer(networks, temperature=3.0, multilabel=False)
    with torch.inference_mode():
        windows = scorer(torch.from_numpy(np.concatenate(side.windows)))
    expected = windows.reshape(4, 2, 3).mean(dim=1)
    np.testing.assert_allclose(example_scores(logits, owners, 4, 3.0, multilabel=False), expected, atol=1e-5)
