"""The file of results: its format, its place, and writing it whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genrekit.analysis import columns_of
from genrekit.errors import OutputExistsError, UsageError
from genrekit.files import check_output, naming
from genrekit.output import open_writer
from genrekit.prediction.model import Model
from genrekit.prediction.options import PredictOptions
from genrekit.remote import exists, is_remote, open_output, redact
from genrekit.types import Prediction

FLUSH_S = 0.2
# What follows in an error is about one file, or lists what is allowed.
_CLAUSE = re.compile(r"[;:(]|[.] |[.]$")
SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


@dataclass
class Counts:
    """Numbers of rows that were written.

    Attributes
    ----------
    predicted, failed : int
        Rows with a prediction, and rows with an error.
    labels : Counter of str
        Rows by label; an abstention counts as ''.
    reasons : Counter of str
        Rows with an error by the beginning of its sentence, which rows of one cause share.
    """

    predicted: int = 0
    failed: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, prediction: Prediction) -> None:
        """Count a row."""
        if prediction.error is not None:
            self.failed += 1
            self.reasons[_CLAUSE.split(prediction.error)[0]] += 1
        else:
            self.predicted += 1
            self.labels[prediction.label or ""] += 1


def write_rows(
    predictions: Iterable[Prediction],
    stream: Any,
    format: str,
    models: Sequence[Model],
    options: PredictOptions,
    *,
    columns: Sequence[str] = (),
    provenance: bool = False,
    flush_s: float = 0.0,
    advance: Callable[[], None] = lambda: None,
) -> Counts:
    """Write predictions in a format as they come.

    Parameters
    ----------
    predictions : iterable of Prediction
    stream : file
        Text; binary for Parquet.
    format : str
        As for `genrekit.output.open_writer`.
    models : sequence of Model
        The models that may predict; they decide which columns there are.
    options : PredictOptions
    columns : sequence of str
        Identifying columns of tables; those of the first prediction unless given.
    provenance : bool
        Whether rows have the size and hash of the input and the hash of the model.
    flush_s : float
        As for `genrekit.output.Writer`.
    advance : callable
        Called after every row.
    """
    rows = iter(predictions)
    first = next(rows, None)
    counts = Counts()
    settings: dict[str, Any] = {
        "top_k": min(options.top_k, max(len(m.labels) for m in models)),
        "windows": options.windows,
        "extra": columns or tuple(first.extra if first else ()),
        "multilabel": any(m.bundle.manifest.multilabel for m in models),
        "reasons": options.explain,
        "analysis": columns_of(options.measures),
        "provenance": provenance,
        "flush_s": flush_s,
    }
    with open_writer(format, stream, **settings) as writer:
        while first is not None:
            writer.write(first)
            counts.add(first)
            advance()
            first = next(rows, None)
    return counts


@dataclass(frozen=True)
class OutputFile:
    """A file of results, here or at an address.

    Attributes
    ----------
    name : str
        As given, without secrets.
    format : str
    path : Path or None
        None for an address. A link is written through.
    address : str or None
    """

    name: str
    format: str
    path: Path | None = None
    address: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, output: str | Path, format: str = "auto") -> OutputFile:
        """Find format and place of an output; 'auto' is the format that the suffix says, else JSON Lines.

        Raises
        ------
        UsageError
            If Parquet is to be written to an address.
        """
        text = str(output)
        chosen = SUFFIXES.get(Path(text).suffix.lower(), "jsonl") if format == "auto" else format
        if not is_remote(text):
            path = Path(text)
            return cls(text, chosen, path=path.resolve() if path.is_symlink() else path)
        if chosen == "parquet":
            raise UsageError("Parquet is written to files, not to addresses.", "Write it here, then copy it.")
        return cls(redact(text), chosen, address=text)

    @property
    def is_device(self) -> bool:
        """Whether the output is a pipe or a device, which has no journal."""
        return (
            self.path is not None
            and self.path.exists()
            and not self.path.is_file()
            and not self.path.is_dir()
        )

    @property
    def folder(self) -> Path:
        """The folder of the journal: beside the file, or here for an address."""
        path = self.path or Path(self.name.rstrip("/").rpartition("/")[2])
        return path.with_name(f"{path.name}.run")

    def check(self, *, overwrite: bool = False, resume: bool = False) -> None:
        """Refuse an output that cannot be written or must not be, before the work and not after.

        Raises
        ------
        OutputExistsError
            If it exists, and neither overwriting nor going on was asked for.
        UsageError
            If it cannot be written.
        """
        if self.is_device:
            return
        if self.address is not None:
            if not (overwrite or resume) and exists(self.address):
                raise OutputExistsError(
                    f"{self.name} exists.", "Give --overwrite to replace it, or another --output."
                )
            return
        assert self.path is not None
        if self.path.is_file() and self.folder.exists() and not (overwrite or resume):
            raise OutputExistsError(
                f"{self.name} exists.",
                "Give --resume to go on with its run, --overwrite to start anew, or another --output.",
            )
        check_output(self.path, overwrite=overwrite or resume)

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Give a stream to write; the file appears when it is whole."""
        if self.address is not None:
            with open_output(self.address) as stream:
                yield stream
            return
        assert self.path is not None
        text: dict[str, Any] = {"encoding": "utf-8", "newline": ""}
        if self.is_device:
            with naming(self.name), self.path.open("w", **text) as stream:
                yield stream
            return
        part = self.path.with_name(f"{self.path.name}.part")
        with (
            naming(part),
            part.open("wb") if self.format == "parquet" else part.open("w", **text) as stream,
        ):
            yield stream
        part.replace(self.path)
