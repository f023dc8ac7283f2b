"""``genrekit retrain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Jobs, MergeLabels, NoCache, Read, StorePlace, job_count, open_cache
from genrekit.cli.printing import out, say
from genrekit.errors import GenrekitError, UsageError

if TYPE_CHECKING:
    from genrekit.feedback import Retraining

WATCH_S = 60.0


def retrain(
    store: StorePlace,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="SOURCE",
            help="The data that the model was trained on; may be given several times.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            metavar="FILE",
            help="The bundle that is served, which a promotion replaces; by default the one that the server of the store "
            "has loaded.",
        ),
    ] = None,
    min_new: Annotated[
        int,
        typer.Option("--min-new", metavar="N", min=0, help="With fewer new corrections nothing is trained."),
    ] = 50,
    max_share: Annotated[
        float,
        typer.Option(
            "--max-share",
            metavar="PART",
            min=0.001,
            max=1,
            help="The largest share of a label that comes from one uploader.",
        ),
    ] = 0.2,
    promote: Annotated[
        bool,
        typer.Option("--promote", help="Put the challenger in the place of the champion if it is better."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be learnt and left out; train nothing.")
    ] = False,
    rollback: Annotated[
        bool,
        typer.Option("--rollback", help="Serve the version before the current one again; train nothing."),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Go on: look every minute whether there are enough new corrections."),
    ] = False,
    read: Read = None,
    merge_labels: MergeLabels = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Train a model again with the corrections of a store, and promote it only if it is better.

    A quarter of the uploaders is never trained on. The challenger takes the champion's place if it is better on their
    corrections and not worse on the champion's test split, by the paired bootstrap. A running server picks it up.

    Exit status: 0 good, promoted or not; 1 it could not be done; 2 wrong usage; 130 interrupted.
    """
    import time

    from genrekit.feedback import Store, Versions, champion_path
    from genrekit.feedback import retrain as run

    place = Store(store)
    if rollback:
        if promote or dry_run or watch:
            raise UsageError(
                "--rollback goes with no other action.", "Leave --promote, --dry-run and --watch out."
            )
        path = champion_path(place, model)
        version = Versions(place).roll_back(path)
        say(f"{path} is version {version.sha256} again")
        return
    if not data:
        raise UsageError("There is no data.", "Pass what the model was trained on: --data SOURCE")
    if dry_run and promote:
        raise UsageError("--dry-run promotes nothing.", "Pass one of --dry-run and --promote.")
    if watch and (dry_run or not promote):
        raise UsageError("--watch trains again and again.", "Pass it with --promote.")
    last = ""
    while True:
        try:
            found = run(
                place,
                data,
                model=model,
                min_new=min_new,
                max_share=max_share,
                promote=promote,
                dry_run=dry_run,
                merge_labels=merge_labels,
                read=read.value if read else None,
                jobs=job_count(jobs),
                cache=open_cache(no_cache),
                say=say,
            )
        except UsageError:
            raise
        except GenrekitError as error:
            if not watch:
                raise
            words = f"{error}"
        else:
            words = _text(found)
            if found.outcome != "waiting" or not watch:
                out(json.dumps(found.to_dict()) if as_json else words)
                words = ""
        if not watch:
            return
        if words and words != last:
            say(words)
        last = words
        time.sleep(WATCH_S)


def _text(found: Retraining) -> str:
    from genrekit.feedback import WORDS

    lines = [
        WORDS[found.outcome],
        f"{found.new} new corrections; {found.learnt} learnt, {found.held_back} held back for the test",
    ]
    if found.forgotten:
        lines.append(
            f"{found.forgotten} uploads that the champion learnt are deleted, and forgotten by the challenger"
        )
    for key, name in (("frozen_test", "frozen test"), ("corrections_test", "corrections never trained on")):
        if duel := found.facts.get(key):
            change = duel["difference"]
            ends = [change["low"], change["high"]]
            interval = "" if None in ends else f" (95 %: {100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})"
            lines.append(
                f"{name}: {duel['metric'].replace('_', ' ')} {100 * duel['champion']:.1f} to "
                f"{100 * duel['challenger']:.1f}, {100 * change['value']:+.1f} points{interval}"
            )
    despite = "although" if found.outcome == "promoted" else "not promoted"
    lines += [f"{despite}: {reason}" for reason in found.reasons]
    lines += [f"left out {name}: {reason}" for name, reason in found.left_out]
    return "\n".join(lines)
