"""Processing of one item on a worker of a Dask cluster."""

from __future__ import annotations

import pickle
import platform
import queue
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

from genrekit import __version__
from genrekit.execution.ordered_pool import Reply, words

Call = Callable[[Any], Reply]


def perform(
    versions: tuple[str, str], pickled_call: bytes, payload: bytes, timeout_s: float | None
) -> tuple[str, bytes]:
    """Process one item on a worker; return the problem of the worker, or the pickled reply."""
    if (found := versions_here()) != versions:
        where = import_module("distributed").get_worker().address
        theirs, ours = (f"genrekit {genrekit} on Python {python}" for genrekit, python in (found, versions))
        return f"{where} has {theirs}, but this machine has {ours}", b""
    try:
        call = _load(pickled_call)
    except Exception as error:
        return words(error), b""
    if timeout_s is None:
        return "", _reply(call, payload)
    replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=lambda: replies.put(_reply(call, payload)), daemon=True).start()
    try:
        return "", replies.get(timeout=timeout_s)
    except queue.Empty:
        return "", pickle.dumps((None, f"took longer than {timeout_s:g} s"))


@lru_cache(maxsize=2)
def _load(pickled_call: bytes) -> Call:
    call: Call = pickle.loads(pickled_call)  # noqa: S301 - clients that may submit tasks may run anything
    return call


def _reply(call: Call, payload: bytes) -> bytes:
    try:
        return pickle.dumps(call(pickle.loads(payload)))  # noqa: S301 - as above
    except (Exception, SystemExit) as error:  # from loading or sending; ``call`` itself only leaves by exit()
        return pickle.dumps((None, words(error)))


def versions_here() -> tuple[str, str]:
    return __version__, ".".join(platform.python_version_tuple()[:2])
