"""The log: one line per request, without keys, and without names of files unless asked."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, Protocol

_PLAIN = re.compile(r"[\w./:{}*?-]+", re.ASCII)


class Named(Protocol):
    """The sender of a request."""

    @property
    def owner(self) -> str:
        """Name of the key of the caller."""
        ...

    @property
    def address(self) -> str:
        """Address of the caller."""
        ...


class AccessLog:
    """Writes to stderr, as text or as JSON Lines.

    Lines of one turn of the event loop are written together: each write gives the interpreter to another thread,
    and takes it back late.
    """

    def __init__(self, format: Literal["text", "json"], *, names: bool = False) -> None:
        self._json = format == "json"
        self.names = names
        self._lines: list[str] = []

    def write(
        self,
        method: str,
        route: str,
        status: int,
        took_s: float,
        request_id: str,
        caller: Named,
        facts: dict[str, Any],
    ) -> None:
        """Write the line of a request; ``route`` is the pattern of its address, without what it was filled with."""
        self._line(
            "request",
            {
                "status": status,
                "method": method if method.isalpha() else "?",
                "route": route,
                "ms": round(took_s * 1000, 1),
                "id": request_id,
                "key": caller.owner,
                "address": caller.address,
                **{key: value for key, value in facts.items() if self.names or key != "names"},
            },
        )

    def event(self, text: str, **facts: Any) -> None:
        """Write a line about the server itself."""
        self._line(text, facts)

    def _line(self, event: str, facts: dict[str, Any]) -> None:
        now_s = time.time()
        second = _second(int(now_s))
        stamp = f"{second}.{int(now_s % 1 * 1000):03d}Z"
        shown = {key: value for key, value in facts.items() if value not in ("", None)}
        if self._json:
            line = json.dumps({"time": stamp, "event": event, **shown})
        else:
            words = " ".join(f"{key}={_word(value)}" for key, value in shown.items())
            line = f"{stamp} {event} {words}".rstrip()
        self._lines.append(f"{line}\n")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # outside the event loop
            self.flush()
            return
        if len(self._lines) == 1:
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write the lines that wait."""
        lines, self._lines = self._lines, []
        try:
            sys.stderr.write("".join(lines))
            sys.stderr.flush()
        except (OSError, ValueError):  # nobody reads stderr
            return


@lru_cache(maxsize=1)
def _second(now_s: int) -> str:
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _word(value: Any) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
