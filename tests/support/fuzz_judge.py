"""What must hold for every mutant, whatever is in it."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import genrekit
from genrekit.backends.capabilities import Explains
from genrekit.datasets import open_dataset
from genrekit.errors import BackendError, BundleError, DatasetError, GenrekitError
from genrekit.features.schema import GTZAN_COLUMNS, SPOTIFY_COLUMNS
from genrekit.output import open_writer
from genrekit.prediction import Model, PredictOptions, load_model
from genrekit.prediction.inputs import Input
from genrekit.preparation.cache import Cache
from genrekit.types import Example, Prediction

SOUNDS = ("wav", "flac", "ogg", "mp3", "aiff", "mp4")
PICTURES = ("png", "jpeg")
TABLES = ("csv", "manifest", "json", "parquet")
BUNDLES = ("bundle", "facts", "graph", "payload")

TIMEOUT_S = 10.0
MAX_GROWTH_MB = 1024.0

_ROWS = (
    Example("features", row=dict.fromkeys(GTZAN_COLUMNS, 0.5)),
    Example("track", row=dict.fromkeys(SPOTIFY_COLUMNS, 0.5)),
)
# ordered_map and Pool.map write the type of an exception that is none of ours before its message.
_FOREIGN = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]*(?:Error|Exception|Warning|Exit|Interrupt)\b: |Traceback|File \"/"
)
_DIED, _LATE = "the process that read it died", "took longer than"


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant.

    Attributes
    ----------
    path : str
    outcome : {'answered', 'refused', 'died', 'late'}
        'died' is a worker that ended in a decoder, which cost this mutant and nothing else; 'late' one that
        was stopped.
    reason : str
        Why there is no answer, without what differs from file to file.
    complaint : str
        What must not be.
    peak_mb : float
        The memory of the largest process that worked on it, above what that had before; 0 where the system
        does not tell.
    """

    path: str
    outcome: str
    reason: str = ""
    complaint: str = ""
    peak_mb: float = 0.0


def judge(kind: str, paths: Sequence[Path], models: Sequence[Model], *, jobs: int = 2) -> Iterator[Verdict]:
    """Give every mutant of a kind to genrekit and hold what comes back against its promises.

    Sounds and pictures go through worker processes, tables and models stay in this process.
    """
    if kind in SOUNDS or kind in PICTURES:
        yield from _media(paths, models, jobs)
        return
    for path in paths:
        before_mb = _reset_peak()
        outcome, reason, complaint = (_table if kind in TABLES else _bundle)(path, models)
        peak_mb = max(0.0, _memory_mb("VmHWM") - before_mb)
        if peak_mb > MAX_GROWTH_MB:
            complaint = complaint or f"took {peak_mb:.0f} MB"
        yield Verdict(str(path), outcome, reason, complaint, peak_mb)


def _media(paths: Sequence[Path], models: Sequence[Model], jobs: int) -> Iterator[Verdict]:
    """One call for all of them; every one has exactly one prediction, in order."""
    base_mb = 0.0
    found = genrekit.predict(
        [Input(str(path), path) for path in paths],
        model=models,
        jobs=jobs,
        timeout_s=TIMEOUT_S,
        cache=Cache(enabled=False),
    )
    it = _guarded(found)
    for path in paths:
        prediction = next(it, None)
        peak_mb = max(
            (_memory_mb("VmHWM", child.pid) for child in multiprocessing.active_children()), default=0.0
        )
        base_mb = base_mb or peak_mb
        if not isinstance(prediction, Prediction):
            yield Verdict(str(path), "refused", "", f"no prediction: {prediction}")
            return
        outcome, reason, complaint = _of_predictions([prediction])
        if prediction.id != str(path):
            complaint = f"the prediction is for {prediction.id}"
        if peak_mb - base_mb > MAX_GROWTH_MB:
            complaint = complaint or f"a worker took {peak_mb:.0f} MB"
        yield Verdict(str(path), outcome, reason, complaint, max(0.0, peak_mb - base_mb))
    if (more := next(it, None)) is not None:
        yield Verdict(str(paths[-1]), "refused", "", f"more than one prediction: {more}")


