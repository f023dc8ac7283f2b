"""What a batch has finished: an append-only file with a line an input, from which the results are written.

A line is whole or it does not count: one that a crash cut short is dropped when the journal is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from genrekit.errors import OutputExistsError, UsageError
from genrekit.types import Content, Contribution, Prediction, WindowScore


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the line of an input stands, in bytes, the SHA-256 of its content, and whether it is an error."""

    start: int
    end: int
    sha256: str | None
    failed: bool


class Journal:
    """The answers of a batch, in the order in which they were finished; a context manager.

    Parameters
    ----------
    path : Path
        The file; made where it is missing.
    key : str
        What the answers depend on beside the content of the inputs: models and settings. Lines of another
        key stay in the file and are never given.

    Raises
    ------
    UsageError
        If the file is no journal.
    OutputExistsError
        If another process is writing it.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self._entries: dict[str, Entry] = {}
        self._file = path.open("a+b")
        try:
            _lock(self._file.fileno(), path)
            self._load()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, name: str) -> Entry | None:
        """What is finished of an input, by its name."""
        return self._entries.get(name)

    def append(self, name: str, prediction: Prediction) -> Entry:
        """Write the answer to an input and hand it to the system."""
        line = json.dumps(
            {"key": self.key, "input": name, "answer": _fields(prediction)},
            ensure_ascii=True,
            allow_nan=False,
        )
        start = self._file.tell()
        self._file.write(line.encode("ascii") + b"\n")
        self._file.flush()
        content = prediction.content
        entry = Entry(
            start, self._file.tell(), content.sha256 if content else None, prediction.error is not None
        )
        self._entries[name] = entry
        return entry

    def read(self, spans: Iterable[tuple[int, int]]) -> Iterator[Prediction]:
        """The answers that stand in parts of the file, each from the start of a line to the end of one."""
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
                sha256 = answer["content"]["sha256"] if answer["content"] else None
                if fields["key"] == self.key:
                    end = good + len(line)
                    self._entries[fields["input"]] = Entry(good, end, sha256, answer["error"] is not None)
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"{self.path} is no journal of a batch, or is damaged after {good:,} bytes.",
                    "Remove it to start anew, or choose another --output.",
                ) from None
            good += len(line)
        self._file.truncate(good)
        self._file.seek(0, os.SEEK_END)


def _lock(descriptor: int, path: Path) -> None:
    """Keep a second run off the journal; the lock goes with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no such call
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputExistsError(
            f"Another run is writing {path}.", "Wait for it, or choose another --output."
        ) from None


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
        "familiar": prediction.familiar,
        "extra": dict(prediction.extra),
        "reasons": [(r.feature, r.value, r.contribution) for r in prediction.reasons],
        "content": {"size": content.size, "sha256": content.sha256} if content else None,
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
        familiar=fields.get("familiar"),
        extra=fields["extra"],
        reasons=tuple(Contribution(*reason) for reason in fields["reasons"]),
        content=Content(**fields["content"]) if fields["content"] else None,
        model_sha256=fields["model_sha256"],
        analysis=fields["analysis"],
    )
