"""Updates of an index: what is new or changed is prepared and embedded, what is known keeps its vector."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from genrekit.errors import GenrekitError, MediaError
from genrekit.execution import Outcome
from genrekit.hashing import content_of
from genrekit.prediction import (
    Pipeline,
    TableTask,
    Task,
    lost,
)
from genrekit.preparation import Preparation
from genrekit.similarity.embedding import (
    VectorKind,
    about,
    absolute,
    embed,
    embed_table,
    name_of,
    stat_of,
)
from genrekit.similarity.rows import Row
from genrekit.similarity.writer import Writer
from genrekit.text import cause
from genrekit.types import Content, Say

if TYPE_CHECKING:
    pass


@dataclass(slots=True)
class Indexed:
    """Counts of a run of indexing.

    Attributes
    ----------
    total : int
        Rows that the index has now.
    new, changed, unchanged, moved, removed, gone : int
        Inputs that were embedded for the first time or again, that are as they were, that kept their vector under another
        name; rows whose files are not there any more, removed or kept.
    failed : list of (str, str)
        Inputs that could not be read, with the reason.
    """

    total: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    gone: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def reasons(self) -> Counter[str]:
        """Causes of failures with their numbers."""
        return Counter(cause(reason) for _, reason in self.failed)


@dataclass
class Update:
    """An update of an index by inputs, open for writing."""

    writer: Writer
    pipeline: Pipeline
    kind: VectorKind
    say: Say
    advance: Callable[[], None]
    done: Indexed = field(default_factory=Indexed)
    _stats: dict[str, tuple[int, int]] = field(default_factory=dict)
    _tables: list[TableTask] = field(default_factory=list)

    def add(self, inputs: Sequence[Any]) -> None:
        """Add or update the rows of inputs."""
        with self.pipeline.preparing(
            self._to_prepare(inputs), keys_sound=True, timbre=self.kind == "sound"
        ) as (tasks, prepare):
            for outcome in prepare(task for task in tasks if isinstance(task, Task)):
                self._finish(outcome)
        for table in self._tables:
            self._add_table(table)

    def _to_prepare(self, inputs: Sequence[Any]) -> Iterator[Task | TableTask]:
        """Yield the tasks that need a look at their file; tables are left for the end."""
        for task in self.pipeline.tasks(inputs):
            if isinstance(task, TableTask):
                self._tables.append(task)
            elif task.error:
                self._fail(task.example.id, task.error)
            elif not self._is_known(task):
                known = self.writer.rows.find(name_of(task.example))
                row = known[1] if known else None
                yield (
                    replace(task, known=Content(row.n_bytes, row.sha256, row.sound_key))
                    if row and row.sha256
                    else task
                )

    def _is_known(self, task: Task) -> bool:
        """Return whether a file is as it was, or is one of the index under another name; then its row is updated."""
        example, rows = task.example, self.writer.rows
        if example.path is None or example.address is not None:
            return False
        path, name = absolute(example.path), name_of(example)
        stat = stat_of(path)
        if (known := rows.find(name)) and stat[1] and (known[1].n_bytes, known[1].mtime_ns) == stat:
            self._count("unchanged")
            return True
        self._stats[name] = stat
        if known or name != path or not stat[0] or not rows.has_size(stat[0]):
            return False
        try:
            content = content_of(example.path)
        except MediaError:
            return False
        if not (same := rows.of_content(content.sha256)) or same[0][1].name != same[0][1].path:
            return False
        self._keep(name, path, content, [row for _, row in same], example)
        return True

    def _keep(self, name: str, path: str | None, content: Content, same: Sequence[Row], example: Any) -> None:
        """Assign a file the vector of equal content; rows of that content whose files are gone were moved here."""
        now = about(example, replace(content, sound_key=content.sound_key or same[0].sound_key))
        size, mtime_ns = self._stats.pop(name, (now.n_bytes, now.mtime_ns))
        row = replace(
            now, n_bytes=size, mtime_ns=mtime_ns, vector=same[0].vector, label=same[0].label, score=same[0].score,
            length_s=now.length_s or same[0].length_s, note=same[0].note, course=same[0].course
        )  # fmt: skip
        gone = [one.name for one in same if one.name != name and one.path and not os.path.lexists(one.path)]
        self.writer.rows.remove(gone)
        self.writer.add(row)
        self._count("moved" if gone else "unchanged" if any(one.name == name for one in same) else "new")

    def _finish(self, outcome: Outcome[Task, Preparation]) -> None:
        task, preparation = outcome.item, outcome.value or lost(outcome)
        name, rows = name_of(task.example), self.writer.rows
        content = preparation.content
        if preparation.error is not None:
            self._stats.pop(name, None)
            self._fail(task.example.id, preparation.error)
            return
        known = rows.find(name)
        if preparation.windows is None:
            assert known is not None
            assert content is not None
            self._keep(name, known[1].path, content, [known[1]], task.example)
            return
        is_whole = not task.example.extra.get("start_s")
        same = (
            [row for _, row in rows.of_content(content.sha256, content.sound_key)]
            if content and is_whole
            else []
        )
        if content and same and same[0].name == (same[0].path or same[0].name):
            self._keep(name, None, content, same, task.example)
            return
        try:
            found = embed(self.pipeline, self.kind, task, preparation)
        except GenrekitError as error:
            self._stats.pop(name, None)
            self._fail(task.example.id, str(error))
            return
        size, mtime_ns = self._stats.pop(name, (found.row.n_bytes, found.row.mtime_ns))
        row = replace(found.row, n_bytes=size, mtime_ns=mtime_ns, vector=self.writer.n_vectors)
        self.writer.add(row, found.vector)
        self._count("changed" if known else "new")

    def _add_table(self, table: TableTask) -> None:
        path = None if table.address else absolute(table.table.path)
        before = {row.name: row for _, row in self.writer.rows.of_path(path)} if path else {}
        stat = stat_of(path) if path else (0, 0)
        if before and all((row.n_bytes, row.mtime_ns) == stat for row in before.values()):
            for _ in before:
                self._count("unchanged")
            return
        try:
            for found in embed_table(self.pipeline, self.kind, table):
                if isinstance(found, tuple):
                    self._fail(*found)
                    continue
                row = replace(found.row, n_bytes=stat[0], mtime_ns=stat[1], vector=self.writer.n_vectors)
                self.writer.add(row, found.vector)
                self._count("changed" if before.pop(row.name, None) else "new")
        except (GenrekitError, OSError) as error:
            self._fail(table.name, str(error))
            return
        self.writer.rows.remove(before)
        self.done.removed += len(before)

    def remove_missing(self, prune: bool) -> None:
        """Remove or count the rows whose files are not there any more."""
        there: dict[str, bool] = {}
        gone = [
            name for name, path in self.writer.rows.paths()
            if not there.setdefault(path, os.path.lexists(path))
        ]  # fmt: skip
        if prune:
            self.writer.rows.remove(gone)
            self.done.removed += len(gone)
        else:
            self.done.gone = len(gone)

    def _count(self, name: str) -> None:
        setattr(self.done, name, getattr(self.done, name) + 1)
        self.advance()

    def _fail(self, name: str, reason: str) -> None:
        self.done.failed.append((name, reason))
        self.say(f"{name}: {reason}")
        self.advance()
