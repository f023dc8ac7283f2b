"""Sound as it comes, over a WebSocket: PCM frames in, windows with their genres out.

One task receives and cuts blocks, one scores; the newest block wins, and what was dropped is counted.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from genrekit.errors import GenrekitError
from genrekit.execution import Pool
from genrekit.live import (
    ALL_LABELS,
    MAX_CHANNELS,
    Block,
    Blocks,
    Event,
    Follower,
    Pcm,
    events_of,
    write_block,
)
from genrekit.prediction import Input, Pipeline, PredictOptions, Task
from genrekit.preparation import Cache
from genrekit.server.admission import Admission
from genrekit.server.engine import Engine
from genrekit.server.gate import PROTOCOL
from genrekit.server.registry import Registry
from genrekit.server.snapshot import Served, Snapshot
from genrekit.types import Modality

MAX_STREAMS = 8
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


class _Ended(Exception):
    """The end of a stream, with its cause and its message."""

    def __init__(self, reason: str, detail: str = "", hint: str = "") -> None:
        self.reason, self.detail, self.hint = reason, detail, hint


class Streams:
    """The streams of a server.

    Attributes
    ----------
    running : set
        The streams under way.
    """

    def __init__(
        self, registry: Registry, engine: Engine, pool: Pool, admission: Admission, folder: Path
    ) -> None:
        self.registry = registry
        self.engine = engine
        self.pool = pool
        self.admission = admission
        self.folder = folder
        self.running: set[_Stream] = set()

    def end(self) -> None:
        """Let every stream send what it has found, and end."""
        for stream in self.running:
            stream.going.set()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection from its first message to its end."""
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        if self.admission.draining:
            return await _close(socket, _Ended("going", "The server is about to end."))
        if len(self.running) >= MAX_STREAMS:
            return await _close(
                socket, _Ended("busy", f"{MAX_STREAMS} streams are under way.", "Come again later.")
            )
        with self.registry.current.use() as snapshot:
            stream = _Stream(socket, self, snapshot)
            self.running.add(stream)
            try:
                await stream.run()
            except (
                WebSocketDisconnect,
                RuntimeError,
                OSError,
            ):  # the client left, in the middle of a word or not
                pass
            finally:
                self.running.discard(stream)
        return None


