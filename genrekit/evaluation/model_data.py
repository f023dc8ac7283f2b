"""Data sets as a model knows them: in its spelling of labels, with its splits, and whether it learned from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from genrekit.datasets import Ambiguous, Dataset, Reading, Split, make_split
from genrekit.errors import DatasetError
from genrekit.hashing import hash_file
from genrekit.labels import canonical
from genrekit.metrics import WHOLE
from genrekit.prediction import Model
from genrekit.training import (
    open_for,
)
from genrekit.types import Say, Sources, silent


def open_in_words_of(
    model: Model,
    source: Sources,
    *,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    say: Say = silent,
) -> Dataset:
    """Open a source as a model reads it, with labels in the spelling of the model."""
    dataset = open_for(
        model.backend, model.config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read
    )
    return _in_words_of(model, dataset, say)


def learned_from(model: Model, dataset: Dataset, found: Split, part: str) -> bool:
    """Return whether the facts of a bundle say that it learned from a part of a data set."""
    facts = model.bundle.manifest.data
    refitted = str(facts.get("fitted_on", "")).startswith(("all splits", "all sides"))
    same = facts.get("fingerprint") == dataset.fingerprint
    # The same file read in another way, or GTZAN as audio instead of its table, has another fingerprint.
    again = dataset.file is not None and facts.get("sha256") == hash_file(dataset.file)
    known = same or again or (refitted and dataset.layout == facts.get("layout") == "gtzan")
    whole = found.method.startswith(WHOLE)
    return known and (refitted or whole or part != "test")


def _in_words_of(model: Model, dataset: Dataset, say: Say) -> Dataset:
    """Rename labels to the spelling of the model."""
    names = {canonical(label): label for label in model.labels}
    renamed = {
        label: names[canonical(label)]
        for label in dataset.labels
        if label not in model.labels and canonical(label) in names
    }
    if not renamed:
        return dataset
    say("note: read " + ", ".join(f"{a!r} as {b!r}" for a, b in renamed.items()))
    return replace(
        dataset,
        examples=tuple(
            replace(e, labels=tuple(dict.fromkeys(renamed.get(label, label) for label in e.labels)))
            for e in dataset.examples
        ),
    )


def split_of(model: Model, dataset: Dataset, split: str | None) -> Split:
    """Return the split of which a part is to be measured: as the training of the model made it, or as published.

    Without a name of a part, all examples are the test part.

    Raises
    ------
    DatasetError
        If the data set has no splits, and is not the one that the model was trained on.
    """
    facts: Mapping[str, Any] = model.bundle.manifest.data
    if split is None:
        return Split((), (), tuple(range(len(dataset.examples))), f"{WHOLE}{dataset.source}")
    made = facts.get("split")
    if facts.get("fingerprint") == dataset.fingerprint and isinstance(made, Mapping):
        return make_split(
            dataset.examples,
            test_size=made["test_size"],
            valid_size=made["valid_size"],
            seed=made["seed"],
            by=made["by"],
        )
    if any(example.split for example in dataset.examples):
        return make_split(dataset.examples, by="published", valid_size=0)
    raise DatasetError(
        f"{dataset.source} has no splits, and it is not the data set that the model was trained on.",
        "Omit --split to evaluate all of it, or write splits: "
        f"genrekit datasets split {dataset.source} -o splits.csv",
    )
