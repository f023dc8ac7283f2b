"""The store: kept files under their content hash, events, receipts, versions of models; whole objects and no database.

    objects/9f/9f3c....jpg                   a kept file without its metadata, once
    events/9f/9f3c.../TIME-KIND-UPLOADER-ID.json
    events/none/2026/11/TIME-...             what was said of files that were not kept
    ids/ID.json                              which event a prediction has
    receipts/HASH.json                       what a receipt deletes
    models/SHA256.genrekit, .json            versions, and what they learnt
    reports/TIME.json                        retrainings
    current.json                             the version that was promoted last
    served.json                              what the server has loaded

On a disk and in a bucket the names are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from genrekit.errors import GenrekitError
from genrekit.feedback.events import Event, EventName
from genrekit.hashing import hash_bytes
from genrekit.remote import open_objects

SERVED = "served.json"


@dataclass
class Content:
    """Entries of a store for one content.

    Attributes
    ----------
    sha256 : str
    object : str
        Name of the object; empty if only events are there.
    size : int
        In bytes.
    events : list of EventName
        In the order of time.
    """

    sha256: str
    object: str = ""
    size: int = 0
    events: list[EventName] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        """Suffix of the file."""
        return PurePosixPath(self.object).suffix

    @property
    def uploader(self) -> str:
        """First sender."""
        return next((one.uploader for one in self.events if one.kind == "keep"), "")


class Store:
    """A store at a place.

    Parameters
    ----------
    word : str or Path
        A folder, or ``s3://bucket/prefix``.

    Raises
    ------
    UsageError
        If it is neither. Every method raises GenrekitError if the place cannot be reached.
    """

    def __init__(self, word: str | Path) -> None:
        self.objects = open_objects(word)
        self.word = self.objects.word

    def keep(self, path: Path, event: Event) -> None:
        """Store a file and its ``keep`` event.

        Parameters
        ----------
        path : Path
        event : Event
            With the SHA-256 of the file.
        """
        assert event.sha256 is not None
        self.objects.write(object_name(event.sha256, event.suffix), path)
        self.add(event)

    def add(self, event: Event) -> None:
        """Add an event, so that its id and its receipt find it."""
        self.objects.write(event.name, event.dump())
        pointer = json.dumps({"event": event.name}).encode()
        if event.receipt:
            self.objects.write(f"receipts/{event.receipt}.json", pointer)
        if event.kind == "keep":
            self.objects.write(f"ids/{event.id}.json", pointer)

    def find(self, id_: str) -> Event | None:
        """Return the event of a kept prediction; None if it was not kept, or is deleted."""
        return self._pointed(f"ids/{id_}.json")

    def event(self, name: str) -> Event | None:
        """Return an event by the name of its object; None if it is not there, or damaged."""
        content = self.objects.read(name)
        return None if content is None else Event.parse(content)

    def delete(self, receipt: str) -> bool:
        """Delete the upload of a receipt: the file and every event with its hash; return whether there was anything.

        Parameters
        ----------
        receipt : str
            As `genrekit.feedback.hash_receipt` returns it.
        """
        pointer = f"receipts/{receipt}.json"
        event = self._pointed(pointer)
        if event is None:
            return False
        if event.sha256:
            self.delete_content(event.sha256, last=event.name)
        else:
            self._delete_events([event.name])
        self.objects.remove([pointer])
        return True

    def delete_content(self, sha256: str, last: str = "") -> None:
        """Delete a file, every event with its hash, and the ids and receipts that lead to them.

        Parameters
        ----------
        sha256 : str
        last : str
            The event that goes last: an interrupted deletion can be asked for again.
        """
        self.objects.remove([name for name, _ in self.objects.names(f"objects/{sha256[:2]}/{sha256}")])
        names = [name for name, _ in self.objects.names(f"events/{sha256[:2]}/{sha256}/")]
        self._delete_events(sorted(names, key=lambda name: name == last))

    def expire(self, before: datetime) -> int:
        """Delete contents whose last consent, and remarks on other files that, are older; return how many."""
        n = 0
        for content in self.contents().values():
            newest = max((one.when for one in content.events if one.kind == "keep"), default=None)
            if newest is not None and newest < before:
                self.delete_content(content.sha256)
                n += 1
        loose = [one for one in self.event_names("events/none/") if one.when < before]
        self._delete_events([one.name for one in loose])
        return n + len(loose)

    def contents(self) -> dict[str, Content]:
        """Return the contents by hash."""
        found: dict[str, Content] = {}
        for name, size in self.objects.names("objects/"):
            sha256 = PurePosixPath(name).stem
            found[sha256] = Content(sha256, name, size)
        for event in self.event_names():
            if event.sha256:
                found.setdefault(event.sha256, Content(event.sha256)).events.append(event)
        for content in found.values():
            content.events.sort(key=lambda one: (one.when, one.name))
        return found

    def event_names(self, prefix: str = "events/") -> Iterator[EventName]:
        """Yield the parsed names of all events."""
        for name, _ in self.objects.names(prefix):
            if (event := EventName.parse(name)) is not None:
                yield event

    def read_content(self, content: Content) -> bytes:
        """Return a kept file.

        Raises
        ------
        GenrekitError
            If it is gone, or is not what its name says.
        """
        data = self.objects.read(content.object) if content.object else None
        if data is None:
            raise GenrekitError("The file is not in the store.")
        if hash_bytes(data) != content.sha256:
            raise GenrekitError("The file is damaged: its SHA-256 is not the one in its name.")
        return data

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a JSON object; None if it does not exist, or is not an object."""
        content = self.objects.read(name)
        if content is None:
            return None
        try:
            value = json.loads(content)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Write an object of JSON."""
        self.objects.write(name, json.dumps(value, indent=1).encode())

    def _pointed(self, pointer: str) -> Event | None:
        facts = self.read_json(pointer)
        name = facts.get("event") if facts else None
        if not isinstance(name, str) or EventName.parse(name) is None:
            return None
        return self.event(name)

    def _delete_events(self, names: Iterable[str]) -> None:
        for name in names:
            event = self.event(name)
            known = EventName.parse(name)
            gone = [name]
            if event is not None and event.receipt:
                gone.append(f"receipts/{event.receipt}.json")
            if known is not None and known.kind == "keep":
                gone.append(f"ids/{known.id}.json")
            self.objects.remove(gone)


def object_name(sha256: str, suffix: str) -> str:
    """Return the name of the object of a content."""
    return f"objects/{sha256[:2]}/{sha256}{suffix}"
