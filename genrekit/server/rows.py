"""Rows of results, as the command line writes them, and the formats of a response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from genrekit.prediction import Pipeline, write_rows
from genrekit.server.problems import Problem
from genrekit.server.uploads import Upload
from genrekit.types import Example, Prediction

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
_ALIASES = {
    "application/json": JSON,
    "application/*": JSON,
    "*/*": JSON,
    "application/x-ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/jsonlines": NDJSON,
    "text/csv": CSV,
    "text/*": CSV,
}
CHUNK_BYTES = 64 << 10


@dataclass(frozen=True)
class Part:
    """The rows of one input.

    Attributes
    ----------
    text : str
        Rows as lines of JSON or CSV.
    file : Path or None
        A file with such lines instead: the rows of a table.
    header : str
        The line of column names of CSV; the file begins with it.
    predicted, failed : int
        Rows with a prediction, and rows with an error.
    reason : str
        The error of a single row.
    timed_out, refused : bool
        Whether the input took too long; whether its kind is not taken.
    prediction : Prediction or None
        The prediction of a single input.
    source : Upload, Example or None
        The input.
    """

    text: str = ""
    file: Path | None = None
    header: str = ""
    predicted: int = 0
    failed: int = 0
    reason: str = ""
    timed_out: bool = False
    refused: bool = False
    prediction: Prediction | None = None
    source: Upload | Example | None = None

    def pieces(self, separator: str = "") -> Iterator[str]:
        """Yield the lines in pieces of bounded size, with a separator between lines instead of their line ends."""
        if self.file is None:
            yield separator.join(self.text.splitlines()) if separator else self.text
            return
        first = True
        with self.file.open(encoding="utf-8", newline="") as stream:
            stream.read(len(self.header))
            while lines := stream.readlines(CHUNK_BYTES):
                if not separator:
                    yield "".join(lines)
                    continue
                yield ("" if first else separator) + separator.join(line.rstrip("\n") for line in lines)
                first = False


class Renderer:
    """Turns predictions into the rows of the command line.

    Attributes
    ----------
    format : {'jsonl', 'csv'}
    header : str
        The line of column names; empty for JSON.
    columns : tuple of str
        Identifying columns of tables.
    """

    def __init__(self, pipeline: Pipeline, media_type: str, columns: Sequence[str] = ()) -> None:
        self.format = "csv" if media_type == CSV else "jsonl"
        self._pipeline = pipeline
        self.columns = tuple(columns)
        self.header = self._text([]) if self.format == "csv" else ""

    def part(self, prediction: Prediction, *, timed_out: bool = False) -> Part:
        """Return the row of a prediction."""
        failed = prediction.error is not None
        return Part(
            text=self._text([prediction])[len(self.header) :],
            header=self.header,
            predicted=int(not failed),
            failed=int(failed),
            reason=prediction.error or "",
            timed_out=timed_out,
            prediction=prediction,
        )

    def _text(self, predictions: Sequence[Prediction]) -> str:
        stream = StringIO()
        pipeline = self._pipeline
        write_rows(
            predictions,
            stream,
            self.format,
            pipeline.models,
            pipeline.options,
            columns=self.columns,
            provenance=True,
        )
        return stream.getvalue()


def negotiate(accept: str, available: Sequence[str] = (JSON, NDJSON, CSV)) -> str:
    """Return the media type that a header Accept prefers.

    Raises
    ------
    Problem
        If it names none of those available.

    Examples
    --------
    >>> negotiate("text/csv;q=0.5, application/x-ndjson")
    'application/x-ndjson'
    """
    best, best_quality = "", 0.0
    for word in (accept or "*/*").split(","):
        name, *settings = [part.strip().lower() for part in word.split(";")]
        quality = 1.0
        for setting in settings:
            if setting.startswith("q="):
                try:
                    quality = float(setting[2:])
                except ValueError:
                    quality = 0.0
        kind = _ALIASES.get(name, name)
        if kind not in available and name in ("*/*", kind.partition("/")[0] + "/*"):
            kind = available[0]
        if kind in available and quality > best_quality:
            best, best_quality = kind, quality
    if not best:
        raise Problem(
            "not-acceptable",
            f"Accept is {accept[:200]!r}; available are {', '.join(available)}.",
            "Leave it out for JSON.",
        )
    return best
