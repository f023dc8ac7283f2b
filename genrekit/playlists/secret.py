"""Secrets from the environment or from a file that it names."""

from __future__ import annotations

import os
from pathlib import Path

from genrekit.errors import UsageError

MAX_BYTES = 4096


def secret(name: str) -> str:
    """Return the value of an environment variable, or the content of the file in ``NAME_FILE``; '' for neither.

    Raises
    ------
    UsageError
        If the file cannot be read, or the secret has spaces or letters that no header takes.
    """
    value = os.environ.get(name, "")
    if not value and (path := os.environ.get(f"{name}_FILE", "")):
        try:
            with Path(path).open("rb") as file:
                value = file.read(MAX_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise UsageError(f"The file that {name}_FILE names cannot be read: {reason}.") from None
    value = value.strip()
    if value and not (value.isascii() and value.isprintable() and " " not in value):
        raise UsageError(f"{name} is not a key: it has spaces or letters that keys do not have.")
    return value
