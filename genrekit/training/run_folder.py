"""The run folder of a training: config, curves, and checkpoints to resume from.

*Conventions.* The run folder of ``NAME.genrekit`` is ``NAME.run/``. Until the bundle is saved, the folder holds checkpoints, and
``run.json`` identifies their training; afterwards it holds the results.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from genrekit.distributed import rank
from genrekit.errors import OutputExistsError, TrainingError, UsageError
from genrekit.metrics import Report

SUFFIX = ".run"
RUN, CONFIG, HISTORY, METRICS, CURVES, CHECKPOINTS = (
    "run.json config.yaml history.json metrics.json curves.png checkpoints".split()
)
# Settings that may differ when a training resumes.
_FREE = ("device", "precision", "batch_size")


def beside(output: Path) -> Path:
    """Return the path of the run folder of a bundle."""
    return output.with_name(output.name.removesuffix(".genrekit") + SUFFIX)


class RunFolder:
    """The run folder of one training.

    Parameters
    ----------
    path : Path
    facts : Mapping
        Identity of the training, JSON-able: backend, config, data. A training resumes only with equal facts.
    resume, overwrite : bool
        Whether to resume from an existing folder, or to replace it.

    Raises
    ------
    OutputExistsError
        If the folder exists, and neither was requested.
    UsageError
        If the folder belongs to another training, or is not a run folder.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        self.path = path
        self.resumes = resume and (path / RUN).exists() and self._has_checkpoints()
        if rank():
            return  # the first process creates it
        if self.resumes:
            self._compare(facts)
            return
        if path.exists():
            self._clear(overwrite=overwrite)
        try:
            self.checkpoints.mkdir(parents=True)
        except OSError as error:
            raise TrainingError(
                f"{path} cannot be created: {error.strerror}.", "Choose another --output."
            ) from None
        self._write(RUN, json.dumps(facts, indent=1))
        self._write(CONFIG, yaml.safe_dump(dict(facts["config"]), sort_keys=False))

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints that a backend resumes from."""
        return self.path / CHECKPOINTS

    def finish(self, history: Mapping[str, Any], report: Report | None) -> None:
        """Write history, metrics and curves; remove the checkpoints.

        Parameters
        ----------
        history : Mapping
            As in a manifest.
        report : Report or None
            Measurements on the test split.
        """
        from genrekit.training.curves import draw

        if rank():
            return
        self._write(HISTORY, json.dumps(dict(history), indent=1))
        if report:
            self._write(METRICS, json.dumps(report.to_dict(), indent=1))
        self._write(CURVES, draw(history))
        shutil.rmtree(self.checkpoints)
        (self.path / RUN).unlink()

    def _compare(self, facts: Mapping[str, Any]) -> None:
        try:
            before = json.loads((self.path / RUN).read_text(encoding="utf-8"))
            was, now = before["config"], json.loads(json.dumps(facts["config"]))
            other = [
                f"{key} was {was.get(key)!r}, is {now.get(key)!r}"
                for key in {**now, **was}
                if was.get(key) != now.get(key) and key not in _FREE
            ]
            other += [f"{key} differs" for key in ("backend", "data") if before[key] != facts[key]]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{self.path / RUN} is damaged: {error}.", "Start anew with --overwrite."
            ) from None
        if other:
            raise UsageError(
                f"{self.path} belongs to another training: {'; '.join(other[:5])}.",
                "Pass the same settings and data to resume it, --overwrite to start anew, or another --output.",
            )

    def _clear(self, *, overwrite: bool) -> None:
        """Remove the files of a former run, without ``overwrite`` only if it ended before its first epoch; refuse other folders."""
        ours = {RUN, CONFIG, HISTORY, METRICS, CURVES, CHECKPOINTS}
        if not self.path.is_dir() or {entry.name for entry in self.path.iterdir()} - ours:
            raise UsageError(
                f"{self.path} holds files that are not of a training.", "Choose another --output."
            )
        if not overwrite and (self._has_checkpoints() or not (self.path / RUN).exists()):
            hint = "--resume to continue it, " if (self.path / RUN).exists() else ""
            raise OutputExistsError(
                f"{self.path} exists.", f"Pass {hint}--overwrite to replace it, or another --output."
            )
        shutil.rmtree(self.path)

    def _has_checkpoints(self) -> bool:
        return any(path.is_file() for path in self.checkpoints.rglob("*"))

    def _write(self, name: str, content: str | bytes) -> None:
        data = content if isinstance(content, bytes) else f"{content}\n".encode()
        try:
            (self.path / name).write_bytes(data)
        except OSError as error:
            raise TrainingError(
                f"{self.path / name} cannot be written: {error.strerror}.", "Free some space."
            ) from None
