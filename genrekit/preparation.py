"""Preparing many examples: through the cache, over processes, in order, a failure costing one example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from genrekit.backends.base import Backend, BackendConfig
from genrekit.cache import Cache
from genrekit.errors import MediaError
from genrekit.execution import Outcome, ordered_map
from genrekit.hashing import hash_file
from genrekit.types import Example, Windows


@dataclass(frozen=True)
class Preparer:
    """``prepare`` of one backend and config, remembered by the content of the file.

    Attributes
    ----------
    backend : Backend
    config : BackendConfig
    cache : Cache
    """

    backend: Backend
    config: BackendConfig
    cache: Cache

    def __call__(self, example: Example) -> Windows:
        """Prepare one example.

        Raises
        ------
        MediaError
            If it cannot be read or decoded.
        """
        if example.path is None or not self.cache.enabled:
            return self.backend.prepare(example, self.config)
        info = self.backend.info
        settings = {key: getattr(self.config, key) for key in info.prepare_keys}
        settings |= {"offset_s": example.offset_s, "duration_s": example.duration_s}
        try:
            content = hash_file(example.path)
        except OSError as error:
            raise MediaError(f"The file cannot be read: {error.strerror or error}.") from None
        key = self.cache.key(content, info.name, info.feature_version, settings)
        windows = self.cache.get(key)
        if windows is None:
            windows = self.backend.prepare(example, self.config)
            self.cache.put(key, windows)
        return windows


def prepare_all(
    preparer: Preparer, examples: Iterable[Example], *, jobs: int = 1, timeout_s: float | None = None
) -> Iterator[Outcome[Example, Windows]]:
    """Prepare examples lazily, in order, with a bounded number of them in flight.

    Parameters
    ----------
    preparer : Preparer
    examples : iterable of Example
    jobs : int >= 1
        Processes; 1 works in this one.
    timeout_s : float > 0, optional
        Seconds after which an example counts as failed.

    Yields
    ------
    Outcome
        One an example, with its windows or its error.
    """
    return ordered_map(preparer, examples, jobs=jobs, timeout_s=timeout_s)
