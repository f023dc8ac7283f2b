"""Journal of a batch: an append-only file with one line per finished input, from which the results are written.

An incomplete line, cut short by a crash, is dropped when the journal is opened again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from genrekit.errors import OutputExistsError, UsageError
from genrekit.files import naming
from genrekit.types import Content, Contribution, Prediction, WindowScore

IS_LOCKED_ITSELF = find_spec("fcntl") is not None
"""Whether the system can lock a file that others still read; Windows cannot."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Position of the line of an input, in bytes, its content, and whether it is an error."""

    start: int
    end: int
    content: Content | None
    failed: bool


class Journal:
    """The predictions of a batch, in the order in which they were finished; a context manager.

    Parameters
    ----------
    path : Path
        The file; created if missing.
    key : str
        Hash of models and settings, on which predictions depend besides the content of the inputs. Lines with
        another key stay in the file and are never returned.

    Raises
    ------
    UsageError
        If the file is not a journal.
    OutputExistsError
        If another process is writing it.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self._entries: dict[str, Entry] = {}
        self._file = path.open("a+b")
        try:
            self._release = _lock(self._file.fileno(), path)
            try:
                self._load()
            except BaseException:
                self._release()
                raise
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with naming(self.path):
                self._file.close()
        finally:
            self._release()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, name: str) -> Entry | None:
        """Return the finished entry of an input by its name, or None."""
        return self._entries.get(name)

    def append(self, name: str, prediction: Prediction) -> Entry:
        """Append the prediction of an input, and flush it to the operating system.

        Parameters
        ----------
        name : str
            Name of the input, unique in a run.
        prediction : Prediction
            Its prediction, which may be an error.

        Returns
        -------
        Entry
            Position of the new line.
        """
        line = json.dumps(
            {"key": self.key, "input": name, "answer": _fields(prediction)},
            ensure_ascii=True,
            allow_nan=False,
        )
        start = self._file.tell()
        with naming(self.path):
            self._file.write(line.encode("ascii") + b"\n")
            self._file.flush()
        entry = Entry(start, self._file.tell(), prediction.content, prediction.error is not None)
        self._entries[name] = entry
        return entry

    def read(self, spans: Iterable[tuple[int, int]]) -> Iterator[Prediction]:
        """Yield the predictions in parts of the file, each from the start of a line to the end of one."""
        with self.path.open("rb") as file:
            for start, end in spans:
                file.seek(start)
                while file.tell() < end:
                    yield _prediction(json.loads(file.readline())["answer"])

    def _load(self) -> None:
        self._file.seek(0)
        good = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                fields = json.loads(line)
                answer = fields["answer"]
                content = Content(**answer["content"]) if answer["content"] else None
                if fields["key"] == self.key:
                    end = good + len(line)
                    self._entries[fields["input"]] = Entry(good, end, content, answer["error"] is not None)
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"{self.path} is not a journal of a batch, or is damaged after {good:,} bytes.",
                    "Remove it to start again, or choose another --output.",
                ) from None
            good += len(line)
        self._file.truncate(good)
        self._file.seek(0, os.SEEK_END)


def _lock(descriptor: int, path: Path) -> Callable[[], None]:
    """Lock the journal against a second run; return what releases it, as the system does when the process ends."""
    busy = OutputExistsError(f"Another run is writing {path}.", "Wait for it, or choose another --output.")
    if IS_LOCKED_ITSELF:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        return lambda: None  # closing the file does it
    from filelock import FileLock, Timeout

    # Windows: a locked file cannot be read through another handle, so the lock is a file beside it.
    beside = FileLock(path.with_name(f"{path.name}.lock"), timeout=0)
    try:
        beside.acquire()
    except Timeout:
        raise busy from None

    def release() -> None:
        beside.release()
        with contextlib.suppress(OSError):  # the next run holds it already
            Path(beside.lock_file).unlink()

    return release


def _fields(prediction: Prediction) -> dict[str, Any]:
    content = prediction.content
    return {
        "id": prediction.id,
        "model": prediction.model,
        "label": prediction.label,
        "score": prediction.score,
        "scores": prediction.scores,
        "labels": prediction.labels,
        "windows": [(w.start_s, w.end_s, w.label, w.score) for w in prediction.windows],
        "error": prediction.error,
        "note": prediction.note,
        "familiar": prediction.familiar,
        "extra": dict(prediction.extra),
        "reasons": [(r.feature, r.value, r.contribution) for r in prediction.reasons],
        "content": asdict(content) if content else None,
        "model_sha256": prediction.model_sha256,
        "analysis": dict(prediction.analysis),
    }


def _prediction(fields: dict[str, Any]) -> Prediction:
    return Prediction(
        id=fields["id"],
        model=fields["model"],
        label=fields["label"],
        score=fields["score"],
        scores=tuple((label, score) for label, score in fields["scores"]),
        labels=tuple(fields["labels"]),
        windows=tuple(WindowScore(*window) for window in fields["windows"]),
        error=fields["error"],
        note=fields.get("note"),
        familiar=fields.get("familiar"),
        extra=fields["extra"],
        reasons=tuple(Contribution(*reason) for reason in fields["reasons"]),
        content=Content(**fields["content"]) if fields["content"] else None,
        model_sha256=fields["model_sha256"],
        analysis=fields["analysis"],
    )
