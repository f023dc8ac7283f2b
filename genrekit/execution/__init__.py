"""Execution: an ordered map over processes or a cluster, in which a crash costs one item."""

from typing import TYPE_CHECKING, Any

from genrekit.execution.cores import default_jobs
from genrekit.execution.ordered_map import open_pool, ordered_map
from genrekit.execution.outcome import Outcome

if TYPE_CHECKING:
    from genrekit.execution.dask import DaskPool
    from genrekit.execution.ordered_map import AnyPool
    from genrekit.execution.pool import Pool

__all__ = ["AnyPool", "DaskPool", "Outcome", "Pool", "default_jobs", "open_pool", "ordered_map"]


def __getattr__(name: str) -> Any:
    if name == "Pool":  # multiprocessing is not needed for one file
        from genrekit.execution.pool import Pool

        return Pool
    if name == "DaskPool":
        from genrekit.execution.dask import DaskPool

        return DaskPool
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
