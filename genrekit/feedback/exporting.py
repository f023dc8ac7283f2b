"""Corrections for other programs: CSV, and the JSON of Label Studio."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from genrekit.feedback.cleaning import ROW
from genrekit.feedback.events import Event
from genrekit.feedback.store import Content, Store
from genrekit.media import suffix_modality
from genrekit.types import Modality

COLUMNS = (
    *("sha256", "file", "label", "verdict", "predicted", "score", "model", "model_sha256"),
    *("uploader", "giver", "time", "comment"),
)
TAG, SOURCE = "genre", "input"
"""Names of the control and of the object in a labelling config of Label Studio."""


def said(store: Store) -> Iterator[tuple[Content, Event | None, list[Event]]]:
    """Yield every kept content with its first ``keep`` event and its feedback, in the order of hashes."""
    for _, content in sorted(store.contents().items()):
        if not content.object:
            continue
        keep = next((name for name in content.events if name.kind == "keep"), None)
        events = [store.event(name.name) for name in content.events if name.kind == "feedback"]
        yield content, store.event(keep.name) if keep else None, [one for one in events if one is not None]


def export_csv(store: Store) -> str:
    """Return the feedback on kept files, one line per judgement; files without feedback have one line."""
    stream = io.StringIO()
    out = csv.writer(stream, lineterminator="\n")
    out.writerow(COLUMNS)
    for content, keep, events in said(store):
        for event in events or ([keep] if keep else []):
            out.writerow(_line(content, event))
    return stream.getvalue()


def _line(content: Content, event: Event) -> Sequence[Any]:
    predicted = event.predicted
    comment = event.comment
    if comment[:1] in ("=", "+", "-", "@", "\t", "\r"):  # a spreadsheet would compute it
        comment = f"'{comment}"
    return (
        *(content.sha256, content.object, "|".join(event.labels), event.verdict or ""),
        *("|".join(predicted.labels), predicted.scores[0][1] if predicted.scores else ""),
        *(predicted.model, predicted.model_sha256, event.uploader, event.giver, event.time, comment),
    )


def export_label_studio(store: Store) -> str:
    """Return kept files as tasks of Label Studio, with predictions, and with the feedback as annotations.

    A labelling config has ``<Choices name="genre" toName="input">`` and an object ``input`` that shows ``$image``, ``$audio``
    or ``$row``.
    """
    tasks = []
    for content, keep, events in said(store):
        predictions = []
        if keep is not None and keep.predicted.labels:
            score = keep.predicted.scores[0][1] if keep.predicted.scores else None
            version = f"{keep.predicted.model} {keep.predicted.model_sha256[:12]}".strip()
            predictions.append(
                {"model_version": version, "score": score, "result": _choices(keep.predicted.labels)}
            )
        annotations = [
            {"completed_by": event.giver or event.uploader, "result": _choices(event.labels)}
            for event in events
            if event.labels
        ]
        data = {_kind(content): f"{store.word}/{content.object}", "sha256": content.sha256}
        tasks.append({"data": data, "predictions": predictions, "annotations": annotations})
    return json.dumps(tasks, indent=1, ensure_ascii=False) + "\n"


def _kind(content: Content) -> str:
    if content.suffix == ROW:
        return "row"
    return "image" if suffix_modality(f"a{content.suffix}") is Modality.IMAGE else "audio"


def _choices(labels: Sequence[str]) -> list[dict[str, Any]]:
    value = {"choices": list(labels)}
    return [{"from_name": TAG, "to_name": SOURCE, "type": "choices", "value": value}]
