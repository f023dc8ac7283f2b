"""A check of a store: damaged and unreadable files, files without consent, events without files, contradictions."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from genrekit.errors import GenrekitError
from genrekit.feedback.cleaning import ROW, clean
from genrekit.feedback.corrections import agreed
from genrekit.feedback.events import EventName
from genrekit.feedback.store import Content, Store
from genrekit.hashing import hash_bytes

KNOWN = ("objects/", "events/", "ids/", "receipts/", "models/", "reports/", "current.json", "served.json")


def check_store(store: Store) -> list[tuple[str, str]]:
    """Return the problems of a store: the name of an object, and the problem.

    Raises
    ------
    GenrekitError
        If the store is away.
    """
    found = [
        (name, "is of no kind that a store has")
        for name, _ in store.objects.names()
        if not name.startswith(KNOWN) or (name.startswith("events/") and EventName.parse(name) is None)
    ]
    for _, content in sorted(store.contents().items()):
        name = content.object or f"content {content.sha256}"
        found += [(name, problem) for problem in _problems(store, content)]
    for name, _ in store.objects.names("models/"):
        sha256 = Path(name).stem
        if name.endswith(".genrekit") and hash_bytes(store.objects.read(name) or b"") != sha256:
            found.append((name, "is damaged: its SHA-256 is not the one in its name"))
    return found


def _problems(store: Store, content: Content) -> list[str]:
    if not content.object:
        return ["has events and no file"]
    problems = []
    events = {name: store.event(name.name) for name in content.events}
    problems += [f"has a damaged event: {name.name}" for name, event in events.items() if event is None]
    read = [event for event in events.values() if event is not None]
    if not any(event.kind == "keep" and event.consent for event in read):
        problems.append("is kept without consent")
    if problem := agreed([event for event in read if event.kind == "feedback"])[1]:
        problems.append(problem)
    try:
        data = store.read_content(content)
        _read(data, content)
    except GenrekitError as error:
        problems.append(f"cannot be used: {error.message}")
    return problems


def _read(data: bytes, content: Content) -> None:
    if content.suffix == ROW:
        try:
            row = json.loads(data)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise GenrekitError("The row cannot be read.")
        return
    with tempfile.TemporaryDirectory(prefix="genrekit-check-") as folder:
        path = Path(folder) / f"file{content.suffix}"
        path.write_bytes(data)
        clean((path, Path(folder) / "clean", content.suffix))
