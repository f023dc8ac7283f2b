"""Summary of a model in a few lines, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genrekit.models.card import MEASURES, NO_SHARE, TAKES
from genrekit.models.manifest import Manifest
from genrekit.text import counted
from genrekit.types import Modality

_SHOWN = ("accuracy", "macro_f1", "micro_f1", "mean_average_precision", "log_loss")
_MAX_LABELS = 60
_FEW_COLUMNS = 20


def summarise(manifest: Manifest) -> list[tuple[str, str]]:
    """Return facts as pairs of a title and a text: labels, quality, needs, training data, licence, remarks.

    Parameters
    ----------
    manifest : Manifest

    Returns
    -------
    list of (str, str)
        A text may have several lines.
    """
    thing, example = TAKES[manifest.modality]
    several = " (several per input)" if manifest.multilabel else ""
    facts = [
        ("names", f"the {'genres' if manifest.multilabel else 'genre'} of {thing}{several}"),
        ("labels", _labels(manifest.labels)),
        ("how good", _quality(manifest)),
        ("needs", _needs(manifest)),
        ("learnt from", _data(manifest.data)),
        ("version", f"the next one of the model {manifest.parent}" if manifest.parent else ""),
        ("unfamiliar", _unfamiliar(manifest)),
        ("licence", manifest.licence or "not stated"),
        ("about", manifest.about),
        ("made by", f"genrekit {manifest.genrekit}, backend {manifest.backend}"),
        ("example", f"genrekit predict {example} --model {manifest.name}"),
    ]
    return [(title, text) for title, text in facts if text]


def accuracy(manifest: Manifest) -> str:
    """Return the accuracy on the test split, as '81.7 %'; 'not measured' without one."""
    estimate = _mapping(_mapping(_mapping(manifest.metrics).get("metrics")).get("accuracy"))
    number = _number("accuracy", estimate.get("value"))
    return f"{number} %" if number else "not measured"


def _labels(labels: tuple[str, ...]) -> str:
    more = len(labels) - _MAX_LABELS
    return f"{len(labels)}: {', '.join(labels[:_MAX_LABELS])}" + (f" and {more} more" if more > 0 else "")


def _measures(manifest: Manifest) -> list[str]:
    found = _mapping(_mapping(manifest.metrics).get("metrics"))
    lines = []
    for name in _SHOWN:
        estimate = _mapping(found.get(name))
        if not isinstance(estimate.get("value"), int | float):
            continue
        value, low, high = (_number(name, estimate.get(key)) for key in ("value", "low", "high"))
        unit = "" if name in NO_SHARE else " %"
        interval = f" (95 %: {low} to {high})" if low and high else ""
        lines.append(f"{MEASURES[name]} {value}{unit}{interval}")
    return lines


def _quality(manifest: Manifest) -> str:
    lines = _measures(manifest)
    if not lines:
        return "not measured: no labelled test split was held back"
    metrics = _mapping(manifest.metrics)
    baseline = _mapping(metrics.get("baseline"))
    if isinstance(baseline.get("accuracy"), int | float):
        lines.append(f"always {baseline.get('label')} would be {_number('accuracy', baseline['accuracy'])} %")
    n = metrics.get("n_examples")
    examples = counted(n, "test example") if isinstance(n, int) else "test examples"
    groups = f" of {counted(metrics['n_groups'], 'group')}" if metrics.get("n_groups") else ""
    lines.append(f"measured on {examples}{groups}, once")
    lines += [str(note) for note in metrics.get("notes") or ()]
    return "\n".join(lines)


def _needs(manifest: Manifest) -> str:
    if manifest.modality is Modality.TABLE:
        few = len(manifest.columns) <= _FEW_COLUMNS
        names = f": {', '.join(manifest.columns)}" if few else ""
        return f"a table with {counted(len(manifest.columns), 'column')}{names}"
    window_s = manifest.config.get("window_s")
    what = {
        Modality.AUDIO: "sound files"
        + (f", heard in windows of {window_s:g} s" if isinstance(window_s, int | float) else ""),
        Modality.IMAGE: "pictures",
    }[manifest.modality]
    if manifest.columns:
        what += f"; or a table with its {counted(len(manifest.columns), 'column')} (genrekit backends {manifest.backend} --columns)"
    return f"{what}; no network and no GPU"


def _data(data: Mapping[str, Any]) -> str:
    if not data:
        return "not stated"
    counts, split = _mapping(data.get("counts")), _mapping(data.get("split"))
    examples = f", {counted(data['examples'], 'example')}" if isinstance(data.get("examples"), int) else ""
    lines = [f"{data.get('source', 'a source that is not named')}{examples}"]
    if counts:
        lines[0] += (
            f": {', '.join(f'{label} {count}' for label, count in list(counts.items())[:_MAX_LABELS])}"
        )
    if split:
        parts = ", ".join(f"{name} {split[name]}" for name in ("train", "valid", "test") if name in split)
        lines.append(f"{split.get('method', 'split')}: {parts}" if parts else str(split.get("method")))
    if "fitted_on" in data:
        lines.append(f"fitted on {data['fitted_on']}")
    return "\n".join(lines)


def _unfamiliar(manifest: Manifest) -> str:
    distance = manifest.outputs.distance
    if distance and distance.threshold is not None:
        return "says where an input is unlike anything that it learnt"
    return "cannot tell: every input gets a genre"


def _number(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        return ""
    return f"{value:.3f}" if name in NO_SHARE else f"{100 * value:.1f}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
