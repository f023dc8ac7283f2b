"""Settings of the server as plain data, and the words of the command line that they are read from."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from genrekit.errors import UsageError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}
_UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SECONDS = {"second": 1, "s": 1, "minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600}


class Rate(BaseModel):
    """At most ``n`` requests in ``per_s`` seconds."""

    model_config = ConfigDict(frozen=True)

    n: int = Field(ge=1)
    per_s: float = Field(gt=0)


class Variant(BaseModel):
    """A model of an A/B test with its share of the requests."""

    model_config = ConfigDict(frozen=True)

    model: str
    weight: float = Field(gt=0)


class Settings(BaseModel):
    """All settings of one server.

    Attributes
    ----------
    models : tuple of str
        Names of shipped models and paths of bundles, in routing order; the shipped models if empty.
    host, port : str, int
        The address to listen on; port 0 is any free one.
    jobs : int >= 1
        Processes that decode and prepare.
    keys, admin_keys : dict of str to bytes
        SHA-256 of each key by the name of its owner.
    no_key : bool
        Whether another host than loopback may be served without keys.
    allow_hosts, allow_origins : tuple of str
        Names in the header Host, ``*`` for all; origins of foreign pages that may send requests.
    allow_path : Path or None
        Folder below which a request may name files.
    root_path : str
        Prefix of the address behind a proxy.
    trust_proxy : tuple of str
        Networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` count.
    max_upload_bytes, max_files, max_duration_s
        Limits of one request, and of the part of a song that is read.
    timeout_s : float
        Seconds that one input may take in a worker, and as many again that it may wait.
    queue : int
        Requests that may wait beyond those that are worked on.
    rate : Rate or None
        Limit per key, else per address.
    drain_s : float
        Seconds that requests under way have after SIGTERM.
    ab : tuple of Variant
        Models that share the requests for one of them.
    shadow : str or None
        A model that also predicts, unseen.
    shadow_file : Path
        File for differences of the shadow, as JSON Lines.
    log : {'text', 'json'}
    log_names : bool
        Whether names of files are logged.
    certfile, keyfile : Path or None
        Certificate and private key for HTTPS.
    watch_s : float
        Seconds between looks at the files of models; 0 never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    jobs: Annotated[int, Field(ge=1, le=1024)] = 1
    keys: dict[str, bytes] = Field(default_factory=dict, repr=False)
    admin_keys: dict[str, bytes] = Field(default_factory=dict, repr=False)
    no_key: bool = False
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    allow_path: Path | None = None
    root_path: str = ""
    trust_proxy: tuple[str, ...] = ()
    max_upload_bytes: Annotated[int, Field(ge=1)] = 64 * 10**6
    max_files: Annotated[int, Field(ge=1, le=10_000)] = 32
    max_duration_s: Annotated[float, Field(gt=0)] = 3600.0
    timeout_s: Annotated[float, Field(gt=0)] = 60.0
    queue: Annotated[int, Field(ge=0)] = 64
    rate: Rate | None = None
    drain_s: Annotated[float, Field(ge=0)] = 20.0
    ab: tuple[Variant, ...] = ()
    shadow: str | None = None
    shadow_file: Path = Path("shadow.jsonl")
    log: Literal["text", "json"] = "text"
    log_names: bool = False
    certfile: Path | None = None
    keyfile: Path | None = None
    watch_s: Annotated[float, Field(ge=0)] = 2.0

    @property
    def is_loopback(self) -> bool:
        """True if only this machine can reach the address."""
        return is_loopback(self.host)

    @property
    def is_open(self) -> bool:
        """True if other machines are served without a key."""
        return not self.is_loopback and not self.keys

    @property
    def hosts(self) -> frozenset[str]:
        """Allowed names in the header Host, lower case without port; ``*`` allows all."""
        named = frozenset(name.lower() for name in self.allow_hosts)
        if self.is_loopback:
            return named | frozenset(LOOPBACK_NAMES)
        return named or frozenset("*")

    def check(self) -> None:
        """Refuse settings that are unsafe or that contradict each other.

        Raises
        ------
        UsageError
        """
        if not self.is_loopback and not self.keys and not self.no_key:
            raise UsageError(
                f"Other machines can reach {self.host}, and there is no key.",
                "Give --api-key-file FILE with a line 'name:key', or --no-key to serve everybody.",
            )
        if self.keys and self.no_key:
            raise UsageError("There are keys, and --no-key asks for none.", "Give one of them.")
        if not self.is_loopback and self.no_key and not self.allow_hosts:
            raise UsageError(
                "Without a key the server must know the names by which it is called.",
                "Give --allow-host NAME for each, or --allow-host '*' for any.",
            )
        if (self.certfile is None) != (self.keyfile is None):
            raise UsageError(
                "HTTPS needs a certificate and its private key.", "Give --certfile and --keyfile."
            )
        for path, option in ((self.certfile, "--certfile"), (self.keyfile, "--keyfile")):
            if path is not None and not path.is_file():
                raise UsageError(f"{path} is not a file.", f"Give the path of a PEM file: {option} FILE.")
        if self.allow_path is not None and not self.allow_path.is_dir():
            raise UsageError(f"{self.allow_path} is not a folder.", "Give an existing one: --allow-path DIR.")
        if self.root_path and not re.fullmatch(r"(/[\w.~-]+)+", self.root_path):
            raise UsageError(
                f"--root-path is {self.root_path!r}; it starts with / and does not end with it.",
                "For example: --root-path /genre",
            )
        for network in self.trust_proxy:
            _check_network(network)
        for origin in self.allow_origins:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
                raise UsageError(
                    f"{origin!r} is not an origin.",
                    "Give scheme and host: --allow-origin https://example.org",
                )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a network.", "Give an address or a network: --trust-proxy 10.0.0.0/8"
        ) from None


def parse_size(text: str) -> int:
    """Read a number of bytes.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_size("64MB"), parse_size("1.5 GiB")
    (64000000, 1610612736)
    """
    found = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]{0,3})\s*", text.lower())
    if not found or found[2] not in _UNITS or (size := int(float(found[1]) * _UNITS[found[2]])) < 1:
        raise UsageError(f"{text!r} is not a size.", "Give a number of bytes or a unit: 500KB, 64MB, 1GiB.")
    return size


def parse_rate(text: str) -> Rate:
    """Read a rate.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_rate("120/minute")
    Rate(n=120, per_s=60.0)
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\w+?)\s*", text.lower())
    if not found or found[2] not in _SECONDS or int(found[1]) < 1:
        raise UsageError(f"{text!r} is not a rate.", "Give requests per second, minute or hour: 120/minute")
    return Rate(n=int(found[1]), per_s=_SECONDS[found[2]])


def parse_ab(text: str) -> tuple[Variant, ...]:
    """Read the variants of an A/B test.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> parse_ab("spectrogram=90,new.genrekit=10")
    (Variant(model='spectrogram', weight=90.0), Variant(model='new.genrekit', weight=10.0))
    """
    variants = []
    for word in text.split(","):
        model, _, share = word.strip().rpartition("=")
        if not model or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", share) or not float(share):
            raise UsageError(f"{word.strip()!r} is not a model with its share.", "Give --ab A=90,B=10")
        variants.append(Variant(model=model, weight=float(share)))
    if len(variants) < 2:
        raise UsageError("An A/B test compares at least two models.", "Give --ab A=90,B=10")
    return tuple(variants)
