"""Export of data sets: manifests with splits, and tables of features with Kaggle's GTZAN columns."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from genrekit.datasets.genres import join_genres
from genrekit.errors import DatasetError, OutputExistsError, UsageError
from genrekit.features import GTZAN_COLUMNS
from genrekit.text import printable
from genrekit.types import Example

Cell = str | float | int
SUFFIXES = (".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Table:
    """Columns and rows that are ready to be written."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class FeatureRow:
    """The features of an example or of one window of it.

    Attributes
    ----------
    example : Example
    values : sequence of float
        One number per feature column.
    length : int
        Number of samples from which they were computed.
    window : int, optional
        Number of the window, from 0; None if the row is the whole example.
    """

    example: Example
    values: Sequence[float]
    length: int
    window: int | None = None


def manifest_table(examples: Sequence[Example], folder: Path) -> Table:
    """Describe files, or rows of numbers, with their labels, groups and splits.

    Parameters
    ----------
    examples : sequence of Example
        All with a path, or all with a row.
    folder : Path
        Folder of the manifest: paths below it become relative to it, others absolute.

    Returns
    -------
    Table
        path, label, group, split and the identifying columns; rows of numbers as filename, features, label,
        group, split.

    Raises
    ------
    DatasetError
        If the examples are spectrograms, which are neither files nor rows.
    """
    if any(example.array is not None for example in examples):
        raise DatasetError(
            "A manifest lists files or rows; these examples are spectrograms.",
            "Write their splits into the array splits of the .npz file, or use the songs: --read audio.",
        )
    if any(example.address is not None for example in examples):
        raise DatasetError(
            "A manifest lists files; these examples are in an archive.",
            "Unpack it first, or use the archive as it is.",
        )
    extra = tuple(dict.fromkeys(name for example in examples for name in example.extra))
    if examples and examples[0].row is not None:
        features = tuple(examples[0].row)
        first = tuple(name for name in extra if name == "length")
        extra = tuple(name for name in extra if name != "length")
        names = ("filename", *first, *features, "label", "group", "split", *extra)
        return Table(names, tuple(_row_cells(example, first, extra) for example in examples))
    names = ("path", "label", "group", "split", *extra)
    return Table(names, tuple((_place(e, folder), *_labels(e), *_others(e, extra)) for e in examples))


def feature_table(rows: Sequence[FeatureRow], columns: Sequence[str] = GTZAN_COLUMNS) -> Table:
    """Arrange computed features like Kaggle's GTZAN table: filename, length, features, label.

    Windows are named like its slices, ``song.0.wav``. If a file has more than one row, or groups or splits are
    known, the columns group and split follow, so that the table keeps them.

    Parameters
    ----------
    rows : sequence of FeatureRow
    columns : sequence of str
        The names of the features.
    """
    names = _filenames([row.example for row in rows])
    grouped = any(row.window is not None or row.example.group for row in rows)
    has_splits = any(row.example.split for row in rows)
    records: list[tuple[Cell, ...]] = []
    for row in rows:
        name = PurePosixPath(names[row.example.id])
        filename = (
            str(name) if row.window is None else str(name.with_name(f"{name.stem}.{row.window}{name.suffix}"))
        )
        label, group, split = _labels(row.example)
        tail = [group or str(name.with_suffix(""))] * grouped + [split] * has_splits
        records.append((filename, row.length, *map(float, row.values), label, *tail))
    tail = ["group"] * grouped + ["split"] * has_splits
    return Table(("filename", "length", *columns, "label", *tail), tuple(records))


def write_table(table: Table, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a table as CSV, TSV or Parquet, by the suffix; the file is complete or missing.

    Parameters
    ----------
    table : Table
        Columns and rows.
    path : str or Path
        Ends in ``.csv``, ``.tsv`` or ``.parquet``.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    UsageError
        If the suffix is none of these.
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    DatasetError
        If it cannot be written, or holds a path that Parquet cannot (bytes that are not UTF-8).
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{printable(path)} would be written as {suffix or 'no suffix'!r}.", f"Use {', '.join(SUFFIXES)}."
        )
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{printable(path)} exists.", "Choose another name, or allow overwriting.")
    data = to_parquet(table) if suffix == ".parquet" else to_csv(table, "\t" if suffix == ".tsv" else ",")
    try:
        write_whole(data, path)
    except OSError as error:
        raise DatasetError(
            f"{printable(path)} cannot be written: {error.strerror}.", "Choose another place."
        ) from error


def write_whole(data: bytes, path: Path) -> None:
    """Write a file that is either complete or missing, even if many processes write it or one is killed.

    Parameters
    ----------
    data : bytes
        Content of the file.
    path : Path
        In a folder that exists; an existing file is replaced.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    """
    beside = path.with_name(f".writing_{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def to_csv(table: Table, delimiter: str = ",") -> bytes:
    """Return a table as CSV in UTF-8; paths that are not UTF-8 keep their bytes.

    Parameters
    ----------
    table : Table
        Columns and rows.
    delimiter : str
        One character between cells.

    Returns
    -------
    bytes
        Lines end in a newline; cells are quoted where they have to be.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def to_parquet(table: Table) -> bytes:
    """Return a table as Parquet.

    Raises
    ------
    DatasetError
        If a path is not UTF-8.
    """
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    buffer = io.BytesIO()
    try:
        pq.write_table(pa.table([pa.array(column) for column in columns], names=list(table.columns)), buffer)
    except UnicodeEncodeError as error:
        raise DatasetError("Parquet cannot hold a path that is not UTF-8.", "Write a CSV file.") from error
    return buffer.getvalue()


def _row_cells(example: Example, first: tuple[str, ...], extra: tuple[str, ...]) -> tuple[Cell, ...]:
    assert example.row is not None
    return (
        example.id,
        *_others(example, first),
        *example.row.values(),
        *_labels(example),
        *_others(example, extra),
    )


def _others(example: Example, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(example.extra.get(name, "") for name in names)


def _labels(example: Example) -> tuple[str, str, str]:
    return join_genres(example.labels), example.group or "", example.split or ""


def _place(example: Example, folder: Path) -> str:
    assert example.path is not None
    path, folder = example.path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _filenames(examples: Sequence[Example]) -> dict[str, str]:
    """Return file names by id, without folders unless two files share a name."""
    ids = dict.fromkeys(example.id for example in examples)
    short = {name: name.replace("\\", "/").rsplit("/", 1)[-1] for name in ids}
    return short if len(set(short.values())) == len(ids) else {name: name for name in ids}
