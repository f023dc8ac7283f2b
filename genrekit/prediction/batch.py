"""A batch: inputs predicted once, whatever happens on the way, and the results written in their order at the end.

While it runs, every finished input is a line in a journal beside the output (``OUTPUT.run/``). A table is not: its
rows are predicted in bulk while the results are written, and again if that is interrupted.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.errors import OutputExistsError
from genrekit.files import naming
from genrekit.hashing import hash_json
from genrekit.prediction.explanation_images import ImageFolder
from genrekit.prediction.journal import Entry, Journal
from genrekit.prediction.output_file import FLUSH_S, Counts, OutputFile, write_rows
from genrekit.prediction.pipeline import Finished, Inputs, Pipeline
from genrekit.prediction.routing import TableTask
from genrekit.remote import redact
from genrekit.types import Prediction

JOURNAL, FACTS = "journal.jsonl", "run.json"
_LIBRARIES = ("numpy", "onnxruntime", "soundfile", "soxr", "xgboost")


@dataclass
class Batch:
    """A resumable run of a pipeline into a file: `run` finishes the inputs, `write` writes all results.

    Attributes
    ----------
    output : OutputFile
    pipeline : Pipeline
    images : ImageFolder, optional
        Where images of reasons go; an input without its image is done again.
    new, kept : int
        How many inputs were finished now, and how many before.
    """

    output: OutputFile
    pipeline: Pipeline
    images: ImageFolder | None = None
    new: int = 0
    kept: int = 0
    _order: list[tuple[int, int] | TableTask] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The hash that tells predictions of other models or options apart."""
        models = [model.bundle.sha256 for model in self.pipeline.models]
        return hash_json(
            {"genrekit": __version__, "models": models, "options": asdict(self.pipeline.options)}
        )

    def run(
        self,
        inputs: Inputs,
        *,
        resume: bool = False,
        retry_errors: bool = False,
        overwrite: bool = False,
        arguments: Sequence[str] = (),
    ) -> Iterator[Finished]:
        """Finish the inputs, one after the other; what the journal has of the same content is not done again.

        Parameters
        ----------
        inputs
            As for `Pipeline.run`.
        resume : bool
            Whether to go on with the journal that is there.
        retry_errors : bool
            Whether to do again what ended in an error.
        overwrite : bool
            Whether to remove a journal that is there, and start anew.
        arguments : sequence of str
            The command line, for the record.

        Yields
        ------
        Finished
            One per input; a table is predicted when the results are written.

        Raises
        ------
        OutputExistsError
            If there is a journal, and neither ``resume`` nor ``overwrite``.
        """
        self._make_folder(resume=resume, overwrite=overwrite)
        self._write_facts(arguments)
        with Journal(self.output.folder / JOURNAL, self.key) as journal:

            def known(name: str) -> str | None:
                entry = journal.find(name)
                if entry is None or (entry.failed and retry_errors):
                    return None
                return (
                    None if self.images and not entry.failed and not self.images.has(name) else entry.sha256
                )

            for finished in self.pipeline.run(inputs, known=known, tables=False):
                if finished.table is not None:
                    self._order.append(finished.table)
                else:
                    self._add(self._entry(journal, finished))
                yield finished

    def predictions(self) -> Iterator[Prediction]:
        """Yield all predictions, in the order of the inputs; tables are predicted now."""
        with Journal(self.output.folder / JOURNAL, self.key) as journal:
            for piece in self._order:
                yield from (
                    self.pipeline.rows(piece) if isinstance(piece, TableTask) else journal.read([piece])
                )

    def write(self, *, columns: Sequence[str] = (), advance: Callable[[], None] = lambda: None) -> Counts:
        """Write all predictions, and put the file in its place.

        Parameters
        ----------
        columns, advance
            As for `genrekit.prediction.write_rows`.
        """
        with self.output.open() as stream:
            return write_rows(
                self.predictions(),
                stream,
                self.output.format,
                self.pipeline.models,
                self.pipeline.options,
                columns=columns,
                provenance=True,
                flush_s=FLUSH_S,
                advance=advance,
            )

    def _entry(self, journal: Journal, finished: Finished) -> Entry:
        if finished.prediction is None:
            entry = journal.find(finished.name)
            assert entry is not None
            self.kept += 1
            return entry
        self.new += 1
        if self.images and finished.prediction.image:
            self.images.write(finished.name, finished.prediction.image)
        return journal.append(finished.name, finished.prediction)

    def _add(self, entry: Entry) -> None:
        """Remember the place of a prediction; neighbours are one span, so that memory does not grow with inputs."""
        last = self._order[-1] if self._order else None
        if isinstance(last, tuple) and last[1] == entry.start:
            self._order[-1] = (last[0], entry.end)
        else:
            self._order.append((entry.start, entry.end))

    def _make_folder(self, *, resume: bool, overwrite: bool) -> None:
        folder = self.output.folder
        if folder.exists() and overwrite and not resume:
            shutil.rmtree(folder)
        if (folder / JOURNAL).exists() and not resume:
            raise OutputExistsError(
                f"{folder} holds the journal of an earlier run.",
                "Give --resume to go on with it, --overwrite to start anew, or another --output.",
            )
        folder.mkdir(parents=True, exist_ok=True)

    def _write_facts(self, arguments: Sequence[str]) -> None:
        facts: dict[str, Any] = {
            "arguments": [redact(word) for word in arguments],
            "models": [{"name": m.name, "sha256": m.bundle.sha256} for m in self.pipeline.models],
            "options": asdict(self.pipeline.options),
            "versions": {
                "genrekit": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in _LIBRARIES},
            },
        }
        path = Path(self.output.folder / FACTS)
        with naming(path):
            path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
