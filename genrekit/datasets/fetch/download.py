"""One file over HTTP, however long and however often the connection breaks: resumed, hashed while reading, whole or absent.

Next to ``NAME`` are ``NAME.part`` (the bytes that have arrived) and ``NAME.part.json`` (the file they are part of); both
are removed at the end. That one process at a time does this is up to the caller.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import requests

from genrekit.datasets.export import write_whole
from genrekit.datasets.fetch.checks import check_space, parse_digest
from genrekit.errors import DatasetError
from genrekit.remote import (
    CONNECT_S,
    PASSING,
    READ_S,
    TRANSIENT,
    Tries,
    check_scheme,
    in_words,
    new_session,
    redact,
    status_words,
)
from genrekit.text import printable

BLOCK = 2**20
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")
Report = Callable[[int, int | None], None]


def download(
    address: str,
    target: Path,
    *,
    digest: str = "",
    after_bytes: Callable[[int], int] = lambda size: 0,
    report: Report = lambda done, total: None,
    max_bytes: int | None = None,
    session: requests.Session | None = None,
) -> str:
    """Get one file.

    Parameters
    ----------
    address : str
        ``https://`` or ``http://``.
    target : Path
        Path of the finished file, which does not exist yet; its folder exists.
    digest : str
        Expected hash, ``sha1:HEX`` or the like; empty if it is not known.
    after_bytes : callable
        Returns the number of further bytes that the disk must hold afterwards, given the length of the file.
    report : callable
        Gets the bytes that are there and the length of the file, or None.
    max_bytes : int, optional
        A longer file is refused.
    session : requests.Session, optional

    Returns
    -------
    str
        Its SHA-256, 64 hexadecimal digits.

    Raises
    ------
    DatasetError
        If the file cannot be fetched, does not hash to ``digest`` (then nothing of it is kept), or the disk is full
        (then what has arrived is kept, and the next call goes on).
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with _Transfer(address, target, part, digest, session or new_session()) as transfer:
            transfer.after_bytes, transfer.report, transfer.max_bytes = after_bytes, report, max_bytes
            return transfer.run()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DatasetError(
                f"The disk is full: {printable(part)} holds what has arrived.",
                "Free some space and run the same command again; it continues where it stopped.",
            ) from error
        raise DatasetError(f"{printable(part)} cannot be written: {error.strerror or error}.") from error


