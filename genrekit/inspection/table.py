"""A picture of a table: how many rows of each genre, and which features changed the scores of chosen rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from genrekit.datasets import open_dataset
from genrekit.errors import DatasetError, UsageError
from genrekit.inspection.drawing import bars, panels, png_of
from genrekit.prediction import Model, PredictOptions, predict
from genrekit.tables import LABEL_COLUMNS, open_table
from genrekit.text import counted, visible
from genrekit.types import Prediction

_MAX_GENRES = 20
_MAX_FEATURES = 8
MAX_ROWS = 10
_ROW = "#row "


def draw_table(models: Sequence[Model], name: str, path: Path, rows: Sequence[int] = ()) -> tuple[bytes, str]:
    """Draw how often each genre is predicted in a table of features, or labelled in a list of files.

    Parameters
    ----------
    models : sequence of Model
        The first that reads the columns predicts the rows.
    name : str
        The name in the title.
    path : Path
    rows : sequence of int
        Rows whose features are shown, counted as in a spreadsheet: the column names are row 1; by default the first two
        that were predicted. At most ten.

    Returns
    -------
    bytes
        A PNG.
    str
        Content of the picture, in words.

    Raises
    ------
    DatasetError
        If it is not a table of features of a loaded model, and not a list of files with labels.
    UsageError
        If it has no such row, or the model does not explain rows.
    """
    columns = open_table(path).columns
    model = next((one for one in models if one.recognises(columns)), None)
    if model is None:
        if rows:
            raise UsageError(f"{visible(name)} has no features of a loaded model to show.", "Omit --rows.")
        return _draw_counts(name, open_dataset(path).counts, "labelled")
    counts: Counter[str] = Counter()
    failed = 0
    chosen: dict[int, Prediction] = {}
    explains = _explains(model)
    for number, prediction in enumerate(predict(str(path), model=model, jobs=1), start=2):
        at = int(prediction.id.rpartition(_ROW)[2]) if _ROW in prediction.id else number
        failed += prediction.label is None
        counts.update(prediction.labels)
        if at in rows or (not rows and explains and len(chosen) < 2 and prediction.label):
            chosen[at] = prediction
    if not counts:
        raise DatasetError(
            f"Not one row of {visible(name)} could be predicted.", "Their rows in 'genrekit predict' say why."
        )
    if missing := [row for row in rows if row not in chosen]:
        raise UsageError(f"{visible(name)} has no row {missing[0]}.", "The column names are row 1.")
    if rows and not explains:
        raise UsageError(f"Model {model.name!r} does not explain rows.", "Omit --rows.")
    reasons = _reasons(model, path, chosen)
    return _draw(name, model, counts, _labelled(path), failed, reasons)


def _explains(model: Model) -> bool:
    try:
        return bool(model.explainer)
    except UsageError:
        return False


def _reasons(model: Model, path: Path, chosen: dict[int, Prediction]) -> list[tuple[int, Prediction]]:
    """Return the chosen rows with their reasons; the table is read once more, for these alone."""
    if not chosen:
        return []
    found = predict(str(path), model=model, options=PredictOptions(explain=True), jobs=1)
    last = max(chosen)
    rows: dict[int, Prediction] = {}
    for number, prediction in enumerate(found, start=2):
        at = int(prediction.id.rpartition(_ROW)[2]) if _ROW in prediction.id else number
        if at in chosen:
            rows[at] = prediction
        if at >= last:
            break
    return sorted(rows.items())


def _labelled(path: Path) -> Counter[str] | None:
    """Return how often each label occurs in the table; None without a column of labels."""
    table = open_table(path)
    at = table.find(LABEL_COLUMNS)
    if at is None:
        return None
    cells = (row[0].strip().lower() for _, row, problem in table.rows([table.columns[at]]) if not problem)
    return Counter(cell for cell in cells if cell)


def _draw(
    name: str,
    model: Model,
    counts: Counter[str],
    labelled: Counter[str] | None,
    failed: int,
    reasons: Sequence[tuple[int, Prediction]],
) -> tuple[bytes, str]:
    labels = labelled or Counter()
    genres = sorted({*counts, *labels}, key=lambda label: (-counts[label], -labels[label], label))
    shown = [(label, counts[label]) for label in genres[:_MAX_GENRES]]
    heights = [0.28 * len(shown) + 0.8] + [0.26 * _n_features(p) + 0.9 for _, p in reasons]
    total = sum(counts.values())
    figure, axes = panels(
        heights, title=f"{Path(name).name}: {counted(total, 'row')} predicted by {model.name}"
    )
    words = [f"{n:,}" for _, n in shown]
    if labelled:
        words = [f"{n:,} (labelled: {labelled[label]:,})" for label, n in shown]
    bars(axes[0], [label for label, _ in shown], [n for _, n in shown], words=words)
    axes[0].set_xticks([])
    axes[0].set_title("rows by predicted genre", fontsize=9, loc="left")
    said = [
        f"{counted(total, 'row')}: "
        + ", ".join(f"{label} {n}" for (label, _), n in zip(shown, words, strict=True))
        + "."
    ]
    if failed:
        said.append(f"No prediction for {counted(failed, 'row')}.")
    for panel, (number, prediction) in zip(axes[1:], reasons, strict=True):
        if prediction.label is None or not prediction.reasons:
            panel.set_axis_off()
            panel.set_title(
                f"row {number}: {prediction.error or 'no prediction'}",
                fontsize=9,
                loc="left",
                parse_math=False,
            )
            continue
        top = prediction.reasons[:_MAX_FEATURES]
        names = [f"{r.feature} = {'missing' if r.value is None else _amount(r.value)}" for r in top]
        contributions = [r.contribution for r in top]
        bars(panel, names, contributions, words=[f"{one:+.2f}" for one in contributions])
        panel.axvline(0, color="black", linewidth=0.8)
        title = f"row {number}: {prediction.label} {prediction.score or 0:.0%}; contributions in log odds, hatched where against it"
        panel.set_title(visible(title), fontsize=9, loc="left", parse_math=False)
        said.append(
            f"Row {number} is {prediction.label}, most by {top[0].feature} ({contributions[0]:+.2f})."
        )
    return png_of(figure), " ".join(said)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _n_features(prediction: Prediction) -> int:
    return max(1, min(_MAX_FEATURES, len(prediction.reasons)))


def _draw_counts(name: str, counts: dict[str, int], what: str) -> tuple[bytes, str]:
    shown = Counter(counts).most_common(_MAX_GENRES)
    figure, axes = panels(
        [0.28 * len(shown) + 0.8], title=f"{Path(name).name}: {counted(sum(counts.values()), 'file')} {what}"
    )
    bars(axes[0], [label for label, _ in shown], [n for _, n in shown], words=[f"{n:,}" for _, n in shown])
    axes[0].set_xticks([])
    axes[0].set_title(f"files by genre, as {what}", fontsize=9, loc="left")
    return png_of(figure), f"Files {what}: " + ", ".join(f"{label} {n:,}" for label, n in shown) + "."
