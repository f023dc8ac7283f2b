"""Training of the ``gtzan`` backend: comparison of classifiers on grouped folds, calibration and export.

Training and validation splits are joined: there is no early stopping, so validation examples are more useful in the
folds of the comparison. The chosen recipe is then fitted on everything.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.gtzan.backend import GtzanConfig
from genrekit.backends.gtzan.comparison import Comparison, Table, choose
from genrekit.backends.gtzan.estimators import CLASSIFIERS, TRANSFORMS, Vote, build
from genrekit.backends.gtzan.export import to_onnx
from genrekit.backends.gtzan.relative import Floats
from genrekit.errors import DatasetError
from genrekit.text import counted

_N_CHECK = 500


def fit(
    train: Prepared, valid: Prepared | None, labels: tuple[str, ...], config: GtzanConfig, progress: Progress
) -> Fitted:
    """Fit, calibrate and export; see `genrekit.backends.base.Backend`."""
    table = Table.of(train, valid) if valid else Table.of(train)
    classifiers: tuple[str, ...] = CLASSIFIERS if config.classifier == "auto" else (config.classifier,)
    transforms = TRANSFORMS if config.transform == "auto" else (config.transform,)
    with threadpool_limits(1):  # one thread per fit: the same bytes everywhere, and no contention for cores
        comparison = Comparison.of(table, config.folds, config.seed, labels)
        if comparison.too_few_for_lda:
            classifiers = tuple(name for name in classifiers if name != "lda")
            if not classifiers:
                raise DatasetError(
                    f"{counted(len(table.y), 'example')} of {counted(len(table.classes), 'label')} are too few for linear "
                    "discriminant analysis: a fold has no more windows than labels to learn from.",
                    "Add more examples per label, or another classifier: --set classifier=svm.",
                )
        progress(
            f"comparing {counted(len(classifiers) * len(transforms), 'candidate')}, and votes of them, on "
            f"{counted(len(comparison.folds), 'fold')} of {counted(len(table.y), 'example')}"
            if config.classifier == "auto"
            else f"measuring {config.classifier} on {counted(len(comparison.folds), 'fold')} of {counted(len(table.y), 'example')}"
        )
        candidates = comparison.run([(c, t) for c in classifiers for t in transforms])
        chosen, rows = choose(comparison, candidates)
        for row in rows:
            progress(
                f"  {row['classifier']:<24} {row['transform']:<26} accuracy {row['accuracy']:.3f} "
                f"± {row['accuracy_sd_of_folds']:.3f} over folds, log loss {row['log_loss']:.3f}"
            )
        y = table.y[table.owner]
        voters = [
            (
                build(c.classifier, c.transform, seed=config.seed).fit(table.X, y),
                c.sigmoid,
            )
            for c in chosen
        ]
        vote = Vote(voters, table.classes, len(labels))
        kept = comparison.row(*chosen)
        progress(f"kept {kept['classifier']} ({kept['transform']})")
        check = check_windows(table.X, config.seed)
        return Fitted(
            onnx=to_onnx(vote, table.X.shape[1]),
            native={},
            check_windows=check,
            check_scores=vote.scores(check.astype(np.float64)).astype(np.float32),
            history={
                "folds": len(comparison.folds),
                "examples": len(table.y),
                "examples_scored": len(comparison.scored),
                "candidates": rows,
                "chosen": kept,
                "sigmoids": [[round(c.sigmoid.slope, 6), round(c.sigmoid.offset, 6)] for c in chosen],
            },
        )


def check_windows(X: Floats, seed: int) -> npt.NDArray[np.float32]:
    """Return training windows, points between them, exaggerated ones, and silence.

    Parameters
    ----------
    X : np.ndarray [shape=(n, 57)]
    seed : int >= 0

    Returns
    -------
    np.ndarray [shape=(m, 57), dtype=float32]
    """
    rng = np.random.default_rng(seed)
    rows = X[rng.permutation(len(X))[:_N_CHECK]]
    others = rows[rng.permutation(len(rows))]
    share = rng.random((len(rows), 1))
    parts = [rows, share * rows + (1 - share) * others, 1.5 * rows, np.zeros((1, X.shape[1]))]
    return np.concatenate(parts).astype(np.float32)
