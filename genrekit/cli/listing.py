"""Lists for people and for programs: columns with titles on a terminal, fields between tabs elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from genrekit.cli.printing import out


def print_list(titles: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int = -1) -> None:
    """Print rows of a list; the wide column takes what is left of the line, and continues below itself."""
    from genrekit.text import visible

    if not sys.stdout.isatty():
        for row in rows:
            out("\t".join(map(visible, row)))
        return
    from rich.table import Table
    from rich.text import Text

    from genrekit.output import PipeConsole
    from genrekit.text import encodable

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for number, title in enumerate(titles):
        if number == wide % len(titles):
            table.add_column(title, overflow="fold", ratio=1)
        else:
            table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(encodable(visible(cell), sys.stdout)) for cell in row))
    PipeConsole(file=sys.stdout, highlight=False, markup=False, emoji=False).print(table)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print facts as 'name: text', on a terminal in two columns; a text may have several lines."""
    from genrekit.text import visible

    if not sys.stdout.isatty():
        for name, text in facts:
            first, *more = text.split("\n")
            out("\n".join([f"{name}: {visible(first)}", *(f"  {visible(line)}" for line in more)]))
        return
    from rich.table import Table
    from rich.text import Text

    from genrekit.output import PipeConsole
    from genrekit.text import encodable

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for name, text in facts:
        shown = "\n".join(map(visible, text.split("\n")))
        table.add_row(Text(name, "bold"), Text(encodable(shown, sys.stdout)))
    PipeConsole(file=sys.stdout, highlight=False, markup=False, emoji=False).print(table)
