"""Training of the ``spotify`` backend: boosting with early stopping on held-out rows, calibration on the same, and training again on all rows.

The held-out rows are the validation split, or whole groups of the training split. They determine the number of
rounds, the factor of the margins for calibrated scores (Guo, Pleiss, Sun and Weinberger, *On calibration of modern
neural networks*, ICML 2017), and for multi-label models the thresholds. The final model has the same number of rounds
and is trained on both splits. Copies of rows with values taken out (``gap_copies``) are trained on and held out with the
rows that they were made from, so that scores of rows with missing values are calibrated too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.spotify import native as spotify_native
from genrekit.backends.spotify.backend import SpotifyConfig
from genrekit.backends.spotify.rows import Integers, Table
from genrekit.backends.trees import tensors, xgboost_json
from genrekit.backends.trees.onnx import to_onnx
from genrekit.backends.trees.tree_model import TreeModel
from genrekit.errors import ConfigError
from genrekit.metrics import best_threshold
from genrekit.progress import Epoch

Floats = npt.NDArray[np.float64]

PARAMETERS = (
    *("learning_rate", "max_depth", "min_child_weight", "subsample", "colsample_bytree", "colsample_bynode"),
    *("num_parallel_tree", "gamma", "reg_lambda", "reg_alpha", "max_bin"),
)
"""Keys of the config that are passed to XGBoost unchanged."""

# Prior of the factor of the margins: its logarithm is near 0, within this deviation. A few held-out rows that are all
# correct by luck cannot make a model overconfident; hundreds of rows outweigh the prior.
_FACTOR_SD = 0.3
_N_CHECK = 500
# With fewer rows, threads wait longer than they work; 0 means as many as there are.
_FEW_ROWS = 3000


@dataclass(frozen=True, eq=False)
class Grown:
    """One trained model and the facts of its training.

    Attributes
    ----------
    model : TreeModel
        Model trained on all rows, with calibrated margins.
    scores : np.ndarray [shape=(n_held,) or (n_held, n_labels)]
        Calibrated probabilities of the held-out rows, by the model that was not trained on them.
    losses : list of float
        Log loss of the held-out rows after each round.
    factor : float
        Factor of the margins.
    """

    model: TreeModel
    scores: Floats
    losses: list[float]
    factor: float

    @property
    def rounds(self) -> int:
        """Number of rounds of the model."""
        return len(self.model.rounds) - 1

    def facts(self) -> dict[str, Any]:
        """Return the entry of the history."""
        best = min(self.losses)
        return {"rounds": self.rounds, "log_loss": round(best, 5), "temperature": round(1 / self.factor, 4)}


def fit(
    train: Prepared,
    valid: Prepared | None,
    labels: tuple[str, ...],
    config: SpotifyConfig,
    progress: Progress,
) -> Fitted:
    """Fit, calibrate and export; see `genrekit.backends.base.Backend`."""
    several = config.multilabel or any(
        bool((part.targets.sum(axis=1) > 1).any()) for part in (train, valid) if part
    )
    table = Table.of(train, valid, labels, config.seed, multilabel=several)
    n_rows, n_held = len(table.X), len(table.held)
    device = choose_device(config)
    progress(
        f"growing trees on {device} from {len(table.learn):,} rows; {n_held:,} held out for early stopping"
        + (f"; {config.gap_copies} copies per row with values taken out" if config.gap_copies else "")
    )
    table = table.with_gaps(config.gap_copies, config.seed)
    if several:
        grown = []
        for k, label in enumerate(labels):
            grown.append(_grow(table, table.targets[:, k], 1, config, device, progress))
            facts = grown[-1].facts()
            progress(f"  {label:<24} {facts['rounds']:>5} rounds, log loss {facts['log_loss']:.4f}")
    else:
        grown = [_grow(table, table.targets.argmax(axis=1), len(labels), config, device, progress)]
        facts = grown[0].facts()
        progress(f"kept {facts['rounds']} rounds, log loss {facts['log_loss']:.4f}")
    models = [one.model for one in grown]
    if all(model.leaves.all() for model in models):
        progress(
            "warning: no tree splits, so every row gets the same scores; with few rows, pass a smaller "
            f"min_child_weight (it is {config.min_child_weight:g})"
        )
    native = {spotify_native.TREES: tensors.dumps(models)}
    check = check_windows(table.X, config.seed)
    history: dict[str, Any] = {"device": device, "rows": n_rows, "rows_held_out": n_held}
    thresholds = {}
    if several:
        history["labels"] = {label: one.facts() for label, one in zip(labels, grown, strict=True)}
        has = table.targets[table.held[:n_held]] > 0  # without the copies
        thresholds = {
            label: best_threshold(grown[k].scores[:n_held], has[:, k]) for k, label in enumerate(labels)
        }
    else:
        history |= grown[0].facts() | {"losses": [round(loss, 5) for loss in grown[0].losses]}
    return Fitted(
        onnx=to_onnx(models),
        native=native,
        check_windows=check,
        check_scores=spotify_native.scorer(native)(check),
        history=history,
        thresholds=thresholds,
    )


def choose_device(config: SpotifyConfig) -> str:
    """Return the device for training: 'cuda' if requested and XGBoost finds a GPU, else 'cpu'.

    Raises
    ------
    ConfigError
        If CUDA is required and there is no GPU.
    """
    if config.device == "cpu" or not _finds_cuda():
        if config.device == "cuda":
            raise ConfigError(
                f"device = 'cuda', but XGBoost {xgb.__version__} finds no GPU here.",
                "--set device=auto uses the CPU if there is no GPU.",
            )
        return "cpu"
    return "cuda"


def check_windows(X: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    """Return training rows, rows with missing values, mixtures of rows, extreme rows, and a row without values.

    Parameters
    ----------
    X : np.ndarray [shape=(n, 15), dtype=float32]
    seed : int >= 0

    Returns
    -------
    np.ndarray [shape=(m, 15), dtype=float32]
    """
    rng = np.random.default_rng(seed)
    rows = X[rng.permutation(len(X))[:_N_CHECK]]
    mixed = rng.permuted(rows, axis=0)
    holes = np.where(rng.random(rows.shape) < rng.random((len(rows), 1)), np.float32(np.nan), mixed)
    extremes = np.array([0, -1, 1e-30, 1e30, -1e30, np.nan], dtype=np.float32)[:, None].repeat(X.shape[1], 1)
    return np.concatenate([rows, mixed, holes, extremes])


def _grow(
    table: Table, y: npt.NDArray[Any], n_outputs: int, config: SpotifyConfig, device: str, progress: Progress
) -> Grown:
    softmax = n_outputs > 1
    metric = "mlogloss" if softmax else "logloss"
    threads = 1 if len(y) < _FEW_ROWS else 0
    parameters = {
        "objective": "multi:softprob" if softmax else "binary:logistic",
        "eval_metric": metric,
        "tree_method": "hist",
        "device": device,
        "seed": config.seed,
        "nthread": threads,
        **({"num_class": n_outputs} if softmax else {}),
        **{name: getattr(config, name) for name in PARAMETERS},
    }
    weights = _balanced(y) if config.class_weight == "balanced" else np.ones(len(y))

    def matrix(rows: Integers) -> xgb.DMatrix:
        return xgb.DMatrix(table.X[rows], y[rows], weight=weights[rows], nthread=threads)

    held = matrix(table.held)
    losses: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        parameters,
        matrix(table.learn),
        config.n_estimators,
        evals=[(held, "held")],
        evals_result=losses,
        early_stopping_rounds=config.early_stopping_rounds,
        verbose_eval=False,
        callbacks=[_Rounds(progress, config.n_estimators)],
    )
    rounds = booster.best_iteration + 1
    margins = booster.predict(held, output_margin=True, iteration_range=(0, rounds)).astype(np.float64)
    factor = _factor(margins, y[table.held].astype(np.intp), weights[table.held])
    grown = xgb.train(parameters, matrix(np.arange(len(y))), rounds)
    scores = np.exp(log_softmax(factor * margins, axis=1)) if softmax else expit(factor * margins)
    model = stretched(xgboost_json.from_booster(grown), factor)
    return Grown(model, scores, losses["held"][metric], factor)


class _Rounds(xgb.callback.TrainingCallback):
    """A callback that reports every round."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total = progress, total

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Report, and never stop."""
        ((loss, *_),) = ([values[-1] for values in metrics.values()] for metrics in evals_log.values())
        self._progress(Epoch(epoch + 1, self._total, valid={"valid_loss": float(loss)}, unit="round"))
        return False


def stretched(model: TreeModel, factor: float) -> TreeModel:
    """Return the same trees with all margins multiplied, including the base margin.

    Parameters
    ----------
    model : TreeModel
    factor : float > 0

    Returns
    -------
    TreeModel
    """
    margins = model.base_margins.astype(np.float64) * factor
    base = margins if model.objective == "multi:softprob" else expit(margins)
    return replace(model.scaled(factor), base_score=tuple(base.astype(np.float32).tolist()))


def _factor(margins: Floats, y: Integers, weights: Floats) -> float:
    """Return the factor of the margins with the lowest log loss, near 1 for few rows."""

    def cost(log_factor: float) -> float:
        stretched = np.exp(log_factor) * margins
        if stretched.ndim == 2:
            logs = log_softmax(stretched, axis=1)[np.arange(len(y)), y]
        else:
            logs = log_expit(np.where(y == 1, stretched, -stretched))
        return float(-(weights * logs).sum() + (log_factor / _FACTOR_SD) ** 2 / 2)

    # Rounded, because the last digits depend on the number of threads.
    return round(float(np.exp(minimize_scalar(cost, bounds=(-1.5, 1.5), method="bounded").x)), 4)


def _balanced(y: npt.NDArray[Any]) -> Floats:
    """Return weights of mean 1 that sum to the same for every value of ``y`` that occurs."""
    values, at, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.asarray(len(y) / (len(values) * counts[at]), dtype=np.float64)


def _finds_cuda() -> bool:
    if not xgb.build_info().get("USE_CUDA"):
        return False
    # XGBoost warns if it falls back to the CPU, which is what is tested here.
    with xgb.config_context(verbosity=0):
        booster = xgb.train({"device": "cuda", "verbosity": 0}, xgb.DMatrix([[0.0], [1.0]], [0, 1]), 1)
        used = json.loads(booster.save_config())["learner"]["generic_param"]["device"]
    return str(used).startswith("cuda")
