"""The thread that carries orders from the spool to the store; the caller never waits for the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from genrekit.errors import GenrekitError, MediaError
from genrekit.feedback.cleaning import Cleaned, clean
from genrekit.feedback.events import Event, days_ago, hash_receipt
from genrekit.feedback.limits import Limits, Usage
from genrekit.feedback.spool import Order, Spool
from genrekit.feedback.store import SERVED, Store
from genrekit.types import Say, silent

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
TIDY_S = 3600.0

Deleted = Literal["deleted", "queued", "unknown"]


class Writer:
    """Carries orders to a store, and keeps it within its limits.

    Parameters
    ----------
    store : Store
    spool : Spool
    limits : Limits
    clean : callable
        As `genrekit.feedback.cleaning.clean`, perhaps in another process; a MediaError drops the file, another
        GenrekitError postpones it.
    served : callable
        Returns name, SHA-256 and path of each model that is served; the store gets them, so that `retrain` finds the champion.
    count : callable
        Gets what became of an order: kept, noted, deleted, refused, unreadable, expired.
    say : callable
        Gets warnings.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        limits: Limits,
        *,
        clean: Callable[[tuple[Path, Path, str]], Cleaned] = clean,
        served: Callable[[], list[dict[str, str]]] = list,
        count: Callable[[str], None] = lambda outcome: None,
        say: Say = silent,
    ) -> None:
        self.store = store
        self.spool = spool
        self.away = False
        self._limits = limits
        self._clean = clean
        self._served = served
        self._count = count
        self._say = say
        self._usage: Usage | None = None
        self._tidy_at_s = 0.0
        self._bell = threading.Event()
        self._ended = threading.Event()
        self._one = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="genrekit-store", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, wait_s: float = 5.0) -> None:
        """End the thread; unsent events stay in the spool for the next writer."""
        self._ended.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def add(self, order: Order, file: Path | bytes | None = None) -> bool:
        """Take an order; return False if too many wait already."""
        taken = self.spool.add(order, file)
        if taken:
            self._bell.set()
        return taken

    def delete(self, receipt: str) -> Deleted:
        """Delete the upload of a receipt, here and in the store; if that is away, as soon as it is back."""
        hashed = hash_receipt(receipt)
        with self._one:
            waiting = [
                (name, order.event) for name, order, _ in self.spool.orders() if order.event is not None
            ]
            ids = {event.id for _, event in waiting if event.receipt == hashed}
            for name, event in waiting:
                if event.id in ids:
                    self.spool.done(name)
            found = bool(ids)
            try:
                found = self.store.delete(hashed) or found
            except GenrekitError:
                self.spool.add(Order(what="delete", receipt=hashed))
                return "queued"
            self._usage = None
        self._count("deleted" if found else "unknown")
        return "deleted" if found else "unknown"

    def drain(self) -> None:
        """Carry out all orders that wait.

        Raises
        ------
        GenrekitError
            If the store is away; what is left waits.
        """
        while names := self.spool.names():
            for name in names:
                if self._ended.is_set():
                    return
                with self._one:  # a deletion may have taken it out meanwhile
                    if (found := self.spool.read(name)) is not None:
                        self._carry_out(name, *found)
                        self.spool.done(name)

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._ended.is_set():
            self._bell.clear()
            try:
                self._tidy()
                self.drain()
                if self.away:
                    self._say(f"the store {self.store.word} is back")
                self.away, pause_s = False, FIRST_PAUSE_S
                if not self._ended.is_set():
                    self._bell.wait(TIDY_S)
            except (GenrekitError, OSError) as error:
                if not self.away:
                    self._say(f"uploads wait: {error}")
                self.away = True
                if self._ended.is_set():
                    return
                self._ended.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _carry_out(self, name: str, order: Order, file: Path | None) -> None:
        if order.what == "delete":
            if self.store.delete(order.receipt):
                self._count("deleted")
            self._usage = None
        elif order.event is not None and order.what == "keep" and file is not None:
            self._count(self._keep(name, order.event, file))
        elif order.event is not None and order.what == "feedback":
            kept = self.store.find(order.event.id)
            self.store.add(order.event.model_copy(update={"sha256": kept.sha256 if kept else None}))
            self._count("noted")

    def _keep(self, name: str, event: Event, file: Path) -> str:
        try:
            cleaned = self._clean((file, self.spool.folder / f"{name}.clean", event.suffix))
        except MediaError:
            return "unreadable"
        if self._usage is None:
            self._usage = Usage(self.store.contents().values())
        if not self._usage.fits(cleaned.sha256, cleaned.size, event.uploader, self._limits):
            return "refused"
        kept = event.model_copy(update={"sha256": cleaned.sha256, "suffix": cleaned.suffix})
        self.store.keep(cleaned.path, kept)
        self._usage.add(cleaned.sha256, cleaned.size, event.uploader)
        return "kept"

    def _tidy(self) -> None:
        """Delete expired objects from time to time, and count again: other servers may write to the same store."""
        if time.monotonic() < self._tidy_at_s:
            return
        if self._limits.retention_days is not None:
            with self._one:
                for _ in range(self.store.expire(days_ago(self._limits.retention_days))):
                    self._count("expired")
        if served := self._served():
            self.store.write_json(SERVED, {"models": served})
        self._usage = None
        self._tidy_at_s = time.monotonic() + TIDY_S
