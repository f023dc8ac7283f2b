"""The identity of training data: equal for equal content, labels and splits, whatever the files are called."""

from __future__ import annotations

from genrekit.datasets import Split, substance
from genrekit.hashing import hash_json
from genrekit.training.prepared_dataset import PreparedDataset


def data_fingerprint(prepared: PreparedDataset, split: Split) -> str:
    """Return the SHA-256 over content, labels, group and split of every prepared example, in no order.

    Parameters
    ----------
    prepared : PreparedDataset
        Files count by their content keys, where these were asked for, else by name and size; rows and
        spectrograms by their values.
    split : Split

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    facts = []
    for part in ("train", "valid", "test"):
        for i in getattr(split, part):
            if i in prepared.windows:
                example = prepared.dataset.examples[i]
                key = prepared.file_keys.get(i)
                content = [example.id, substance(example)] if key is None else [prepared.kind, key]
                facts.append(hash_json([content, sorted(example.labels), example.group, part]))
    return hash_json(sorted(facts))
