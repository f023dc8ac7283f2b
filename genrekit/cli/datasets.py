"""``genrekit datasets``: inspect labelled data before training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli import datasets_fetch
from genrekit.cli.help import Command, Group
from genrekit.cli.options import (
    SOURCES,
    Ambiguity,
    Ambiguous,
    By,
    Cluster,
    Format,
    Jobs,
    MergeLabels,
    NoCache,
    Overwrite,
    Read,
    Reading,
    SplitBy,
    TestSize,
    ValidSize,
    job_count,
    open_cache,
)
from genrekit.cli.printing import out, say
from genrekit.cli.verbosity import with_verbosity
from genrekit.files import check_output
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.datasets import Dataset, Finding

MOST_IDS = 20
"""Of one finding, so many names are printed as text."""

app = typer.Typer(
    cls=Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Get labelled data and look at it: list, fetch, verify, show, check, split, and compute features.",
)
app.command("list", cls=Command)(with_verbosity(datasets_fetch.list_))
app.command("fetch", cls=Command)(with_verbosity(datasets_fetch.fetch))
app.command("verify", cls=Command)(with_verbosity(datasets_fetch.verify))

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help=SOURCES,
    ),
]


def _open(source: str, prefer: Reading | None, ambiguous: Ambiguous, merge_labels: bool = False) -> Dataset:
    from genrekit.backends import table_schemas
    from genrekit.datasets import open_dataset

    return open_dataset(
        source,
        schemas=table_schemas(),
        prefer=prefer.value if prefer else None,
        spectrograms=True,
        merge_labels=merge_labels,
        ambiguous=ambiguous.value,
    )


@app.command(cls=Command)
@with_verbosity
def show(
    source: Source,
    prefer: Read = None,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    format: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.TEXT,
) -> None:
    """Show the contents of a source: labels with counts, groups, splits, and what is left out and why."""
    import json
    from collections import Counter

    from genrekit.text import visible

    dataset = _open(source, prefer, ambiguous, merge_labels)
    splits = Counter(example.split or "none" for example in dataset.examples)
    facts = {
        "source": dataset.source,
        "layout": dataset.layout,
        "modality": str(dataset.modality),
        "examples": len(dataset.examples),
        "labels": dataset.counts,
        "groups": len({e.group for e in dataset.examples if e.group is not None}),
        "without_group": sum(e.group is None for e in dataset.examples),
        "splits": dict(sorted(splits.items())),
        "notes": list(dataset.notes),
        "left_out": [{"id": name, "reason": reason} for name, reason in dataset.left_out],
        "fingerprint": dataset.fingerprint,
    }
    if format is Format.JSON:
        out(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            out(visible(f"{key}: " + ", ".join(f"{name} {count}" for name, count in value.items())))
        elif isinstance(value, list):
            for item in value:
                shown = f"{item['id']}: {item['reason']}" if isinstance(item, dict) else item
                out(visible(f"{key}: {shown}"))
        else:
            out(visible(f"{key}: {value}"))


@app.command(cls=Command)
@with_verbosity
def check(
    source: Source,
    prefer: Read = None,
    min_duration: Annotated[
        float,
        typer.Option(
            "--min-duration", metavar="SECONDS", min=0, help="Report songs shorter than this, in seconds."
        ),
    ] = 1.0,
    format: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.TEXT,
    ambiguous: Ambiguity = Ambiguous.DROP,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            help="Also report which items this model learnt: the path of a bundle, or the name of a shipped model.",
        ),
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Find unreadable, silent, short, duplicate and contradictorily labelled examples, and groups in more than one split.

    Exit status: 0 nothing found; 3 something found.
    """
    import json
    from dataclasses import replace

    from genrekit.datasets import KINDS, check_dataset
    from genrekit.progress import progress
    from genrekit.text import visible

    dataset = _open(source, prefer, ambiguous)
    learnt = _learnt(source, against, prefer, job_count(jobs)) if against else None
    with progress(len(dataset.examples), "checking") as advance:
        found = check_dataset(dataset, jobs=job_count(jobs), min_duration_s=min_duration, advance=advance)
    if learnt:
        found = replace(found, findings=(*found.findings, learnt))
    if format is Format.JSON:
        out(json.dumps(found.to_dict(), indent=2))
    else:
        for kind, words in KINDS.items():
            members = found.of(kind)
            if members:
                out(f"{len(members)} {words}:")
                for finding in members:
                    ids = finding.ids[:MOST_IDS]
                    more = f" and {len(finding.ids) - MOST_IDS} more" if len(finding.ids) > MOST_IDS else ""
                    out(visible(f"  {', '.join(ids)}{more}: {finding.detail}"))
        for name, reason in found.left_out:
            out(visible(f"left out: {name}: {reason}"))
        for note in found.notes:
            say(visible(f"note: {note}"))
        out(
            f"{counted(found.examples, 'example')}, {counted(len(found.findings), 'finding')}, {len(found.left_out)} left out"
        )
    if not found.ok or found.left_out:
        raise typer.Exit(3)


