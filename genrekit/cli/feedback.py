"""``genrekit feedback``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.help import Command, Group
from genrekit.cli.listing import print_list
from genrekit.cli.options import StorePlace
from genrekit.cli.printing import out, say
from genrekit.cli.verbosity import with_verbosity
from genrekit.files import check_output, naming

SOME_FAILED = 3


class Format(StrEnum):
    """Formats of corrections."""

    CSV = "csv"
    LABEL_STUDIO = "label-studio"


app = typer.Typer(
    cls=Group,
    help="Corrections that a server keeps: check a store, write them for other programs, read labels from them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(cls=Command)
@with_verbosity
def check(store: StorePlace) -> None:
    """List what is wrong in a store: damaged and unreadable files, files without consent, contradictions.

    Exit status: 0 nothing is wrong; 1 the store cannot be read; 3 something is wrong.
    """
    from genrekit.feedback import Store, check_store

    place = Store(store)
    found = check_store(place)
    n = sum(bool(content.object) for content in place.contents().values())
    if found:
        print_list(("object", "problem"), found)
    say(f"{n} files, {len(found)} problems")
    if found:
        raise typer.Exit(SOME_FAILED)


@app.command(cls=Command)
@with_verbosity
def export(
    store: StorePlace,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="A table, or tasks of Label Studio as JSON.")
    ] = Format.CSV,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file instead of stdout.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write what was said of kept files, with the predictions."""
    from genrekit.feedback import Store, export_csv, export_label_studio

    output = None if output == Path("-") else output
    check_output(output, overwrite=overwrite)
    text = (export_csv if format is Format.CSV else export_label_studio)(Store(store))
    if output is None:
        out(text.rstrip("\n"))
        return
    with naming(output):
        output.write_text(text, encoding="utf-8", newline="")
    say(f"wrote {output}")


@app.command("import", cls=Command)
@with_verbosity
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A table with the columns label, path or sha256, and perhaps annotator; or the JSON of Label Studio.",
        ),
    ],
    store: StorePlace,
) -> None:
    """Add labels to a store; files that it does not have are kept without their metadata, with your word that they may be.

    Prints a receipt per label, which deletes it. Exit status: 0 all added; 1 none; 3 some could not be.
    """
    from genrekit.feedback import Store, import_labels

    found = import_labels(Store(store), file)
    if found.added:
        print_list(("label of", "receipt"), found.added)
    for name, reason in found.failed:
        say(f"left out {name}: {reason}")
    say(f"{len(found.added)} labels added, {len(found.failed)} left out")
    if found.failed or not found.added:
        raise typer.Exit(SOME_FAILED if found.added else 1)