class _Again(Exception):
    """The request is to be made again."""

    def __init__(self, reason: str, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.retry_after = reason, retry_after


class _Transfer:
    """State of a download: bytes received, their hash so far, and the size and hash that the server declared."""

    def __init__(
        self,
        address: str,
        target: Path,
        part: Path,
        digest: str,
        session: requests.Session,
    ) -> None:
        self.address, self.target, self.part = address, target, part
        self.state = part.with_name(f"{part.name}.json")
        self.algorithm, self.expected = parse_digest(digest) if digest else ("", "")
        self.session = session
        self.after_bytes: Callable[[int], int]
        self.report: Report
        self.max_bytes: int | None
        self.validator = ""
        self.total: int | None = None
        self.file: IO[bytes]
        self._begin_hashes()

    def __enter__(self) -> _Transfer:
        self.file = open(self.part, "r+b" if self.part.exists() else "w+b", buffering=0)
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()
        if error[0] is not None and not self.done:
            self._discard()

    def run(self) -> str:
        """Download the file to its place, and return its SHA-256."""
        self._recall()
        resumed = self.done > 0
        while True:
            self._receive()
            found = self.hashes[self.algorithm].hexdigest() if self.algorithm else ""
            if found == self.expected:
                break
            self._restart()
            if not resumed:
                self._discard()
                raise DatasetError(
                    f"{redact(self.address)} hashes to {self.algorithm} {found}, and {self.expected} was expected; "
                    "nothing of it was kept.",
                    "The file on the server is another one, or was damaged on the way. Try again, or another --source.",
                )
            resumed = False  # the first part may have been of another file: once more, from the beginning
        os.fsync(self.file.fileno())
        self.file.close()
        self.part.replace(self.target)
        self.state.unlink(missing_ok=True)
        return str(self.hashes["sha256"].hexdigest())

    def _begin_hashes(self) -> None:
        self.done = 0
        self.hashes: dict[str, Any] = {"sha256": hashlib.sha256()}
        if self.algorithm:
            self.hashes[self.algorithm] = hashlib.new(self.algorithm, usedforsecurity=False)

    def _recall(self) -> None:
        """Take up what an earlier run left, if it is of the same file."""
        try:
            state = json.loads(self.state.read_text(encoding="utf-8"))
            known = state["address"] == redact(self.address)
            validator, total = str(state["validator"]), state["total"]
        except (OSError, ValueError, KeyError, TypeError):
            known = False
        size = self.part.stat().st_size
        # Without a validator only a hash can tell that two parts belong together.
        if (
            not known
            or not (validator or self.expected)
            or not isinstance(total, int | None)
            or size > (total or size)
        ):
            self._restart()
            return
        self.validator, self.total = validator, total
        self.file.seek(0)
        while block := self.file.read(BLOCK):
            self._take(block)
            self.report(self.done, self.total)

    def _remember(self) -> None:
        state = {"address": redact(self.address), "validator": self.validator, "total": self.total}
        write_whole(json.dumps(state).encode(), self.state)

    def _restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self._begin_hashes()
        self.validator, self.total = "", None

    def _discard(self) -> None:
        self.file.close()
        for path in (self.part, self.state):
            path.unlink(missing_ok=True)

    def _take(self, block: bytes) -> None:
        for one in self.hashes.values():
            one.update(block)
        self.done += len(block)

    def _receive(self) -> None:
        """Make requests until the file is there."""
        tries, reached = Tries(self.address), self.done
        while True:
            retry_after = None
            try:
                if self._request():
                    return
                reason = "the transfer broke off before the end"
            except _Again as again:
                reason, retry_after = again.reason, again.retry_after
            except TRANSIENT as error:
                reason = in_words(error, self.address)
            except requests.RequestException as error:
                raise DatasetError(f"{redact(self.address)}: {in_words(error, self.address)}.") from None
            # A server that gives a byte at a time, or begins anew each time, is given up all the same.
            if self.done > reached + min(BLOCK, (self.total or 0) // 1000):
                reached = self.done
                tries.reset()
            tries.failed(reason, retry_after)

    def _request(self) -> bool:
        """Request what is missing; return whether the file is complete then."""
        headers = {"Accept-Encoding": "identity"}
        if self.done:
            headers["Range"] = f"bytes={self.done}-"
            if self.validator:
                headers["If-Range"] = self.validator
        with self.session.get(
            self.address, headers=headers, stream=True, timeout=(CONNECT_S, READ_S)
        ) as response:
            check_scheme(self.address, response.url)
            status = response.status_code
            if status in PASSING:
                raise _Again(status_words(status), response.headers.get("Retry-After"))
            if status == 206 and self.done:
                self._check_range(response)
            elif status == 416 and self.done:
                if self._is_whole(response):
                    return True
                self._restart()
                raise _Again("the server has another file than before")
            elif status == 200:
                self._begin(response)
            else:
                raise DatasetError(f"{redact(self.address)}: {status_words(status)}.")
            return self._copy(response)

    def _check_range(self, response: requests.Response) -> None:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        total = int(found[3]) if found and found[3] != "*" else self.total
        if not found or int(found[1]) != self.done or (self.total is not None and total != self.total):
            self._restart()
            raise _Again("the server sent another part than was asked for")
        self.total = total
        self._check_space()

    def _is_whole(self, response: requests.Response) -> bool:
        found = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", "").strip())
        return bool(found and int(found[1]) == self.done)

    def _begin(self, response: requests.Response) -> None:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DatasetError(f"{redact(self.address)}: the server compresses what was asked for as it is.")
        self._restart()
        length = response.headers.get("Content-Length", "")
        self.total = int(length) if length.isascii() and length.isdecimal() else None
        tag = response.headers.get("ETag", "")
        # If-Range takes strong validators only (RFC 9110, 13.1.5).
        self.validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
        self._check_space()
        self._remember()

    def _check_space(self) -> None:
        if self.total is not None:
            needed = self.total - self.done + self.after_bytes(self.total)
            check_space(self.part.parent, needed, printable(self.target.name))

    def _copy(self, response: requests.Response) -> bool:
        while True:
            # read1 hands on what is there, so that a break loses nothing that has arrived.
            block = response.raw.read1(BLOCK, decode_content=False)
            if not block:
                break
            if self.total is not None and self.done + len(block) > self.total:
                self._restart()
                raise _Again("the server sent more than it announced")
            if self.max_bytes is not None and self.done + len(block) > self.max_bytes:
                self._restart()
                raise DatasetError(f"{redact(self.address)} is longer than {self.max_bytes:,} bytes.")
            rest = memoryview(block)
            while rest:
                rest = rest[self.file.write(rest) :]
            self._take(block)
            self.report(self.done, self.total)
        if self.total is None:
            # The end of the connection is the end of the file; a chunked one that breaks off raises.
            with contextlib.suppress(OSError):
                self._remember()
            return True
        return bool(self.done == self.total)
