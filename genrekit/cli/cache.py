"""``genrekit cache``."""

from __future__ import annotations

from typing import Annotated

import typer

from genrekit.cli.listing import print_facts
from genrekit.cli.options import Format
from genrekit.cli.printing import out, say
from genrekit.text import counted


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove it; other files in the folder are left alone.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the facts are printed.")
    ] = Format.TEXT,
) -> None:
    """Show where the cache of prepared inputs is and how large, or remove it.

    The cache makes a second run over the same files faster; nothing else depends on it. GENREKIT_CACHE_DIR names
    another folder, GENREKIT_CACHE=off and --no-cache do without.
    """
    import json

    from genrekit.errors import UsageError
    from genrekit.files import NO_FOLDER, cache_folder
    from genrekit.preparation import MAX_BYTES, cache_contents, clear_cache

    folder = cache_folder()
    if folder == NO_FOLDER:
        raise UsageError(
            "This user has no home folder, so there is no cache.",
            "GENREKIT_CACHE_DIR can name a folder for it.",
        )
    found = clear_cache(folder) if clear else cache_contents(folder)
    n_bytes = sum(one.size for one in found)
    if format is Format.JSON:
        kinds = {one.kind: {"files": one.files, "bytes": one.size} for one in found}
        out(json.dumps({"folder": str(folder), "cleared": clear, "bytes": n_bytes, "kinds": kinds}, indent=2))
        return
    print_facts(
        [
            ("folder", str(folder)),
            *((one.kind, f"{counted(one.files, 'file')}, {one.size / 1e6:,.1f} MB") for one in found),
            ("removed" if clear else "in all", f"{n_bytes / 1e6:,.1f} MB"),
        ]
    )
    if not clear:
        say(
            f"Prepared inputs that were not used for longest go when they take more than {MAX_BYTES / 1e6:,.0f} MB; "
            "--clear removes all of it."
        )
