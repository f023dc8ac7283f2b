"""Labels from other programs into a store: CSV, and the JSON of Label Studio."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from genrekit.errors import DatasetError, GenrekitError, UsageError
from genrekit.feedback.cleaning import clean
from genrekit.feedback.events import Event, Predicted, hash_receipt, new_id, new_receipt, now, opaque
from genrekit.feedback.limits import Limits, Usage
from genrekit.feedback.store import Content, Store
from genrekit.tables import LABEL_COLUMNS, PATH_COLUMNS, open_table
from genrekit.text import printable

MAX_BYTES = 1 << 28
SHA256_COLUMNS = ("sha256",)
GIVER_COLUMNS = ("giver", "annotator", "uploader")


@dataclass(frozen=True)
class Labelled:
    """One line of an import: a content of the store or a file, its labels, and the user who labelled it."""

    name: str
    labels: tuple[str, ...]
    giver: str
    sha256: str = ""
    path: Path | None = None


@dataclass(frozen=True)
class Imported:
    """Counts of an import.

    Attributes
    ----------
    added : tuple of (str, str)
        Name and receipt.
    failed : tuple of (str, str)
        Name and reason.
    """

    added: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]


def import_labels(store: Store, path: Path, limits: Limits | None = None) -> Imported:
    """Add labels to a store; files that it does not have are kept, without their metadata.

    Who imports states that the files may be kept. Whoever gave a label is known by a hash of its name.

    Parameters
    ----------
    store : Store
    path : Path
        A table with the columns ``sha256`` or ``path``, ``label`` and perhaps ``annotator``; or the JSON of Label Studio.
        Relative paths start at its folder.
    limits : Limits, optional

    Raises
    ------
    GenrekitError
        If the file cannot be read, or the store is away.
    """
    lines = list(_of_label_studio(path) if path.suffix.lower() == ".json" else _of_table(path))
    contents = store.contents()
    usage = Usage(contents.values())
    added, failed = [], []
    for line in lines:
        try:
            added.append((line.name, _add(store, line, contents, usage, limits or Limits())))
        except GenrekitError as error:
            failed.append((line.name, str(error)))
    return Imported(tuple(added), tuple(failed))


def _add(store: Store, line: Labelled, contents: dict[str, Content], usage: Usage, limits: Limits) -> str:
    giver = opaque("import", line.giver)
    content = contents.get(line.sha256)
    if not line.labels:
        raise UsageError("There is no label.")
    with tempfile.TemporaryDirectory(prefix="genrekit-import-") as folder:
        if content is None or not content.object:
            if line.path is None:
                raise UsageError("The store has no such file.")
            cleaned = clean((line.path, Path(folder) / "clean", line.path.suffix.lower()))
            content = contents.get(cleaned.sha256)
        if content is None or not content.object:
            if not usage.fits(cleaned.sha256, cleaned.size, giver, limits):
                raise UsageError("The store is full.", "Raise its limits, or delete old files.")
            keep = _event("keep", giver, "", cleaned.sha256, Predicted(), suffix=cleaned.suffix, consent=True)
            store.keep(cleaned.path, keep)
            usage.add(cleaned.sha256, cleaned.size, giver)
            content = store_content = Content(
                cleaned.sha256, f"objects/{cleaned.sha256[:2]}/{cleaned.sha256}"
            )
            contents[cleaned.sha256] = store_content
            predicted, uploader = Predicted(), giver
        else:
            kept = next((name for name in content.events if name.kind == "keep"), None)
            event = store.event(kept.name) if kept else None
            predicted = event.predicted if event else Predicted()
            uploader = content.uploader or giver
    receipt = new_receipt()
    verdict = "right" if set(line.labels) == set(predicted.labels) else "wrong"
    store.add(
        _event(
            "feedback",
            uploader,
            giver,
            content.sha256,
            predicted,
            receipt=hash_receipt(receipt),
            verdict=verdict,
            labels=line.labels,
        )
    )
    return receipt


def _event(kind: str, uploader: str, giver: str, sha256: str, predicted: Predicted, **facts: Any) -> Event:
    values = {"kind": kind, "time": now(), "id": new_id(), "uploader": uploader, "giver": giver}
    return Event.model_validate({**values, "sha256": sha256, "predicted": predicted, **facts})


def _of_table(path: Path) -> Iterator[Labelled]:
    cells = open_table(path).cells()
    label_at, giver_at = cells.find(LABEL_COLUMNS), cells.find(GIVER_COLUMNS)
    hash_at, path_at = cells.find(SHA256_COLUMNS), cells.find(PATH_COLUMNS)
    if label_at is None or (hash_at is None and path_at is None):
        raise DatasetError(
            f"{printable(path)} is not a table of labels: it needs a column label, and a column path or sha256.",
            "'genrekit feedback export --format csv' writes such a table.",
        )
    for number, row in cells.rows:
        sha256 = row[hash_at].strip().lower() if hash_at is not None else ""
        word = row[path_at].strip() if path_at is not None else ""
        labels = tuple(one.strip().lower() for one in row[label_at].split("|") if one.strip())
        if not labels:
            continue  # nobody said anything of it
        giver = row[giver_at].strip() if giver_at is not None else ""
        yield Labelled(
            f"row {number}", labels, giver or "import", sha256, cells.base / word if word else None
        )


def _of_label_studio(path: Path) -> Iterator[Labelled]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(
                f"{printable(path)} is larger than {MAX_BYTES >> 20} MiB.", "Export it in parts."
            )
        tasks = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{printable(path)} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise DatasetError(f"{printable(path)} is not JSON.", "In Label Studio: Export, JSON.") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DatasetError(f"{printable(path)} is not a list of tasks.", "In Label Studio: Export, JSON.")
    for number, task in enumerate(tasks, start=1):
        data = task.get("data") if isinstance(task.get("data"), dict) else {}
        file = next((data[key] for key in ("image", "audio", "row") if isinstance(data.get(key), str)), "")
        for annotation in _dicts(task.get("annotations")):
            labels = _labels(annotation)
            if labels and not annotation.get("was_cancelled"):
                yield Labelled(
                    f"task {task.get('id', number)}",
                    labels,
                    _giver(annotation.get("completed_by")),
                    str(data.get("sha256", "")),
                    _path(file, path.parent),
                )


def _labels(annotation: dict[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for result in _dicts(annotation.get("result")):
        value = result.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if result.get("type") == "choices" and isinstance(choices, list):
            found |= dict.fromkeys(str(one).strip().lower() for one in choices)
    return tuple(found)


def _giver(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    return str(value or "import")


def _path(word: str, base: Path) -> Path | None:
    """Return the local file that a task names: a path, or an address of Label Studio's local storage."""
    parts = urlsplit(word)
    if parts.scheme and parts.scheme != "file":
        return None
    given = parse_qs(parts.query).get("d", [""])[0] if "local-files" in parts.path else unquote(parts.path)
    return base / given if given else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
