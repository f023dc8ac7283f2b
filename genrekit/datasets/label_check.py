"""Doubtful labels: spellings of each other, more than one genre in one label, or no genre."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from genrekit.labels import look_alike, same_genre
from genrekit.text import quote_all

PLACEHOLDERS = frozenset(
    "unknown,unknown genre,misc,miscellaneous,various,unclassifiable,unclassified,unsorted,no genre,untagged,"
    "unlabeled,unlabelled,no label,tbd,todo,genre,genres,label,labels".split(",")
)
"""Labels that mean that the genre is unknown, or that are names of columns."""

_JOINED = re.compile(r"\s*[/;,+]\s*|\s+(?:&|and)\s+")
_LISTED = re.compile(r"[;,]")
_ENUMERATED = re.compile(r",\s*(?:&|and)\s")


def labels_in_doubt(
    labels: Sequence[str],
) -> Iterator[tuple[Literal["label-spelling", "label-suspect"], tuple[str, ...], str]]:
    """Yield the doubts about the labels of a data set: kind, labels and explanation.

    Examples
    --------
    >>> [why for _, _, why in labels_in_doubt(["rock", "pop", "pop/rock", "unknown"])]
    ["may be more than one genre: 'pop', 'rock'", 'may mean that no genre is known']
    """
    for name, spellings in same_genre(labels).items():
        yield "label-spelling", spellings, f"all mean {name}"
    for spellings in look_alike(labels):
        yield "label-spelling", spellings, f"look alike: {', '.join(map(ascii, spellings))}"
    there = set(labels)
    for label in labels:
        parts = [part.strip() for part in _JOINED.split(label)]
        is_list = _LISTED.search(label) and not _ENUMERATED.search(label)
        if len(parts) > 1 and (is_list or there.issuperset(parts)):
            yield "label-suspect", (label,), f"may be more than one genre: {quote_all(parts)}"
        elif label in PLACEHOLDERS:
            yield "label-suspect", (label,), "may mean that no genre is known"
