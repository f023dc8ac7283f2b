"""``genrekit datasets list``, ``fetch`` and ``verify``: data from its publishers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli.options import Format, Overwrite
from genrekit.cli.printing import out, say
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.datasets import DataSource
    from genrekit.datasets import fetch as fetching

HowPrinted = Annotated[Format, typer.Option("--format", "-f", help="How it is printed.")]


def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show one data set whole, with its citation.")
    ] = None,
    format: HowPrinted = Format.TEXT,
) -> None:
    """List the data sets that are known by name: size, licence, what each is good for, how to get it.

    Data sets that cannot be fetched any more are listed too, with an alternative. Nothing is asked of the network.
    """
    import json

    from genrekit.datasets import registry

    if name is not None:
        source = registry.get(name.partition(":")[0])
        out(
            json.dumps(_facts(source), indent=2, ensure_ascii=False)
            if format is Format.JSON
            else _whole(source)
        )
        return
    listings = registry.listings()
    if format is Format.JSON:
        facts = [
            _facts(one.source) if one.source else {"name": one.name, "error": one.reason} for one in listings
        ]
        out(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for one in listings:
        out(_short(one.source) if one.source else f"{one.name}: unavailable: {one.reason}")


def fetch(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME[:PART]", help="For example fma:small; see 'genrekit datasets list'."),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to put it into.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="URL|FILE",
            help="Another place than the publisher's: a file, or a folder or address that ends in / and holds the files by name.",
        ),
    ] = None,
    shards: Annotated[
        str | None,
        typer.Option(
            "--shards", metavar="0-3,17", help="Some files only, of a data set that comes in shards."
        ),
    ] = None,
    unpack: Annotated[
        bool,
        typer.Option(
            "--unpack/--no-unpack", help="fma:DIR and jamendo:DIR read songs from their archives, too."
        ),
    ] = True,
    keep_archive: Annotated[
        bool, typer.Option("--keep-archive", help="Keep an archive after it was unpacked.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the download.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Fetch a data set, verify and unpack it; run again after an interruption, it continues where it stopped.

    Prints the source to give to --data. Exit status: 0 all there and as published; 3 there, and something is wrong
    with it.
    """
    from genrekit.datasets import fetch as fetching
    from genrekit.progress import transfer_progress
    from genrekit.text import printable

    plan = fetching.make_plan(what, origin=source, shards=shards)
    _ask(plan, to, yes)
    fetching.get(
        plan, to, fetching.Options(unpack, keep_archive, overwrite), say=say, progress=transfer_progress
    )
    wrong = plan.source.inspect(to) if plan.source.inspect and unpack else ()
    for sentence in wrong:
        say(sentence)
    out(f"{plan.source.name}:{printable(to)}")
    if wrong:
        raise typer.Exit(3)


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where 'datasets fetch' has put something.")],
    format: HowPrinted = Format.TEXT,
) -> None:
    """Compare a folder with what was fetched into it: files that are missing, changed, or extra.

    Every file is read and hashed. Exit status: 0 all as it was fetched; 3 something is not.
    """
    import json

    from genrekit.datasets import fetch as fetching
    from genrekit.progress import progress
    from genrekit.text import visible

    listed = fetching.entries(folder)
    with progress(len(listed), "verifying") as advance:
        found = fetching.verify(folder, listed, advance)
    if format is Format.JSON:
        kinds = {kind: list(getattr(found, kind)) for kind in ("missing", "changed", "extra")}
        out(json.dumps({"files": found.files, "ok": found.ok, **kinds}, indent=2))
    else:
        for kind in ("missing", "changed", "extra"):
            for path in getattr(found, kind):
                out(visible(f"{kind}: {path}"))
        out(
            f"{counted(found.files, 'file')}: {len(found.missing):,} missing, {len(found.changed):,} changed, "
            f"{len(found.extra):,} extra"
        )
    if not found.ok:
        raise typer.Exit(3)


def _ask(plan: fetching.Plan, to: Path, yes: bool) -> None:
    """Print what would be fetched from where, and wait for a yes."""
    import sys

    from genrekit.errors import UsageError

    say(f"{plan.source.title}; licence: {plan.source.licence}")
    if not plan.hosts:
        return
    remote = [item for item in plan.items if item.address]
    size = f"about {_size(plan.size_bytes)}" if plan.size_bytes else "of a length that is not published"
    say(
        f"{len(remote)} {'file' if len(remote) == 1 else 'files'}, {size}, from {', '.join(plan.hosts)} into {to}"
    )
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("Nothing was fetched: nobody is there to ask.", "Use --yes to fetch without asking.")
    if not typer.confirm("Fetch it?", err=True):
        raise typer.Exit(1)


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.{0 if size_bytes >= 10 * factor else 1}f} {unit}"
    return f"{size_bytes} bytes"


def _names(source: DataSource) -> list[tuple[str, str, int]]:
    """Return name, contents and size of every part."""
    return [
        (f"{source.name}:{part.name}" if part.name else source.name, part.about, part.size_bytes)
        for part in source.parts
    ]


def _short(source: DataSource) -> str:
    lines = [f"{source.name}: {source.title}"]
    for name, about, size in _names(source):
        lines.append(f"  {name}\t{_size(size) if size else 'size not published'}\t{about}")
    lines += [f"  good for: {source.good_for}", f"  licence: {source.licence}", f"  how: {source.how}"]
    return "\n".join(lines)


def _whole(source: DataSource) -> str:
    page = f"\n  page: {source.homepage}" if source.homepage else ""
    return _short(source) + page + (f"\n\n{source.citation}" if source.citation else "")


def _facts(source: DataSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "parts": [
            {"name": name, "about": about, "size_bytes": size or None} for name, about, size in _names(source)
        ],
        "good_for": source.good_for,
        "licence": source.licence,
        "how": source.how,
        "readable": source.read is not None,
        "homepage": source.homepage,
        "citation": source.citation,
    }
