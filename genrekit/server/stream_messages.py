"""The messages of a stream of sound: how it starts, why it ends, and the limits of both."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from genrekit.live import ALL_LABELS, MAX_CHANNELS, Event, Follower

MAX_FRAME_BYTES = 1 << 16
MAX_TEXT = 4096
QUIET_S = 30.0
LONGEST_S = 2 * 3600.0
MAX_SPEED = 4.0
"""Sound may come so many times faster than it lasts; a faster client is read more slowly."""
AHEAD_S = 30.0
SEND_S = 30.0
CLOSE = {"normal": 1000, "bad-frame": 1003, "refused": 1008, "too-large": 1009, "going": 1012, "busy": 1013}


class Start(BaseModel):
    """The first message of a client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["start"]
    encoding: Literal["f32le", "s16le"] = "f32le"
    sample_rate: int
    channels: int = Field(1, ge=1, le=MAX_CHANNELS)
    model: str | None = Field(None, max_length=200)
    window_s: float = 10.0
    hop_s: float = 1.0
    smooth_s: float = Field(15.0, ge=0, le=3600)
    top_k: int = Field(3, ge=1, le=ALL_LABELS)


class Ended(Exception):
    """The end of a stream, with its cause and its message."""

    def __init__(self, reason: str, detail: str = "", hint: str = "") -> None:
        self.reason, self.detail, self.hint = reason, detail, hint


async def send(socket: WebSocket, event: Event) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            await socket.send_text(json.dumps(event, ensure_ascii=False))
    except TimeoutError:
        raise WebSocketDisconnect(1008) from None


async def close(socket: WebSocket, ended: Ended, follower: Follower | None = None) -> None:
    """Send the reason why a stream ends, and what was found."""
    with suppress(WebSocketDisconnect, RuntimeError, OSError):
        if ended.detail:
            words = {"hint": ended.hint} if ended.hint else {}
            await send(socket, {"type": "error", "reason": ended.reason, "detail": ended.detail, **words})
        if follower is not None:
            await send(socket, follower.final())
        await socket.close(CLOSE[ended.reason])


def is_stop(text: str) -> bool:
    try:
        return bool(json.loads(text) == {"type": "stop"})
    except (ValueError, RecursionError):
        return False
