"""Fitting, calibration and export of networks: the ``fit`` of all backends with networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.neural import calibration, distance, native
from genrekit.backends.neural.config import NeuralConfig
from genrekit.backends.neural.device import choose
from genrekit.backends.neural.ensemble import Trained, quiet, train_ensemble
from genrekit.backends.neural.export import to_onnx
from genrekit.backends.neural.module import Recipe
from genrekit.backends.neural.network import Network
from genrekit.errors import ConfigError
from genrekit.metrics import THRESHOLD, best_threshold
from genrekit.text import counted

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
            "Use --valid-size 0.1, or --set schedule=cosine --set patience=0.",
        )
    device = choose(config)
    train, kept = _kept(train, valid, config)
    with torch.random.fork_rng(devices=[]):
        n_parameters = sum(parameter.numel() for parameter in recipe.network().parameters())
    several = f"{config.members} networks of " if config.members > 1 else ""
    progress(f"{several}{n_parameters:,} parameters, on {device.name} in {device.precision}")
    history: dict[str, Any] = {
        "device": device.kind,
        "precision": device.precision,
        "parameters": n_parameters,
    }

    def run(name: str, train: Prepared, valid: Prepared | None) -> list[Network]:
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
            parts = distance.keep(valid, _n_kept(train, valid, config), config.seed) or (valid, None)
            train, kept = _joined(train, parts[0]), parts[1]
            progress(f"training again on both splits, {counted(len(train), 'example')}")
            networks = run("train_and_valid", train, None)
        history["temperature"] = temperature
        far, limits = _distance(networks, train, kept, config)
        if limits:
            history["distance"] = {"examples": limits.n_examples, "false_alarms": distance.FALSE_ALARMS}
            progress(
                f"limit of the distance from {counted(limits.n_examples, 'example')} that were not trained on"
            )
        elif config.kept_share:
            progress(f"no distance: fewer than {distance.LEAST_KEPT} examples were not trained on")
        scorer = calibration.Scorer(networks, temperature=temperature, multilabel=config.multilabel).eval()
        check = _check_windows(train, config.seed)
        with torch.inference_mode():
            check_scores = scorer(torch.from_numpy(check)).numpy()
        graph = to_onnx(scorer, check[0], free, distance=far, half=config.half)
        return Fitted(
            onnx=graph,
            native={native.PAYLOAD: native.dump(scorer, graph)},
            check_windows=check,
            check_scores=check_scores,
            history=history,
            thresholds=thresholds,
            tolerance=TOLERANCE,
            distance_threshold=limits.of_many if limits else None,
            distance_thresholds_of_few=limits.of_few if limits else (),
        )


def _calibrate(
    networks: Sequence[Network], valid: Prepared, labels: Sequence[str], config: NeuralConfig
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


def _kept(train: Prepared, valid: Prepared | None, config: NeuralConfig) -> tuple[Prepared, Prepared | None]:
    """Return the examples to train on, and those that are not trained on: the validation split, or a part of the training split."""
    if valid is not None or not config.kept_share:
        return train, valid if config.kept_share else None
    return distance.keep(train, _n_kept(train, None, config), config.seed) or (train, None)


def _n_kept(train: Prepared, valid: Prepared | None, config: NeuralConfig) -> int:
    """Return the number of examples to keep; of a validation split at most half."""
    if valid is None:
        return round(config.kept_share * len(train))
    wanted = round(config.kept_share * (len(train) + len(valid)))
    return min(max(wanted, distance.LEAST_KEPT), len(valid) // 2) if config.kept_share else 0


def _distance(
    networks: Sequence[Network], train: Prepared, kept: Prepared | None, config: NeuralConfig
) -> tuple[distance.Distance | None, distance.Limits | None]:
    """Fit the distance and its limits; neither if there are too few examples that were not trained on."""
    if kept is None or len(kept) < distance.LEAST_KEPT:
        return None, None
    far = distance.fit_distance(networks, train, config.batch_size, multilabel=config.multilabel)
    return far, distance.fit_limits(far, networks, kept, config.batch_size)


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
