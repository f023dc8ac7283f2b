from .measure import measure_scores
from .report import INFLATED, Estimate, Report
from .threshold_tuning import DEFAULT_THRESHOLD, best_threshold
from .thresholds import THRESHOLD, Thresholds, given

__all__ = [
    "DEFAULT_THRESHOLD",
    "INFLATED",
    "THRESHOLD",
    "Estimate",
    "Report",
    "Thresholds",
    "best_threshold",
    "given",
    "measure_scores",
]
