"""``genrekit playlists``."""

from __future__ import annotations

from typing import Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.listing import print_list
from genrekit.cli.options import PROVIDERS, Format, RegionsFile
from genrekit.cli.printing import out, say


def playlists(
    genres: Annotated[
        list[str],
        typer.Argument(metavar="GENRE...", help="What to listen to.", autocompletion=completion.genres),
    ],
    region: Annotated[
        str,
        typer.Option(
            "--region",
            metavar="A,B",
            help="Regions, with commas between: original, khaleeji, or those of --regions-file; by default all.",
        ),
    ] = "",
    provider: Annotated[
        str,
        typer.Option(
            "--provider",
            metavar="NAME|FILE",
            envvar="GENREKIT_PLAYLISTS",
            help=f"The source: {PROVIDERS}. Links are searches at services; nothing is asked.",
        ),
    ] = "links",
    regions_file: RegionsFile = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=25, help="Playlists per region.")
    ] = 10,
    format: Annotated[Format, typer.Option("--format", "-f", help="How they are printed.")] = Format.TEXT,
) -> None:
    """Find playlists for a genre, as it is heard in several regions.

    By default they are addresses of searches, made without a key and without a request. YouTube needs
    GENREKIT_YOUTUBE_KEY, Jamendo GENREKIT_JAMENDO_CLIENT_ID, or these names with _FILE for a file that holds them.
    What services answer is kept for a day; where one fails, or was asked too often, there are links instead.

    Exit status: 0 all good; 2 wrong usage.
    """
    import json

    from genrekit.playlists import Finder, open_provider, read_regions

    table = read_regions(regions_file)
    wanted = table.choose([word for name in region.split(",") if (word := name.strip())])
    finder = Finder(open_provider(provider, table))
    found = [finder.find(genre, wanted, limit) for genre in genres]
    for note in dict.fromkeys(note for one in found for note in one.notes):
        say(note)
    if format is Format.JSON:
        out(json.dumps([one.as_dict() for one in found], indent=2, ensure_ascii=False))
        return
    rows = [(one.genre, item.region, item.title, item.url) for one in found for item in one.items]
    print_list(("genre", "region", "playlist", "address"), rows, wide=3)
