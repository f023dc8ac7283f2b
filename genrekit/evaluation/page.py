"""HTML pages of one file: text, tables and pictures, without scripts and without anything from elsewhere."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from genrekit.text import visible

_NUMBER = re.compile(r"[-+]?\d")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td:last-child { min-width: 9rem; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: left; }
.n { text-align: right; }
.note { background: #fff4d6; padding: .4rem .8rem; border-left: 4px solid #d9a400; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; } img { max-width: 100%; }
.several figure { flex: 1 1 18rem; max-width: 34rem; }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """Return a page of parts that the other functions of this module made."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_safe(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{_safe(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def heading(text: str) -> str:
    """Return a heading of a section."""
    return f"<h2>{_safe(text)}</h2>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{_safe(text)}</p>"


def note(text: str) -> str:
    """Return a caveat."""
    return f'<p class="note">{_safe(text)}</p>'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; columns of numbers are flush right."""
    kinds = [
        ' class="n"' if all(_NUMBER.match(cell) for cell in column if cell) and any(column) else ""
        for column in zip(*rows, strict=True)
    ] or [""] * len(columns)

    def line(tag: str, cells: Sequence[str]) -> str:
        return "".join(f"<{tag}{kind}>{_safe(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

    head = line("th", columns)
    body = "\n".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def pictures(pngs: Sequence[tuple[str, bytes]]) -> str:
    """Return pictures side by side; each is a PNG with words for those who do not see it."""
    figures = "".join(
        f'<figure><img alt="{_safe(words)}" src="data:image/png;base64,{b64encode(png).decode("ascii")}"></figure>'
        for words, png in pngs
    )
    return f'<div class="row{" several" * (len(pngs) > 1)}">{figures}</div>'


def _safe(text: str) -> str:
    return escape(visible(text))
