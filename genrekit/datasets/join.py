"""Several sources as one data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genrekit.datasets.base import Dataset
from genrekit.errors import DatasetError
from genrekit.text import printable
from genrekit.types import Example


def join(datasets: Sequence[Dataset]) -> Dataset:
    """Return the examples of several data sets as one, in their order, with groups and splits as they are.

    A file that several sources hold is taken once; an id that several have gets its source before it. A group of one
    name is one group in all of them.

    Raises
    ------
    DatasetError
        If they hold different kinds of examples.
    """
    if len(datasets) == 1:
        return datasets[0]
    first = datasets[0]
    for other in datasets[1:]:
        if _kind(other) != _kind(first):
            raise DatasetError(
                f"{printable(first.source)} holds {_kind(first)}, {printable(other.source)} holds {_kind(other)}: "
                "sources of one kind can be read together.",
                "Train on one of them, or on each by itself.",
            )
    repeated = {
        name for name, n in Counter(e.id for dataset in datasets for e in dataset.examples).items() if n > 1
    }
    examples: list[Example] = []
    left_out: list[tuple[str, str]] = []
    holders: dict[Path, str] = {}
    for dataset in datasets:
        source = printable(dataset.source)
        left_out += [(f"{source}: {name}", reason) for name, reason in dataset.left_out]
        for example in dataset.examples:
            place = example.path.resolve() if example.path is not None else None
            holder = holders.setdefault(place, source) if place is not None else source
            if holder != source:
                left_out.append((f"{source}: {example.id}", f"is in {holder} too"))
            elif example.id in repeated:
                examples.append(replace(example, id=f"{source}: {example.id}"))
            else:
                examples.append(example)
    split = {any(e.split for e in dataset.examples) for dataset in datasets}
    notes = [f"{printable(dataset.source)}: {note}" for dataset in datasets for note in dataset.notes]
    if len(split) > 1:
        without = [printable(d.source) for d in datasets if not any(e.split for e in d.examples)]
        notes.append(f"{', '.join(without)} has no published split; --split-by group splits all sources anew")
    layouts = {dataset.layout for dataset in datasets}
    return Dataset(
        source=" + ".join(dataset.source for dataset in datasets),
        layout=layouts.pop() if len(layouts) == 1 else "several",
        modality=first.modality,
        examples=tuple(examples),
        left_out=tuple(left_out),
        notes=tuple(notes),
        removed=sum((Counter(dataset.removed) for dataset in datasets), Counter()),
        sources=tuple(dataset.source for dataset in datasets),
    )


def _kind(dataset: Dataset) -> str:
    example = dataset.examples[0]
    if example.array is not None:
        return f"{example.kind}s"
    if example.row is not None:
        return "a table of features"
    return f"{dataset.modality} files"
