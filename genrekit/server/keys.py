"""API keys: read from files, kept as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from genrekit.errors import UsageError

MIN_CHARACTERS = 16
_LINE = "Each line is 'name:key' or 'name:sha256:HEX'; a key has at least 16 characters without spaces."


def read_keys(path: Path | None, text: str | None = None, *, option: str) -> dict[str, bytes]:
    """Read keys from a file and from the value of an environment variable.

    Parameters
    ----------
    path : Path, optional
        A file of lines ``name:key`` or ``name:sha256:HEX``; empty lines and lines that begin with ``#`` count for
        nothing. A line without a colon is a key without a name.
    text : str, optional
        The same lines.
    option : str
        Name of the option in errors.

    Returns
    -------
    dict of str to bytes
        The SHA-256 of each key by its name.

    Raises
    ------
    UsageError
        If a file cannot be read, holds no key, or has a line that is not a key. No key is in its message.
    """
    keys: dict[str, bytes] = {}
    if path is not None:
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
                f"Pass a file of keys: {option} FILE. {_LINE}",
            ) from None
        _add(keys, content, str(path))
        if not keys:
            raise UsageError(f"{path} holds no key.", _LINE)
    if text:
        _add(keys, text, "The environment variable of the key")
    return keys


def _add(keys: dict[str, bytes], text: str, place: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        name, colon, key = line.partition(":")
        if not colon:
            name, key = "default", line
        name, key = name.strip(), key.strip()
        kind, _, digest = key.partition(":")
        if kind == "sha256" and re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            hashed = bytes.fromhex(digest)
        elif len(key) >= MIN_CHARACTERS and not re.search(r"\s", key) and kind != "sha256":
            hashed = hashlib.sha256(key.encode()).digest()
        else:
            raise UsageError(f"{place}, line {number}: this is not a key.", _LINE)
        if not re.fullmatch(r"[\w.-]{1,64}", name):
            raise UsageError(f"{place}, line {number}: the name of the key is not a word.", _LINE)
        if name in keys:
            raise UsageError(f"{place}, line {number}: the name {name} is there twice.", _LINE)
        keys[name] = hashed


def owner_of(given: str, keys: Mapping[str, bytes]) -> str | None:
    """Return the name of a key, or None; the time does not depend on which key is right, or how far."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    found = None
    for name, expected in keys.items():
        if hmac.compare_digest(digest, expected):
            found = name
    return found
