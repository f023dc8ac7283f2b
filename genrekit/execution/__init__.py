"""An ordered map over processes or a cluster, in which a crash costs one item."""

from genrekit.execution.ordered_map import Outcome, default_jobs, ordered_map

__all__ = ["Outcome", "default_jobs", "ordered_map"]
