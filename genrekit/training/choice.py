"""Choice of the backends that can learn from a source, by its content."""

from __future__ import annotations

from genrekit.backends import ReadsTables, registry
from genrekit.datasets import Ambiguous, Dataset, Reading, open_dataset
from genrekit.errors import DatasetError
from genrekit.types import Modality, Sources

DEFAULT = "gtzan"

_HOLDS = {Modality.AUDIO: "songs", Modality.IMAGE: "pictures"}


def backends_for(
    source: Sources, *, ambiguous: Ambiguous = "drop", read: Reading | None = None
) -> tuple[tuple[str, ...], str]:
    """Find the backends that can read a source.

    Parameters
    ----------
    source : str, Path or sequence of these
        As for `genrekit.datasets.open_dataset`.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of tracks with several genres.
    read : Reading, optional
        Kind to read where the source holds several.

    Returns
    -------
    tuple of str
        The names of the backends, sorted; none where the source cannot be opened.
    str
        Content of the source, in words.
    """
    try:
        dataset = open_dataset(
            source, schemas=registry.table_schemas(), prefer=read, spectrograms=True, ambiguous=ambiguous
        )
    except DatasetError:
        return (), ""
    found = tuple(item.name for item in registry.listings() if item.info and _reads(item.name, dataset))
    return found, _words(dataset)


def choose_backend(
    source: Sources, *, ambiguous: Ambiguous = "drop", read: Reading | None = None
) -> tuple[str, str]:
    """Choose the backend for a source for which none was named.

    The default is kept where it fits, where several others fit, and where the source cannot be opened: opening it for
    training then reports why.

    Parameters
    ----------
    source : str, Path or sequence of these
        As for `genrekit.datasets.open_dataset`.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of tracks with several genres.
    read : Reading, optional
        Kind to read where the source holds several.

    Returns
    -------
    str
        Name of the backend.
    str
        A sentence on the choice; '' for the default backend.
    """
    found, holds = backends_for(source, ambiguous=ambiguous, read=read)
    if DEFAULT in found or len(found) != 1:
        return DEFAULT, ""
    return found[0], f"backend {found[0]}, the one that reads {holds}; --backend NAME takes another"


def _reads(name: str, dataset: Dataset) -> bool:
    backend = registry.get(name)
    example = dataset.examples[0]
    if example.array is not None:
        return example.kind in backend.info.arrays
    if example.row is None:
        return backend.info.modality is dataset.modality
    columns = tuple(example.row)
    if isinstance(backend, ReadsTables):
        return bool(backend.feature_columns(columns))
    return bool(backend.info.columns) and set(backend.info.columns) <= set(columns)


def _words(dataset: Dataset) -> str:
    example = dataset.examples[0]
    if example.array is not None:
        return f"{example.kind}s"
    if example.row is not None:
        names = [item.name for item in registry.listings() if item.info and _reads(item.name, dataset)]
        return f"a table of {' or '.join(names)} features"
    return _HOLDS.get(dataset.modality, f"{dataset.modality} files")
