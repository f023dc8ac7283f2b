"""Output files of results: format, place, and atomic writing."""

from __future__ import annotations

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
from genrekit.text import cause
from genrekit.types import Prediction

FLUSH_S = 0.2
FACTS = "run.json"
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
            self.reasons[cause(prediction.error)] += 1
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
    names: Callable[[str], str] = str,
    paths: Sequence[str] = (),
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
        The models that may predict; the columns depend on them.
    options : PredictOptions
    columns : sequence of str
        Identifying columns of tables; by default those of the first prediction.
    provenance : bool
        Whether rows have the size and hash of the input and the hash of the model.
    flush_s, names, paths
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
        "names": names,
        "paths": paths,
    }
    with open_writer(format, stream, **settings) as writer:
        while first is not None:
            writer.write(first)
            counts.add(first)
            advance()
            first = next(rows, None)
    return counts


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


@dataclass(frozen=True)
class OutputFile:
    """A local or remote file of results.

    Attributes
    ----------
    name : str
        The name as given, without secrets.
    format : str
    path : Path or None
        None for an address. For a link, its target is written.
    address : str or None
    """

    name: str
    format: str
    path: Path | None = None
    address: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, output: str | Path, format: str = "auto") -> OutputFile:
        """Find format and place of an output.

        Parameters
        ----------
        output : str or Path
            A path, a device, or the address of a remote file.
        format : str
            Name of a format; 'auto' is the one of the suffix, and JSON Lines for a device.

        Returns
        -------
        OutputFile

        Raises
        ------
        UsageError
            If the suffix says no format, or Parquet is to be written to an address.
        """
        text = str(output)
        chosen = SUFFIXES.get(Path(text).suffix.lower(), "") if format == "auto" else format
        remote = is_remote(text)
        path = Path(text)
        if not chosen and not remote and _is_device(path):
            chosen = "jsonl"
        if not chosen:
            raise UsageError(
                f"{redact(text)} has no suffix that says a format.",
                f"Use {', '.join(SUFFIXES)}, or name it: --format csv; --output - is stdout.",
            )
        if not remote:
            return cls(
                text, chosen, path=path.resolve() if path.is_symlink() and not _is_device(path) else path
            )
        if chosen == "parquet":
            raise UsageError("Parquet is written to files, not to addresses.", "Write it here, then copy it.")
        return cls(redact(text), chosen, address=text)

    @property
    def is_device(self) -> bool:
        """True if the output is a pipe or a device, which has no journal."""
        return self.path is not None and _is_device(self.path)

    def is_there(self) -> bool:
        """Return whether results are there already."""
        return (
            exists(self.address) if self.address is not None else self.path is not None and self.path.exists()
        )

    @property
    def folder(self) -> Path:
        """Folder of the journal: next to the file, or in the current folder for an address."""
        path = self.path or Path(self.name.rstrip("/").rpartition("/")[2])
        return path.with_name(f"{path.name}.run")

    def check(self, *, overwrite: bool = False, resume: bool = False) -> None:
        """Refuse an output that cannot or must not be written, before the work starts.

        Parameters
        ----------
        overwrite : bool
            Whether an existing output is replaced.
        resume : bool
            Whether an existing output is continued.

        Raises
        ------
        OutputExistsError
            If it exists, and neither ``overwrite`` nor ``resume`` is set.
        UsageError
            If it cannot be written.
        """
        if overwrite and resume:
            raise UsageError("--resume goes on with results, --overwrite starts anew.", "Pass one of them.")
        if self.is_device:
            return
        if self.address is not None:
            if not (overwrite or resume) and exists(self.address):
                raise OutputExistsError(
                    f"{self.name} exists.", "Use --overwrite to replace it, or another --output."
                )
            return
        assert self.path is not None
        if self.path.is_file() and self.folder.exists() and not (overwrite or resume):
            raise OutputExistsError(
                f"{self.name} exists.",
                "Use --resume to go on with its run, --overwrite to start anew, or another --output.",
            )
        check_output(self.path, overwrite=overwrite or resume)

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Yield a stream to write; the file appears when it is complete."""
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
