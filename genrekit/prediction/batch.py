"""Resumable batches: every input is predicted once despite interruptions, and results are written in order.

During the run, every finished input is a line in a journal next to the output (``OUTPUT.run/``). Tables are not in
it: their rows are predicted in bulk while the results are written, and again if that is interrupted.
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
from genrekit.errors import OutputExistsError, UsageError
from genrekit.files import naming
from genrekit.hashing import hash_json
from genrekit.prediction.explanation_images import ImageFolder
from genrekit.prediction.journal import Entry, Journal
from genrekit.prediction.output_file import FACTS, FLUSH_S, Counts, OutputFile, write_rows
from genrekit.prediction.pipeline import Finished, Inputs, Pipeline
from genrekit.prediction.routing import TableTask
from genrekit.remote import redact
from genrekit.text import utf8_name
from genrekit.types import Content, Prediction

JOURNAL = "journal.jsonl"
_OPTIONS = {
    "measures": "--with",
    "offset_s": "--offset",
    "duration_s": "--duration",
    "images": "--explain-dir",
    "heat_map": "--heat-map",
}
_LIBRARIES = ("numpy", "onnxruntime", "soundfile", "soxr", "xgboost")


@dataclass
class Batch:
    """A resumable run of a pipeline into a file: `run` finishes the inputs, `write` writes all results.

    Attributes
    ----------
    output : OutputFile
    pipeline : Pipeline
    images : ImageFolder, optional
        Folder of heat maps; an input without its image is predicted again.
    new, kept : int
        Number of inputs finished in this run, and in earlier runs.
    others : int
        Number of inputs of earlier runs that are not among the inputs of this one; their results are not written.
    """

    output: OutputFile
    pipeline: Pipeline
    images: ImageFolder | None = None
    new: int = 0
    kept: int = 0
    others: int = 0
    _order: list[tuple[int, int] | TableTask] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Hash of the models and options; predictions with another key are not reused."""
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
        """Predict the inputs one by one, except those whose content is in the journal.

        Parameters
        ----------
        inputs
            As for `Pipeline.run`.
        resume : bool
            Whether to continue with an existing journal.
        retry_errors : bool
            Whether to repeat inputs that ended in an error.
        overwrite : bool
            Whether to remove an existing journal and start again.
        arguments : sequence of str
            The command line, for the record.

        Yields
        ------
        Finished
            One per input; a table is predicted when the results are written.

        Raises
        ------
        OutputExistsError
            If there is a journal, and neither ``resume`` nor ``overwrite``; or results without a journal to go on
            with.
        UsageError
            If ``resume`` is to go on with other models or options, or both it and ``overwrite`` were asked for.
        """
        self._make_folder(resume=resume, overwrite=overwrite)
        self._write_facts(arguments)
        with Journal(self.output.folder / JOURNAL, self.key) as journal:

            def known(name: str) -> Content | None:
                entry = journal.find(name)
                if entry is None or (entry.failed and retry_errors):
                    return None
                lacks_image = self.images and not entry.failed and not self.images.has(name)
                return None if lacks_image else entry.content

            for finished in self.pipeline.run(inputs, known=known, tables=False, keys_sound=True):
                if finished.table is not None:
                    self._order.append(finished.table)
                else:
                    self._add(self._entry(journal, finished))
                yield finished
            self.others = max(0, len(journal) - self.new - self.kept)

    def predictions(self) -> Iterator[Prediction]:
        """Yield all predictions, in the order of the inputs; tables are predicted now."""
        with Journal(self.output.folder / JOURNAL, self.key) as journal:
            for piece in self._order:
                yield from (
                    self.pipeline.rows(piece) if isinstance(piece, TableTask) else journal.read([piece])
                )

    def write(self, *, columns: Sequence[str] = (), advance: Callable[[], None] = lambda: None) -> Counts:
        """Write all predictions, and move the file to its place.

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
        """Record the position of a prediction; adjacent ones form one span, so that memory does not grow with inputs."""
        last = self._order[-1] if self._order else None
        if isinstance(last, tuple) and last[1] == entry.start:
            self._order[-1] = (last[0], entry.end)
        else:
            self._order.append((entry.start, entry.end))

    def _make_folder(self, *, resume: bool, overwrite: bool) -> None:
        folder = self.output.folder
        if resume:
            self._check_resumable()
        elif folder.exists() and overwrite:
            shutil.rmtree(folder)
        if (folder / JOURNAL).exists() and not resume:
            raise OutputExistsError(
                f"{folder} holds the journal of an earlier run.",
                "Use --resume to go on with it, --overwrite to start anew, or another --output.",
            )
        folder.mkdir(parents=True, exist_ok=True)

    def _check_resumable(self) -> None:
        folder = self.output.folder
        if not (folder / JOURNAL).exists():
            if self.output.is_there():
                raise OutputExistsError(
                    f"{self.output.name} exists, and its journal {folder} does not: there is nothing to go on with.",
                    "Use --overwrite to start anew, or another --output.",
                )
            return
        try:
            earlier = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            differing = list(_differing(earlier, self._settings()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # the journal itself tells predictions of other settings apart
        if differing:
            raise UsageError(
                f"--resume goes on with the settings of the earlier run, and these differ: {', '.join(differing)}.",
                "Repeat them as they were, use --overwrite to start anew, or another --output.",
            )

    def _settings(self) -> dict[str, Any]:
        """Return everything that predictions depend on, as stored with the journal."""
        settings: dict[str, Any] = {
            "models": [{"name": m.name, "sha256": m.bundle.sha256} for m in self.pipeline.models],
            "options": asdict(self.pipeline.options),
            "versions": {"genrekit": __version__},
        }
        return dict(json.loads(json.dumps(settings)))

    def _write_facts(self, arguments: Sequence[str]) -> None:
        facts: dict[str, Any] = {
            "arguments": [utf8_name(redact(word)) for word in arguments],
            "folder": utf8_name(str(Path.cwd())),
            **self._settings(),
            "versions": {
                "genrekit": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in _LIBRARIES},
            },
        }
        path = Path(self.output.folder / FACTS)
        with naming(path):
            path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _differing(earlier: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield the settings that differ, with both values, as they are typed."""
    for name, value in now["options"].items():
        if name in earlier["options"] and (before := earlier["options"][name]) != value:
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            yield f"{option} was {_typed(before)}, is {_typed(value)}"
    if earlier["models"] != now["models"]:
        before, after = (", ".join(model["name"] for model in one["models"]) for one in (earlier, now))
        same = " of other contents" if before == after else ""
        yield f"--model was {before}, is {after}{same}"
    if (before := earlier["versions"]["genrekit"]) != __version__:
        yield f"genrekit was {before}, is {__version__}"


def _typed(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "on" if value else "off"
    return (",".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