def _learnt(source: str, against: str, prefer: Reading | None, jobs: int) -> Finding | None:
    """Find the examples of a source that a model learnt; print a note if there are none or it cannot tell."""
    from genrekit.datasets import Finding
    from genrekit.prediction import load_model
    from genrekit.training import open_for, recognise

    model = load_model(against)
    learnt = model.bundle.learnt
    if learnt is None:
        say(f"note: {model.name} has no content keys, so nothing tells what it learnt")
        return None
    read: Any = prefer.value if prefer else None
    dataset = open_for(model.backend, model.config, source, ambiguous="first", read=read)
    found = recognise(learnt, model.backend, model.config, dataset, jobs=jobs)
    if not found.learnt:
        say(
            f"{model.name} learnt none of the {counted(found.examples, 'example')}, as far as its content keys tell"
        )
        return None
    rest = found.examples - len(found.learnt) - len(found.failures)
    detail = f"{model.name} learnt {len(found.learnt)} of {counted(found.examples, 'example')}; {rest} are new to it"
    return Finding("learnt", found.learnt, detail)


@app.command(cls=Command)
@with_verbosity
def split(
    source: Source,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The manifest to write: .csv, .tsv or .parquet."),
    ],
    split_by: By = SplitBy.AUTO,
    test_size: TestSize = 0.2,
    valid_size: ValidSize = 0.1,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the random split.")] = 0,
    prefer: Read = None,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    overwrite: Overwrite = False,
) -> None:
    """Write a manifest of a source in which every example has its split."""
    from dataclasses import replace

    from genrekit.datasets import SPLITS, make_split, manifest_table, write_table

    check_output(output, overwrite=overwrite, suffixes=(".csv", ".tsv", ".parquet"))
    dataset = _open(source, prefer, ambiguous, merge_labels)
    made = make_split(
        dataset.examples, test_size=test_size, valid_size=valid_size, seed=seed, by=split_by.value
    )
    assigned = [
        replace(dataset.examples[i], split=name)
        for i, name in sorted((i, name) for name in SPLITS for i in getattr(made, name))
    ]
    write_table(manifest_table(assigned, output.parent), output, overwrite=overwrite)
    say(f"{made.method}: {len(made.train)} train, {len(made.valid)} valid, {len(made.test)} test -> {output}")


@app.command(cls=Command)
@with_verbosity
def features(
    source: Source,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The table to write: .csv, .tsv or .parquet."),
    ],
    window_s: Annotated[
        float, typer.Option("--window-s", metavar="SECONDS", min=0.5, max=600, help="Seconds per row.")
    ] = 30.0,
    jobs: Jobs = None,
    cluster: Cluster = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Compute the 57 GTZAN features of every song into a table with the column names of Kaggle's GTZAN table.

    Exit status: 0 all computed; 1 none could be; 3 some could not be.
    """
    from genrekit.backends import make_config, registry
    from genrekit.datasets import FeatureRow, feature_table, open_dataset, write_table
    from genrekit.features import GTZAN_SR as SR
    from genrekit.preparation import Preparer, prepare_all
    from genrekit.progress import progress
    from genrekit.text import visible
    from genrekit.training import check_arrays
    from genrekit.types import Modality

    check_output(output, overwrite=overwrite, suffixes=(".csv", ".tsv", ".parquet"))
    backend = registry.get("gtzan")
    dataset = open_dataset(source, prefer="audio", modality=Modality.AUDIO, require_labels=False)
    check_arrays(dataset, backend.info)
    preparer = Preparer(backend, make_config(backend, {"window_s": window_s}), open_cache(no_cache))
    rows: list[FeatureRow] = []
    failed = 0
    with progress(len(dataset.examples), "computing") as advance:
        for outcome in prepare_all(preparer, dataset.examples, jobs=job_count(jobs), cluster=cluster):
            if outcome.value is None:
                failed += 1
                say(visible(f"left out {outcome.item.id}: {outcome.error}"))
            else:
                several = len(outcome.value.values) > 1
                rows.extend(
                    FeatureRow(
                        outcome.item, values.tolist(), round((end - start) * SR), k if several else None
                    )
                    for k, (values, (start, end)) in enumerate(
                        zip(outcome.value.values, outcome.value.times_s, strict=True)
                    )
                )
            advance()
    if rows:
        write_table(feature_table(rows), output, overwrite=overwrite)
        say(
            f"wrote {counted(len(rows), 'row')} of {counted(len(dataset.examples) - failed, 'song')} to {output}"
        )
    if failed:
        raise typer.Exit(3 if rows else 1)
