"""``genrekit desktop``."""

from __future__ import annotations

from typing import Annotated

import typer

from genrekit.cli.printing import say
from genrekit.errors import UsageError


def desktop(
    install: Annotated[
        bool, typer.Option("--install", help="Put a starter into the menu of this user.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Remove that starter.")] = False,
) -> None:
    """Serve this machine on a free port and open it in a browser; a second start opens the running one.

    It ends some seconds after its last page was closed.

    Exit status: 0 its page was closed, ended by SIGTERM, or done; 1 it could not start; 2 wrong usage; 130 interrupted.
    """
    from genrekit import server

    if install and uninstall:
        raise UsageError("Pass either --install or --uninstall, not both.")
    if install:
        say(f"wrote {server.install()}; genrekit desktop --uninstall removes it")
    elif uninstall:
        path = server.uninstall()
        say(f"removed {path}" if path else "there is no starter")
    elif status := server.run_desktop():
        raise typer.Exit(status)
