"""Preparing many examples: through the cache, over processes, in order, a failure costing one example."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from genrekit.analysis import columns_of
from genrekit.backends import Backend, BackendConfig
from genrekit.errors import GenrekitError, MediaError
from genrekit.execution import Outcome, ordered_map
from genrekit.hashing import content_of
from genrekit.media import modality
from genrekit.preparation.cache import Cache
from genrekit.types import Content, Example, Modality, Windows


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at an example found: its content, and windows, an error, or that nothing is new."""

    content: Content | None = None
    windows: Windows | None = None
    error: str | None = None
    analysis: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Preparer:
    """``prepare`` of one backend and config, remembered by the content of the file.

    Attributes
    ----------
    backend : Backend
    config : BackendConfig
    cache : Cache
    folder : Path, optional
        Where fetched files stand while they are looked at.
    """

    backend: Backend
    config: BackendConfig
    cache: Cache
    folder: Path | None = None

    def __call__(self, example: Example) -> Windows:
        """Prepare one example.

        Raises
        ------
        MediaError
            If it cannot be read or decoded.
        """
        with self._at_hand(example) as near:
            if near.path is None or not self.cache.enabled:
                return self.backend.prepare(near, self.config)
            return self._prepare(near, content_of(near.path))

    def look(self, example: Example, known: str | None = None, measures: Collection[str] = ()) -> Looked:
        """Prepare one example unless its content has the SHA-256 that is known; an error is a result.

        Without windows and error, nothing is new. ``measures`` are those of `genrekit.analysis.analyse`, for songs.
        """
        content = None
        try:
            with self._at_hand(example) as near:
                if near.path is None:
                    return Looked(windows=self.backend.prepare(near, self.config))
                content = content_of(near.path)
                if content.sha256 == known:
                    return Looked(content)
                windows = self._prepare(near, content)
                return Looked(content, windows, analysis=self._measure(near, measures))
        except GenrekitError as error:
            return Looked(content, error=str(error))

    def _prepare(self, example: Example, content: Content) -> Windows:
        if not self.cache.enabled:
            return self.backend.prepare(example, self.config)
        info = self.backend.info
        settings = self.config.model_dump(mode="json", include=set(info.prepare_keys))
        settings |= {"offset_s": example.offset_s, "duration_s": example.duration_s}
        key = self.cache.key(content.sha256, info.name, info.feature_version, settings)
        windows = self.cache.get(key)
        if windows is None:
            windows = self.backend.prepare(example, self.config)
            self.cache.put(key, windows)
        return windows

    def _measure(self, example: Example, measures: Collection[str]) -> Mapping[str, float | str | None]:
        if not measures or self.backend.info.modality is not Modality.AUDIO or example.path is None:
            return {}
        from genrekit.analysis import analyse_song

        found = analyse_song(example.path, measures, example.offset_s, example.duration_s)
        key = found.key
        facts = {
            "bpm": None if found.bpm is None else round(found.bpm, 2),
            "key": f"{key.tonic} {key.mode}" if key else None,
            "camelot": key.camelot if key else None,
            "key_confidence": round(key.confidence, 4) if key else None,
            "loudness_lufs": None if found.loudness_lufs is None else round(found.loudness_lufs, 2),
        }
        return {column: facts[column] for column in columns_of(measures)}

    @contextmanager
    def _at_hand(self, example: Example) -> Iterator[Example]:
        """The example with its file on this machine, fetched where it has an address."""
        if example.address is None:
            yield example
            return
        from genrekit.remote import fetched

        with fetched(example.address, folder=self.folder) as path:
            kind = modality(path)
            if kind is not self.backend.info.modality:
                raise MediaError(f"is {kind or 'no media file'}, which the model does not take")
            yield replace(example, path=path, address=None)


def prepare_all(
    preparer: Preparer,
    examples: Iterable[Example],
    *,
    jobs: int = 1,
    timeout_s: float | None = None,
    cluster: str | None = None,
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
    cluster : str, optional
        A Dask cluster that prepares instead, as for `genrekit.execution.ordered_map.ordered_map`.

    Yields
    ------
    Outcome
        One an example, with its windows or its error.
    """
    if cluster:  # a path must mean the same on other machines
        examples = (replace(e, path=e.path.absolute()) if e.path else e for e in examples)
    return ordered_map(preparer, examples, jobs=jobs, timeout_s=timeout_s, cluster=cluster)