def _table(path: Path, models: Sequence[Model]) -> tuple[str, str, str]:
    """A table has at least one prediction; as a data set it opens or is refused."""
    found = genrekit.predict([Input(str(path), path)], model=models, cache=Cache(enabled=False))
    parts = [*_guarded(found)]
    outcome, reason, complaint = _of_predictions(parts)
    try:
        dataset = open_dataset(str(path))
        dataset.fingerprint  # noqa: B018 - hashes every example
        _ = [*dataset.left_out, *dataset.notes]
        if not dataset.examples:
            complaint = complaint or "a data set without an example"
    except DatasetError as error:
        complaint = complaint or _about_text(str(error))
    except Exception as error:
        complaint = complaint or f"open_dataset: {type(error).__name__}: {error}"[:300]
    return outcome, reason, complaint


def _bundle(path: Path, models: Sequence[Model]) -> tuple[str, str, str]:
    """A model loads and gives probabilities, or is refused."""
    try:
        model = load_model(path)
        explain = isinstance(model.backend, Explains)
        rows = [row for row in _ROWS if model.recognises(row.row)]
        parts = [
            *genrekit.predict(
                rows, model=model, options=PredictOptions(explain=explain), cache=Cache(enabled=False)
            )
        ]
        return _of_predictions(parts)
    except GenrekitError as error:
        said = str(error)
        wrong = (
            "" if isinstance(error, BundleError | BackendError) else f"{type(error).__name__}: {said}"[:300]
        )
        return "refused", _short(said), wrong or _about_text(said)
    except Exception as error:
        return "refused", "", f"{type(error).__name__}: {error}"[:300]


def _guarded(predictions: Iterator[Prediction]) -> Iterator[Prediction | str]:
    """What is raised instead of predicted comes out as text."""
    try:
        yield from predictions
    except Exception as error:
        yield f"raised {type(error).__name__}: {error}"[:300]


def _of_predictions(parts: Sequence[Prediction | str]) -> tuple[str, str, str]:
    if not parts:
        return "refused", "", "no prediction"
    outcome, reason, complaint = "refused", "", ""
    for prediction in parts:
        if isinstance(prediction, str):
            return "refused", "", prediction
        if prediction.error is None:
            outcome = "answered"
            numbers = [score for _, score in prediction.scores]
            numbers += [step.score for step in prediction.windows]
            if not numbers or not all(0 <= number <= 1 for number in numbers):
                complaint = f"scores that are not probabilities: {numbers}"
        else:
            reason = reason or _short(prediction.error)
            complaint = complaint or _about_text(prediction.error)
            if outcome != "answered":
                outcome = (
                    "died"
                    if _DIED in prediction.error
                    else "late"
                    if _LATE in prediction.error
                    else "refused"
                )
    return outcome, "" if outcome == "answered" else reason, complaint or _cannot_be_written(parts)


def _about_text(error: str) -> str:
    """Why an error is nothing to show to a person."""
    if not error.strip():
        return "an empty error"
    if _FOREIGN.search(error):
        return f"an exception that is not ours: {error[:300]!r}"
    if not error.isprintable():
        return f"an error that a terminal cannot hold: {error[:300]!r}"
    return "" if len(error) < 20_000 else f"an error of {len(error)} characters"


def _cannot_be_written(parts: Sequence[Prediction | str]) -> str:
    """Why the answers cannot be written as UTF-8."""
    try:
        for form in ("jsonl", "csv"):
            stream = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
            with open_writer(form, stream, windows=True, reasons=True) as writer:
                for prediction in parts[:100]:
                    writer.write(prediction)
    except Exception as error:
        return f"cannot be written: {type(error).__name__}: {error}"[:300]
    return ""


def _short(error: str) -> str:
    """An error without names and numbers, to count by."""
    text = re.sub(r"/\S+/[^/\s]+?\.[A-Za-z0-9]+\b", "FILE", error)
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|b'.*?'", "…", text)
    return " ".join(re.sub(r"-?\d[\d,.]*", "N", text).split())[:90]


def _memory_mb(name: str, pid: int | str | None = "self") -> float:
    with contextlib.suppress(OSError, AttributeError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024
    return 0.0


def _reset_peak() -> float:
    """Start to measure the peak of this process again; returns what it has now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _memory_mb("VmRSS")
