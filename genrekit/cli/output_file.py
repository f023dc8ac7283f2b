"""Where answers go: onto stdout, or into a file or an address in one step, with progress on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.cli.options import check_output
from genrekit.cli.printing import say
from genrekit.remote import is_remote, redact

if TYPE_CHECKING:
    from genrekit.prediction import Answer, Model
    from genrekit.types import Prediction

FLUSH_S = 0.2
SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def check_results(output: str | None, format: str, *, overwrite: bool, resume: bool) -> None:
    """Refuse an output that cannot be written or must not be, before the work and not after.

    Raises
    ------
    OutputExistsError
        If it is there, and neither overwriting nor going on was asked for.
    UsageError
        If it cannot be written, or Parquet is asked for without a file.
    """
    from genrekit.errors import OutputExistsError, UsageError

    if format == "parquet" and output is None:
        raise UsageError("Parquet is no text.", "Give a file: --output answers.parquet")
    if output is None:
        return
    if not is_remote(output):
        path = Path(output)
        if path.exists() and not path.is_file() and not path.is_dir():
            return  # a pipe or a device: there is nothing to replace
        if path.is_file() and run_folder(path).exists() and not (overwrite or resume):
            raise OutputExistsError(
                f"{output} exists.",
                "Give --resume to go on with its run, --overwrite to start anew, or another --output.",
            )
        check_output(path, overwrite=overwrite or resume)
        return
    from genrekit.remote import exists

    if SUFFIXES.get(Path(output).suffix.lower()) == "parquet" or format == "parquet":
        raise UsageError("Parquet is written to files, not to addresses.", "Write it here, then copy it.")
    if not (overwrite or resume) and exists(output):
        raise OutputExistsError(
            f"{redact(output)} exists.", "Give --overwrite to replace it, or another --output."
        )


def run_folder(output: Path) -> Path:
    """Where the journal of an output stands."""
    return output.with_name(f"{output.name}.run")


class Results:
    """The answers of one command, counted while they are written.

    Parameters
    ----------
    output : str or None
        A file or an address; None is stdout.
    format : str
        'auto' is a table on a terminal, what the suffix of a file says, and else JSON Lines.
    models : sequence of Model
    answer : Answer
    total : int or None
        How many inputs there are, where that is known.
    extra : sequence of str
        The identifying columns of CSV and Parquet; those of the first answer where none are given.
    """

    def __init__(
        self,
        output: str | None,
        format: str,
        models: Sequence[Model],
        answer: Answer,
        *,
        total: int | None,
        extra: Sequence[str],
    ) -> None:
        # A link is written through, a pipe or device directly; a file appears when it is whole.
        local = None if output is None or is_remote(output) else Path(output)
        self._path = local.resolve() if local and local.is_symlink() else local
        self._address = output if output and is_remote(output) else None
        self._to_terminal = output is None and sys.stdout.isatty()
        by_suffix = SUFFIXES.get(Path(output or "").suffix.lower(), "jsonl")
        self._format = ("table" if self._to_terminal else by_suffix) if format == "auto" else format
        self._models, self._answer, self._total, self._extra = models, answer, total, extra
        self.answered = self.failed = 0

    @property
    def is_device(self) -> bool:
        """Whether the output is a pipe or a device, which has no journal."""
        return self._path is not None and self._path.exists() and not self._path.is_file()

    @property
    def folder(self) -> Path:
        """Where the journal stands: beside the file, or here for an address."""
        return run_folder(self._path or Path(redact(self._address or "").rstrip("/").rpartition("/")[2]))

    def finish(self, done: Iterable[bool]) -> None:
        """Do the work of a batch; an interruption says how to go on.

        Raises
        ------
        KeyboardInterrupt
            As it came.
        """
        from genrekit.progress import progress

        with self._kept(), progress(self._total, "predicting") as advance:
            for _ in done:
                advance()

    def write(self, predictions: Iterator[Prediction]) -> None:
        """Write all answers, and put the file in its place."""
        from genrekit.analysis import columns_of
        from genrekit.output import open_writer

        first = next(predictions, None)
        kept = self._path is not None or self._address is not None
        options: dict[str, Any] = {
            "top_k": min(self._answer.top_k, max(len(m.labels) for m in self._models)),
            "windows": self._answer.windows,
            "extra": self._extra or tuple(first.extra if first else ()),
            "multilabel": any(m.bundle.manifest.multilabel for m in self._models),
            "reasons": self._answer.explain,
            "analysis": columns_of(self._answer.measures),
            "provenance": kept,
            "flush_s": FLUSH_S if kept and not self.is_device else 0.0,
        }
        with (
            self._kept() if kept and not self.is_device else nullcontext(),
            self._target() as target,
            open_writer(self._format, target, **options) as writer,
            self._bar("writing" if kept else "predicting") as advance,
        ):
            while first is not None:
                writer.write(first)
                self.failed += first.error is not None
                self.answered += first.error is None
                advance()
                first = next(predictions, None)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Say how to go on after an interruption."""
        try:
            yield
        except KeyboardInterrupt:
            say(f"genrekit: what is done is kept in {self.folder}; to go on, add --resume")
            raise

    def _bar(self, description: str) -> AbstractContextManager[Callable[[], None]]:
        """The progress on stderr; none where a table is drawn on the same terminal, which it would break."""
        from genrekit.progress import progress

        return nullcontext(_nothing) if self._to_terminal else progress(self._total, description)

    @contextmanager
    def _target(self) -> Iterator[Any]:
        if self._address is not None:
            from genrekit.remote import open_output

            with open_output(self._address) as stream:
                yield stream
        elif self._path is None:
            yield sys.stdout
        elif self.is_device:
            with self._path.open("w", encoding="utf-8", newline="") as stream:
                yield stream
        else:
            partial = self._path.with_name(f"{self._path.name}.part")
            text: dict[str, Any] = {"encoding": "utf-8", "newline": ""}
            with partial.open("wb") if self._format == "parquet" else partial.open("w", **text) as stream:
                yield stream
            partial.replace(self._path)


def _nothing() -> None:
    """What is called after every row where nothing shows the progress."""
