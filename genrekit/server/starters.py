"""Desktop entries that start the server: their content and place on each system."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrekit.errors import UsageError

MARK = "written by genrekit desktop --install"


@dataclass(frozen=True)
class Starter:
    """A file that starts the server.

    Attributes
    ----------
    path : Path
    content : bytes
    executable : bool
    """

    path: Path
    content: bytes
    executable: bool


def starter_of(system: str, home: Path, environment: Mapping[str, str], command: Sequence[str]) -> Starter:
    """Return the starter of a system.

    Parameters
    ----------
    system : {'linux', 'darwin', 'win32'}
        As ``sys.platform``; others are as Linux.
    home : Path
        The home folder of the user.
    environment : mapping of str to str
        ``XDG_DATA_HOME`` (Linux) and ``APPDATA`` (Windows) say where starters belong.
    command : sequence of str
        The program and its arguments.

    Raises
    ------
    UsageError
        If a word of the command cannot be written into such a file.
    """
    if unfit := [word for word in command if re.search(r"[\x00-\x1f\x7f]", word)]:
        raise UsageError(f"{unfit[0]!r} has a control character, which a starter cannot hold.")
    if system == "win32":
        if unfit := [word for word in command if '"' in word]:
            raise UsageError(f"{unfit[0]!r} has a quote, which a starter cannot hold.")
        folder = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
        words = " ".join('"' + word.replace("%", "%%") + '"' for word in command)
        text = f"@rem {MARK}\r\n@chcp 65001 >nul\r\n@title genrekit\r\n@{words}\r\n@if errorlevel 1 pause\r\n"
        path = folder / "Microsoft" / "Windows" / "Start Menu" / "Programs" / "genrekit.bat"
        return Starter(path, text.encode(), False)
    if system == "darwin":
        text = f"#!/bin/sh\n# {MARK}\nexec {shlex.join(command)}\n"
        return Starter(home / "Applications" / "genrekit.command", text.encode(), True)
    folder = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    text = "\n".join(
        (
            "[Desktop Entry]",
            f"# {MARK}",
            "Type=Application",
            "Name=genrekit",
            "Comment=Genres of songs, pictures and tables",
            f"Exec={' '.join(map(_of_exec, command))}",
            "Terminal=true",
            "Categories=AudioVideo;Audio;",
            "",
        )
    )
    return Starter(folder / "applications" / "genrekit.desktop", text.encode(), False)


def _of_exec(word: str) -> str:
    r"""Quote a word for the key Exec: first as an argument, then as a string of the file; %% is a percent sign.

    Examples
    --------
    >>> print(_of_exec("/home/a b/py$x%"), _of_exec("-m"))
    "/home/a b/py\\$x%%" "-m"
    """
    quoted = re.sub(r'(["`$\\])', r"\\\1", word).replace("%", "%%")
    return '"' + quoted.replace("\\", "\\\\") + '"'
