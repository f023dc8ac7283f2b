"""The server as an application of one user: one instance, a free port, starters for the menu."""

from __future__ import annotations

import json
import os
import sys
import time
import webbrowser
from pathlib import Path

from genrekit.errors import GenrekitError, OutputExistsError
from genrekit.server.health import check_health
from genrekit.server.starters import MARK, Starter, starter_of

PATIENCE_S = 30.0
"""Seconds that a second start waits for the first one to be ready."""


def install() -> Path:
    """Write the starter for this user, and return its path.

    Raises
    ------
    OutputExistsError
        If another file is in its place.
    """
    starter = _starter()
    _check_own(starter.path)
    starter.path.parent.mkdir(parents=True, exist_ok=True)
    starter.path.write_bytes(starter.content)
    if starter.executable:
        starter.path.chmod(0o755)
    return starter.path


def uninstall() -> Path | None:
    """Remove the starter of this user; return its path, or None if there is none.

    Raises
    ------
    OutputExistsError
        If another file is in its place.
    """
    path = _starter().path
    if not path.exists():
        return None
    _check_own(path)
    path.unlink()
    return path


def run_desktop() -> int:
    """Serve on a free port and open the page, until its last page is closed; if that runs already, only open the page.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    GenrekitError
        If an instance runs that does not become ready.
    """
    from filelock import FileLock, Timeout
    from platformdirs import user_state_path

    from genrekit.execution import default_jobs
    from genrekit.server.run import serve
    from genrekit.server.settings import Settings

    folder = user_state_path("genrekit", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "desktop.json"
    lock = FileLock(folder / "desktop.lock", timeout=0)
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            with lock:
                place.unlink(missing_ok=True)
                try:
                    return serve(
                        Settings(port=0, jobs=default_jobs(), exit_with_page=True),
                        open_page=True,
                        on_ready=lambda url: _write(place, url),
                    )
                finally:
                    place.unlink(missing_ok=True)
        except Timeout:
            if url := _running(place):
                webbrowser.open(url)
                return 0
        if time.monotonic() > until_s:
            raise GenrekitError("genrekit runs already, and does not answer.", "End it, then start it again.")
        time.sleep(0.2)


def _write(place: Path, url: str) -> None:
    beside = place.with_suffix(".new")
    beside.write_text(json.dumps({"url": url}), encoding="utf-8")
    beside.replace(place)


def _running(place: Path) -> str:
    """Return the address of the running instance; '' while it starts or ends."""
    try:
        url = str(json.loads(place.read_text(encoding="utf-8"))["url"])
        check_health(url)
    except (OSError, ValueError, KeyError, TypeError, GenrekitError):
        return ""
    return url


def _starter() -> Starter:
    return starter_of(sys.platform, Path.home(), os.environ, (sys.executable, "-m", "genrekit", "desktop"))


def _check_own(path: Path) -> None:
    if path.exists() and MARK.encode() not in path.read_bytes()[:1000]:
        raise OutputExistsError(
            f"{path} was not written by 'genrekit desktop --install'.", "Move it away, then type it again."
        )
