"""Preparation of many examples: cached, parallel, in order; an error affects one example only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from genrekit.analysis import columns_of
from genrekit.backends import Backend, BackendConfig, MakesCopies, PreparesInParts
from genrekit.errors import GenrekitError, MediaError
from genrekit.execution import Outcome, ordered_map
from genrekit.hashing import content_of
from genrekit.media import STREAM_KEY_VERSION, VERSION, content_key, modality, stream_key
from genrekit.preparation.cache import Cache
from genrekit.types import Content, Example, Modality, Windows

TIMBRE_S = 60.0
"""Seconds in the middle of a song whose timbre is described."""
_KINDS = {Modality.AUDIO: "a song", Modality.IMAGE: "a picture", Modality.TABLE: "a table"}


@dataclass(frozen=True, slots=True)
class Preparation:
    """Outcome of preparing one example: its content, and windows or an error; neither if the content is known."""

    content: Content | None = None
    windows: Windows | None = None
    error: str | None = None
    analysis: Mapping[str, float | str | None] = field(default_factory=dict)
    timbre: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Keyed:
    """Cached values of one example [shape=(n_windows, *shape)], and the content key of its file."""

    values: np.ndarray
    key: int | None = None


@dataclass(frozen=True)
class Preparer:
    """``prepare`` of one backend and config, cached by the content of the file.

    Attributes
    ----------
    backend : Backend
    config : BackendConfig
    cache : Cache
    folder : Path, optional
        Folder of files that are fetched for the time of their preparation.
    keys_sound : bool
        Whether `attempt` finds the key of the sound of a song, by which the song is known after its tags changed.
    copy : int >= 0
        The number of an altered copy to prepare instead of the song, for a backend that makes copies; 0 for the song.
    timbre : bool
        Whether `attempt` describes the timbre of a song.
    """

    backend: Backend
    config: BackendConfig
    cache: Cache
    folder: Path | None = None
    keys_sound: bool = False
    copy: int = 0
    timbre: bool = False

    def __call__(self, example: Example) -> Windows:
        """Prepare one example.

        Raises
        ------
        MediaError
            If it cannot be read or decoded.
        """
        with self._at_hand(example) as near:
            if near.path is None or not self.cache.enabled:
                return self._made(near)
            return self._prepare(near, content_of(near.path))

    def keyed(self, example: Example) -> Keyed:
        """Prepare one example, and find the content key of its file, which is fetched once for both.

        An example that can be prepared and has no key is kept without one.

        Raises
        ------
        MediaError
            As for a call.
        """
        with self._at_hand(example) as near:
            if near.path is None:
                return Keyed(self.backend.prepare(near, self.config).values)
            content = content_of(near.path) if self.cache.enabled else None
            windows = self._prepare(near, content) if content else self.backend.prepare(near, self.config)
            try:
                return Keyed(windows.values, self._key(near.path, content))
            except MediaError:
                return Keyed(windows.values)

    def key(self, example: Example) -> Keyed:
        """Return the content key of an example's file; prepare the example only if it has no file.

        Raises
        ------
        MediaError
            If it cannot be read.
        """
        with self._at_hand(example) as near:
            if near.path is None:
                return Keyed(self.backend.prepare(near, self.config).values)
            content = content_of(near.path) if self.cache.enabled else None
            return Keyed(np.empty((0, 0), np.float32), self._key(near.path, content))

    def _key(self, path: Path, content: Content | None) -> int:
        kind = self.backend.info.modality
        if content is None:
            return content_key(path, kind)
        name = self.cache.key(content.sha256, "content key", VERSION, {"modality": str(kind)})
        known = self.cache.get(name)
        if known is not None and known.values.shape == (1, 8) and known.values.dtype == np.uint8:
            return int.from_bytes(known.values.tobytes(), "big")
        key = content_key(path, kind)
        self.cache.put(name, Windows(np.frombuffer(key.to_bytes(8, "big"), np.uint8)[None]))
        return key

    def attempt(
        self, example: Example, known: Content | None = None, measures: Collection[str] = ()
    ) -> Preparation:
        """Prepare one example, unless its content is known by its SHA-256 or its sound, and return errors as values.

        Parameters
        ----------
        example : Example
        known : Content, optional
            Content that was predicted before; if the example has it, nothing is prepared.
        measures : collection of str
            Properties of songs to measure, as for `genrekit.analysis.analyse`.
        """
        content = None
        try:
            with self._at_hand(example) as near:
                if near.path is None:
                    return Preparation(windows=self.backend.prepare(near, self.config))
                content = content_of(near.path)
                if known and content.sha256 == known.sha256:
                    return Preparation(content)
                if self.keys_sound and self.backend.info.modality is Modality.AUDIO:
                    content = replace(content, sound_key=self._sound_key(near.path, content))
                    if known and content.sound_key and content.sound_key == known.sound_key:
                        return Preparation(content)
                windows = self._prepare(near, content)
                timbre = self._timbre(near, content) if self.timbre else None
                return Preparation(content, windows, analysis=self._measure(near, measures), timbre=timbre)
        except GenrekitError as error:
            return Preparation(content, error=str(error))

    def _made(self, example: Example) -> Windows:
        if not self.copy:
            return self.backend.prepare(example, self.config)
        assert isinstance(self.backend, MakesCopies)
        return self.backend.prepare_copy(example, self.config, self.copy)

    def _prepare(self, example: Example, content: Content) -> Windows:
        if not self.cache.enabled:
            return self.backend.prepare(example, self.config)
        if isinstance(self.backend, PreparesInParts):
            parts = [replace(self, backend=one, config=its) for one, its in self.backend.parts]
            return self.backend.joined([part._prepare(example, content) for part in parts])
        info = self.backend.info
        settings = self.config.model_dump(mode="json", include=set(info.prepare_keys))
        settings |= {"offset_s": example.offset_s, "duration_s": example.duration_s}
        settings |= {"copy": self.copy} if self.copy else {}
        key = self.cache.key(content.sha256, info.name, info.feature_version, settings)
        windows = self.cache.get(key)
        if windows is None:
            windows = self._made(example)
            self.cache.put(key, windows)
        return windows

    def _timbre(self, example: Example, content: Content) -> np.ndarray:
        """Return `genrekit.features.timbre` of the middle of a song [shape=(TIMBRE_SIZE,)], from the cache where it is there."""
        from genrekit.features import GTZAN_SR, TIMBRE_SIZE, TIMBRE_VERSION, timbre
        from genrekit.media import audio

        settings = {"offset_s": example.offset_s, "duration_s": example.duration_s}
        name = self.cache.key(content.sha256, "timbre", str(TIMBRE_VERSION), settings)
        if (known := self.cache.get(name)) is not None and known.values.shape == (1, TIMBRE_SIZE):
            return np.array(known.values[0])
        assert example.path is not None
        offset_s, duration_s = example.offset_s, example.duration_s
        length_s = duration_s
        if length_s is None and (whole_s := audio.info(example.path).duration_s) is not None:
            length_s = whole_s - offset_s
        if length_s is not None and length_s > TIMBRE_S:
            offset_s, duration_s = offset_s + (length_s - TIMBRE_S) / 2, TIMBRE_S
        y = audio.load(example.path, sr=GTZAN_SR, offset_s=offset_s, duration_s=duration_s)
        found: np.ndarray = timbre(y, GTZAN_SR).astype(np.float32)
        self.cache.put(name, Windows(found[None]))
        return found

    def _sound_key(self, path: Path, content: Content) -> str:
        """Return the key of a song's sound, from the cache where it is there; '' where there is none."""
        name = self.cache.key(content.sha256, "sound key", STREAM_KEY_VERSION, {})
        known = self.cache.get(name)
        if known is not None:
            return known.values.astype(np.uint8).tobytes().decode("ascii", "replace")
        try:
            key = stream_key(path)
        except MediaError:
            return ""
        self.cache.put(name, Windows(np.frombuffer(key.encode(), np.uint8)[None]))
        return key

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
        """Yield the example with a local file, fetched if it has an address."""
        if example.address is None:
            yield example
            return
        from genrekit.remote import fetched

        with fetched(example.address, folder=self.folder) as path:
            kind = modality(path)
            if kind is not self.backend.info.modality:
                raise MediaError(
                    f"The file is {_KINDS[kind] if kind else 'not a media file'}, which the model does not take."
                )
            yield replace(example, path=path, address=None)


Prepared = TypeVar("Prepared")


def prepare_all(
    prepare: Callable[[Example], Prepared],
    examples: Iterable[Example],
    *,
    jobs: int = 1,
    timeout_s: float | None = None,
    cluster: str | None = None,
) -> Iterator[Outcome[Example, Prepared]]:
    """Prepare examples lazily, in order, with a bounded number of them in flight.

    Parameters
    ----------
    prepare : callable
        A `Preparer`, or a method of one.
    examples : iterable of Example
    jobs : int >= 1
        Number of processes; 1 means this one.
    timeout_s : float > 0, optional
        Seconds after which an example counts as failed.
    cluster : str, optional
        A Dask cluster to use instead of processes, as for `genrekit.execution.ordered_map.ordered_map`.

    Yields
    ------
    Outcome
        One per example, with its windows or its error.
    """
    if cluster:  # a path must mean the same on other machines
        examples = (replace(e, path=e.path.absolute()) if e.path else e for e in examples)
    return ordered_map(prepare, examples, jobs=jobs, timeout_s=timeout_s, cluster=cluster)
