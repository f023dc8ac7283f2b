"""Corrections to train on: the labels that all users agree on per kept file, limited shares per user, and a held-back quarter."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from genrekit.errors import GenrekitError
from genrekit.feedback.cleaning import ROW
from genrekit.feedback.events import Event
from genrekit.feedback.store import Content, Store
from genrekit.labels import canonical
from genrekit.media import suffix_modality
from genrekit.prediction import Model
from genrekit.types import Example, Modality

HELD_BACK = 4
"""One uploader in so many is never trained on."""


@dataclass(frozen=True)
class Correction:
    """A kept file and its right labels.

    Attributes
    ----------
    content : Content
    labels : tuple of str
    uploader : str
    when : datetime
        When the last of its labels was given.
    """

    content: Content
    labels: tuple[str, ...]
    uploader: str
    when: datetime

    @property
    def id(self) -> str:
        """Name of the example."""
        return f"correction {self.content.sha256[:16]}"

    @property
    def held_back(self) -> bool:
        """True if its uploader is one of those who are never trained on."""
        return is_held_back(self.uploader)


LeftOut = list[tuple[str, str]]


def collect(store: Store, model: Model) -> tuple[list[Correction], LeftOut]:
    """Return the corrections that a model can learn, in the order of their hashes, and the excluded ones with their reasons.

    Raises
    ------
    GenrekitError
        If the store is away.
    """
    found: list[Correction] = []
    left_out: LeftOut = []
    for sha256, content in sorted(store.contents().items()):
        said = [
            event for name in content.events if name.kind == "feedback" and (event := store.event(name.name))
        ]
        if not content.object or not said or not _reads(model, content):
            continue
        labels, problem = agreed(said)
        if labels and not problem:
            labels, problem = _in_words_of(model, labels)
        if problem:
            left_out.append((f"correction {sha256[:16]}", problem))
        elif labels:
            when = max(event.when for event in said)
            found.append(Correction(content, labels, content.uploader, when))
    return found, left_out


def agreed(said: Sequence[Event]) -> tuple[tuple[str, ...], str]:
    """Return the labels that all who labelled a file agree on, and a problem; the last word of each of them counts."""
    last: dict[str, Event] = {}
    for event in sorted(said, key=lambda event: event.when):
        last[event.giver or event.uploader] = event
    labels = {tuple(sorted(event.labels)) for event in last.values() if event.labels}
    if len(labels) > 1:
        words = " and ".join(sorted("|".join(one) for one in labels))
        return (), f"contradiction: {words[:200]}"
    return (labels.pop() if labels else ()), ""


def _reads(model: Model, content: Content) -> bool:
    if content.suffix == ROW:
        return bool(model.backend.info.columns)
    kind = suffix_modality(f"a{content.suffix}") or Modality.AUDIO
    return kind is model.backend.info.modality


def _in_words_of(model: Model, labels: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    spelling = {canonical(label): label for label in model.labels}
    unknown = [label for label in labels if canonical(label) not in spelling]
    if unknown:
        return (), f"{model.name} does not know the label {unknown[0]!r}"
    if len(labels) > 1 and not model.bundle.manifest.multilabel:
        return (), f"{model.name} learns one label, and this has {len(labels)}"
    return tuple(spelling[canonical(label)] for label in labels), ""


def fetch(
    store: Store, corrections: Iterable[Correction], columns: Sequence[str], folder: Path
) -> tuple[list[tuple[Correction, Example]], LeftOut]:
    """Copy the files of corrections into a folder; return them as examples whose group is the uploader.

    Parameters
    ----------
    store : Store
    corrections : iterable of Correction
    columns : sequence of str
        Columns of the rows that the model reads.
    folder : Path
    """
    found: list[tuple[Correction, Example]] = []
    left_out: LeftOut = []
    for one in corrections:
        facts = {"id": one.id, "labels": one.labels, "group": f"uploader {one.uploader}"}
        try:
            data = store.read_content(one.content)
            if one.content.suffix == ROW:
                found.append((one, Example(row=_row(data, columns), **facts)))  # type: ignore[arg-type]
                continue
        except GenrekitError as error:
            left_out.append((one.id, error.message))
            continue
        path = folder / f"{one.content.sha256}{one.content.suffix}"
        path.write_bytes(data)
        found.append((one, Example(path=path, **facts)))  # type: ignore[arg-type]
    return found, left_out


def _row(data: bytes, columns: Sequence[str]) -> dict[str, float]:
    try:
        row = json.loads(data)
        found = {str(name): float(value) for name, value in row.items()}
    except (ValueError, AttributeError, TypeError):
        raise GenrekitError("The row cannot be read.") from None
    if not set(found) <= set(columns) or not found:
        raise GenrekitError("The row has other columns than the model reads.")
    return {name: found.get(name, math.nan) for name in columns}


def is_held_back(uploader: str) -> bool:
    """Return whether an uploader is one of the quarter that is never trained on: always the same ones.

    Examples
    --------
    >>> sum(is_held_back(f"{n:032x}") for n in range(1000))
    244
    """
    digest = hashlib.sha256(f"genrekit held back {uploader}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_BACK == 0


def capped(
    corrections: Sequence[Correction], counts: Mapping[str, int], max_share: float
) -> tuple[list[Correction], list[Correction]]:
    """Divide corrections into those that are learnt and those beyond the share of their uploader.

    Of what is learnt of a label, the original examples included, at most ``max_share`` comes from one uploader.

    Parameters
    ----------
    corrections : sequence of Correction
    counts : Mapping of str to int
        Original training examples by label.
    max_share : float in (0, 1]
    """
    by_label: defaultdict[str, list[Correction]] = defaultdict(list)
    for one in corrections:
        by_label[one.labels[0]].append(one)
    over: set[str] = set()
    for label, ones in by_label.items():
        sizes = Counter(one.uploader for one in ones)
        most = _most(list(sizes.values()), counts.get(label, 0), max_share)
        taken: Counter[str] = Counter()
        for one in sorted(ones, key=lambda one: one.content.sha256):
            taken[one.uploader] += 1
            if taken[one.uploader] > most:
                over.add(one.content.sha256)
    kept = [one for one in corrections if one.content.sha256 not in over]
    return kept, [one for one in corrections if one.content.sha256 in over]


def _most(sizes: Sequence[int], original: int, max_share: float) -> int:
    """Return the maximum per uploader: the largest number within the allowed share of the resulting total."""
    most = max(sizes, default=0)
    while most and most > max_share * (original + sum(min(size, most) for size in sizes)):
        most -= 1
    return most
