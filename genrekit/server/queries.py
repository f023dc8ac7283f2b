"""Work of the workers on queries by similarity: what reads files is done there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from genrekit.prediction import Input, Pipeline, PredictOptions, TableTask, Task, load_model
from genrekit.preparation import Cache, Preparation
from genrekit.server.tables import arrow_without_pandas
from genrekit.similarity import Embedded, Row, VectorKind, about, embed_table


@dataclass(frozen=True)
class SongJob:
    """Prepares a song or a picture, and reads its tags."""

    prepare: Callable[[Task], Preparation]

    def __call__(self, task: Task) -> tuple[Preparation, Row | None]:
        """Return the windows and the known facts of the file; no row if it could not be prepared."""
        preparation = self.prepare(task)
        return preparation, None if preparation.windows is None else about(task.example, preparation.content)


@dataclass(frozen=True)
class RowJob:
    """Embeds the one row of a table.

    Attributes
    ----------
    bundle : Path
        The model of the index.
    kind : {'embeddings', 'features', 'scores'}
        What its vectors are.
    """

    bundle: Path
    kind: VectorKind

    def __call__(self, table: Input) -> Embedded | str:
        """Return the row with its vector, or the reason why there is none."""
        arrow_without_pandas()
        options = PredictOptions(unfamiliar="ignore")
        pipeline = Pipeline([load_model(self.bundle)], options, Cache(enabled=False), lists=False)
        (task,) = pipeline.tasks([table])
        if not isinstance(task, TableTask):
            return task.error or "This is not a table of rows."
        found = list(islice(embed_table(pipeline, self.kind, task), 2))
        if len(found) != 1:
            return f"The table has {'several rows' if found else 'no row'}; a query is one row."
        (one,) = found
        return one[1] if isinstance(one, tuple) else one
