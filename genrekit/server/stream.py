"""One connection that sends sound: one task receives and cuts blocks, one scores; the newest block wins, and what was dropped is counted."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from genrekit.errors import GenrekitError
from genrekit.execution import Pool
from genrekit.live import ALL_LABELS, Block, Blocks, Event, Follower, Pcm, events_of, write_block
from genrekit.prediction import Input, Pipeline, PredictOptions, Task
from genrekit.preparation import Cache
from genrekit.server.engine import Engine
from genrekit.server.snapshot import Served, Snapshot
from genrekit.server.stream_messages import (
    AHEAD_S,
    LONGEST_S,
    MAX_FRAME_BYTES,
    MAX_SPEED,
    MAX_TEXT,
    QUIET_S,
    Ended,
    Start,
    close,
    is_stop,
    send,
)
from genrekit.types import Modality


class Stream:
    """One connection."""

    def __init__(
        self, socket: WebSocket, snapshot: Snapshot, engine: Engine, pool: Pool, folder: Path
    ) -> None:
        self.going = asyncio.Event()
        self._socket = socket
        self._engine = engine
        self._pool = pool
        self._folder = folder
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
            ended = Ended("normal")
        except Ended as error:
            ended = error
        except GenrekitError as error:
            ended = Ended("refused", error.message, error.hint)
        await close(self._socket, ended, follower)

    async def _follow(self, start: Start, blocks: Blocks, served: Served, follower: Follower) -> None:
        """Receive until the end, and score at the same time."""
        scoring = asyncio.create_task(self._score(served, follower))
        receiving = asyncio.create_task(self._receive(Pcm(start.encoding, start.channels), blocks))
        going = asyncio.create_task(self.going.wait())
        try:
            done, _ = await asyncio.wait((scoring, receiving, going), return_when=asyncio.FIRST_COMPLETED)
            if going in done:
                raise Ended("going", "The server is about to end.")
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
            raise Ended("bad-frame", "Sound came before the message that says how it is encoded.")
        if len(text) > MAX_TEXT:
            raise Ended("too-large", "The message is too long.")
        try:
            return Start.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise Ended(
                "refused", f"The first message is wrong: {place or 'JSON'}: {first['msg']}."
            ) from None

    def _served(self, start: Start) -> Served:
        """Return the model of a stream, with all its labels, and without a cache: no block comes twice."""
        snapshot = self._snapshot
        names = [start.model] if start.model else snapshot.routed
        hearing = [n for n in names if snapshot.find(n).model.backend.info.modality is Modality.AUDIO]
        if not hearing:
            raise Ended(
                "refused", "No such model hears songs." if start.model else "No loaded model hears songs."
            )
        options = PredictOptions(top_k=ALL_LABELS)
        served = snapshot.served((hearing[0],), options)
        pipeline = Pipeline(served.pipeline.models, options, Cache(enabled=False), jobs=1, lists=False)
        return replace(served, pipeline=pipeline, prepare=self._pool.caller(pipeline.worker()))

    async def _message(self) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(QUIET_S):
                message = await self._socket.receive()
        except TimeoutError:
            raise Ended("refused", f"Nothing came for {QUIET_S:g} s.") from None
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
                if len(text) <= MAX_TEXT and is_stop(text):
                    return
                raise Ended("bad-frame", "This is neither sound nor the message stop.")
            if len(data) > MAX_FRAME_BYTES:
                raise Ended("too-large", f"A frame has {len(data)} bytes; {MAX_FRAME_BYTES} are allowed.")
            samples = pcm.push(data)
            self._heard_s += len(samples) / blocks.sr
            for block in blocks.push(samples):
                if self._newest is not None:
                    self._dropped_s += block.start_s - self._newest[0].start_s
                self._newest = (block, time.monotonic())
                self._arrived.set()
            passed_s = time.monotonic() - started_s
            if passed_s > LONGEST_S:
                raise Ended("refused", f"A stream lasts {LONGEST_S / 3600:g} hours at most.")
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
        path = self._folder / f"{secrets.token_hex(8)}.wav"
        try:
            await asyncio.to_thread(write_block, block, path)
            task = next(iter(served.pipeline.tasks([Input("window", path)])))
            assert isinstance(task, Task)
            prediction, _ = await self._engine.predict(task, served)
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
        await send(self._socket, event)
