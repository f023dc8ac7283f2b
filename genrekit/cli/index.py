"""``genrekit index``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import Jobs, NoCache, Overwrite, open_cache
from genrekit.cli.output_rows import causes
from genrekit.cli.printing import say
from genrekit.cli.streams import stdin_bytes, stdout_is_optional
from genrekit.files import refuse_stdout
from genrekit.progress import progress
from genrekit.text import counted

SOME_FAILED = 3


def index(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Songs, pictures or tables of features: files, folders, playlists, glob patterns, addresses; - reads a list of "
            "them from stdin.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="The index; if it exists, what is new or changed is added to it.",
        ),
    ] = Path("music.index"),
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A bundle, or the name of a shipped model; by default the first that takes any of the inputs, songs first.",
            autocompletion=completion.models,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an index whose run was interrupted.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove rows whose files are not there any more.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", min=0.001, help="Give up on an input after so many seconds."
        ),
    ] = None,
    jobs: Jobs = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Make an index of a library for 'genrekit similar', or bring one up to date.

    What is in the index and unchanged is not read again; a file that was moved or whose tags changed keeps its vector. The
    files themselves are only read.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage; 3 some inputs failed.
    """
    from genrekit.errors import UsageError
    from genrekit.prediction import read_list
    from genrekit.similarity import index as make_index

    if not paths:
        raise UsageError(
            "There is nothing to index.", "Name files or folders: genrekit index music/ -o music.index"
        )
    refuse_stdout(output)
    stdout_is_optional()
    words = [
        name
        for word in paths
        for name in (read_list(stdin_bytes(), "stdin") if word == "-" else [word])
    ]  # fmt: skip
    cache = open_cache(no_cache)
    try:
        with progress(None, "indexing") as advance:
            done = make_index(
                words,
                output,
                model=model,
                resume=resume,
                overwrite=overwrite,
                prune=prune,
                jobs=jobs,
                timeout_s=timeout,
                cache=cache,
                say=say,
                advance=advance,
            )
    except KeyboardInterrupt:
        say(f"genrekit: what is finished is kept in {output}; add --resume to go on")
        raise
    cache.prune()
    counts = ("new", "changed", "moved", "unchanged", "removed")
    parts = [f"{count} {name}" for name in counts if (count := getattr(done, name))]
    say(f"{output}: {done.total} in the index" + (f" ({', '.join(parts)})" if parts else ""))
    if done.gone:
        say(f"the files of {done.gone} are not there any more; --prune removes them from the index")
    if done.failed:
        say(f"genrekit: {counted(len(done.failed), 'input')} could not be read: {causes(done.reasons)}")
        raise typer.Exit(SOME_FAILED)
