from .definitions import N_BINS
from .measure import measure_scores
from .report import INFLATED, WHOLE, Estimate, Learnt, Report, ScoredExample
from .report_images import confusion_png, draw_confusion, reliability_png
from .threshold_tuning import best_threshold
from .thresholds import THRESHOLD, Thresholds, above_thresholds

__all__ = [
    "INFLATED",
    "N_BINS",
    "THRESHOLD",
    "WHOLE",
    "Estimate",
    "Learnt",
    "Report",
    "ScoredExample",
    "Thresholds",
    "above_thresholds",
    "best_threshold",
    "confusion_png",
    "draw_confusion",
    "measure_scores",
    "reliability_png",
]
