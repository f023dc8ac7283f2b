"""Opening of data sets: folders, manifests, tables, spectrograms, and the data sets that are registered by name.

Every layout has its own module; `open_dataset` chooses the one of a source. The word before a colon is the name of a
data set in the entry-point group ``genrekit.datasets``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from genrekit.datasets import registry
from genrekit.datasets.base import Ambiguous, Dataset, Reading
from genrekit.datasets.folder import open_folder
from genrekit.datasets.gtzan.loader import names_gtzan, with_gtzan_facts
from genrekit.datasets.join import join
from genrekit.datasets.manifest import open_manifest
from genrekit.datasets.source import SCHEMAS, DataSource, OpenOptions, Part, RemoteFile
from genrekit.datasets.spectrograms import open_spectrograms
from genrekit.datasets.spotify.loader import open_spotify
from genrekit.datasets.table import match, open_table, what_is_wrong
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.features import recognises
from genrekit.labels import canonical, look_alike, same_fold, same_genre
from genrekit.media import suffix_modality
from genrekit.tables import DATA_FRAME, LABEL_COLUMNS, PATH_COLUMNS, Table, table_of
from genrekit.tables import open_table as open_any_table
from genrekit.text import nearest, printable, quote_all
from genrekit.types import Modality, Source, Sources, is_data_frame, listed_sources

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DataSource", "Dataset", "OpenOptions", "Part", "RemoteFile", "open_dataset"]

FORMS = (
    "Allowed are a folder of genre folders, a manifest (.csv, .tsv or .parquet with the columns path and "
    "label), a table of features, spectrograms (.npz), gtzan:FOLDER, fma:FOLDER, synthetic:, and what else "
    "'genrekit datasets list' names."
)


def open_dataset(
    source: Sources,
    *,
    schemas: Mapping[str, Sequence[str]] = SCHEMAS,
    modality: Modality | None = None,
    prefer: Reading | None = None,
    spectrograms: bool = False,
    require_labels: bool = True,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
) -> Dataset:
    """Open a data set.

    Parameters
    ----------
    source : str, Path or DataFrame, or a sequence of them
        Several are read as one data set of one kind. A data frame is read as a table of its columns; see `to_frame` of the
        result for its index, and relative paths in it start at the current directory.
        A folder of genre folders; a CSV, TSV or Parquet file that has the columns of a table of features, or
        else of a manifest (path,label[,group][,split]); JSON of Spotify's features; spectrograms (``.npz``);
        ``gtzan:FOLDER``; ``fma:FOLDER`` or, for example, ``fma:FOLDER?size=medium&labels=genres_all``;
        ``synthetic:`` or, for example, ``synthetic:?genres=4&songs=12&seconds=6&seed=0``; ``NAME:...`` for any other
        name of `genrekit.datasets.registry`.
    schemas : Mapping of str to sequence of str
        The feature columns by which a table is recognised. For ``spotify``, alternative
        spellings are recognised and columns may be missing (`genrekit.features.spotify_schema`).
    modality : Modality, optional
        Kind of files to take if audio files and images are mixed; by default the more frequent one. TABLE
        refuses sources of files.
    prefer : {'table', 'audio', 'spectrogram'}, optional
        Content to read if ``gtzan:FOLDER`` holds more than one kind; by default the one with more tracks.
    spectrograms : bool
        Whether precomputed log-mel spectrograms may be chosen without ``prefer``.
    require_labels : bool
        Whether rows and files without a label are left out; False where labels are not needed.
    merge_labels : bool
        Whether spellings of one genre (``hiphop``, ``rap``) become one label.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a cell that holds more than one genre without ``|``, and of a track of a Spotify table that
        has more than one: left out, kept with the first, or with all of them.

    Returns
    -------
    Dataset
        ``left_out`` has everything that was left out with its reason, ``notes`` the doubtful cases.

    Raises
    ------
    UnknownSourceError
        If the source is not one of these, or its options are wrong.
    DatasetError
        If it cannot be read, or has no usable example.

    Examples
    --------
    >>> dataset = open_dataset("synthetic:?genres=2&songs=2&seconds=1")
    >>> dataset.counts
    {'classical': 2, 'disco': 2}
    """
    sources = listed_sources(source)
    if not sources:
        raise UnknownSourceError("No data set is named.", FORMS)
    dataset = join(
        [
            _open_one(
                one,
                schemas,
                modality,
                prefer,
                ambiguous,
                spectrograms=spectrograms,
                require_labels=require_labels,
            )
            for one in sources
        ]
    )
    dataset = _with_one_spelling(dataset)
    return _with_merged_labels(dataset) if merge_labels else _with_label_note(dataset)


def _open_one(
    given: Source,
    schemas: Mapping[str, Sequence[str]],
    modality: Modality | None,
    prefer: Reading | None,
    ambiguous: Ambiguous,
    *,
    spectrograms: bool,
    require_labels: bool,
) -> Dataset:
    source = DATA_FRAME if is_data_frame(given) else str(given)
    scheme, colon, _ = source.partition(":")
    if is_data_frame(given):
        dataset = _open_data_frame(given, schemas, modality, require_labels, ambiguous)
    elif colon and scheme in registry.names():
        dataset = _open_registered(
            scheme, source, OpenOptions(schemas, prefer, spectrograms, require_labels, ambiguous)
        )
    else:
        dataset = _open_path(source, schemas, modality, require_labels, ambiguous)
    if modality is Modality.TABLE and dataset.modality is not Modality.TABLE:
        raise DatasetError(
            f"{printable(source)} holds {_what(dataset)}; a table of features is needed here.",
            f"Known are the columns of {', '.join(schemas) or 'none'}.",
        )
    return dataset


def _open_registered(name: str, source: str, options: OpenOptions) -> Dataset:
    registered = registry.get(name)
    if registered.read is None:
        raise DatasetError(
            f"{printable(source)} cannot be read: {registered.title} has nothing that genrekit learns from.",
            f"It {registered.how}.",
        )
    return registered.read(source, options)


def _open_path(
    source: str,
    schemas: Mapping[str, Sequence[str]],
    modality: Modality | None,
    require_labels: bool,
    ambiguous: Ambiguous,
) -> Dataset:
    if not source:
        raise UnknownSourceError("No data set is named.", FORMS)
    path = Path(source)
    kind_of_files = None if modality is Modality.TABLE else modality
    try:
        if path.is_dir():
            return open_folder(source, path, modality=kind_of_files, require_labels=require_labels)
        found = path.is_file()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{printable(source)} cannot be opened: {error}.", FORMS) from error
    if not found:
        raise _unknown(source)
    kind = suffix_modality(path)
    if kind in {Modality.AUDIO, Modality.IMAGE}:
        raise DatasetError(
            f"{printable(source)} is one {kind} file, not a data set.",
            f"{FORMS} To classify one file: genrekit predict {printable(source)}",
        )
    if path.suffix.lower() == ".npz":
        return open_spectrograms(source, path, require_labels=require_labels, ambiguous=ambiguous)
    return _open_table(source, open_any_table(path), schemas, kind_of_files, require_labels, ambiguous)


def _open_data_frame(
    frame: pd.DataFrame,
    schemas: Mapping[str, Sequence[str]],
    modality: Modality | None,
    require_labels: bool,
    ambiguous: Ambiguous,
) -> Dataset:
    kind_of_files = None if modality is Modality.TABLE else modality
    with TemporaryDirectory(prefix="genrekit-") as folder:
        table = table_of(frame, Path(folder) / "frame.parquet")
        dataset = _open_table(DATA_FRAME, table, schemas, kind_of_files, require_labels, ambiguous)
    return replace(dataset, index=frame.index)


def _open_table(
    source: str,
    table: Table,
    schemas: Mapping[str, Sequence[str]],
    modality: Modality | None,
    require_labels: bool,
    ambiguous: Ambiguous,
) -> Dataset:
    if "spotify" in schemas and recognises(table.columns):
        return open_spotify(source, table, ambiguous=ambiguous, require_labels=require_labels)
    cells = table.cells()
    schema = match(cells, schemas)
    if schema is not None:
        dataset = open_table(
            source, cells, schema, schemas[schema], require_labels=require_labels, ambiguous=ambiguous
        )
        return with_gtzan_facts(dataset, table.base) if names_gtzan(dataset.examples) else dataset
    if cells.find(PATH_COLUMNS) is None:
        known = what_is_wrong(cells.columns, schemas)
        if schemas and not known:
            known = f" The features of {', '.join(schemas)} are known."
        raise DatasetError(
            f"{printable(source)} is not a manifest or a known table: it has the columns "
            f"{quote_all(filter(str.strip, cells.columns))}.{known}",
            f"A manifest has a column {quote_all(PATH_COLUMNS[:3])} and a column {quote_all(LABEL_COLUMNS)}.",
        )
    return open_manifest(source, cells, modality=modality, require_labels=require_labels, ambiguous=ambiguous)


def _unknown(source: str) -> UnknownSourceError:
    scheme, colon, rest = source.partition(":")
    guess = nearest(scheme.lower(), registry.names())
    if "://" in source:
        return UnknownSourceError(f"{printable(source)} is an address; nothing is downloaded.", FORMS)
    if guess and (colon or guess == scheme):
        return UnknownSourceError(
            f"There is no data set {printable(source)!r}.", f"Did you mean {guess}:{rest}? {FORMS}"
        )
    if os.path.exists(source):  # noqa: PTH110 - names that pathlib refuses
        return UnknownSourceError(f"{printable(source)} is a pipe, socket or device, not a file.", FORMS)
    siblings = []
    parent = Path(source).parent
    if parent.is_dir():
        siblings = [entry.name for entry in parent.iterdir()]
    close = nearest(Path(source).name, siblings)
    hint = f"Did you mean {printable(parent / close)}? " if close else ""
    return UnknownSourceError(f"{printable(source)} does not exist.", hint + FORMS)


def _what(dataset: Dataset) -> str:
    return f"{dataset.examples[0].kind or dataset.modality + ' file'}s"


def _with_one_spelling(dataset: Dataset) -> Dataset:
    """Replace labels that differ in their form only by the most frequent spelling, and add a note."""
    counts = dataset.counts
    groups = same_fold(counts)
    if not groups:
        return dataset
    chosen = {label: max(group, key=lambda name: counts[name]) for group in groups for label in group}
    examples = tuple(
        replace(e, labels=tuple(dict.fromkeys(chosen.get(label, label) for label in e.labels)))
        for e in dataset.examples
    )
    notes = (
        f"{quote_all(group)} look alike and were read as the one label '{chosen[group[0]]}'"
        for group in groups
    )
    return replace(dataset, examples=examples, notes=(*dataset.notes, *notes))


def _with_merged_labels(dataset: Dataset) -> Dataset:
    """Replace every label by its canonical name, and add a note on merged spellings."""
    spellings = same_genre(dataset.labels)
    examples = tuple(
        replace(e, labels=tuple(dict.fromkeys(canonical(label) for label in e.labels)))
        for e in dataset.examples
    )
    notes = tuple(f"{quote_all(members)} were merged into '{name}'" for name, members in spellings.items())
    return replace(dataset, examples=examples, notes=(*dataset.notes, *notes))


def _with_label_note(dataset: Dataset) -> Dataset:
    """Add notes on labels that look like spellings of one genre, and on labels with a single example."""
    notes = [
        f"{quote_all(members)} are spellings of one genre and are kept apart; they can be merged"
        for members in same_genre(dataset.labels).values()
    ]
    notes += [f"{quote_all(members)} look alike and are kept apart" for members in look_alike(dataset.labels)]
    lonely = [label for label, count in dataset.counts.items() if count == 1]
    if lonely and len(dataset.examples) > 1:
        notes.append(f"{quote_all(lonely)}: a single example, which cannot be in more than one split")
    return replace(dataset, notes=(*dataset.notes, *notes))
