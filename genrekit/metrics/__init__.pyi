from .bootstrap import bootstrap_draws, group_sums, interval
from .definitions import N_BINS
from .measure import measure_scores
from .paired import LOWER_IS_BETTER, Draws, difference, is_better, paired_draws, ranks
from .report import INFLATED, WHOLE, Estimate, Learnt, Report, ScoredExample
from .report_images import confusion_png, draw_confusion, reliability_png
from .threshold_tuning import best_threshold
from .thresholds import THRESHOLD, Thresholds, above_thresholds

__all__ = [
    "INFLATED",
    "LOWER_IS_BETTER",
    "N_BINS",
    "THRESHOLD",
    "WHOLE",
    "Draws",
    "Estimate",
    "Learnt",
    "Report",
    "ScoredExample",
    "Thresholds",
    "above_thresholds",
    "best_threshold",
    "bootstrap_draws",
    "confusion_png",
    "difference",
    "draw_confusion",
    "group_sums",
    "interval",
    "is_better",
    "measure_scores",
    "paired_draws",
    "ranks",
    "reliability_png",
]
