"""The command line: arguments in, printed output; all other work is in the packages below."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NoReturn

import typer

from genrekit.cli.help import Group
from genrekit.cli.lazy_commands import LazyCommands
from genrekit.cli.printing import detail, error_line, set_verbosity
from genrekit.cli.streams import OutputPlace, forget_absurd_sizes, replace_closed
from genrekit.errors import GenrekitError, UsageError
from genrekit.files import OF_WRITING

FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 1, 2, 130, 141
_COMMANDS = {
    "predict": "genrekit.cli.predict:predict",
    "tag": "genrekit.cli.tag:tag",
    "sort": "genrekit.cli.sort:sort",
    "train": "genrekit.cli.train:train",
    "evaluate": "genrekit.cli.evaluate:evaluate",
    "tune": "genrekit.cli.tune:tune",
    "inspect": "genrekit.cli.inspect:inspect",
    "compare": "genrekit.cli.compare:compare",
    "combine": "genrekit.cli.combine:combine",
    "explain": "genrekit.cli.explain:explain",
    "runs": "genrekit.cli.runs:runs",
    "index": "genrekit.cli.index:index",
    "similar": "genrekit.cli.similar:similar",
    "playlists": "genrekit.cli.playlists:playlists",
    "datasets": "genrekit.cli.datasets:app",
    "export": "genrekit.cli.export:export",
    "ingest": "genrekit.cli.ingest:ingest",
    "serve": "genrekit.cli.serve:serve",
    "feedback": "genrekit.cli.feedback:app",
    "retrain": "genrekit.cli.retrain:retrain",
    "listen": "genrekit.cli.listen:listen",
    "health": "genrekit.cli.health:health",
    "desktop": "genrekit.cli.desktop:desktop",
    "backends": "genrekit.cli.backends:backends",
    "models": "genrekit.cli.models:models",
    "info": "genrekit.cli.info:info",
    "cache": "genrekit.cli.cache:cache",
}

_TRAIN = frozenset(("train", "tune", "inspect", "retrain"))
"""Commands that an installation for serving does not have."""


class Commands(Group):
    """Turns what commands raise into words and an exit status, before Typer would with its own."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.commands = LazyCommands(_COMMANDS, training=_TRAIN)

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
        except ModuleNotFoundError as error:
            if (words := _left_out(error, ctx.invoked_subcommand)) is None:
                raise
            error_line(words.message, words.hint)
            raise SystemExit(USAGE) from None
        except OSError as error:
            raise SystemExit(_explained(error)) from None


def _left_out(error: ModuleNotFoundError, command: str | None) -> UsageError | None:
    """Return what to say of a module that an installation for serving leaves out; None for another module."""
    from genrekit.installation import OF_TRAINING, without_training

    name = (error.name or "").partition(".")[0]
    return without_training(f"'genrekit {command}'", name) if name in OF_TRAINING else None


def _explained(error: OSError) -> int:
    """Print the error of the system and its file; return the exit status."""
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
    # Plug-ins of pydantic watch validations, which no command needs; to find them, every installed package is read.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
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
    """Discard what is written to stdout: the interpreter flushes it once more at exit, which would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
