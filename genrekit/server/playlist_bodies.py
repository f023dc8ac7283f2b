"""Objects of responses about playlists, as ``/openapi.json`` describes them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Preview(BaseModel):
    """Preview that a page may load when its user asks for it."""

    kind: Literal["frame", "audio"]
    url: str
    host: str


class PlaylistItem(BaseModel):
    """A playlist, a radio station or a search."""

    region: str
    title: str
    url: str
    source: str
    embed: Preview | None


class PlaylistRegion(BaseModel):
    """A region, with its name by language."""

    name: str
    title: dict[str, str]


class FoundPlaylists(BaseModel):
    """Playlists for a genre; the notes say why there are links instead."""

    genre: str
    provider: str
    regions: list[PlaylistRegion]
    items: list[PlaylistItem]
    notes: list[str]
