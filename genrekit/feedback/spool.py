"""Orders that wait for the store: files in a private local folder, bounded, oldest first; they survive the process."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from genrekit.errors import UsageError
from genrekit.feedback.events import Event

MAX_BYTES = 2 << 30
MAX_ORDERS = 20_000
STALE_S = 3600.0


class Order(BaseModel):
    """Task to be done in the store.

    Attributes
    ----------
    what : {'keep', 'feedback', 'delete'}
    event : Event or None
    receipt : str
        SHA-256 of the receipt of a deletion.
    """

    model_config = ConfigDict(frozen=True)

    what: Literal["keep", "feedback", "delete"]
    event: Event | None = None
    receipt: str = ""


class Spool:
    """A folder of orders.

    Parameters
    ----------
    folder : Path
        Private to this user; it is created.
    max_bytes, max_orders : int
        More is refused.

    Raises
    ------
    UsageError
        If the folder belongs to another user, or cannot be written.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, max_orders: int = MAX_ORDERS) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_orders = max_orders
        self._numbers = count()
        self._lock = threading.Lock()
        _private(folder)
        self._sizes = {name: self._size(name) for name in self.names()}
        self._bytes = sum(self._sizes.values())
        for path in folder.iterdir():
            if path.stem not in self._sizes and time.time() - path.stat().st_mtime > STALE_S:
                path.unlink(missing_ok=True)  # its writer was killed

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, order: Order, file: Path | bytes | None = None) -> bool:
        """Add an order with a copy of its file, or with its content; return False if the spool is full.

        Raises
        ------
        OSError
            If the disk fails.
        """
        size = len(file) if isinstance(file, bytes) else file.stat().st_size if file else 0
        name = f"{time.time_ns():020d}-{os.getpid():08d}-{next(self._numbers):08d}"
        with self._lock:
            full = self._bytes + size > self._max_bytes or len(self._sizes) >= self._max_orders
            if full and order.what != "delete":
                return False
            self._sizes[name] = size
            self._bytes += size
        try:
            if isinstance(file, bytes):
                (self.folder / f"{name}.bin").write_bytes(file)
            elif file is not None:
                _copy(file, self.folder / f"{name}.bin")
            part = self.folder / f"{name}.part"
            part.write_text(order.model_dump_json(), encoding="utf-8")
            part.replace(self.folder / f"{name}.json")
        except OSError:
            self.done(name)
            raise
        return True

    def orders(self) -> Iterator[tuple[str, Order, Path | None]]:
        """Yield orders by name, oldest first, each with its file."""
        for name in self.names():
            if (found := self.read(name)) is not None:
                yield name, *found

    def read(self, name: str) -> tuple[Order, Path | None] | None:
        """Return an order with its file; None if it is not there any more, or is damaged."""
        try:
            order = Order.model_validate_json((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValidationError):
            self.done(name)
            return None
        with self._lock:
            if name not in self._sizes:  # another server's
                self._sizes[name] = self._size(name)
                self._bytes += self._sizes[name]
        file = self.folder / f"{name}.bin"
        return order, file if file.exists() else None

    def done(self, name: str) -> None:
        """Remove an order."""
        for suffix in (".json", ".bin", ".part", ".clean"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
        with self._lock:
            self._bytes -= self._sizes.pop(name, 0)

    def names(self) -> list[str]:
        """Return the names of orders, oldest first."""
        with suppress(OSError):
            return sorted(path.stem for path in self.folder.glob("*.json"))
        return []

    def _size(self, name: str) -> int:
        with suppress(OSError):
            return (self.folder / f"{name}.bin").stat().st_size
        return 0


def default_folder(store: str) -> Path:
    """Return the folder of the spool of a store: ``GENREKIT_SPOOL``, else one below the temporary files."""
    if given := os.environ.get("GENREKIT_SPOOL"):
        return Path(given)
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    name = hashlib.sha256(store.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"genrekit-spool-{owner}-{name}"


def _private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat(follow_symlinks=False)
        if not folder.is_dir() or folder.is_symlink():
            raise OSError("it is not a folder")
        if hasattr(os, "getuid") and (facts.st_uid != os.getuid() or facts.st_mode & 0o077):
            raise OSError("other users can read it")
    except OSError as error:
        raise UsageError(
            f"{folder}, where uploads wait for the store, cannot be used: {error.strerror or error}.",
            "Set GENREKIT_SPOOL to a folder of your own (chmod 700).",
        ) from None


def _copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
