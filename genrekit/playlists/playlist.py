"""A playlist, radio station or search that a provider returns for a genre, and its preview."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from genrekit.errors import DatasetError
from genrekit.text import clean

MAX_ADDRESS, MAX_TITLE = 2_000, 200


class QuotaError(DatasetError):
    """A service refused further requests; it gets none for an hour."""


@dataclass(frozen=True)
class Embed:
    """A preview that a page loads at the user's request.

    Attributes
    ----------
    kind : {'frame', 'audio'}
        A page in a frame, or sound.
    url : str
        An address of https://.

    Raises
    ------
    ValueError
        If it is something else.
    """

    kind: Literal["frame", "audio"]
    url: str

    def __post_init__(self) -> None:
        if self.kind not in ("frame", "audio"):
            raise ValueError(f"{self.kind!r} is not frame or audio")
        if web_address(self.url).partition(":")[0] != "https":
            raise ValueError("the address of a preview is not https://")

    @property
    def host(self) -> str:
        """Name of the host that the browser talks to."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Playlist:
    """Something to listen to.

    Attributes
    ----------
    region : str
        Name of the region that it is for.
    title : str
        1 to 200 characters.
    url : str
        An address of https:// or http:// for a browser.
    source : str
        Name of the provider.
    embed : Embed, optional
        Its preview.

    Raises
    ------
    ValueError
        If the address is not one of the web, or there is no title.
    """

    region: str
    title: str
    url: str
    source: str
    embed: Embed | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", clean(self.title)[:MAX_TITLE])
        if not self.title:
            raise ValueError("there is no title")
        web_address(self.url)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain data; `embed` also has its host."""
        fields = asdict(self)
        if self.embed:
            fields["embed"]["host"] = self.embed.host
        return fields


def from_dict(fields: dict[str, Any]) -> Playlist:
    """Return what `Playlist.as_dict` wrote.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is something else.
    """
    embed = fields["embed"]
    return Playlist(
        **{name: fields[name] for name in ("region", "title", "url", "source")},
        embed=Embed(embed["kind"], embed["url"]) if embed else None,
    )


def entries(answer: object, who: str) -> list[Any]:
    """Return a list of an answer.

    Raises
    ------
    DatasetError
        If it is something else.
    """
    if not isinstance(answer, list):
        raise DatasetError(f"{who} answered something else than a list.")
    return answer


def web_address(url: str) -> str:
    """Return an address that is allowed in a page.

    Raises
    ------
    ValueError
        If it is not http:// or https://, carries a login, has characters that addresses do not have, or is too long.
    """
    if not isinstance(url, str) or len(url) > MAX_ADDRESS or re.search(r"[\s\"'<>\\^`{|}\x00-\x1f\x7f]", url):
        raise ValueError("it is not an address of the web")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("it is not an address of the web: https://host/...")
    return url


def is_allowed(embed: Embed, origins: tuple[str, ...]) -> bool:
    """Return whether a Content Security Policy with these sources lets a page load a preview."""
    for origin in origins:
        host = origin.removeprefix("https:").removeprefix("//")
        if not host or embed.host == host or (host.startswith("*.") and embed.host.endswith(host[1:])):
            return True
    return False
