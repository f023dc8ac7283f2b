"""Output of ``genrekit evaluate --similarity``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.cli.options import Format, Reading
from genrekit.cli.printing import out, say
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.similarity import Similarity


def show_similarity(
    index: Path, sources: list[str], *, merge_labels: bool, read: Reading | None, format: Format
) -> None:
    """Measure the similarity of an index, and print it."""
    from genrekit.similarity import Index, evaluate_similarity

    found = evaluate_similarity(
        Index(index), sources, merge_labels=merge_labels, read=read.value if read else None, say=say
    )
    if format is Format.JSON:
        from dataclasses import asdict

        print(json.dumps(asdict(found), indent=2), file=sys.stdout, flush=True)
        return
    out(_text(found))


def _text(found: Similarity) -> str:
    lines = [
        f"{counted(found.n, 'song')} of {counted(len(found.labels), 'genre')} and {counted(found.n_artists, 'artist')}, each the query once; random songs: "
        f"{found.chance:.1%}"
    ]
    columns = [("all songs", found.precision)]
    if found.precision_other_artists:
        columns.append(("other artists", found.precision_other_artists))
    else:
        lines.append("no artist is known twice: songs of one artist could not be left out")
    width = max(map(len, found.precision)) + 2
    lines.append(f"\n{'':{width}}" + "".join(f"{title:>28}" for title, _ in columns))
    for name in found.precision:
        cells = (values[name] for _, values in columns)
        shown = (
            f"{one.value:.1%}" + (f" ({one.low:.1%} to {one.high:.1%})" if one.low is not None else "")
            for one in cells
        )
        lines.append(f"{name.replace('_', ' '):{width}}" + "".join(f"{text:>28}" for text in shown))
    if found.precision_other_artists and found.n_other_artists < found.n:
        lines.append(
            f"\nother artists: {counted(found.n_other_artists, 'query')}; the genre of the other {found.n - found.n_other_artists} has one artist only"
        )
    names = list(next(iter(found.by_label.values()), {}))
    longest = max(map(len, found.labels)) + 2
    lines.append("\nby genre" + (", other artists" if found.precision_other_artists else ""))
    lines.append(f"{'':{longest}}{'songs':>6}" + "".join(f"{name.replace('_', ' '):>18}" for name in names))
    for label, count in found.labels.items():
        values = found.by_label.get(label)
        cells_ = (f"{values[name]:.1%}" if values else "-" for name in names)
        lines.append(f"{label:{longest}}{count:>6}" + "".join(f"{text:>18}" for text in cells_))
    lines.append(
        f"\nhubness (skewness of 10-occurrence) {found.hubness:.2f}, without centring {found.hubness_raw:.2f}; "
        f"{found.antihubs:.1%} of the songs are near no other"
    )
    return "\n".join(lines)
