"""HTTP for files that are long and services that are shared: one session, retries with back-off, waits as asked for.

requests brings proxies of the environment and certificates; urllib3's `Retry` counts tries and says how long to wait.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.util.retry import Retry

from genrekit.errors import DatasetError
from genrekit.remote.addresses import in_words, redact

CONNECT_S = READ_S = 30.0
TRIES = 8
BACKOFF_S = 0.5  # before the third try; doubled for each one after it
MAX_WAIT_S = 900.0  # a server that asks for more is not waited for
MAX_JSON_BYTES = 16 * 2**20
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
)

_STATUS = {
    401: "the server asks for a login",
    403: "the server refuses access",
    404: "there is no such file on the server",
    410: "the server says that the file is gone for good",
    429: "the server says that there were too many requests",
    503: "the server is overloaded or closed for the moment",
}


def user_agent() -> str:
    """Return what servers are told: name and version, and ``GENREKIT_CONTACT`` where the user sets it."""
    from genrekit import __version__

    contact = os.environ.get("GENREKIT_CONTACT", "").strip()
    return f"genrekit/{__version__}" + (f" ({contact})" if contact.isprintable() and contact else "")


def new_session() -> requests.Session:
    """Return a session that follows five redirects at most and never retries by itself."""
    session = requests.Session()
    session.headers["User-Agent"] = user_agent()
    session.max_redirects = 5
    return session


class Refused(DatasetError):
    """A service answered with an error.

    Attributes
    ----------
    status : int
        The HTTP status.
    answer : object
        Its body as parsed JSON; None if it is something else.
    """

    def __init__(self, message: str, status: int, answer: Any) -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer


@dataclass(frozen=True)
class Patience:
    """Limits of waiting for a failing server.

    Attributes
    ----------
    tries : int
        Further requests after one that failed in passing.
    wait_s : float
        The longest wait that a server may ask for.
    connect_s, read_s : float
        Limits of one request.
    """

    tries: int = TRIES
    wait_s: float = MAX_WAIT_S
    connect_s: float = CONNECT_S
    read_s: float = READ_S


QUICK = Patience(1, 2.0, 5.0, 10.0)
"""For interactive use: little patience."""


class Tries:
    """Count of failures in a row, and the wait before the next attempt.

    Parameters
    ----------
    address : str
        For the words of the last error.
    patience : Patience, optional
    """

    def __init__(self, address: str, patience: Patience | None = None) -> None:
        self._address = address
        self._patience = patience or Patience()
        self.reset()

    def reset(self) -> None:
        """Begin to count anew: something was achieved."""
        self._retry = Retry(
            total=self._patience.tries, backoff_factor=BACKOFF_S, backoff_max=60, backoff_jitter=BACKOFF_S
        )

    def failed(self, reason: str, retry_after: str | None = None) -> None:
        """Wait before the next try.

        Parameters
        ----------
        reason : str
            Cause of the failure, for the last error.
        retry_after : str, optional
            The header of this name: seconds or a date.

        Raises
        ------
        DatasetError
            If there were too many tries, or the server asks for a longer wait than patience allows.
        """
        wait_s = 0.0
        if retry_after:
            try:
                wait_s = self._retry.parse_retry_after(retry_after)
            except urllib3.exceptions.InvalidHeader:
                wait_s = 0.0
        if wait_s > self._patience.wait_s:
            raise DatasetError(
                f"{redact(self._address)}: {reason}, and asks to wait {wait_s:,.0f} s.",
                "Run the same command again after that; it continues where it stopped.",
            )
        try:
            self._retry = self._retry.increment(
                "GET", self._address, error=urllib3.exceptions.HTTPError(reason)
            )
        except urllib3.exceptions.MaxRetryError:
            raise DatasetError(
                f"{redact(self._address)}: {reason}; given up after {self._patience.tries + 1} tries.",
                "Run the same command again later; it continues where it stopped.",
            ) from None
        time.sleep(max(wait_s, self._retry.get_backoff_time()))


def status_words(status: int) -> str:
    """Return the meaning of an HTTP status, without a full stop."""
    return _STATUS.get(status, f"the server answered with HTTP status {status}")


def check_scheme(asked: str, final: str) -> None:
    """Refuse a redirect from https to http.

    Raises
    ------
    DatasetError
        If what was asked for over https came over http.
    """
    if urlsplit(asked).scheme == "https" and urlsplit(final).scheme != "https":
        raise DatasetError(
            f"{redact(asked)} redirects to an address without encryption; it was not followed."
        )


class Service:
    """A JSON service with its own pace.

    Parameters
    ----------
    base : str
        Prefix of every path, with ``/`` at its end.
    interval_s : float
        The least time between the starts of two requests.
    headers : Mapping, optional
        Sent with every request; never shown. Redirects are then not followed: they could carry a key to another host.
    patience : Patience, optional
    """

    def __init__(
        self,
        base: str,
        interval_s: float,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.base = base
        self._patience = patience or Patience()
        self._follows = not headers
        self._interval_s = interval_s
        self._session = new_session()
        self._session.headers["Accept"] = "application/json"
        self._session.headers.update(headers or {})
        self._next_s = 0.0

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the answer to a GET request as parsed JSON.

        Raises
        ------
        Refused
            If it is an error that will not pass.
        DatasetError
            If there is no answer after several tries, it is too long, or not JSON.
        """
        address = self.base + path
        tries = Tries(address, self._patience)
        while True:
            time.sleep(max(0.0, self._next_s - time.monotonic()))
            self._next_s = time.monotonic() + self._interval_s
            retry_after = None
            try:
                with self._session.get(
                    address,
                    params=params,
                    stream=True,
                    timeout=(self._patience.connect_s, self._patience.read_s),
                    allow_redirects=self._follows,
                ) as response:
                    check_scheme(address, response.url)
                    if response.status_code in PASSING:
                        reason = status_words(response.status_code)
                        retry_after = response.headers.get("Retry-After")
                    elif response.status_code != 200:
                        raise Refused(
                            f"{redact(address)}: {status_words(response.status_code)}.",
                            response.status_code,
                            _explanation(address, response),
                        )
                    else:
                        return _parsed(address, response)
            except TRANSIENT as error:
                reason = in_words(error, address)
            except requests.RequestException as error:
                raise DatasetError(f"{redact(address)}: {in_words(error, address)}.") from None
            tries.failed(reason, retry_after)


def _explanation(address: str, response: requests.Response) -> Any:
    try:
        return _parsed(address, response)
    except DatasetError:
        return None


def _parsed(address: str, response: requests.Response) -> Any:
    data = bytearray()
    for block in response.iter_content(2**16):
        data += block
        if len(data) > MAX_JSON_BYTES:
            raise DatasetError(f"{redact(address)}: the answer is longer than {MAX_JSON_BYTES:,} bytes.")
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise DatasetError(f"{redact(address)}: the answer is not JSON.") from None
