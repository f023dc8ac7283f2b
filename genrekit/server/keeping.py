"""Uploads that are kept with consent, and feedback: ids in rows, receipts, and orders for the store.

Nothing here waits for the store: a request gives an order to the spool on the local disk, and a thread carries it out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request

from genrekit.errors import GenrekitError, MediaError
from genrekit.execution import Pool
from genrekit.feedback import (
    ROW,
    Cleaned,
    Event,
    Order,
    Predicted,
    Spool,
    Store,
    Tally,
    Verdict,
    Writer,
    clean,
    default_folder,
    hash_receipt,
    new_id,
    new_receipt,
    now,
    right_labels,
)
from genrekit.server.access_log import AccessLog
from genrekit.server.metrics import Metrics
from genrekit.server.problems import Problem
from genrekit.server.registry import Registry
from genrekit.server.remembered import Memory, Remembered
from genrekit.server.rows import Part
from genrekit.server.settings import Settings
from genrekit.server.uploaders import adopt_browser, uploader_of
from genrekit.server.uploads import Upload
from genrekit.types import Example, Prediction

MAX_PER_PREDICTION = 10
LOOK_UP_S = 5.0
CLEAN_S = 120.0


class Keeping:
    """Keeps what may be kept.

    Parameters
    ----------
    settings, registry, pool, metrics, log
    folder : Path
        A private folder.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        pool: Pool,
        folder: Path,
        metrics: Metrics,
        log: AccessLog,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._pool = pool
        self._memory = Memory(folder / "held")
        self._metrics = metrics
        self.store = Store(settings.store)
        self.tally = Tally(self.store)
        self.spool = Spool(default_folder(self.store.word))
        metrics.store_waiting.set_function(lambda: len(self.spool))
        self.writer = Writer(
            self.store,
            self.spool,
            settings.limits,
            clean=self._clean,
            served=self._served,
            count=lambda outcome: metrics.kept.labels(outcome).inc(),
            say=lambda words: log.event("store", reason=words),
        )

    def start(self) -> None:
        """Start the thread that writes to the store."""
        self.writer.start()

    def close(self) -> None:
        """End it; what waits stays on the disk for the next server."""
        self.writer.close()

    async def note(self, request: Request, consent: bool, parts: Sequence[Part]) -> list[Part]:
        """Pass rows of single inputs ids, and keep their files if their sender agreed.

        Parameters
        ----------
        request : Request
        consent : bool
        parts : sequence of Part
            Rows of tables and rows as CSV stay as they are.
        """
        if not consent:
            uploader = uploader_of(request, self._settings)
            return [self._noted(part, uploader) for part in parts]
        adopt_browser(request)
        uploader = uploader_of(request, self._settings)
        return await asyncio.to_thread(lambda: [self._noted(part, uploader, consent=True) for part in parts])

    async def feedback(
        self, request: Request, id_: str, verdict: Verdict, labels: tuple[str, ...], comment: str
    ) -> str:
        """Store feedback on a prediction; return the receipt.

        Raises
        ------
        Problem
            If there is no such prediction, the label does not fit, or too much waits for the store.
        """
        known = self._memory.get(id_) or await self._from_store(id_)
        if known.given >= MAX_PER_PREDICTION:
            raise Problem("too-many-requests", "There is feedback enough for this prediction.")
        labels = self._right(known.event.predicted, verdict, labels)
        adopt_browser(request)
        known.receipt = known.receipt or new_receipt()
        base = known.event.model_copy(update={"receipt": hash_receipt(known.receipt), "time": now()})
        said = {"kind": "feedback", "verdict": verdict, "labels": labels, "comment": comment}
        orders: list[tuple[Order, Path | None]] = [
            (Order(what="feedback", event=base.model_copy(update=said)), None)
        ]
        if known.file is not None:
            orders.insert(0, (Order(what="keep", event=base), known.file))
        for order, file in orders:
            if not await asyncio.to_thread(self.writer.add, order, file):
                raise Problem(
                    "busy", "Too much waits for the store.", "Try again later.", {"Retry-After": "60"}
                )
        known.given += 1
        self._memory.let_go(known)
        return known.receipt

    async def delete(self, receipt: str) -> str:
        """Delete the upload of a receipt; return 'deleted', 'queued' or 'unknown'."""
        self._memory.let_go_of(receipt)
        return await asyncio.to_thread(self.writer.delete, receipt)

    def _noted(self, part: Part, uploader: str, *, consent: bool = False) -> Part:
        prediction = part.prediction
        if prediction is None or prediction.error is not None or part.header:
            return part
        event = Event(
            kind="keep",
            time=now(),
            id=new_id(),
            uploader=uploader,
            suffix=ROW if isinstance(part.source, Example) else "",
            consent=consent,
            predicted=self._predicted(prediction),
        )
        known = self._memory.add(event)
        row = {"id": event.id}
        content = _content(part.source) if consent else None
        if content is not None and self._settings.keep == "asked":
            receipt = new_receipt()
            kept = event.model_copy(update={"receipt": hash_receipt(receipt)})
            if self.writer.add(Order(what="keep", event=kept), content):
                known.receipt = row["receipt"] = receipt
            else:
                self._metrics.kept.labels("dropped").inc()
        elif content is not None and not self._memory.hold(known, content):
            self._metrics.kept.labels("dropped").inc()
        return replace(part, text=f"{json.dumps(row)[:-1]}, {part.text[1:]}")

    def _predicted(self, prediction: Prediction) -> Predicted:
        loaded = self._registry.current.by_name.get(prediction.model)
        return Predicted(
            model=prediction.model,
            model_sha256=prediction.model_sha256,
            labels=prediction.labels,
            scores=prediction.scores[:10],
            multilabel=bool(loaded and loaded.model.bundle.manifest.multilabel),
        )

    async def _from_store(self, id_: str) -> Remembered:
        try:
            async with asyncio.timeout(LOOK_UP_S):
                event = await asyncio.to_thread(self.store.find, id_)
        except (GenrekitError, TimeoutError):
            raise Problem(
                "busy", "The store cannot be asked for this prediction.", headers={"Retry-After": "60"}
            ) from None
        if event is None:
            raise Problem(
                "not-found",
                "There is no prediction of this id.",
                "Predictions whose files are not kept are remembered for an hour, until the server ends.",
            )
        return self._memory.add(event)

    def _right(self, predicted: Predicted, verdict: Verdict, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the labels that are right, in the spelling of the model."""
        loaded = self._registry.current.by_name.get(predicted.model)
        return right_labels(predicted, verdict, labels, loaded.model.labels if loaded else ())

    def _served(self) -> list[dict[str, str]]:
        bundles = [one.model.bundle for one in self._registry.current.by_name.values()]
        return [
            {
                "name": bundle.manifest.name,
                "sha256": bundle.sha256,
                "path": str(bundle.path.resolve()) if bundle.path else "",
            }
            for bundle in bundles
        ]

    def _clean(self, item: tuple[Path, Path, str]) -> Cleaned:
        """Clean a file in a worker, because decoders may crash; nothing of a row of numbers is decoded."""
        if item[2] == ROW:
            return clean(item)
        try:
            outcome: Any = self._pool.caller(clean)(item).result(CLEAN_S)
        except TookTooLong:
            raise MediaError("The file took too long.") from None
        except CancelledError:
            raise GenrekitError("The server ends.") from None
        if outcome.value is None:
            raise MediaError(outcome.error or "The file cannot be read.")
        found: Cleaned = outcome.value
        return found


def _content(source: Upload | Example | None) -> Path | bytes | None:
    """Return the content of an input that may be kept: a file that was sent, or a row of numbers; None for another."""
    if isinstance(source, Upload):
        return source.path if source.path.parent == source.folder else None
    if source is not None and source.row is not None:
        return json.dumps(dict(source.row), sort_keys=True).encode()
    return None
