"""Metrics that are functions of sums over examples, so that a resample costs one vector-matrix product.

Every ``..._terms`` function returns what each example adds to the sums; every ``..._metrics`` function turns rows
of sums into values. Terms end with 3 x n_labels counts, which `label_counts` extracts.

*Single-label*, each example predicted as its best label; on ties the first label is the best one:

accuracy
    Share of examples whose best label is their true label. An unknown label counts as wrong.
macro_f1
        Mean of the per-label F1 over the labels that occur among the targets or the predictions (as in scikit-learn);
        an F1 without true positives is 0. Predictions for examples of unknown labels are false positives.
macro_f1_present
        The same over the labels that occur among the targets alone: predictions of labels that no example has lower
        the recall of other labels, but do not add an F1 of 0.
log_loss
    Mean of -log(score of the true label), scores clipped to float64's epsilon; without examples of unknown labels,
    where it is infinite.
expected_calibration_error
    Mean absolute difference between confidence and accuracy, in 15 bins of equal width, weighted by examples: Guo et al.,
    *On calibration of modern neural networks*, ICML 2017, arXiv:1706.04599, equation 3. Never negative, and
    larger with noise: resamples of a sample are noisier than the sample, so `genrekit.metrics.measure` shifts its draws down
    until their median is the value.
top_3_accuracy
    Share of examples whose label is among the best three; for models with four labels or more.

*Multi-label*, each example predicted as the labels whose score reaches their threshold; the averages are those of
scikit-learn's ``f1_score`` (https://scikit-learn.org/stable/modules/model_evaluation.html, "Precision, recall and
F-measures"):

micro_f1
    2 tp / (2 tp + fp + fn), counted over all examples and labels together (``average="micro"``).
macro_f1
    Mean of the per-label F1 over the labels that occur among the targets or the predictions
    (``average="macro", zero_division=nan``); ``macro_f1_present`` is as above.
samples_f1
    Mean over examples of the F1 between true and predicted labels (``average="samples"``); 0 if an
    example has neither.
"""

from __future__ import annotations

import numpy as np

N_BINS = 15
TOP = 3


def single_label_terms(scores: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return what every example adds to the sums of `single_label_metrics`.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels), dtype=float64]
        Rows sum to 1.
    truth, predicted : np.ndarray [shape=(n,), dtype=int]
        Indices of labels; a ``truth`` of n_labels is a label that the model does not know.

    Returns
    -------
    np.ndarray [shape=(n, 5 + N_BINS + 3 * n_labels)]
    """
    n, n_labels = scores.shape
    rows = np.arange(n)
    correct = truth == predicted
    is_known = truth < n_labels
    true_score = np.where(is_known, scores[rows, np.minimum(truth, n_labels - 1)], 1.0)
    loss = -np.log(np.maximum(true_score, np.finfo(np.float64).eps))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    in_top = (best == truth[:, None]).any(axis=1)
    confidence = scores[rows, predicted]
    gaps = np.zeros((n, N_BINS))
    gaps[rows, _bins(confidence)] = confidence - correct
    label = np.arange(n_labels)
    sums = np.stack([np.ones(n), is_known, loss, correct, in_top], axis=1)
    return np.hstack([sums, gaps, _label_terms(truth[:, None] == label, predicted[:, None] == label)])


def single_label_metrics(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    """Compute every single-label metric, one value per row of sums; log_loss is NaN without a known label.

    Parameters
    ----------
    sums : np.ndarray [shape=(n, 5 + N_BINS + 3 * n_labels)]
        Sums of the terms of `single_label_terms`.
    n_labels : int > 0

    Returns
    -------
    dict of str to np.ndarray [shape=(n,)]
    """
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


def multilabel_terms(targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return what every example adds to the sums of `multilabel_metrics`.

    Parameters
    ----------
    targets, predicted : np.ndarray [shape=(n, n_labels), dtype=bool]

    Returns
    -------
    np.ndarray [shape=(n, 2 + 3 * n_labels)]
    """
    both = (targets & predicted).sum(axis=1, dtype=np.float64)
    either = targets.sum(axis=1) + predicted.sum(axis=1)
    f1 = ratios(2 * both, either)
    return np.hstack([np.stack([np.ones(len(f1)), f1], axis=1), _label_terms(targets, predicted)])


def multilabel_metrics(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    """Compute every multi-label metric that depends on thresholds, one value per row of sums.

    Parameters
    ----------
    sums : np.ndarray [shape=(n, 2 + 3 * n_labels)]
        Sums of the terms of `multilabel_terms`.
    n_labels : int > 0

    Returns
    -------
    dict of str to np.ndarray [shape=(n,)]
    """
    n, samples_f1 = sums[:, :2].T
    both, true, predicted = (counts.sum(axis=1) for counts in label_counts(sums, n_labels))
    return {
        "micro_f1": ratios(2 * both, true + predicted),
        **_macro_f1(sums, n_labels),
        "samples_f1": samples_f1 / n,
    }


def label_counts(sums: np.ndarray, n_labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts of examples per label, each [shape=(n, n_labels)]: true positives; examples with the label; predictions.

    Parameters
    ----------
    sums : np.ndarray [shape=(n, k)]
        Sums of terms, the last 3 x n_labels of them counts.
    n_labels : int > 0

    Returns
    -------
    tuple of three np.ndarray [shape=(n, n_labels)]
    """
    counts = sums[:, -3 * n_labels :]
    return counts[:, :n_labels], counts[:, n_labels : 2 * n_labels], counts[:, 2 * n_labels :]


def ratios(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return ``part / whole``, and 0 where ``whole`` is 0.

    Parameters
    ----------
    part, whole : np.ndarray
        Of the same shape.

    Returns
    -------
    np.ndarray
        Of the same shape.
    """
    result: np.ndarray = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return result


def _label_terms(targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.hstack([targets & predicted, targets, predicted])


def _macro_f1(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    both, true, predicted = label_counts(sums, n_labels)
    f1 = ratios(2 * both, true + predicted)
    # A resample of a multi-label set may have neither labels nor predictions.
    return {
        "macro_f1": ratios(f1.sum(axis=1), ((true + predicted) > 0).sum(axis=1)),
        "macro_f1_present": ratios(np.where(true > 0, f1, 0).sum(axis=1), (true > 0).sum(axis=1)),
    }


def calibration_bins(scores: np.ndarray, truth: np.ndarray) -> list[tuple[int, float, float]]:
    """Return the bins of expected_calibration_error that have examples.

    Parameters
    ----------
    scores, truth
        As in `single_label_terms`.

    Returns
    -------
    list of (int, float, float)
        Number of examples, mean confidence and accuracy per bin, by rising confidence.
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
