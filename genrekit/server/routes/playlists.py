"""Playlists for a genre."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from genrekit.playlists import MOST
from genrekit.server.schemas import described, problems
from genrekit.server.service import Service


def router(service: Service) -> APIRouter:
    """Return the endpoint."""
    routes = APIRouter(tags=["playlists"])

    @routes.get("/v1/playlists", responses={**described("Playlists.", "FoundPlaylists"), **problems()})
    async def playlists(
        genre: Annotated[str, Query(min_length=1, max_length=80, examples=["jazz"])],
        region: Annotated[
            list[str] | None, Query(max_length=20, description="Names, all by default.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Playlists per region.")] = 10,
    ) -> dict[str, Any]:
        """Find playlists for a genre, as it is heard in several regions."""
        names = [name for one in region or () for part in one.split(",") if (name := part.strip())]
        found = await service.playlists.find(genre, names, limit, service.labels())
        return found.as_dict()

    return routes
