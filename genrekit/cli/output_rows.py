"""Output of predictions on stdout or into a file, with progress on stderr."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.cli.printing import say
from genrekit.progress import progress
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.labels import GenreNames
    from genrekit.prediction import Batch, Counts, Finished, ImageFolder, OutputFile, Pipeline
    from genrekit.types import Prediction


def print_rows(
    pipeline: Pipeline,
    inputs: Any,
    device: OutputFile | None,
    format: str,
    columns: Sequence[str],
    images: ImageFolder | None,
    total: int | None,
    names: GenreNames,
    paths: Sequence[str] = (),
) -> Counts:
    """Write predictions as they come, to stdout or to a pipe or device; ``paths`` are those of all inputs, where known."""
    from genrekit.prediction import write_rows

    to_terminal = device is None and sys.stdout.isatty()
    if format == "auto":
        format = device.format if device else "table" if to_terminal else "jsonl"
    say_kept_labels(names, format)
    rows = _with_images(pipeline.run(inputs), images)
    with ExitStack() as stack:
        stream = stack.enter_context(device.open()) if device else sys.stdout
        bar = nullcontext(lambda: None) if format == "table" else progress(total, "predicting", rows=stream)
        return write_rows(
            rows,
            stream,
            format,
            pipeline.models,
            pipeline.options,
            columns=columns,
            provenance=device is not None,
            names=names,
            paths=paths,
            advance=stack.enter_context(bar),
        )


def say_kept_labels(names: GenreNames, format: str) -> None:
    """Print a note that the user's own names are not used in a format for programs."""
    if names.own and format != "table":
        say("--map names genres in tables for people; the other formats keep the labels of the model")


def say_near_misses(names: GenreNames) -> None:
    """Print which of the user's own names were probably meant for a label that was predicted."""
    for own, label in names.near_misses():
        say(f"--map names {own!r}, which is not a label here; did you mean {label!r}?")


def write_batch(batch: Batch, done: Iterable[Finished], columns: Sequence[str], total: int | None) -> Counts:
    """Finish a batch and write its results; after an interruption report how to continue.

    Raises
    ------
    KeyboardInterrupt
        After an interruption.
    """
    with _kept(batch.output.folder):
        with progress(total, "predicting") as advance:
            for _ in done:
                advance()
        if batch.kept:
            say(f"{counted(batch.kept, 'input')} finished before, {batch.new:,} now")
        if batch.others:
            say(
                f"not written: results of {counted(batch.others, 'earlier input')} that this command does not name; "
                f"they stay in {batch.output.folder}"
            )
        with progress(total, "writing") as advance:
            return batch.write(columns=columns, advance=advance)


def wrote(counts: Counts, name: str, names: GenreNames) -> str:
    """Return a summary of a file of results: rows, genres, and the inputs that could not be read with their reasons."""
    labels: Counter[str] = Counter()
    for label, count in counts.labels.items():
        labels[names(label) if label else "unsure"] += count
    words = f"wrote {counted(counts.predicted + counts.failed, 'row')} to {name}"
    if labels:
        words += f": {numbered(labels)}"
    if counts.failed:
        words += f"; {counts.failed:,} not read: {causes(counts.reasons)}"
    return words


def numbered(counts: Counter[str], limit: int = 12) -> str:
    """Return 'rock 7, jazz 5 and 3 more', the most frequent first."""
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common(limit))
    return shown + (f" and {len(counts) - limit} more" if len(counts) > limit else "")


def causes(counts: Counter[str]) -> str:
    """Return the causes of errors with their numbers; a single cause without."""
    return next(iter(counts)) if len(counts) == 1 else numbered(counts)


def _with_images(done: Iterable[Finished], images: ImageFolder | None) -> Iterator[Prediction]:
    for finished in done:
        assert finished.prediction is not None  # no prediction was known, and no table was left for later
        if images and finished.prediction.image:
            images.write(finished.name, finished.prediction.image)
        yield finished.prediction


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"genrekit: finished inputs are kept in {folder}; add --resume to continue")
        raise
