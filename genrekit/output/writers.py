"""Writers of predictions to text streams as they come: JSON, JSONL and CSV; for terminals see `genrekit.output.terminal`.

*Conventions.* Every prediction becomes a row (in CSV with windows: one row per window) that is flushed at once
for pipes, and with a short delay for files. Scores have 6 decimals, times 3 (a millisecond).

*Names that are not text.* A file name that is not valid UTF-8 reaches Python with surrogate escapes (PEP
383). JSON and JSONL escape them (``\\udce9``): Python's ``json`` and ``os.fsencode`` give the exact name back.
In the column ``input`` of CSV they are the same six characters, as `genrekit.text.escaped_name` writes them. CSV and
the table show every character that the stream cannot encode as a backslash escape; the table shows control
characters that way too, since a file name must not steer a terminal.
"""

from __future__ import annotations

import csv
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from genrekit.output.json_text import dumps
from genrekit.text import encodable, escaped_name, utf8_name
from genrekit.types import Contribution, Prediction, WindowScore

PROVENANCE = ("bytes", "sha256", "model_sha256", "sound_key")

# In the text form; JSON has all of them.
_N_REASONS = 5


class Writer(ABC):
    """An output format: `write` predictions, then `close`; also a context manager.

    Parameters
    ----------
    stream : TextIO
        The target; it stays open.
    top_k : int >= 1
        Number of labels per prediction.
    windows : bool
        Whether to write the timeline.
    extra : sequence of str
        The identifying columns that CSV repeats; JSON repeats those of each prediction.
    multilabel : bool
        Whether CSV has a column for the labels of multi-label models.
    reasons : bool
        Whether to write the contributions of features.
    analysis : sequence of str
        The columns of further measured properties; JSON repeats those of each prediction.
    provenance : bool
        Whether to write the size and the hash of the input, and the hash of the model.
    flush_s : float >= 0
        Longest time in seconds that a row waits to be flushed with the next one; 0 flushes every row at once.
    names : callable
        Returns the name of a label in tables for people, `genrekit.labels.GenreNames` for example; other formats have the label.
    paths : sequence of str
        The inputs that will follow, where they are known: tables for people show what their paths share once.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        top_k: int = 3,
        windows: bool = False,
        extra: Sequence[str] = (),
        multilabel: bool = False,
        reasons: bool = False,
        analysis: Sequence[str] = (),
        provenance: bool = False,
        flush_s: float = 0.0,
        names: Callable[[str], str] = str,
        paths: Sequence[str] = (),
    ) -> None:
        self.stream = stream
        self.top_k = top_k
        self.windows = windows
        self.extra = tuple(extra)
        self.multilabel = multilabel
        self.reasons = reasons
        self.analysis = tuple(analysis)
        self.provenance = provenance
        self.paths = paths
        self.names = names
        self._flush_s = flush_s
        self._flushed_s = time.monotonic()

    @abstractmethod
    def write(self, prediction: Prediction) -> None:
        """Write one prediction."""

    def flush(self) -> None:
        """Flush the stream, unless ``flush_s`` has not passed since the last time."""
        now_s = time.monotonic()
        if now_s - self._flushed_s >= self._flush_s:
            self._flushed_s = now_s
            self.stream.flush()

    def close(self) -> None:
        """Write the end of the output; the stream stays open."""
        self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An interrupted run still leaves a complete document; a closed pipe gets nothing more.
        if not isinstance(error, BrokenPipeError):
            self.close()


class JsonlWriter(Writer):
    """One JSON object per line."""

    def write(self, prediction: Prediction) -> None:
        self.stream.write(self._object(prediction) + "\n")
        self.flush()

    def _object(self, prediction: Prediction) -> str:
        value: dict[str, Any] = {
            "input": utf8_name(prediction.id),
            "label": prediction.label,
            "score": rounded(prediction.score),
            "model": prediction.model,
            "error": prediction.error,
            "note": prediction.note,
            "familiar": prediction.familiar,
            "labels": list(prediction.labels),
            "scores": [{"label": name, "score": rounded(s)} for name, s in prediction.scores[: self.top_k]],
        }
        if self.windows:
            value["windows"] = [_window(window) for window in prediction.windows]
        if self.reasons:
            value["reasons"] = [_reason(reason) for reason in prediction.reasons]
        value |= prediction.analysis
        if self.provenance:
            value |= zip(PROVENANCE, provenance_of(prediction), strict=True)
        if prediction.extra:
            value["extra"] = dict(prediction.extra)
        return dumps(value, self.stream)


class JsonWriter(JsonlWriter):
    """One JSON array, with one object per line."""

    _before = "[\n"

    def write(self, prediction: Prediction) -> None:
        self.stream.write(self._before + self._object(prediction))
        self.flush()
        self._before = ",\n"

    def close(self) -> None:
        self.stream.write("[]\n" if self._before == "[\n" else "\n]\n")
        self.stream.flush()


class CsvWriter(Writer):
    """Comma-separated rows, RFC 4180, with a header; the columns do not depend on the predictions.

    ``input, label, score, model, error, note, familiar, label_1, score_1, ... label_k, score_k``, then for
    multi-label models ``labels`` (separated by ``|``), with reasons ``reasons``, with windows ``start_s, end_s,
    window_label, window_score``, measured properties, with provenance ``bytes, sha256, model_sha256, sound_key``,
    then the extra columns (``extra_NAME`` if the name is taken).
    """

    _timeline = ("start_s", "end_s", "window_label", "window_score")

    def __init__(self, stream: TextIO, **options: Any) -> None:
        super().__init__(stream, **options)
        # csv quotes a lone carriage return only if its line terminator has one (Python 3.11).
        self._csv = csv.writer(_Lines(self.stream), lineterminator="\r\n")
        columns = ["input", "label", "score", "model", "error", "note", "familiar"]
        columns += [f"{name}_{i}" for i in range(1, self.top_k + 1) for name in ("label", "score")]
        columns += ["labels"] if self.multilabel else []
        columns += ["reasons"] if self.reasons else []
        columns += self._timeline if self.windows else ()
        columns += self.analysis
        columns += PROVENANCE if self.provenance else ()
        for name in self.extra:
            while name in columns:
                name = f"extra_{name}"
            columns.append(name)
        self._row(columns)

    def write(self, prediction: Prediction) -> None:
        answer: list[Any] = [
            escaped_name(prediction.id),
            prediction.label,
            rounded(prediction.score),
            prediction.model,
            prediction.error,
            prediction.note,
            None if prediction.familiar is None else str(prediction.familiar).lower(),
        ]
        ranked = [cell for name, score in prediction.scores[: self.top_k] for cell in (name, rounded(score))]
        answer += ranked + [None] * (2 * self.top_k - len(ranked))
        answer += ["|".join(prediction.labels)] if self.multilabel else []
        answer += [in_words(prediction.reasons)] if self.reasons else []
        extra: list[Any] = [prediction.analysis.get(name) for name in self.analysis]
        extra += provenance_of(prediction) if self.provenance else ()
        extra += [prediction.extra.get(name) for name in self.extra]
        if not self.windows:
            self._row([*answer, *extra])
            return
        for window in prediction.windows:
            self._row([*answer, *_window(window).values(), *extra])
        if not prediction.windows:
            self._row([*answer, *[None] * len(self._timeline), *extra])

    def _row(self, cells: Sequence[Any]) -> None:
        self._csv.writerow(cells)
        self.flush()


class _Lines:
    """A target for `csv.writer` that escapes characters that the stream cannot encode."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        self._stream.write(encodable(line[:-2], self._stream) + "\n")


def provenance_of(prediction: Prediction) -> tuple[int | None, str | None, str | None, str | None]:
    """Return size and hash of the input, the hash of the model, and the key of the sound; None where there is none."""
    content = prediction.content
    sizes = (content.size, content.sha256) if content else (None, None)
    return *sizes, prediction.model_sha256 or None, (content.sound_key or None) if content else None


def _window(window: WindowScore) -> dict[str, Any]:
    start_s, end_s = round(float(window.start_s), 3), round(float(window.end_s), 3)
    return {"start_s": start_s, "end_s": end_s, "label": window.label, "score": rounded(window.score)}


def _reason(reason: Contribution) -> dict[str, Any]:
    value = None if reason.value is None else float(f"{reason.value:.6g}")
    return {"feature": reason.feature, "value": value, "contribution": round(reason.contribution, 4)}


def in_words(reasons: Sequence[Contribution]) -> str:
    """Return the largest contributions in log odds: 'energy 0.92 (+0.41), acousticness missing (-0.05)'."""
    return ", ".join(
        f"{reason.feature} {_amount(reason.value)} ({reason.contribution:+.2f})"
        for reason in reasons[:_N_REASONS]
    )


def _amount(value: float | None) -> str:
    if value is None:
        return "missing"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
