"""Predictions onto a text stream as they come: JSON, JSONL and CSV here, a table for people in `genrekit.output.terminal`.

*Conventions.* Every prediction becomes a row (in CSV with windows: a row a window) that is flushed at once,
so that pipes flow; where a file is written, a moment later. Scores have 6 decimals, times 3 (a millisecond).

*Names that are not text.* A file name that is not valid UTF-8 reaches Python with surrogate escapes (PEP
383). JSON and JSONL write ASCII only and escape them (``\\udce9``): Python's ``json`` and ``os.fsencode``
give the exact name back. CSV and the table show every character that the stream cannot encode as a backslash
escape; the table shows control characters that way too, since a file name must not steer a terminal.
"""

from __future__ import annotations

import csv
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from genrekit.errors import UsageError
from genrekit.errors import visible as visible
from genrekit.types import Contribution, Prediction, WindowScore

PROVENANCE = ("bytes", "sha256", "model_sha256")

# In words; JSON has all of them.
_N_REASONS = 5


class Writer(ABC):
    """A format: `write` predictions, then `close`; or use it as a context manager.

    Parameters
    ----------
    stream : TextIO
        Where to; it stays open.
    top_k : int >= 1
        How many labels of a prediction to give.
    windows : bool
        Whether to give the timeline.
    extra : sequence of str
        The identifying columns that CSV repeats; JSON repeats what a prediction has.
    multilabel : bool
        Whether CSV has a column for several labels.
    reasons : bool
        Whether to give what pushed towards the label.
    analysis : sequence of str
        The columns of what was measured beside the genre; JSON repeats what a prediction has.
    provenance : bool
        Whether to give the size and the hash of the input, and the hash of the model.
    flush_s : float >= 0
        Rows wait at most so long, in seconds, to be flushed by the next one; 0 flushes each at once.
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
    ) -> None:
        self.stream = stream
        self.top_k = top_k
        self.windows = windows
        self.extra = tuple(extra)
        self.multilabel = multilabel
        self.reasons = reasons
        self.analysis = tuple(analysis)
        self.provenance = provenance
        self._flush_s = flush_s
        self._flushed_s = time.monotonic()

    @abstractmethod
    def write(self, prediction: Prediction) -> None:
        """Write one prediction."""

    def flush(self) -> None:
        """Hand on what was written, unless that was done a moment ago and may wait."""
        now_s = time.monotonic()
        if now_s - self._flushed_s >= self._flush_s:
            self._flushed_s = now_s
            self.stream.flush()

    def close(self) -> None:
        """Write what completes the output; the stream stays open."""
        self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An interrupted run still leaves a complete document; a reader that has gone gets nothing more.
        if not isinstance(error, BrokenPipeError):
            self.close()


class JsonlWriter(Writer):
    """One JSON object a line."""

    def write(self, prediction: Prediction) -> None:
        self.stream.write(self._object(prediction) + "\n")
        self.flush()

    def _object(self, prediction: Prediction) -> str:
        value: dict[str, Any] = {
            "input": prediction.id,
            "label": prediction.label,
            "score": rounded(prediction.score),
            "model": prediction.model,
            "error": prediction.error,
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
        return json.dumps(value, ensure_ascii=True, allow_nan=False)


class JsonWriter(JsonlWriter):
    """One JSON array, an object a line."""

    _before = "[\n"

    def write(self, prediction: Prediction) -> None:
        self.stream.write(self._before + self._object(prediction))
        self.flush()
        self._before = ",\n"

    def close(self) -> None:
        self.stream.write("[]\n" if self._before == "[\n" else "\n]\n")
        self.stream.flush()


class CsvWriter(Writer):
    """Comma-separated rows, RFC 4180, with a header; the same columns whatever the predictions are.

    ``input, label, score, model, error, familiar, label_1, score_1, ... label_k, score_k``, then with several labels
    ``labels`` (with ``|`` between them), with reasons ``reasons``, with windows ``start_s, end_s, window_label,
    window_score``, what was measured, with provenance ``bytes, sha256, model_sha256``, then the extra columns (``extra_NAME`` where taken).
    """

    _timeline = ("start_s", "end_s", "window_label", "window_score")

    def __init__(self, stream: TextIO, **options: Any) -> None:
        super().__init__(stream, **options)
        # csv quotes a lone carriage return only where its line terminator has one (Python 3.11).
        self._csv = csv.writer(_Lines(self.stream), lineterminator="\r\n")
        columns = ["input", "label", "score", "model", "error", "familiar"]
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
            prediction.id,
            prediction.label,
            rounded(prediction.score),
            prediction.model,
            prediction.error,
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
    """Takes whole rows from `csv.writer` and writes them as the stream can encode them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        self._stream.write(encodable(line[:-2], self._stream) + "\n")


FORMATS = ("table", "json", "jsonl", "csv", "parquet", "audacity")


def open_writer(format: str, stream: Any, **options: Any) -> Writer:
    """The writer of a format.

    Parameters
    ----------
    format : {'table', 'json', 'jsonl', 'csv', 'parquet', 'audacity'}
        The format.
    stream, **options
        As for `Writer`; a binary stream for Parquet.

    Raises
    ------
    UsageError
        If there is no such format, or ``top_k`` is below 1.
    """
    if format not in FORMATS:
        raise UsageError(f"There is no output format {format!r}; allowed are {', '.join(FORMATS)}.")
    if options.get("top_k", 1) < 1:
        raise UsageError(f"At least one label must be asked for; top_k is {options['top_k']}.")
    if format == "table":
        from genrekit.output.terminal import TableWriter

        return TableWriter(stream, **options)
    if format == "audacity":
        from genrekit.output.audacity import AudacityWriter

        return AudacityWriter(stream, **options)
    if format == "parquet":
        from genrekit.output.parquet import ParquetWriter

        return ParquetWriter(stream, **options)
    kinds: dict[str, type[Writer]] = {"json": JsonWriter, "jsonl": JsonlWriter, "csv": CsvWriter}
    return kinds[format](stream, **options)


def provenance_of(prediction: Prediction) -> tuple[int | None, str | None, str | None]:
    """Size and hash of the input, and the hash of the model; None where there is none."""
    content = prediction.content
    sizes = (content.size, content.sha256) if content else (None, None)
    return *sizes, prediction.model_sha256 or None


def _window(window: WindowScore) -> dict[str, Any]:
    start_s, end_s = round(float(window.start_s), 3), round(float(window.end_s), 3)
    return {"start_s": start_s, "end_s": end_s, "label": window.label, "score": rounded(window.score)}


def _reason(reason: Contribution) -> dict[str, Any]:
    value = None if reason.value is None else float(f"{reason.value:.6g}")
    return {"feature": reason.feature, "value": value, "contribution": round(reason.contribution, 4)}


def in_words(reasons: Sequence[Contribution]) -> str:
    """'energy 0.92 (+0.41), acousticness missing (-0.05)': the largest few, in log odds."""
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


def encodable(text: str, stream: TextIO) -> str:
    """The text with everything that the stream cannot encode as backslash escapes."""
    if text.isascii():
        return text
    encoding = stream.encoding or "utf-8"  # StringIO has none
    return text.encode(encoding, "backslashreplace").decode(encoding)
