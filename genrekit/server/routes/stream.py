"""``WS /v1/stream``."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from genrekit.server.service import Service


def router(service: Service) -> APIRouter:
    """Return the endpoint."""
    routes = APIRouter()

    @routes.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await service.streams.serve(socket)

    return routes
