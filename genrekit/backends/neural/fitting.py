"""Fitting, calibration and export of networks: the ``fit`` of all backends with networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.neural import calibration, native
from genrekit.backends.neural.config import NeuralConfig
from genrekit.backends.neural.device import choose
from genrekit.backends.neural.ensemble import Trained, quiet, train_ensemble
from genrekit.backends.neural.export import to_onnx
from genrekit.backends.neural.module import Recipe
from genrekit.errors import ConfigError
from genrekit.metrics import THRESHOLD, best_threshold

TOLERANCE = 1e-4
_N_CHECK = 24
# Points of a curve in the history of a network: enough for a plot, and the manifest remains small.
_MOST_POINTS = 500


def fit(
    recipe: Recipe,
    folder: Path,
    train: Prepared,
    valid: Prepared | None,
    labels: Sequence[str],
    config: NeuralConfig,
    progress: Progress,
    *,
    free: Mapping[int, str],
    resume: bool,
) -> Fitted:
    """Train the networks of a config, calibrate their mean on the validation split, and export it.

    Parameters
    ----------
    recipe : Recipe
        The network and its augmentation.
    folder : Path
        Folder of the checkpoints.
    train, valid, labels, config, progress
        As for `genrekit.backends.base.Backend.fit`.
    free : Mapping of int to str
        Axes of a window with variable length.
    resume : bool
        Whether to resume from the checkpoints in ``folder``, if there are any.

    Raises
    ------
    ConfigError
        If the device or the precision is not available, or a setting needs a validation split and there is none.
    TrainingError
        If the loss is not finite, the memory is too small, or the disk is full.
    """
    if valid is None and (config.schedule == "plateau" or config.patience):
        raise ConfigError(
            "schedule = 'plateau' and patience need a validation split; there is none.",
            "Give --valid-size 0.1, or --set schedule=cosine --set patience=0.",
        )
    device = choose(config)
    with torch.random.fork_rng(devices=[]):
        n_parameters = sum(parameter.numel() for parameter in recipe.network().parameters())
    several = f"{config.members} networks of " if config.members > 1 else ""
    progress(f"{several}{n_parameters:,} parameters, on {device.name} in {device.precision}")
    history: dict[str, Any] = {
        "device": device.kind,
        "precision": device.precision,
        "parameters": n_parameters,
    }

    def run(name: str, train: Prepared, valid: Prepared | None) -> list[nn.Module]:
        recipe_config = config if valid else config.without_valid()
        members = train_ensemble(
            recipe, folder / name, train, valid, recipe_config, device, progress, resume=resume
        )
        history[name] = [_thinned(member) for member in members]
        networks = [member.network for member in members]
        if config.half:  # before the calibration of their scores
            for network in networks:
                native.round_to_half(network)
        return networks

    with quiet(), torch.random.fork_rng(devices=[]):
        networks = run("train", train, valid)
        temperature, thresholds = config.temperature, {}
        if config.multilabel:
            thresholds = dict.fromkeys(labels, THRESHOLD)
        if valid is not None:
            temperature, thresholds = _calibrate(networks, valid, labels, config)
            progress(f"temperature {temperature:g}, fitted on the validation split")
        if valid is not None and config.join_valid:
            progress(f"training again on both splits, {len(train) + len(valid)} examples")
            networks = run("train_and_valid", _joined(train, valid), None)
        history["temperature"] = temperature
        scorer = calibration.Scorer(networks, temperature=temperature, multilabel=config.multilabel).eval()
        check = _check_windows(train, config.seed)
        with torch.inference_mode():
            check_scores = scorer(torch.from_numpy(check)).numpy()
        graph = to_onnx(scorer, check[0], free, half=config.half)
        return Fitted(
            onnx=graph,
            native={native.PAYLOAD: native.dump(scorer, graph)},
            check_windows=check,
            check_scores=check_scores,
            history=history,
            thresholds=thresholds,
            tolerance=TOLERANCE,
        )


def _calibrate(
    networks: Sequence[nn.Module], valid: Prepared, labels: Sequence[str], config: NeuralConfig
) -> tuple[float, dict[str, float]]:
    """Return the temperature, and the thresholds if multi-label, from the validation split."""
    several = config.multilabel
    logits, owners = calibration.window_logits(networks, valid, config.batch_size)
    temperature = calibration.fit_temperature(logits, owners, valid.targets, multilabel=several)
    if not several:
        return temperature, {}
    scores = calibration.example_scores(logits, owners, len(valid), temperature, multilabel=True)
    has = valid.targets > 0
    # As float32, like the graph: a threshold between two scores must lie between them there too.
    scores = scores.astype(np.float32)
    return temperature, {label: best_threshold(scores[:, k], has[:, k]) for k, label in enumerate(labels)}


def _joined(train: Prepared, valid: Prepared) -> Prepared:
    return Prepared(
        windows=[*train.windows, *valid.windows],
        targets=np.concatenate([train.targets, valid.targets]),
        groups=np.concatenate([train.groups, valid.groups]),
        ids=(*train.ids, *valid.ids),
    )


def _check_windows(prepared: Prepared, seed: int) -> np.ndarray:
    """Return real windows, and the same number of noise windows within the same limits."""
    real = np.stack([windows[0] for windows in prepared.windows[:_N_CHECK]]).astype(np.float32)
    noise = np.random.default_rng(seed).uniform(real.min(), real.max(), real.shape).astype(np.float32)
    return np.concatenate([real, noise])


def _thinned(member: Trained) -> list[Mapping[str, float]]:
    curve = member.curve
    step = -(-len(curve) // _MOST_POINTS)
    return [point for i, point in enumerate(curve) if i % step == 0 or i == len(curve) - 1]
