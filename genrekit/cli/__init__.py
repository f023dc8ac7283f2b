"""The command line: arguments in, printing out; everything else stands below."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NoReturn

import typer

from genrekit.cli import (
    backends,
    datasets,
    evaluate,
    health,
    ingest,
    listen,
    models,
    predict,
    serve,
    sort,
    tag,
    train,
)
from genrekit.cli.help import Command, Group
from genrekit.cli.printing import detail, error_line, set_verbosity
from genrekit.cli.streams import OutputPlace, forget_absurd_sizes, replace_closed
from genrekit.cli.verbosity import with_verbosity
from genrekit.errors import GenrekitError, UsageError
from genrekit.files import OF_WRITING

FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 1, 2, 130, 141


class Commands(Group):
    """Turns what commands raise into words and an exit status, before Typer would with its own."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command of a context."""
        started_s = time.monotonic()
        set_verbosity(quiet=False, verbose=False)
        try:
            result = super().invoke(ctx)
            detail(f"took {time.monotonic() - started_s:.1f} s")
            return result
        except KeyboardInterrupt:
            error_line("interrupted")
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            raise SystemExit(CLOSED_PIPE) from None
        except GenrekitError as error:
            error_line(error.message, error.hint)
            raise SystemExit(USAGE if isinstance(error, UsageError) else FAILED) from None
        except OSError as error:
            raise SystemExit(_explained(error)) from None


def _explained(error: OSError) -> int:
    """Say what the system refused, and of which file; return the exit status."""
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    # Files are named where they are written.
    place = error.filename or ("stdout" if error.errno in OF_WRITING else "")
    error_line(f"{place}: {error.strerror or error}" if place else error.strerror or str(error))
    return FAILED


app = typer.Typer(
    name="genrekit",
    cls=Commands,
    help="Genre classification for everything that carries a genre: train, evaluate, predict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("predict", cls=Command)(with_verbosity(predict.predict))
app.command("tag", cls=Command)(with_verbosity(tag.tag))
app.command("sort", cls=Command)(with_verbosity(sort.sort))
app.command("train", cls=Command)(with_verbosity(train.train))
app.command("evaluate", cls=Command)(with_verbosity(evaluate.evaluate))
app.add_typer(datasets.app, name="datasets")
app.command("ingest", cls=Command)(with_verbosity(ingest.ingest))
app.command("serve", cls=Command)(with_verbosity(serve.serve))
app.command("listen", cls=Command)(with_verbosity(listen.listen))
app.command("health", cls=Command)(with_verbosity(health.health))
app.command("backends", cls=Command)(with_verbosity(backends.backends))
app.command("models", cls=Command)(with_verbosity(models.models))


def _version(value: bool) -> None:
    if value:
        from genrekit import __version__

        typer.echo(f"genrekit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", "-V", callback=_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """Genre classification for everything that carries a genre: train, evaluate, predict."""


def run() -> NoReturn:
    """Run the command line as a program; the difference to `main` is how it ends after an interruption."""
    try:
        main()
    except SystemExit as leave:
        if leave.code == INTERRUPTED:
            # Threads of native libraries may still be at work; a normal exit would wait for them, or abort.
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status.

    0 all good; 1 nothing could be done; 2 wrong usage; 3 some inputs failed; 130 interrupted; 141 the
    reader of stdout went away.
    """
    replace_closed()
    forget_absurd_sizes()
    place = OutputPlace()
    status: Any = 0
    try:
        app(arguments)
    except SystemExit as leave:
        status = leave.code
        # Help is printed by Typer, which makes a closed pipe a failure.
        if status == FAILED and (place.is_changed() or type(sys.stdout).__name__ == "PacifyFlushWrapper"):
            status = CLOSED_PIPE
    except OSError as error:  # while Typer prints: help, the version
        status = _explained(error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = CLOSED_PIPE
    except OSError as error:  # a full disk
        if status != FAILED:
            status = _explained(OSError(error.errno, error.strerror, "stdout"))
        _drop_stdout()
    if status == CLOSED_PIPE:
        _drop_stdout()
    sys.exit(status)


def _drop_stdout() -> None:
    """Lead stdout nowhere: the interpreter flushes it once more at exit, which would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
