"""The index of songs of a server: opened once, and again when it changed."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

from genrekit.errors import UsageError
from genrekit.server.problems import Problem
from genrekit.server.snapshot import Loaded, Snapshot
from genrekit.similarity import Index

_FACTS = "index.json"


class Library:
    """An index that requests search in.

    Parameters
    ----------
    folder : Path
    snapshot : Snapshot
        The models that are served at the start; one of them must be that of the index.

    Attributes
    ----------
    modality : str
        Kind of its inputs: 'audio', 'image' or 'table'.

    Raises
    ------
    GenrekitError
        If there is no index, it is damaged, or it was made with a model that is not served.
    """

    def __init__(self, folder: Path, snapshot: Snapshot) -> None:
        self._folder = folder
        self._lock = Lock()
        self._state = self._look()
        self._index = Index(folder)
        self._root = _common_folder(self._index)
        self.modality = self._index.facts.modality
        facts = self._index.facts
        if _found(self._index, snapshot) is None:
            served = ", ".join(snapshot.by_name)
            same = "another version of " if facts.model in snapshot.by_name else ""
            raise UsageError(
                f"{folder} was made with {same}the model {facts.model!r} (sha256 {facts.model_sha256[:12]}), which is not "
                f"served (served: {served}).",
                f"Serve it too: genrekit serve {facts.model_path or facts.model} ... --index {folder}, or make the index "
                "again with a served model.",
            )

    def open(self) -> Index:
        """Return the index, opened again if another run of ``genrekit index`` changed it.

        Raises
        ------
        GenrekitError
            If it cannot be read.
        """
        with self._lock:
            state = self._look()
            if state != self._state:
                self._index = Index(self._folder)
                self._root = _common_folder(self._index)
                self._state = state
            return self._index

    def model(self, index: Index, snapshot: Snapshot) -> Loaded:
        """Return the model of the index.

        Raises
        ------
        Problem
            If it is not served any more.
        """
        found = _found(index, snapshot)
        if found is None:
            raise Problem(
                "not-available",
                f"The index was made with a version of the model {index.facts.model!r} that is not served any more.",
                "Make the index again: genrekit index ... --overwrite",
            )
        return found

    def shown(self, name: str) -> str:
        """Return the name of a row relative to the common folder of the index, which hides the folders of the server."""
        return name.removeprefix(self._root)

    def _look(self) -> tuple[int, ...]:
        try:
            stat = (self._folder / _FACTS).stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _found(index: Index, snapshot: Snapshot) -> Loaded | None:
    return next(
        (one for one in snapshot.by_name.values() if one.model.bundle.sha256 == index.facts.model_sha256),
        None,
    )


def _common_folder(index: Index) -> str:
    """Return the folder that holds all files of an index, with its last slash; empty if there is none."""
    try:
        found = os.path.commonpath({os.path.dirname(path) for path in index.paths()})  # noqa: PTH120
    except ValueError:  # none, or on several drives
        return ""
    return found if found.endswith(os.sep) else found + os.sep
