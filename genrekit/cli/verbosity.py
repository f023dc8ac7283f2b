"""``-q`` and ``-v``, which every command has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from genrekit.cli import printing

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors: no progress, no notes.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also say which models are used, and how long it took.")
]


def with_verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that also takes ``-q`` and ``-v``."""

    @functools.wraps(command)
    def run(*arguments: Any, quiet: bool = False, verbose: bool = False, **values: Any) -> Any:
        printing.set_verbosity(quiet=quiet, verbose=verbose)
        return command(*arguments, **values)

    signature = inspect.signature(command)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("quiet", Quiet), ("verbose", Verbose))
    ]
    hints = get_type_hints(command, include_extras=True)
    known = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in signature.parameters.values()]
    run.__signature__ = signature.replace(parameters=[*known, *added])  # type: ignore[attr-defined]
    run.__annotations__ = hints | {"quiet": Quiet, "verbose": Verbose}
    del run.__wrapped__
    return run
