"""A batch: inputs answered once, whatever happens on the way, and the results written in their order at the end.

While it runs, every finished input is a line in a journal beside the output (``OUTPUT.run/``). A table is not: its
rows are answered in bulk while the results are written, and again if that is interrupted.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.errors import OutputExistsError
from genrekit.hashing import hash_json
from genrekit.prediction.decision import Answer
from genrekit.prediction.explanation_images import ImageFolder
from genrekit.prediction.inputs import Input
from genrekit.prediction.journal import Entry, Journal
from genrekit.prediction.model import Model
from genrekit.prediction.pipeline import Finished, Say, finished
from genrekit.prediction.routing import BulkTable
from genrekit.preparation import Cache
from genrekit.remote import redact
from genrekit.types import Example, Prediction

JOURNAL, FACTS = "journal.jsonl", "run.json"
_LIBRARIES = ("numpy", "onnxruntime", "soundfile", "soxr", "xgboost")


@dataclass(frozen=True)
class Options:
    """What the answers of a batch depend on, beside models and inputs."""

    answer: Answer
    offset_s: float = 0.0
    duration_s: float | None = None

    def key(self, models: Sequence[Model]) -> str:
        """The hash that tells answers of other models or settings apart."""
        return hash_json(
            {"genrekit": __version__, "models": [m.bundle.sha256 for m in models], "options": asdict(self)}
        )


@dataclass
class Batch:
    """A batch in the making; `run` finishes the inputs, `predictions` gives all answers in their order.

    Attributes
    ----------
    folder : Path
        Where the journal stands.
    models : sequence of Model
    options : Options
    new, kept : int
        How many inputs were finished now, and how many before.
    """

    folder: Path
    models: Sequence[Model]
    options: Options
    new: int = 0
    kept: int = 0
    _order: list[tuple[int, int] | BulkTable] = field(default_factory=list)

    def run(
        self,
        inputs: Iterable[str | Path | Input | Example],
        *,
        resume: bool = False,
        retry_errors: bool = False,
        overwrite: bool = False,
        jobs: int | None = None,
        timeout_s: float | None = None,
        cache: Cache | None = None,
        cluster: str | None = None,
        images: ImageFolder | None = None,
        arguments: Sequence[str] = (),
        say: Say = lambda text: None,
    ) -> Iterator[bool]:
        """Finish the inputs, one after the other; what the journal has of the same content is not done again.

        Parameters
        ----------
        inputs, jobs, timeout_s, cache, cluster, images, say
            As for `genrekit.prediction.pipeline.predict`. An input without its image is done again.
        resume : bool
            Whether to go on with the journal that is there.
        retry_errors : bool
            Whether to do again what ended in an error.
        overwrite : bool
            Whether to remove a journal that is there, and start anew.
        arguments : sequence of str
            What was typed, for the record.

        Yields
        ------
        bool
            After every input: whether it was answered. Tables are answered when the results are written.

        Raises
        ------
        OutputExistsError
            If there is a journal, and neither ``resume`` nor ``overwrite``.
        """
        self._make_folder(resume=resume, overwrite=overwrite)
        self._write_facts(arguments)
        with Journal(self.folder / JOURNAL, self.options.key(self.models)) as journal:

            def known(name: str) -> str | None:
                entry = journal.find(name)
                if entry is None or (entry.failed and retry_errors):
                    return None
                return None if images and not entry.failed and not images.has(name) else entry.sha256

            stream = finished(
                inputs,
                models=self.models,
                answer=self.options.answer,
                offset_s=self.options.offset_s,
                duration_s=self.options.duration_s,
                jobs=jobs,
                timeout_s=timeout_s,
                cache=cache,
                cluster=cluster,
                images=images,
                known=known,
                say=say,
            )
            for item in stream:
                if isinstance(item, BulkTable):
                    self._order.append(item)
                    yield True
                else:
                    entry = self._entry(journal, item)
                    self._add(entry)
                    yield not entry.failed

    def predictions(self, say: Say = lambda text: None) -> Iterator[Prediction]:
        """All answers, in the order of the inputs; tables are answered now."""
        journal = Journal(self.folder / JOURNAL, self.options.key(self.models))
        with journal:
            for piece in self._order:
                if isinstance(piece, BulkTable):
                    from genrekit.prediction.table_rows import answers

                    yield from answers(piece, self.models[piece.model], self.options.answer, say)
                else:
                    yield from journal.read([piece])

    def _entry(self, journal: Journal, item: Finished) -> Entry:
        name = item.task.example.id
        if item.prediction is None:
            entry = journal.find(name)
            assert entry is not None
            self.kept += 1
            return entry
        self.new += 1
        return journal.append(name, item.prediction)

    def _add(self, entry: Entry) -> None:
        """Remember where an answer stands; neighbours are one span, so that memory does not grow with inputs."""
        last = self._order[-1] if self._order else None
        if isinstance(last, tuple) and last[1] == entry.start:
            self._order[-1] = (last[0], entry.end)
        else:
            self._order.append((entry.start, entry.end))

    def _make_folder(self, *, resume: bool, overwrite: bool) -> None:
        if self.folder.exists() and overwrite and not resume:
            shutil.rmtree(self.folder)
        if (self.folder / JOURNAL).exists() and not resume:
            raise OutputExistsError(
                f"{self.folder} holds the journal of an earlier run.",
                "Give --resume to go on with it, --overwrite to start anew, or another --output.",
            )
        self.folder.mkdir(parents=True, exist_ok=True)

    def _write_facts(self, arguments: Sequence[str]) -> None:
        facts: dict[str, Any] = {
            "arguments": [redact(word) for word in arguments],
            "models": [{"name": m.name, "sha256": m.bundle.sha256} for m in self.models],
            "options": asdict(self.options),
            "versions": {
                "genrekit": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in _LIBRARIES},
            },
        }
        (self.folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
