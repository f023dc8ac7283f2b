"""Commands that are imported when they are called, so that none waits for the imports of the others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Any

import typer

from genrekit.cli.help import Command
from genrekit.cli.verbosity import with_verbosity


class LazyCommands(dict[str, Any]):
    """A mapping of names to commands that is filled on access.

    Parameters
    ----------
    targets : dict of str to str
        Name on the command line to ``module:function``, or ``module:app`` for a group of commands.
    training : collection of str
        Names of functions that need what an installation for serving leaves out.
    """

    def __init__(self, targets: dict[str, str], training: Collection[str] = ()) -> None:
        super().__init__(dict.fromkeys(targets))
        self._targets = targets
        self._training = training

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self[name] = _command(name, self._targets[name], name in self._training)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the command of a name, or the default."""
        return self[name] if name in self._targets else default

    def values(self) -> Any:
        """Return all commands; imports every one."""
        return self._filled().values()

    def items(self) -> Any:
        """Return all names with their commands; imports every one."""
        return self._filled().items()

    def _filled(self) -> dict[str, Any]:
        return {name: self[name] for name in self}


def _command(name: str, target: str, trains: bool) -> Any:
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function = with_verbosity(_checked(found, name) if trains else found)
        found = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        found.command(name, cls=Command)(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


def _checked(command: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a command that first checks whether its packages are installed."""

    @functools.wraps(command)
    def run(*arguments: Any, **values: Any) -> Any:
        from genrekit.installation import check_training

        check_training(f"'genrekit {name}'")
        return command(*arguments, **values)

    return run
