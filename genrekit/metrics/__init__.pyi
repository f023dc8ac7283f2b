from .definitions import N_BINS
from .measure import measure_scores
from .report import INFLATED, WHOLE, Estimate, Learnt, Report, ScoredExample
from .threshold_tuning import DEFAULT_THRESHOLD, best_threshold
from .thresholds import THRESHOLD, Thresholds, given

__all__ = [
    "DEFAULT_THRESHOLD",
    "INFLATED",
    "N_BINS",
    "THRESHOLD",
    "WHOLE",
    "Estimate",
    "Learnt",
    "Report",
    "ScoredExample",
    "Thresholds",
    "best_threshold",
    "given",
    "measure_scores",
]
