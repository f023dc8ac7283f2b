"""Choice of the model for each input: by the kind of file, and for tables by the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.backends import ReadsTables
from genrekit.errors import DatasetError, MediaError
from genrekit.media import PassedOver, modality, suffix_modality
from genrekit.prediction.inputs import Input, expand
from genrekit.prediction.model import Model
from genrekit.prediction.worker import Task
from genrekit.remote import file_of, is_remote, redact
from genrekit.text import counted, sentence
from genrekit.types import Example, Modality, Say, silent

if TYPE_CHECKING:
    from genrekit.datasets import Paths
    from genrekit.tables import Table

_TAKES = {Modality.AUDIO: "songs", Modality.IMAGE: "pictures", Modality.TABLE: "tables"}


@dataclass(frozen=True, slots=True)
class TableTask:
    """A table whose rows a model scores in bulk; ``others`` are the columns that identify a row."""

    name: str
    table: Table
    model: int
    others: tuple[str, ...] = ()
    address: str | None = field(default=None, repr=False)

    @contextmanager
    def at_hand(self) -> Iterator[Table]:
        """Yield the table from a local file, fetched if it has an address."""
        if self.address is None:
            yield self.table
            return
        from genrekit.remote import fetched
        from genrekit.tables import open_table

        with fetched(self.address) as path:
            yield open_table(path)


@dataclass(frozen=True)
class Router:
    """Choice of a model for an input: the first one that takes it.

    Attributes
    ----------
    models : sequence of Model
    offset_s, duration_s : float
        The part of every song to read, in seconds.
    say : callable
        Takes a line for the user when a table can be read in more than one way.
    lists : bool
        Whether a table may be a list of files; otherwise it is an error.
    """

    models: Sequence[Model]
    offset_s: float = 0.0
    duration_s: float | None = None
    say: Say = silent
    lists: bool = True

    def tasks(self, inputs: Iterable[str | Path | Input | Example]) -> Iterator[Task | TableTask]:
        """Turn inputs into tasks, lazily and in order; an input that no model takes is a task with an error."""
        kinds = {model.backend.info.modality for model in self.models}
        passed = PassedOver()
        for item in inputs:
            if isinstance(item, Example):
                yield self._row(item) if item.row is not None else self._media(item)
                continue
            for found in [item] if isinstance(item, Input) else expand([item], kinds=kinds, passed=passed):
                if found.address is not None:
                    yield from self._remote(found.name, found.address)
                elif found.path is None:
                    yield Task(Example(id=found.name), error=sentence(found.error or "no such file"))
                else:
                    yield from self._file(found)
        if words := str(passed):
            self.say(words)

    def _remote(self, name: str, address: str) -> Iterator[Task | TableTask]:
        """Yield the tasks of a remote file; a table is fetched now for its columns, other files by the worker."""
        kind = suffix_modality(file_of(address))
        if kind is not Modality.TABLE:
            yield self._taken(
                Example(id=name, address=address, offset_s=self.offset_s, duration_s=self.duration_s), kind
            )
            return
        from genrekit.remote import fetched
        from genrekit.tables import open_table

        try:
            with fetched(address) as path:
                table = open_table(path)
                bulk = self._bulk(name, table)
                yield from [replace(bulk, address=address)] if bulk else self._table(name, table)
        except (MediaError, DatasetError, OSError) as error:
            yield Task(Example(id=name), error=str(error))

    def _file(self, found: Input) -> Iterator[Task | TableTask]:
        assert found.path is not None
        name, path, table = found.name, found.path, found.table
        start_s = found.start_s + self.offset_s
        duration_s = self.duration_s
        if found.end_s is not None:
            left_s = found.end_s - start_s
            duration_s = left_s if duration_s is None else min(left_s, duration_s)
        example = Example(id=name, path=path, offset_s=start_s, duration_s=duration_s, extra=found.extra)
        try:
            if duration_s is not None and duration_s <= 0:
                raise MediaError(f"The track ends before {self.offset_s:g} s.")
            if modality(path) is Modality.TABLE:
                from genrekit.tables import open_table

                table = table or open_table(path)
                bulk = self._bulk(name, table)
                yield from [bulk] if bulk else self._table(name, table)
            else:
                yield self._media(example)
        except (MediaError, DatasetError, OSError) as error:
            yield Task(example, error=str(error))

    def _media(self, example: Example) -> Task:
        try:
            kind = modality(example.path or Path(example.id))
        except MediaError as error:
            return Task(example, error=str(error))
        if kind is None:
            hint = (
                " It has the suffix of a model: --model takes it." if example.id.endswith(".genrekit") else ""
            )
            return Task(
                example,
                error=f"The file is not a song, a picture or a table, by its content and its suffix.{hint}",
            )
        return self._taken(example, kind)

    def _taken(self, example: Example, kind: Modality | None) -> Task:
        """Return the task for the first model that takes a kind of media; without a kind, the first that takes any."""
        for number, model in enumerate(self.models):
            takes = model.backend.info.modality
            if takes is not Modality.TABLE and kind in (None, takes):
                return Task(example, number)
        names = ", ".join(model.name for model in self.models)
        what = _TAKES[kind] if kind else "songs or pictures"
        return Task(example, error=f"No loaded model takes {what} (models: {names}).")

    def _row(self, example: Example) -> Task:
        row = example.row or {}
        for number, model in enumerate(self.models):
            if model.recognises(row):
                return Task(example, number)
        return Task(example, error="No loaded model takes a row with these columns.")

    def _listed(self, name: str, paths: Paths, word: str) -> Task:
        """Return the task of a file in a manifest: at an address, or relative to the manifest."""
        if is_remote(name) and not is_remote(word):
            word = f"{name.rpartition('/')[0]}/{word}"
        example = Example(word, offset_s=self.offset_s, duration_s=self.duration_s)
        if is_remote(word):
            return self._taken(
                replace(example, id=redact(word), address=word), suffix_modality(file_of(word))
            )
        place = paths.find(word)
        return self._media(replace(example, id=str(place), path=place))

    def _bulk(self, name: str, table: Table) -> TableTask | None:
        """Return the table with the first model that reads it in bulk, or None."""
        readers = [
            (number, model.backend)
            for number, model in enumerate(self.models)
            if isinstance(model.backend, ReadsTables)
        ]
        columns = table.columns
        for number, backend in readers:
            if features := backend.feature_columns(columns):
                others = tuple(name for name in columns if name.strip() and name not in features)
                return TableTask(name, table, number, others)
        return None

    def _table(self, name: str, table: Table) -> Iterator[Task]:
        from genrekit.datasets import Paths, examples_of, match, what_is_wrong
        from genrekit.tables import PATH_COLUMNS

        cells = table.cells()
        for note in table.notes:
            self.say(f"{name}: {note}")
        by_backend = {
            model.backend.info.name: number for number, model in reversed(list(enumerate(self.models)))
        }
        if not cells.rows and not cells.broken:
            raise DatasetError(f"{name} has no rows below its column names.")
        schemas = {model.backend.info.name: model.backend.info.columns for model in self.models}
        schema = match(cells, schemas)
        path_at = cells.find(PATH_COLUMNS)
        if schema is not None:
            if "path" in cells.names:
                self.say(
                    f"{name}: read as a table of {schema} features; the files that it names are not opened"
                )
            examples = examples_of(cells, schemas[schema], splits=False)
            good = (
                (number, Task(example, by_backend[schema], problem and sentence(problem)))
                for (number, _), (example, problem) in zip(cells.rows, examples, strict=True)
            )
            broken = (
                (int(row.split()[1]), Task(Example(id=row), error=sentence(why, "The row")))
                for row, why in cells.broken
            )
            for _, task in merge(good, broken, key=lambda numbered: numbered[0]):
                yield replace(task, example=replace(task.example, id=f"{name}#{task.example.id}"))
        elif path_at is not None and not self.lists:
            raise DatasetError(
                f"{name} is a list of files, which is not read here.", "Send the files themselves."
            )
        elif path_at is not None:
            self.say(f"{name}: read as a manifest, a list of files")
            paths = Paths(table)
            words = ((number, row[path_at].strip()) for number, row in cells.rows)
            listed = [(n, word or f"{name}#row {n}", "" if word else "has no path") for n, word in words]
            listed += [(int(row.split()[1]), f"{name}#{row}", why) for row, why in cells.broken]
            for _, word, why in sorted(listed, key=lambda numbered: numbered[0]):
                yield (
                    Task(Example(id=word), error=sentence(why, "The row"))
                    if why
                    else self._listed(name, paths, word)
                )
        else:
            named = [column for column in cells.columns if column.strip()]
            takes = ", ".join(
                f"{key} ({counted(len(columns), 'column')})" for key, columns in schemas.items() if columns
            )
            raise DatasetError(
                f"{name} is not a table of features for a loaded model, and not a manifest: it has the columns "
                f"{', '.join(named[:12])}{' ...' if len(named) > 12 else ''}."
                f"{what_is_wrong(cells.columns, schemas)}",
                f"Tables can be read for {takes or 'no model'}; a manifest has a column 'path'.",
            )


def open_tables(models: Sequence[Model], inputs: Iterable[Input]) -> tuple[list[Input], tuple[str, ...]]:
    """Open the tables among the inputs, and find the columns that identify their rows.

    Parameters
    ----------
    models : sequence of Model
        The models that predict.
    inputs : iterable of Input
        All inputs of a run.

    Returns
    -------
    list of Input
        The same inputs, with each table opened.
    tuple of str
        The columns, in the order in which they appear. A table that cannot be read, or that no model takes, has none.
    """
    from genrekit.datasets import identifying
    from genrekit.tables import open_table

    opened: list[Input] = []
    found: dict[str, None] = {}
    for one in inputs:
        opened.append(one)
        if one.path is None or suffix_modality(one.path) is not Modality.TABLE:
            continue
        try:
            table = open_table(one.path)
        except (DatasetError, OSError):
            continue
        opened[-1] = replace(one, table=table)
        columns = table.columns
        for model in models:
            if isinstance(model.backend, ReadsTables):
                features = model.backend.feature_columns(columns)
                others = tuple(name for name in columns if name.strip() and name not in features)
            else:
                others = identifying(columns, model.backend.info.columns)
                features = frozenset(columns).difference(others)
            if features:
                found |= dict.fromkeys(others)
                break
    return opened, tuple(found)
