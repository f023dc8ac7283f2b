"""Versions of a model in a store: what each learnt, which is served, and the way back."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrekit.errors import GenrekitError, UsageError
from genrekit.feedback.events import now
from genrekit.feedback.store import Store
from genrekit.hashing import hash_file
from genrekit.models import SUFFIX, loads

CURRENT = "current.json"


@dataclass(frozen=True)
class Version:
    """A version of a model.

    Attributes
    ----------
    sha256, name : str
    parent : str
        SHA-256 of the version that it took the place of; empty for the first.
    corrections : tuple of str
        SHA-256 of the uploads that it learnt.
    time : str
    """

    sha256: str
    name: str
    parent: str = ""
    corrections: tuple[str, ...] = ()
    time: str = ""


class Versions:
    """The versions that a store has.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, sha256: str) -> Version | None:
        """Return a version, or None if it is not there."""
        facts = self._store.read_json(f"models/{sha256}.json")
        return None if facts is None else _version(sha256, facts)

    def all(self) -> Iterator[Version]:
        """Yield all versions."""
        for name, _ in self._store.objects.names("models/"):
            if name.endswith(".json") and (found := self.get(name[len("models/") : -len(".json")])):
                yield found

    @property
    def current(self) -> str:
        """SHA-256 of the version that is served; empty if none is known."""
        return str((self._store.read_json(CURRENT) or {}).get("sha256", ""))

    def bundle(self, sha256: str) -> bytes | None:
        """Return the bundle of a version."""
        return self._store.objects.read(f"models/{sha256}{SUFFIX}")

    def add(self, version: Version, bundle: bytes) -> None:
        """Keep a version."""
        self._store.objects.write(f"models/{version.sha256}{SUFFIX}", bundle)
        facts = {
            "name": version.name,
            "parent": version.parent,
            "corrections": list(version.corrections),
            "time": version.time or now(),
        }
        self._store.write_json(f"models/{version.sha256}.json", facts)

    def serve(self, sha256: str, bundle: bytes, path: Path) -> None:
        """Make a version the one that is served: in the store, and at the path that a server watches, in one step each."""
        swap(bundle, path)
        self._store.write_json(CURRENT, {"sha256": sha256, "time": now()})

    def roll_back(self, path: Path) -> Version:
        """Serve the version before the current one again.

        Raises
        ------
        UsageError
            If there is none.
        """
        current = self.get(hash_file(path)) or self.get(self.current)
        bundle = self.bundle(current.parent) if current and current.parent else None
        if current is None or bundle is None:
            raise UsageError(
                f"The store {self._store.word} has no version before the current one.",
                "Versions are kept from the first promotion on; those that learnt deleted uploads are removed.",
            )
        loads(bundle)  # a damaged version is not served
        self.serve(current.parent, bundle, path)
        return self.get(current.parent) or Version(current.parent, current.name)

    def before(self, sha256: str, there: Collection[str]) -> str:
        """Return the latest earlier version that learnt only uploads that still exist; empty if there is none."""
        seen: set[str] = set()
        version = self.get(sha256)
        while version is not None and version.sha256 not in seen:
            if set(version.corrections) <= set(there):
                return version.sha256
            seen.add(version.sha256)
            version = self.get(version.parent) if version.parent else None
        return ""

    def purge(self, there: Collection[str], keep: str) -> list[str]:
        """Remove versions that learnt an upload that is not there any more; return their hashes.

        Parameters
        ----------
        there : collection of str
            SHA-256 of the uploads that are in the store.
        keep : str
            A version that stays.
        """
        gone = [one for one in self.all() if one.sha256 != keep and not set(one.corrections) <= set(there)]
        for one in gone:
            self._store.objects.remove([f"models/{one.sha256}{SUFFIX}", f"models/{one.sha256}.json"])
        return [one.sha256 for one in gone]


def swap(bundle: bytes, path: Path) -> None:
    """Replace a bundle atomically."""
    part = path.parent / f".genrekit-{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:
            file.write(bundle)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process on this machine promote versions of the model at a path.

    Raises
    ------
    GenrekitError
        If another process does so, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.retrain.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise GenrekitError(
            f"Another process retrains {path}.", "Run the same command again when it has ended."
        ) from None
    except OSError as error:
        raise GenrekitError(f"{path.parent} cannot be written: {error.strerror}.") from None
    try:
        yield
    finally:
        lock.release()


def _version(sha256: str, facts: dict[str, Any]) -> Version:
    learnt = facts.get("corrections")
    return Version(
        sha256,
        str(facts.get("name", "")),
        str(facts.get("parent") or ""),
        tuple(map(str, learnt)) if isinstance(learnt, list) else (),
        str(facts.get("time", "")),
    )
