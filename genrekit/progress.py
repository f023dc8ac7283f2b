"""Progress of a long run on stderr: a bar on a terminal, a line per minute in a file or pipe."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LINE_EVERY_S = 60.0

Advance = Callable[[], None]
_quiet = False
_shown = 0  # reports of progress that are open


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
    """Without a terminal, print a line whenever a minute passes without one: a single fit may take hours.

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
    except (OSError, ValueError):  # it is no file, as in a test, or closed
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
