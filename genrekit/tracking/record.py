"""Records of runs: settings, numbers, curves and files, from the bundle, its folders and its report."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genrekit.evaluation import Comparison
from genrekit.metrics import Estimate
from genrekit.models import load
from genrekit.training import Evaluation, beside, learning_files

Curve = Sequence[tuple[int, float]]
_OF_A_SEARCH = ("trials.csv", "report.html", "study.journal")


@dataclass(frozen=True, eq=False)
class Record:
    """A run as a tracker gets it.

    Attributes
    ----------
    name : str
    task : {'train', 'evaluate', 'compare', 'tune'}
    settings : Mapping
        Config and options.
    tags : Mapping of str to str
        Facts in words: data, split, hashes, notes.
    metrics : Mapping of str to Estimate
    curves : Mapping of str to Curve
        Numbers by step: epochs, trials, examples of a learning curve.
    files : tuple of Path
        Tables, pictures and pages that the run wrote.
    measured : Evaluation or None
        The report to write for the tracker.
    bundle : Path or None
    parts : tuple of Record
        Runs within this one: the models of a comparison.
    texts : Mapping of str to str
        Further files, by name.
    """

    name: str
    task: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    measured: Evaluation | None = None
    bundle: Path | None = None
    parts: tuple[Record, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def of_training(output: Path, measured: Evaluation | None) -> Record:
    """Read a training: its bundle, its run folder, and what else it wrote beside the bundle.

    Parameters
    ----------
    output : Path
        The bundle.
    measured : Evaluation or None
        On the test split.
    """
    bundle = load(output)
    manifest = bundle.manifest
    run = beside(output)
    found = [*sorted(one for one in run.glob("*") if one.is_file()), *learning_files(output)]
    found.append(output.with_name(f"{manifest.name}.grid.csv"))
    split = manifest.data.get("split")
    tags = {
        "backend": manifest.backend,
        "modality": str(manifest.modality),
        "labels": ", ".join(manifest.labels),
        "sha256": bundle.sha256,
        "source": str(manifest.data.get("source", "")),
        "split": str(split.get("method", "")) if isinstance(split, Mapping) else "",
        "data_fingerprint": manifest.data_fingerprint or "",
        "parent": manifest.parent or "",
        "licence": manifest.licence,
    }
    return Record(
        manifest.name,
        "train",
        {"backend": manifest.backend, **manifest.config},
        {name: text for name, text in tags.items() if text},
        dict(measured.report.metrics) if measured else {},
        {**_epochs(manifest.history), **_learning(manifest.history)},
        tuple(one for one in found if one.is_file()),
        measured,
        output,
    )


def of_search(output: Path, measured: Evaluation | None, folder: Path, words: Sequence[str]) -> Record:
    """Read a search: the training of its winner, and the folder of its study.

    Parameters
    ----------
    output, measured
        As for `of_training`.
    folder : Path
        Journal, table, report and pictures.
    words : sequence of str
        What came of it.
    """
    record = of_training(output, measured)
    found = [folder / name for name in _OF_A_SEARCH] + sorted(folder.glob("*.png"))
    return replace(
        record,
        task="tune",
        tags={**record.tags, "words": " ".join(words)},
        curves={**record.curves, **_trials(folder / "trials.csv")},
        files=(*record.files, *(one for one in found if one.is_file())),
    )


def of_evaluation(name: str, settings: Mapping[str, Any], measured: Evaluation) -> Record:
    """Return a record of an evaluation, or of a cross-validation.

    Parameters
    ----------
    name : str
        The model, or the backend.
    settings : Mapping
        Model, source and options; the config of a cross-validated backend.
    measured : Evaluation
    """
    report = measured.report
    tags = {"split": report.split, "notes": " ".join(report.notes)}
    return Record(
        name,
        "evaluate",
        settings,
        {key: text for key, text in tags.items() if text},
        dict(report.metrics),
        measured=measured,
    )


def of_comparison(found: Comparison, settings: Mapping[str, Any], texts: Mapping[str, str]) -> Record:
    """Return a record of a comparison, with a part per model.

    Parameters
    ----------
    found : Comparison
    settings : Mapping
        Models or backends, source and options.
    texts : Mapping of str to str
        The leaderboard in several forms, by file name.
    """
    parts = []
    for one in found.models:
        metrics = dict(one.report.metrics)
        metrics |= {f"{name}_minus_best": value for name, value in one.differences.items()}
        metrics["rank"] = Estimate(float(one.rank), None, None)
        costs = {"ms_per_input": one.cost.ms, "memory_mb": one.cost.memory_mb} if one.cost else {}
        for name, value in {**costs, "size_mb": one.size_mb}.items():
            if value is not None:
                metrics[name] = Estimate(value, None, None)
        parts.append(Record(one.name, "compare", {"model": one.name}, {"split": one.report.split}, metrics))
    tags = {
        "split": found.split,
        "labels": ", ".join(found.labels),
        "notes": " ".join(found.notes),
        "ranks_by": found.by,
    }
    names = " and ".join(one.name for one in found.models)
    return Record(
        f"compare {names}",
        "compare",
        settings,
        {key: text for key, text in tags.items() if text},
        parts=tuple(parts),
        texts=texts,
    )


def _epochs(history: Mapping[str, Any]) -> dict[str, Curve]:
    """Return the curves of a history, as `genrekit.training.curves` draws them: per part, and per network of several."""
    found: dict[str, list[tuple[int, float]]] = {}
    for part, networks in history.items():
        if not isinstance(networks, list) or not all(map(_is_curve, networks)):
            continue
        for number, points in enumerate(networks):
            place = part if len(networks) == 1 else f"{part}/{number}"
            for point in points:
                for key, value in point.items():
                    if key != "epoch" and isinstance(value, int | float):
                        found.setdefault(f"{place}/{key}", []).append((int(point["epoch"]), float(value)))
    return dict(found)


def _is_curve(points: object) -> bool:
    return isinstance(points, list) and all(isinstance(one, Mapping) and "epoch" in one for one in points)


def _learning(history: Mapping[str, Any]) -> dict[str, Curve]:
    """Return the learning curve with its interval, by examples."""
    curve = history.get("learning_curve")
    if not isinstance(curve, Mapping):
        return {}
    found = {}
    for end, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
        points = [
            (int(part["examples"]), float(part["value"][end]))
            for part in curve["parts"]
            if part["value"][end] is not None
        ]
        found[f"learning_curve/{curve['metric']}{suffix}"] = points
    return dict(found)


def _trials(table: Path) -> dict[str, Curve]:
    """Return the metrics of the trials, by their number."""
    if not table.is_file():
        return {}
    found: dict[str, list[tuple[int, float]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        metrics = names[names.index("folds") + 1 : names.index("reason")] if "reason" in names else []
        for row in reader:
            for name in metrics:
                if row["state"] == "complete" and row[name] and math.isfinite(float(row[name])):
                    found.setdefault(f"trials/{name}", []).append((int(row["trial"]), float(row[name])))
    return dict(found)
