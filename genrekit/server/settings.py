"""Settings of the server as plain data."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from genrekit.errors import UsageError
from genrekit.feedback import Limits

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


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
    exit_with_page : bool
        Whether the server ends some seconds after its last page was closed.
    playlists : str
        Who finds playlists for a genre: a provider's name, or a .yaml file.
    regions_file : Path or None
        Further regions of playlists.
    shadow_file : Path
        File for differences of the shadow, as JSON Lines.
    index : Path or None
        The index in which requests search for what is similar.
    log : {'text', 'json'}
    log_names : bool
        Whether names of files are logged.
    certfile, keyfile : Path or None
        Certificate and private key for HTTPS.
    watch_s : float
        Seconds between looks at the files of models; 0 never.
    keep : {'none', 'asked', 'feedback'}
        Which uploads are kept to learn from, if their senders agree: none, all of them, or those that are corrected.
    store : str
        A folder, or ``s3://bucket/prefix``.
    limits : Limits
        How much the store may hold, and how long.
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
    index: Path | None = None
    log: Literal["text", "json"] = "text"
    log_names: bool = False
    certfile: Path | None = None
    keyfile: Path | None = None
    watch_s: Annotated[float, Field(ge=0)] = 2.0
    keep: Literal["none", "asked", "feedback"] = "none"
    store: str = ""
    limits: Limits = Limits()
    exit_with_page: bool = False
    playlists: str = "links"
    regions_file: Path | None = None

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
                "Use --api-key-file FILE with a line 'name:key', or --no-key to serve everybody.",
            )
        if self.keys and self.no_key:
            raise UsageError("There are keys, and --no-key asks for none.", "Pass one of them.")
        if not self.is_loopback and self.no_key and not self.allow_hosts:
            raise UsageError(
                "Without a key the server must know the names by which it is called.",
                "Use --allow-host NAME for each, or --allow-host '*' for any.",
            )
        if (self.certfile is None) != (self.keyfile is None):
            raise UsageError(
                "HTTPS needs a certificate and its private key.", "Use --certfile and --keyfile."
            )
        for path, option in ((self.certfile, "--certfile"), (self.keyfile, "--keyfile")):
            if path is not None and not path.is_file():
                raise UsageError(f"{path} is not a file.", f"Pass the path of a PEM file: {option} FILE.")
        if self.allow_path is not None and not self.allow_path.is_dir():
            raise UsageError(f"{self.allow_path} is not a folder.", "Pass an existing one: --allow-path DIR.")
        if (self.keep == "none") != (not self.store):
            raise UsageError(
                f"--keep is {self.keep}, and there is {'a' if self.store else 'no'} store.",
                "Pass both: --keep asked --store DIR (or s3://bucket/prefix); or neither, and nothing is kept.",
            )
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
                    "Write scheme and host: --allow-origin https://example.org",
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
            f"{text!r} is not a network.", "Write an address or a network: --trust-proxy 10.0.0.0/8"
        ) from None
