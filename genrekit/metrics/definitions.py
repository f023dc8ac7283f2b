"""Metrics that are functions of sums over examples, so that a resample costs one row of counts times one matrix.

Every ``..._terms`` gives what each example adds to the sums, every ``..._metrics`` turns rows of sums into
values. Terms end with 3 x n_labels counts, which `label_counts` takes off again.

*Single-label*, each example answered with its best label; on ties the first label is the best one:

accuracy
    Share of examples whose best label is theirs. An unknown label counts as wrong.
macro_f1
    Mean of the per-label F1 over the labels that occur among the targets or the answers (scikit-learn's
    choice too); an F1 without true positives is 0. Answers to unknown labels are false positives.
macro_f1_present
    The same over the labels that occur among the targets alone, so that answers of labels that no example has lower
    the recall of others, and do not count as an F1 of 0 on top.
log_loss
    Mean of -log(score of the true label), scores clipped to float64's epsilon; without the unknown labels,
    where it is infinite.
expected_calibration_error
    Mean over examples of the distance between confidence and accuracy in 15 bins of equal width: Guo et al.,
    *On calibration of modern neural networks*, ICML 2017, arXiv:1706.04599, equation 3. Never negative, and
    larger with noise: resamples of a sample are noisier than it, so `genrekit.metrics.measure` moves its draws down
    until their median is the value.
top_3_accuracy
    Share of examples whose label is among the best three; with four labels or more.

*Multi-label*, each example answered with the labels whose score reaches their threshold; the averages are
those of scikit-learn's ``f1_score`` (https://scikit-learn.org/stable/modules/model_evaluation.html, "Precision,
recall and F-measures"):

micro_f1
    2 tp / (2 tp + fp + fn), counted over all examples and labels together (``average="micro"``).
macro_f1
    Mean of the per-label F1 over the labels that occur among the targets or the answers
    (``average="macro", zero_division=nan``); ``macro_f1_present`` is as above.
samples_f1
    Mean over examples of the F1 between their labels and their answers (``average="samples"``); 0 where an
    example has neither.
"""

from __future__ import annotations

import numpy as np

N_BINS = 15
TOP = 3


def single_label_terms(scores: np.ndarray, truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """What every example adds to the sums of `single_label_metrics`.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels), dtype=float64]
        Rows sum to 1.
    truth, answers : np.ndarray [shape=(n,), dtype=int]
        Indices of labels; a ``truth`` of n_labels is a label that the model does not know.

    Returns
    -------
    np.ndarray [shape=(n, 5 + N_BINS + 3 * n_labels)]
    """
    n, n_labels = scores.shape
    rows = np.arange(n)
    correct = truth == answers
    is_known = truth < n_labels
    true_score = np.where(is_known, scores[rows, np.minimum(truth, n_labels - 1)], 1.0)
    loss = -np.log(np.maximum(true_score, np.finfo(np.float64).eps))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    in_top = (best == truth[:, None]).any(axis=1)
    confidence = scores[rows, answers]
    gaps = np.zeros((n, N_BINS))
    gaps[rows, _bins(confidence)] = confidence - correct
    label = np.arange(n_labels)
    sums = np.stack([np.ones(n), is_known, loss, correct, in_top], axis=1)
    return np.hstack([sums, gaps, _label_terms(truth[:, None] == label, answers[:, None] == label)])


def single_label_metrics(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    """Every single-label metric: one row of sums in, one value out; log_loss is NaN without a known label."""
    n, n_known, loss, correct, in_top = sums[:, :5].T
    gaps = sums[:, 5 : 5 + N_BINS]
    metrics = {
        "accuracy": correct / n,
        **_macro_f1(sums, n_labels),
        "log_loss": np.divide(loss, n_known, out=np.full_like(loss, np.nan), where=n_known > 0),
        "expected_calibration_error": np.abs(gaps).sum(axis=1) / n,
    }
    if n_labels > TOP:
        metrics[f"top_{TOP}_accuracy"] = in_top / n
    return metrics


def multilabel_terms(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """What every example adds to the sums of `multilabel_metrics`.

    Parameters
    ----------
    targets, answers : np.ndarray [shape=(n, n_labels), dtype=bool]

    Returns
    -------
    np.ndarray [shape=(n, 2 + 3 * n_labels)]
    """
    both = (targets & answers).sum(axis=1, dtype=np.float64)
    either = targets.sum(axis=1) + answers.sum(axis=1)
    f1 = ratios(2 * both, either)
    return np.hstack([np.stack([np.ones(len(f1)), f1], axis=1), _label_terms(targets, answers)])


def multilabel_metrics(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    """Every multi-label metric that depends on thresholds: one row of sums in, one value out."""
    n, samples_f1 = sums[:, :2].T
    both, true, answered = (counts.sum(axis=1) for counts in label_counts(sums, n_labels))
    return {
        "micro_f1": ratios(2 * both, true + answered),
        **_macro_f1(sums, n_labels),
        "samples_f1": samples_f1 / n,
    }


def label_counts(sums: np.ndarray, n_labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of examples a label, each [shape=(n, n_labels)]: has it and got it; has it; got it."""
    counts = sums[:, -3 * n_labels :]
    return counts[:, :n_labels], counts[:, n_labels : 2 * n_labels], counts[:, 2 * n_labels :]


def ratios(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, and 0 where there is nothing to divide by."""
    result: np.ndarray = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return result


def _label_terms(targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return np.hstack([targets & answers, targets, answers])


def _macro_f1(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    both, true, answered = label_counts(sums, n_labels)
    f1 = ratios(2 * both, true + answered)
    # A resample of a multi-label set may have neither labels nor answers.
    return {
        "macro_f1": ratios(f1.sum(axis=1), ((true + answered) > 0).sum(axis=1)),
        "macro_f1_present": ratios(np.where(true > 0, f1, 0).sum(axis=1), (true > 0).sum(axis=1)),
    }


def calibration_bins(scores: np.ndarray, truth: np.ndarray) -> list[tuple[int, float, float]]:
    """Return what stands behind expected_calibration_error: a row per bin that has examples.

    Parameters
    ----------
    scores, truth
        As in `single_label_terms`.

    Returns
    -------
    list of (int, float, float)
        The number of examples, their mean confidence and their accuracy, by rising confidence.
    """
    confidence, correct = scores.max(axis=1), scores.argmax(axis=1) == truth
    bins = _bins(confidence)
    return [
        (int(has.sum()), float(confidence[has].mean()), float(correct[has].mean()))
        for has in (bins == k for k in np.unique(bins))
    ]


def _bins(confidence: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    return found
