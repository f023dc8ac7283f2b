"""Progress of a long run on stderr: a bar on a terminal, a line per minute in a file or pipe."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Self, TextIO

LINE_EVERY_S = 60.0
EPOCH_EVERY_S = 5.0
"""Least time between two lines about epochs; the first and the last epoch are always shown."""

Advance = Callable[[], None]
_quiet = False
_shown = 0  # reports of progress that are open


class Epoch(str):
    """An event of a training: one epoch, or one round of boosting, has ended. As text it is a line for the user.

    Parameters
    ----------
    number, total : int > 0
        Number of the epoch, and the maximum; a training may end earlier.
    loss : float or None
        Mean training loss of the epoch, in nats; None where it is not measured.
    valid : Mapping of str to float
        Measures on the validation split, such as ``valid_loss`` and ``valid_accuracy``; empty without one.
    part : str
        The network or phase, where a training has several.
    left_s : float or None
        Estimate of the seconds until the last epoch; None if unknown.
    unit : {'epoch', 'round'}
    """

    number: int
    total: int
    loss: float | None
    valid: Mapping[str, float]
    part: str
    left_s: float | None
    unit: str

    def __new__(
        cls,
        number: int,
        total: int,
        *,
        loss: float | None = None,
        valid: Mapping[str, float] = MappingProxyType({}),
        part: str = "",
        left_s: float | None = None,
        unit: str = "epoch",
    ) -> Self:
        """Write the line."""
        words = [f"loss {loss:.3f}"] if loss is not None else []
        words += [f"{_name(name)} {value:.3f}" for name, value in valid.items()]
        words += [f"{_clock(left_s)} left"] if left_s is not None else []
        event = super().__new__(cls, f"{part}{unit} {number} of {total}: {', '.join(words)}")
        event.number, event.total, event.loss, event.valid = number, total, loss, dict(valid)
        event.part, event.left_s, event.unit = part, left_s, unit
        return event

    def __getnewargs_ex__(self) -> tuple[tuple[int, int], dict[str, Any]]:
        """Make it again from its facts after a pipe."""
        facts = vars(self).copy()
        return (facts.pop("number"), facts.pop("total")), facts


def _name(measure: str) -> str:
    name = measure.removeprefix("valid_").replace("_", " ")
    return f"validation {name}" if name == "loss" else name


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def of_training(
    say: Callable[[str], None],
    on_epoch: Callable[[Epoch], None] | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[str], None]:
    """Return what a backend's ``fit`` reports to.

    Parameters
    ----------
    say : callable
        Gets every line of text, and some of the epochs: the first, the last, and one every ``EPOCH_EVERY_S``.
    on_epoch : callable, optional
        Gets every `Epoch`. An exception that it raises ends the training, and reaches the caller of the training as it is.
    clock : callable
        Returns the time in seconds.
    """
    said_s = -float("inf")

    def report(event: str) -> None:
        nonlocal said_s
        if isinstance(event, Epoch):
            now_s = clock()
            if now_s - said_s >= EPOCH_EVERY_S or event.number in (1, event.total):
                said_s = now_s
                say(event)
            if on_epoch is not None:
                on_epoch(event)
        else:
            say(event)

    return report


def be_quiet(quiet: bool) -> None:
    """Switch every report of progress in this process off, or on again."""
    global _quiet
    _quiet = quiet


@contextmanager
def progress(
    total: int | None,
    description: str,
    *,
    rows: TextIO | None = None,
    unit: str = "files",
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Advance]:
    """Show the number of finished files, files per second, and the time left; within another report, in lines.

    Parameters
    ----------
    total : int or None
        Number of files; None if unknown.
    description : str
        The activity, in a word or two.
    rows : TextIO, optional
        The stream that gets rows meanwhile. On a terminal they show the progress themselves, and a pipe may end on
        the terminal of stderr: neither gets a bar.
    unit : str
        The things that are counted, in the plural.
    clock : callable
        Returns the time in seconds.

    Yields
    ------
    callable
        Must be called after every file.
    """
    global _shown
    _shown += 1
    try:
        with _report(total, description, rows, unit, clock) as advance:
            yield advance
    finally:
        _shown -= 1


@contextmanager
def _report(
    total: int | None, description: str, rows: TextIO | None, unit: str, clock: Callable[[], float]
) -> Iterator[Advance]:
    to_terminal = _is_terminal(sys.stderr)
    if _quiet or sys.stderr is None or (to_terminal and _is_terminal(rows)):
        yield lambda: None
    elif to_terminal and not _is_pipe(rows) and _shown == 1:
        with _bar(total, description, unit, clock) as advance:
            yield advance
    else:
        yield _lines(total, description, unit, clock)


@contextmanager
def heartbeat(description: str, say: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    """Print a line after every minute without one if there is no terminal: a single fit may take hours.

    Parameters
    ----------
    description : str
        The activity, in a word or two.
    say : callable
        Takes lines for the user.

    Yields
    ------
    callable
        To be used instead of ``say``.
    """
    if _quiet or sys.stderr is None or _is_terminal(sys.stderr):
        yield say
        return
    start_s = said_s = time.monotonic()
    last = ""
    ended = threading.Event()

    def said(text: str) -> None:
        nonlocal said_s, last
        said_s, last = time.monotonic(), text.strip()
        say(text)

    def beat() -> None:
        nonlocal said_s
        while not ended.wait(max(0.0, said_s + LINE_EVERY_S - time.monotonic())):
            now_s = time.monotonic()
            if now_s - said_s < LINE_EVERY_S:
                continue
            said_s = now_s
            if not _shown:  # a report of files says how far they are
                at = f", at: {last}" if last else ""
                print(f"{description}: {_duration(now_s - start_s)} so far{at}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield said
    finally:
        ended.set()
        thread.join()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def _is_pipe(stream: TextIO | None) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode if stream is not None else 0
    except (OSError, ValueError):  # it is not a file, as in a test, or closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _lines(total: int | None, description: str, unit: str, clock: Callable[[], float]) -> Advance:
    """Return what prints a line when a minute has passed since the last one."""
    start_s = said_s = clock()
    done = 0

    def advance() -> None:
        nonlocal done, said_s
        done += 1
        now_s = clock()
        if now_s - said_s < LINE_EVERY_S or done == total:
            return
        said_s = now_s
        rate = done / (now_s - start_s)
        words = f"{description}: {done} of {total}" if total else f"{description}: {done}"
        words += f", {rate:.1f} {unit}/s"
        if total:
            words += f", about {_duration((total - done) / rate)} left"
        print(words, file=sys.stderr, flush=True)

    return advance


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"


@contextmanager
def _bar(total: int | None, description: str, unit: str, clock: Callable[[], float]) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn() if total is None else TimeRemainingColumn(),
    )
    # stdout carries rows, which must not be printed by the console of stderr.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(description, total=total, rate="")
        start_s = clock()
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            bar.update(task, advance=1, rate=f"{done / max(clock() - start_s, 1e-9):.1f} {unit}/s")

        yield advance


@contextmanager
def transfer_progress(description: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show how many bytes have arrived, how many a second, and the time left.

    Parameters
    ----------
    description : str
        The name of the file.

    Yields
    ------
    callable
        To be called with the bytes that are there, and the length of the file or None.
    """
    if _quiet or not _is_terminal(sys.stderr):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield report
