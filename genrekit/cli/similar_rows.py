"""Output of similar songs and of near-identical pairs: a table, JSON Lines, CSV or a playlist."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.cli.printing import out, say
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.similarity import Neighbour, Pair

_FORMATS = {".jsonl": "jsonl", ".csv": "csv", ".m3u8": "m3u8", ".m3u": "m3u8", ".txt": "table"}
SUFFIXES = tuple(_FORMATS)
_TITLES = {
    "rank": "#", "score": "score", "label": "genre", "artist": "artist", "title": "title", "input": "song", "other": "same as",
    "identical": "sound",
}  # fmt: skip
_COLUMNS = ("rank", "input", "score", "label", "label_score", "artist", "title", "length_s", "exists")
_PATHS = ("input", "other")
_SHORT = 24
_PAIR_COLUMNS = ("input", "other", "score", "identical", "length_s", "other_length_s", "exists")


def write_rows(
    found: Sequence[Neighbour] | Sequence[Pair], format: str, output: Path | None, *, pairs: bool = False
) -> None:
    """Write results or pairs to stdout or into a file; files that are gone are marked, and left out of a playlist."""
    from genrekit.files import naming

    if format == "auto":
        format = _FORMATS[output.suffix.lower()] if output else "table" if sys.stdout.isatty() else "jsonl"
    rows = [_row(rank, one) for rank, one in enumerate(found, start=1)]
    gone = sum(not row["exists"] for row in rows)
    if gone:
        left = ", and left out of the playlist" if format == "m3u8" else ""
        say(
            f"the files of {gone} of {len(rows)} results are not there any more{left}; 'genrekit index ... --prune' removes them"
        )
    if format == "table" and output is None:
        if rows:
            _print_table(rows)
        return
    if format == "m3u8":
        text = _playlist(rows, output)
    else:
        columns = _PAIR_COLUMNS if pairs else _COLUMNS
        text = _lines(rows) if format == "table" else {"jsonl": _jsonl, "csv": _csv}[format](rows, columns)
    if output is None:
        from genrekit.text import encodable

        sys.stdout.write(encodable(text, sys.stdout))
        sys.stdout.flush()
        return
    data = os.fsencode(text) if format == "m3u8" else text.encode("utf-8", "backslashreplace")
    part = output.with_name(f".{output.name}.part")
    with naming(output):
        part.write_bytes(data)
        part.replace(output)
    say(f"wrote {counted(len(rows) - (gone if format == 'm3u8' else 0), 'row')} to {output}")


def _row(rank: int, one: Any) -> dict[str, Any]:
    fields = asdict(one)
    paths = [fields.pop(name) for name in ("path", "other_path") if name in fields]
    fields.pop("id", None)
    exists = all(path is None or os.path.lexists(path) for path in paths)
    return fields | ({} if "other" in fields else {"rank": rank}) | {"exists": exists, "_path": paths[0]}


def _jsonl(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    from genrekit.output import dumps
    from genrekit.text import utf8_name

    lines = []
    for row in rows:
        named = {key: utf8_name(row[key]) for key in ("input", "other") if key in row}
        lines.append(dumps({key: row[key] for key in columns} | named) + "\n")
    return "".join(lines)


def _csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    from genrekit.text import escaped_name

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        named = {key: escaped_name(row[key]) for key in ("input", "other") if key in row}
        cells = ((row | named)[key] for key in columns)
        writer.writerow([str(cell).lower() if isinstance(cell, bool) else cell for cell in cells])
    return stream.getvalue()


def _playlist(rows: Sequence[dict[str, Any]], output: Path | None) -> str:
    """Return a playlist of the files that are there, with paths relative to where it is written."""
    from genrekit.library import way_to

    lines = ["#EXTM3U"]
    for row in rows:
        if row["exists"] and row["_path"] and row["_path"] == row["input"]:
            title = " - ".join(filter(None, (row["artist"], row["title"]))) or Path(row["input"]).stem
            lines.append(f"#EXTINF:{round(row['length_s'] or -1)},{title}")
            lines.append(way_to(Path(row["_path"]), output) if output else row["_path"])
    return "".join(f"{line}\n" for line in lines)


def _cells(row: dict[str, Any]) -> dict[str, str]:
    shown = {key: "" if row.get(key) is None else str(row.get(key, "")) for key in _TITLES}
    shown["score"] = f"{row['score']:.3f}"
    shown["identical"] = "identical" if row.get("identical") else ""
    if not row["exists"]:
        shown["input"] += " (gone)"
    return shown


def _titles(rows: Sequence[dict[str, Any]]) -> list[str]:
    if rows and "other" in rows[0]:
        return ["score", "identical", "input", "other"]
    named = [key for key in ("artist", "title") if any(row[key] for row in rows)]
    return ["rank", "score", "label", *named, "input"]


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    from genrekit.cli.listing import print_list
    from genrekit.text import visible

    if folder := _shared(rows):
        out(visible(folder))
        rows = [row | {key: row[key].removeprefix(folder) for key in _PATHS if key in row} for row in rows]
    keys = _titles(rows)
    print_list([_TITLES[key] for key in keys], [[_cells(row)[key] for key in keys] for row in rows])


def _shared(rows: Sequence[dict[str, Any]]) -> str:
    """Return the folder of all songs, if a terminal shows several and paths too long for a narrow column."""
    from genrekit.output import common_folder

    paths = [row[key] for row in rows for key in _PATHS if key in row]
    is_long = sys.stdout.isatty() and len(paths) > 1 and max(map(len, paths)) > _SHORT
    return common_folder(paths) if is_long else ""


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    from genrekit.text import visible

    keys = _titles(rows)
    return "".join("\t".join(visible(_cells(row)[key]) for key in keys) + "\n" for row in rows)
