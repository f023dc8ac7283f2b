"""A/B tests and shadow models."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any

from genrekit.errors import UsageError
from genrekit.files import naming
from genrekit.server.engine import Engine
from genrekit.server.metrics import Metrics
from genrekit.server.rows import JSON, Part, Renderer
from genrekit.server.snapshot import Snapshot

MAX_WAITING = 64
_COMPARED = ("sha256", "model", "model_sha256", "label", "score")


def chosen(weights: Sequence[float], identity: str) -> int:
    """Return the number of the variant of a caller: always the same one for the same identity and weights.

    Examples
    --------
    >>> [chosen([90, 10], name) for name in ("alice", "bob", "carol")]
    [0, 0, 0]
    """
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).digest()
    at = int.from_bytes(digest[:8], "big") / 2**64 * sum(weights)
    return next((k for k, end in enumerate(accumulate(weights)) if at < end), len(weights) - 1)


def routed_names(snapshot: Snapshot, identity: str) -> tuple[tuple[str, ...], str]:
    """Return the models of a request in routing order, and the name of its variant ('' without an A/B test).

    The variant takes the place of the first of the variants in the routing order, or comes first.
    """
    if not snapshot.variants:
        return snapshot.routed, ""
    names = [name for name, _ in snapshot.variants]
    variant = names[chosen([weight for _, weight in snapshot.variants], identity)]
    places = [k for k, name in enumerate(snapshot.routed) if name in names]
    at = places[0] if places else 0
    others = [name for name in snapshot.routed if name not in names]
    return (*others[:at], variant, *others[at:]), variant


class Shadow:
    """Predicts inputs again with a model whose predictions nobody sees; differences are counted and written.

    Parameters
    ----------
    path : Path
        Gets a line of JSON per difference; names of files are not in it.
    engine, metrics

    Raises
    ------
    UsageError
        If the file cannot be written.
    """

    def __init__(self, path: Path, engine: Engine, metrics: Metrics) -> None:
        self._path = path
        self._engine = engine
        self._metrics = metrics
        self._waiting = 0
        self._one = asyncio.Semaphore(1)
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror}.", "Choose another --shadow-file."
            ) from None

    @property
    def full(self) -> bool:
        """True if so many requests wait for the shadow that the next one is skipped."""
        return self._waiting >= MAX_WAITING

    async def compare(self, snapshot: Snapshot, parts: Sequence[Part], options: Any) -> None:
        """Predict the inputs of a request again, one request at a time, and compare the labels."""
        assert snapshot.shadow is not None
        self._waiting += 1
        try:
            async with self._one:
                served = snapshot.served((snapshot.shadow,), options)
                renderer = Renderer(served.pipeline, JSON)
                for part in parts:
                    if part.source is None or (part.prediction and part.prediction.model == snapshot.shadow):
                        continue
                    shadow = await self._engine.one(part.source, served, renderer)
                    await asyncio.to_thread(self._note, snapshot.shadow, part, shadow)
        finally:
            self._waiting -= 1

    def skip(self, snapshot: Snapshot, parts: Sequence[Part]) -> None:
        """Count inputs that the shadow has no time for."""
        for part in parts:
            model = part.prediction.model if part.prediction else ""
            self._metrics.shadow.labels(model, snapshot.shadow, "skipped").inc()

    def _note(self, name: str, part: Part, shadow: Part) -> None:
        lines = []
        for row, other in zip_longest(_rows(part), _rows(shadow)):
            if row is None or other is None or row["error"] is not None or other["error"] is not None:
                outcome = "error"
            elif row["label"] == other["label"]:
                outcome = "same"
            else:
                outcome = "different"
                lines.append(_line(row, other))
            self._metrics.shadow.labels((row or {}).get("model", ""), name, outcome).inc()
        if lines:
            with naming(self._path), self._path.open("a", encoding="utf-8") as stream:
                stream.writelines(lines)


def _rows(part: Part) -> Iterator[dict[str, Any]]:
    """Yield the rows of an input; cells of CSV that are compared are as in JSON."""
    lines = (line for piece in part.pieces() for line in StringIO(piece, newline="\n"))
    if not part.header:
        yield from map(json.loads, lines)
        return
    for row in csv.DictReader(lines, fieldnames=next(csv.reader([part.header]))):
        yield {**row, "error": row["error"] or None, "score": float(row["score"]) if row["score"] else None}
        if part.prediction is not None:  # with windows, CSV repeats the row for each
            return


def _line(row: dict[str, Any], other: dict[str, Any]) -> str:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    shadow = {f"shadow_{key}": other[key] for key in _COMPARED[1:]}
    return json.dumps({"time": now, **{key: row[key] for key in _COMPARED}, **shadow}) + "\n"
