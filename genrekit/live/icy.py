"""Titles of an internet radio: texts between the bytes of its sound, as SHOUTcast began it and Icecast sends it.

A server that is asked with ``Icy-MetaData: 1`` says in ``icy-metaint`` after how many bytes of sound a text comes: one byte with its
length in units of 16 bytes, then ``StreamTitle='...';``. FFmpeg takes the texts out too, but PyAV shows the first one only.
"""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections.abc import Callable, Mapping
from typing import IO, cast

from genrekit.text import clean

UNIT = 16
MAX_EVERY = 1 << 20
_TITLE = re.compile(rb"StreamTitle='(.*?)'(?:;|\0|$)", re.DOTALL)


class IcyReader:
    """The sound of a stream without its texts; a file for a decoder.

    Parameters
    ----------
    stream : binary file
    every : int > 0
        Bytes of sound between two texts.
    on_title : callable
        Gets each title that differs from the one before.
    """

    def __init__(self, stream: IO[bytes], every: int, on_title: Callable[[str], None]) -> None:
        self._stream = stream
        self._every = every
        self._left = every
        self._on_title = on_title
        self._title = ""

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes of sound, and at least one unless the stream ended."""
        if not self._left:
            self._text()
            self._left = self._every
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def _text(self) -> None:
        length = self._stream.read(1)
        text = self._stream.read(UNIT * length[0]) if length else b""
        if (found := _TITLE.search(text)) is None:
            return
        title = _decoded(found[1])
        if title and title != self._title:
            self._title = title
            self._on_title(title)


def has_titles(metadata: Mapping[str, str]) -> bool:
    """Return whether the facts that FFmpeg reports of a stream are those of an internet radio."""
    return any(name.lower().startswith("icy-") or name == "StreamTitle" for name in metadata)


def open_icy(address: str, timeout_s: float, on_title: Callable[[str], None]) -> IcyReader | None:
    """Connect to a radio, and ask for its titles; None if it has none, or cannot be understood.

    Parameters
    ----------
    address : str
        ``http://`` or ``https://``; redirections lead to no other kind of address.
    timeout_s : float > 0
        Seconds of waiting for bytes.
    on_title : callable
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(address, headers={"Icy-MetaData": "1", "User-Agent": "genrekit"})  # noqa: S310 - http or https
    try:
        response = opener.open(request, timeout=timeout_s)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    if response is None:
        return None
    every = response.headers.get("icy-metaint", "")
    if not every.isdecimal() or not 0 < int(every) <= MAX_EVERY:
        response.close()
        return None
    return IcyReader(cast("IO[bytes]", response), int(every), on_title)


def _decoded(raw: bytes) -> str:
    try:
        return clean(raw.decode("utf-8")).strip()
    except UnicodeDecodeError:
        return clean(raw.decode("latin-1")).strip()