class _Stream:
    """One connection."""

    def __init__(self, socket: WebSocket, streams: Streams, snapshot: Snapshot) -> None:
        self.going = asyncio.Event()
        self._socket = socket
        self._streams = streams
        self._snapshot = snapshot
        self._newest: tuple[Block, float] | None = None
        self._arrived = asyncio.Event()
        self._dropped_s = 0.0
        self._heard_s = 0.0
        self._busy = False

    async def run(self) -> None:
        """Serve the connection."""
        follower: Follower | None = None
        try:
            start = await self._start()
            served = self._served(start)
            model = served.pipeline.models[0]
            follower = Follower(
                model.labels, start.smooth_s, start.top_k, exclusive=not model.bundle.manifest.multilabel
            )
            blocks = Blocks(start.sample_rate, start.channels, start.window_s, start.hop_s)
            await self._send(
                {
                    "type": "ready",
                    "model": model.name,
                    "model_sha256": model.bundle.sha256,
                    "sample_rate": start.sample_rate,
                    "window_s": start.window_s,
                    "hop_s": start.hop_s,
                    "max_frame_bytes": MAX_FRAME_BYTES,
                }
            )
            await self._follow(start, blocks, served, follower)
            ended = _Ended("normal")
        except _Ended as error:
            ended = error
        except GenrekitError as error:
            ended = _Ended("refused", error.message, error.hint)
        await _close(self._socket, ended, follower)

    async def _follow(self, start: Start, blocks: Blocks, served: Served, follower: Follower) -> None:
        """Receive until the end, scoring beside it."""
        scoring = asyncio.create_task(self._score(served, follower))
        receiving = asyncio.create_task(self._receive(Pcm(start.encoding, start.channels), blocks))
        going = asyncio.create_task(self.going.wait())
        try:
            done, _ = await asyncio.wait((scoring, receiving, going), return_when=asyncio.FIRST_COMPLETED)
            if going in done:
                raise _Ended("going", "The server is about to end.")
            if receiving in done:
                receiving.result()
                await self._finish(scoring, blocks, served, follower)
                return
            scoring.result()
        finally:
            for task in (scoring, receiving, going):
                task.cancel()
            await asyncio.gather(scoring, receiving, going, return_exceptions=True)

    async def _start(self) -> Start:
        message = await self._message()
        text = message.get("text")
        if text is None:
            raise _Ended("bad-frame", "Sound came before the message that says how it is encoded.")
        if len(text) > MAX_TEXT:
            raise _Ended("too-large", "The message is too long.")
        try:
            return Start.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise _Ended(
                "refused", f"The first message is wrong: {place or 'JSON'}: {first['msg']}."
            ) from None

    def _served(self, start: Start) -> Served:
        """Return the model of a stream, with all its labels, and without a cache: no block comes twice."""
        snapshot = self._snapshot
        names = [start.model] if start.model else snapshot.routed
        hearing = [n for n in names if snapshot.find(n).model.backend.info.modality is Modality.AUDIO]
        if not hearing:
            raise _Ended(
                "refused", "No such model hears songs." if start.model else "No loaded model hears songs."
            )
        options = PredictOptions(top_k=ALL_LABELS)
        served = snapshot.served((hearing[0],), options)
        pipeline = Pipeline(served.pipeline.models, options, Cache(enabled=False), jobs=1, lists=False)
        return replace(served, pipeline=pipeline, prepare=self._streams.pool.caller(pipeline.worker()))

    async def _message(self) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(QUIET_S):
                message = await self._socket.receive()
        except TimeoutError:
            raise _Ended("refused", f"Nothing came for {QUIET_S:g} s.") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1005)
        return message

    async def _receive(self, pcm: Pcm, blocks: Blocks) -> None:
        """Receive sound until the message ``stop``; keep the newest block."""
        started_s = time.monotonic()
        while True:
            message = await self._message()
            if (data := message.get("bytes")) is None:
                text = message.get("text") or ""
                if len(text) <= MAX_TEXT and _is_stop(text):
                    return
                raise _Ended("bad-frame", "This is neither sound nor the message stop.")
            if len(data) > MAX_FRAME_BYTES:
                raise _Ended("too-large", f"A frame has {len(data)} bytes; {MAX_FRAME_BYTES} are allowed.")
            samples = pcm.push(data)
            self._heard_s += len(samples) / blocks.sr
            for block in blocks.push(samples):
                if self._newest is not None:
                    self._dropped_s += block.start_s - self._newest[0].start_s
                self._newest = (block, time.monotonic())
                self._arrived.set()
            passed_s = time.monotonic() - started_s
            if passed_s > LONGEST_S:
                raise _Ended("refused", f"A stream lasts {LONGEST_S / 3600:g} hours at most.")
            early_s = (self._heard_s - AHEAD_S) / MAX_SPEED - passed_s
            if early_s > 0:
                await asyncio.sleep(early_s)

    async def _score(self, served: Served, follower: Follower) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._newest is not None:
                (block, arrived_s), self._newest = self._newest, None
                await self._one(block, arrived_s, served, follower)

    async def _finish(
        self, scoring: asyncio.Task[None], blocks: Blocks, served: Served, follower: Follower
    ) -> None:
        """Score what still waits when the sound has ended, else a sound that was shorter than a window."""
        while self._busy:
            await asyncio.wait((scoring,), timeout=0.02)
            if scoring.done():
                scoring.result()
        if self._newest is not None:
            (block, arrived_s), self._newest = self._newest, None
            await self._one(block, arrived_s, served, follower)
        elif (rest := blocks.rest()) is not None:
            await self._one(rest, time.monotonic(), served, follower)

    async def _one(self, block: Block, arrived_s: float, served: Served, follower: Follower) -> None:
        self._busy = True
        path = self._streams.folder / f"{secrets.token_hex(8)}.wav"
        try:
            await asyncio.to_thread(write_block, block, path)
            task = next(iter(served.pipeline.tasks([Input("window", path)])))
            assert isinstance(task, Task)
            prediction, _ = await self._streams.engine.predict(task, served)
            for event in events_of(prediction, block, follower):
                facts = {
                    "lag_s": round(time.monotonic() - arrived_s, 3),
                    "dropped_s": round(self._dropped_s, 3),
                }
                await self._send(event if event["type"] == "change" else {**event, **facts})
        finally:
            self._busy = False
            path.unlink(missing_ok=True)

    async def _send(self, event: Event) -> None:
        await _send(self._socket, event)


async def _send(socket: WebSocket, event: Event) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            await socket.send_text(json.dumps(event, ensure_ascii=False))
    except TimeoutError:
        raise WebSocketDisconnect(1008) from None


async def _close(socket: WebSocket, ended: _Ended, follower: Follower | None = None) -> None:
    """Send the reason why a stream ends, and what was found."""
    with suppress(WebSocketDisconnect, RuntimeError, OSError):
        if ended.detail:
            words = {"hint": ended.hint} if ended.hint else {}
            await _send(socket, {"type": "error", "reason": ended.reason, "detail": ended.detail, **words})
        if follower is not None:
            await _send(socket, follower.final())
        await socket.close(CLOSE[ended.reason])


def _is_stop(text: str) -> bool:
    try:
        return bool(json.loads(text) == {"type": "stop"})
    except (ValueError, RecursionError):
        return False
