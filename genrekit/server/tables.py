"""Tables, predicted as a whole in a worker process and written to a file of rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from genrekit.hashing import content_of
from genrekit.prediction import (
    Counts,
    Input,
    Model,
    Pipeline,
    PredictOptions,
    load_model,
    open_tables,
    write_rows,
)
from genrekit.preparation import Cache
from genrekit.server.memory import give_back
from genrekit.types import Example, Prediction

MAX_ROWS = 1_000_000

_load = lru_cache(maxsize=8)(load_model)


class _NoPandas:
    """A finder of modules for which pandas is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse pandas, and know nothing else."""
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


@cache
def arrow_without_pandas() -> None:
    """Keep Arrow from importing pandas, which takes 100 MB and which no worker uses."""
    import pyarrow

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pyarrow.scalar(0)
    finally:
        sys.meta_path.remove(finder)


@dataclass(frozen=True)
class TableJob:
    """The work on one table.

    Attributes
    ----------
    bundles : tuple of Path
        Bundles that are never changed; a worker loads each once.
    options : PredictOptions
    format : {'jsonl', 'csv'}
    columns : tuple of str
        Identifying columns of all tables of the request, for CSV.
    """

    bundles: tuple[Path, ...]
    options: PredictOptions
    format: str
    columns: tuple[str, ...] = ()

    def __call__(self, item: tuple[Input | Example, Path]) -> Counts:
        """Predict a table, or a row of numbers, and write its rows to a file."""
        table, output = item
        arrow_without_pandas()
        loaded = _load.cache_info().misses
        pipeline = Pipeline(self._models(), self.options, Cache(enabled=False), jobs=1, lists=False)
        with output.open("w", encoding="utf-8", newline="") as stream:
            counts = write_rows(
                _first(pipeline, table),
                stream,
                self.format,
                pipeline.models,
                self.options,
                columns=self.columns,
                provenance=True,
            )
        if _load.cache_info().misses != loaded:
            give_back()
        return counts

    def _models(self) -> tuple[Model, ...]:
        return tuple(map(_load, self.bundles))


@dataclass(frozen=True)
class ColumnsJob:
    """Finds the identifying columns of a table."""

    bundles: tuple[Path, ...]

    def __call__(self, table: Path) -> tuple[str, ...]:
        """Return the columns of one table."""
        arrow_without_pandas()
        _, columns = open_tables(tuple(map(_load, self.bundles)), [Input(table.name, table)])
        return columns


def warm_up(number: int) -> int:
    """Import what most inputs need, before the first one comes; a worker is not started for less."""
    from genrekit.media import audio

    return number if audio else 0


def _first(pipeline: Pipeline, table: Input | Example) -> Iterator[Prediction]:
    """Yield the predictions of the first rows; a small file may hold very many."""
    for number, finished in enumerate(pipeline.run(table)):
        assert finished.prediction is not None
        if number == MAX_ROWS:
            assert isinstance(table, Input)
            assert table.path is not None
            yield Prediction(
                id=f"{table.name}#after row {MAX_ROWS + 1}",
                error=f"The table has more than {MAX_ROWS:,} rows; the rest was not read.",
                content=content_of(table.path),
            )
            return
        yield finished.prediction
