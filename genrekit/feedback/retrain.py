"""Retraining with corrections: the champion's recipe on the original training split and what uploaders corrected."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genrekit.datasets import Ambiguous, Reading
from genrekit.evaluation import open_in_words_of, split_of
from genrekit.feedback.challenger import Challenger, train_challenger
from genrekit.feedback.challenger_data import ChallengerData, gather_challenger_data
from genrekit.feedback.champion import champion_path, load_champion
from genrekit.feedback.corrections import collect
from genrekit.feedback.events import now
from genrekit.feedback.judgement import reasons_against
from genrekit.feedback.private_cache import PrivateCache
from genrekit.feedback.retraining import Retraining
from genrekit.feedback.store import Store
from genrekit.feedback.versions import Version, Versions, one_at_a_time
from genrekit.prediction import Model
from genrekit.preparation import Cache
from genrekit.types import Say, Sources, silent


def retrain(
    store: Store,
    data: Sources,
    *,
    model: str | Path | None = None,
    min_new: int = 50,
    max_share: float = 0.2,
    promote: bool = False,
    dry_run: bool = False,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    say: Say = silent,
) -> Retraining:
    """Train a challenger with corrections, compare it with the champion, and promote it if it is better.

    Parameters
    ----------
    store : Store
    data : str, Path or DataFrame, or a sequence of them
        The data that the champion was trained on.
    model : str or Path, optional
        The champion: the bundle that a server watches, which a promotion replaces; by default the one that the server of
        this store has loaded.
    min_new : int
        Corrections since the last retraining, below which nothing is trained.
    max_share : float in (0, 1]
        Of what is learnt of a label, at most this share comes from one uploader.
    promote, dry_run : bool
        Whether to promote; whether to stop before training.
    merge_labels, ambiguous, read, jobs, cache
        As for the training of the champion.
    say : callable

    Returns
    -------
    Retraining

    Raises
    ------
    GenrekitError
        If the store is away, the data is not that of the champion, another retraining of the champion runs, or training
        fails.
    """
    versions = Versions(store)
    path = champion_path(store, model)
    champion, content = load_champion(path)
    known = versions.get(champion.bundle.sha256)
    learnt = known.corrections if known else ()
    there = {sha256 for sha256, content in store.contents().items() if content.object}
    forgotten = len(set(learnt) - there)
    corrections, left_out = collect(store, champion)
    until = _until(store)
    new = sum(one.when > until for one in corrections)
    so_far = Retraining(
        "waiting", champion.bundle.sha256, new=new, forgotten=forgotten, left_out=tuple(left_out)
    )
    if new < min_new and not forgotten and not dry_run:
        return so_far
    original = open_in_words_of(
        champion, data, merge_labels=merge_labels, ambiguous=ambiguous, read=read, say=say
    )
    frozen = split_of(champion, original, "test")
    with (
        one_at_a_time(path) if promote else nullcontext(),
        tempfile.TemporaryDirectory(prefix="genrekit-retrain-") as folder,
    ):
        contents = frozenset(one.content.sha256 for one in corrections)
        private = PrivateCache(cache or Cache(), Path(folder), contents)
        parts, more = gather_challenger_data(
            store, champion, original, frozen, corrections, max_share, Path(folder), private, jobs
        )
        so_far = replace(
            so_far,
            left_out=(*left_out, *more),
            learnt=len(parts.learn),
            held_back=len(parts.own),
        )
        if dry_run:
            return replace(so_far, outcome="dry run")
        if not parts.learn and not forgotten:
            return replace(so_far, outcome="nothing")
        found = train_challenger(champion, parts, Path(folder), so_far.left_out, private, jobs, say)
        reasons = reasons_against(found.frozen, found.own, parts.own_uploaders)
        if reasons and forgotten:
            say(
                "the challenger is not better; the champion's own corrections are learnt again, less the deleted ones"
            )
            again = [pair for pair in parts.learn if pair[0].content.sha256 in learnt]
            if len(again) < len(parts.learn):
                parts = replace(parts, learn=again)
                found = train_challenger(champion, parts, Path(folder), so_far.left_out, private, jobs, say)
        result = replace(
            so_far,
            outcome="kept" if reasons and not forgotten else "promoted" if promote else "better",
            challenger=found.sha256,
            learnt=len(parts.learn),
            reasons=tuple(reasons),
            facts=found.facts,
        )
        if result.outcome == "promoted":
            _promote(
                versions,
                champion,
                content,
                found,
                parts,
                path,
                forgotten=bool(forgotten),
                learnt=learnt,
                there=there,
            )
    if promote:
        versions.purge(there, keep=versions.current or champion.bundle.sha256)
    last = max((one.when for one in corrections), default=until).isoformat()
    stamp = now().replace(":", "").replace("+", "-")
    store.write_json(f"reports/{stamp}.json", {"until": last, "promote": promote, **_report(result)})
    return result


def _until(store: Store) -> datetime:
    """Return the time up to which corrections were judged."""
    names = sorted((name for name, _ in store.objects.names("reports/")), reverse=True)
    for name in names:
        facts = store.read_json(name) or {}
        if facts.get("promote"):
            try:
                return datetime.fromisoformat(str(facts["until"]))
            except (KeyError, ValueError):
                continue
    return datetime.min.replace(tzinfo=UTC)


def _promote(
    versions: Versions,
    champion: Model,
    content: bytes,
    found: Challenger,
    parts: ChallengerData,
    path: Path,
    *,
    forgotten: bool,
    learnt: Sequence[str],
    there: set[str],
) -> None:
    before = champion.bundle
    if not forgotten:
        earlier = versions.get(before.sha256) or Version(
            before.sha256, champion.name, corrections=tuple(learnt)
        )
        versions.add(earlier, content)
    hashes = tuple(one.content.sha256 for one, _ in parts.learn)
    parent = versions.before(before.sha256, there) if forgotten else before.sha256
    versions.add(Version(found.sha256, champion.name, parent, hashes), found.content)
    versions.serve(found.sha256, found.content, path)


def _report(result: Retraining) -> dict[str, Any]:
    """Return the content of the report, without hashes of uploads, so that a deletion is complete."""
    facts = result.to_dict()
    facts["left_out"] = dict(Counter(reason for _, reason in result.left_out))
    return facts
