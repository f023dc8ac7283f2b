"""Health check of a running server, for scripts and containers."""

from __future__ import annotations

import requests

from genrekit.errors import GenrekitError, UsageError

TIMEOUT_S = 5.0


def check_health(url: str, *, verify: bool = True, timeout_s: float = TIMEOUT_S) -> str:
    """Check whether a server is ready.

    Parameters
    ----------
    url : str
        Its address, with or without ``/readyz``.
    verify : bool
        Whether its certificate must be valid.
    timeout_s : float

    Returns
    -------
    str
        Response of the server.

    Raises
    ------
    UsageError
        If it is not an address.
    GenrekitError
        If the server cannot be reached, or is not ready.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is not the address of a server.", "For example: http://127.0.0.1:8000")
    address = url.rstrip("/")
    address = address if address.endswith(("/readyz", "/livez")) else f"{address}/readyz"
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy would answer instead
            response = session.get(address, timeout=timeout_s, verify=verify, allow_redirects=False)
    except requests.RequestException as error:
        raise GenrekitError(
            f"No server can be reached at {address} ({type(error).__name__}).",
            "Is it running? genrekit serve",
        ) from None
    if response.status_code != 200:
        raise GenrekitError(f"The server at {address} is not ready: status {response.status_code}.")
    return response.text.strip()
