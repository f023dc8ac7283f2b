"""Heads, their calibration, the distance and the movement: in NumPy, and the same in the graph."""

import numpy as np
import onnxruntime
import pytest
from support.night import day_and_night
from support.own_encoder import HEARS as SMALL
from support.own_encoder import linear

from genrekit.backends.encoder import encoders, heads
from genrekit.backends.encoder.distance import fit_distance
from genrekit.backends.encoder.facts import EncoderFacts, Hearing
from genrekit.backends.encoder.graph import Limit, write_graph
from genrekit.backends.encoder.heads import KINDS, Calibration, fit_calibration, fit_head, log_losses
from genrekit.backends.encoder.movement import LEAST_DB, movement
from genrekit.backends.encoder.musicnn import MusicnnEncoder
from genrekit.backends.encoder.pooling import POOLINGS, pool, transform

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(0, 2, (3, 6))


def clouds(n=40, spread=1.0, seed=1):
    """Rows around three centres, and which."""
    rng = np.random.default_rng(seed)
    which = np.arange(n * 3) % 3
    return CENTRES[which] + rng.normal(0, spread, (n * 3, 6)), np.eye(3, dtype=bool)[which]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("n_labels", [2, 3])
def test_a_head_learns_what_is_easy(kind, multilabel, n_labels):
    x, targets = clouds()
    rows = targets[:, :n_labels].any(axis=1)
    x, targets = x[rows], targets[rows][:, :n_labels]
    chain = fit_head(kind, x, targets, multilabel=multilabel, seed=0)
    margins = chain(x)
    assert margins.shape == targets.shape
    assert (margins.argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.95
    starts = np.arange(len(x))
    scores = fit_calibration(margins, targets, starts, multilabel=multilabel)(margins)
    if not multilabel:
        np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert log_losses(scores, targets, multilabel=multilabel).mean() < 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_nobody_or_everybody_has(kind):
    x, targets = clouds()
    none, every = np.zeros((len(x), 1), bool), np.ones((len(x), 1), bool)
    margins = fit_head(kind, x, np.hstack([targets, none, every]), multilabel=True, seed=0)(x)
    assert (margins[:, 3] == -heads.NO_EVIDENCE).all()
    assert (margins[:, 4] == heads.NO_EVIDENCE).all()
    margins = fit_head(kind, x, np.hstack([targets, none]), multilabel=False, seed=0)(x)
    assert (margins.argmax(axis=1) < 3).all()
    alone = fit_head(kind, x, np.hstack([none, every]), multilabel=True, seed=0)(x)
    assert np.isfinite(alone).all()


@pytest.mark.parametrize("kind", KINDS)
def test_constant_features_and_few_rows(kind):
    x, targets = clouds(2)
    x[:, 2] = 7.0
    assert np.isfinite(fit_head(kind, x, targets, multilabel=False, seed=0)(x)).all()


def test_calibration_makes_sure_scores_humble_and_humble_ones_sure():
    rng = np.random.default_rng(0)
    targets = np.eye(3, dtype=bool)[rng.integers(0, 3, 600)]
    true = targets * 1.5 + rng.normal(0, 1, targets.shape)
    losses = []
    for factor in (0.1, 1.0, 10.0):
        calibration = fit_calibration(true * factor, targets, np.arange(600), multilabel=False)
        losses.append(log_losses(calibration(true * factor), targets, multilabel=False).mean())
    assert max(losses) - min(losses) < 0.02


def songs(n, n_patches, seed, between=1.0, within=1.0):
    """Patches of songs of three classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    means = CENTRES[classes] + rng.normal(0, between, (n, 6))
    return [mean + rng.normal(0, within, (n_patches, 6)) for mean in means], classes


@pytest.mark.parametrize("n_patches", [1, 2, 6, 20])
def test_the_distance_holds_for_any_number_of_patches(n_patches):
    distance = fit_distance(*songs(300, 6, 1, between=0.5, within=2.0))
    threshold = np.quantile(held(distance, 6, 2), 0.95)
    flagged = (held(distance, n_patches, 3) > threshold).mean()
    assert 0.01 < flagged < 0.12
    strange = [patches + 9 for patches in songs(50, n_patches, 4)[0]]
    means = np.stack([patches.mean(axis=0) for patches in strange])
    assert (distance(means, n_patches) > threshold).mean() > 0.95


def held(distance, n_patches, seed):
    patches, _ = songs(1000, n_patches, seed, between=0.5, within=2.0)
    return distance(np.stack([one.mean(axis=0) for one in patches]), n_patches)


def test_a_distance_from_single_patches_is_finite():
    patches, classes = songs(60, 1, 0)
    distance = fit_distance(patches, classes)
    assert np.isfinite(distance(np.concatenate(patches), 1)).all()


HEARS = MusicnnEncoder.facts.hears


def test_movement_tells_noise_and_tones_from_what_moves():
    rng = np.random.default_rng(0)
    noise = 2 + 0.05 * rng.normal(size=(4, *HEARS.patch_shape))
    louder = noise + np.linspace(0, 2, HEARS.patch)[None, :, None]  # the same noise, turned up
    melody = noise + 2 * (rng.random((4, 11, 1, 96)) < 0.3).repeat(17, axis=2).reshape(4, 187, 96)
    assert movement(noise, HEARS) < LEAST_DB
    assert movement(louder, HEARS) < LEAST_DB
    assert movement(np.zeros((1, *HEARS.patch_shape)), HEARS) == 0
    assert movement(melody, HEARS) > 2 * LEAST_DB


@pytest.mark.parametrize("kinds", [("lda",), ("logistic", "svm", "mlp")])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("opset", day_and_night([18, 13, 17], day=1))
def test_the_graph_is_what_numpy_says(kinds, pooling, multilabel, opset):
    hears = Hearing(**SMALL)
    facts = EncoderFacts(name="own", hears=hears, layers={"e": {"output": "z", "size": 6}})
    model = linear([40, 16], 6, opset=opset).SerializeToString()
    session = onnxruntime.InferenceSession(model)
    rng = np.random.default_rng(0)
    windows = rng.normal(0, 1, (30, 4, 40, 16)).astype(np.float32)
    encoded = session.run(None, {"x": windows.reshape(-1, 40, 16)})[0].reshape(30, 4, 6)
    features = transform(encoded, facts.layers["e"])
    x = np.stack([pool(part, pooling) for part in features])
    targets = np.eye(3, dtype=bool)[np.arange(30) % 3]
    calibration = Calibration(multilabel, 0.7, -0.4)
    members = [(fit_head(kind, x, targets, multilabel=multilabel, seed=0), calibration) for kind in kinds]
    distance = fit_distance(list(features), np.arange(30) % 3)
    graph = write_graph(
        model,
        facts,
        layer="e",
        pooling=pooling,
        members=members,
        n_labels=3,
        limits=[Limit("e", distance, 1.5)],
    )
    run = onnxruntime.InferenceSession(graph)
    scores, embeddings, far = run.run(["scores", "embeddings", "distance"], {"windows": windows})
    expected = np.mean([calibration(chain(x)) for chain, _ in members], axis=0)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(embeddings, encoded.mean(axis=1), atol=1e-5)
    still = [LEAST_DB / movement(window, hears) for window in windows]
    own = distance(np.stack([part.mean(axis=0) for part in features]), 4)
    np.testing.assert_allclose(far, np.maximum(own / 1.5, still), rtol=1e-4)
    part = run.run(["distance"], {"windows": windows[:, :1]})[0]  # another number of patches
    assert part.shape == (30,)


def test_tags_become_log_odds():
    layer = MusicnnEncoder.facts.layers["tags"]
    found = transform(np.array([0.0, 0.5, 1.0], np.float32), layer)
    np.testing.assert_allclose(found, [-9.2102, 0, 9.2102], atol=1e-3)
    assert encoders.get("musicnn").facts.default_layer == "penultimate"


def test_a_window_far_from_everything_has_scores():
    facts = EncoderFacts(name="own", hears=Hearing(**SMALL), layers={"e": {"output": "z", "size": 6}})
    chain = heads.Chain([heads.Linear(np.full((6, 3), -1e6), np.array([-1e5, -2e5, -3e5]))])
    graph = write_graph(
        linear([40, 16], 6).SerializeToString(),
        facts,
        layer="e",
        pooling="mean",
        members=[(chain, Calibration(False))],
        n_labels=3,
        limits=[],
    )
    run = onnxruntime.InferenceSession(graph)
    (scores,) = run.run(["scores"], {"windows": np.zeros((2, 2, 40, 16), np.float32)})
    np.testing.assert_allclose(scores, [[1, 0, 0]] * 2, atol=1e-6)
