"""``genrekit health``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from genrekit.cli.printing import out


def health(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            help="The address of a server; by default this machine, at GENREKIT_PORT, PORT or 8000.",
        ),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Take a certificate that is not valid for the address.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Wait so long for a response.")
    ] = 5.0,
) -> None:
    """Check whether a server is ready, for scripts and containers.

    Exit status: 0 it is; 1 it is not, or cannot be reached; 2 wrong usage.
    """
    from genrekit.server import check_health

    port = os.environ.get("GENREKIT_PORT") or os.environ.get("PORT") or "8000"
    scheme = "https" if os.environ.get("GENREKIT_CERTFILE") else "http"
    root = os.environ.get("GENREKIT_ROOT_PATH", "")
    out(check_health(url or f"{scheme}://127.0.0.1:{port}{root}", verify=not insecure, timeout_s=timeout))
