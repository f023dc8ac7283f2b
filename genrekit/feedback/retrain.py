"""Retraining with corrections: the champion's recipe on the original training split and what uploaders corrected."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from genrekit.datasets import Ambiguous, Dataset, Reading, Split
from genrekit.errors import UsageError
from genrekit.evaluation import open_in_words_of, split_of
from genrekit.feedback.challenger import Challenger, Material, train_challenger
from genrekit.feedback.corrections import Correction, LeftOut, capped, collect, fetch
from genrekit.feedback.events import now
from genrekit.feedback.judgement import reasons_against
from genrekit.feedback.private_cache import PrivateCache
from genrekit.feedback.store import SERVED, Store
from genrekit.feedback.versions import Version, Versions
from genrekit.hashing import hash_bytes
from genrekit.models import SUFFIX, shipped_models
from genrekit.prediction import Model, find, load_model
from genrekit.preparation import Cache
from genrekit.training import gather, learnt_keys, recognised
from genrekit.types import Say, Sources, silent

Outcome = Literal["waiting", "dry run", "nothing", "kept", "better", "promoted"]
WORDS: dict[str, str] = {
    "waiting": "too few new corrections; nothing was trained",
    "dry run": "nothing was trained",
    "nothing": "there is nothing to learn and nothing to forget",
    "kept": "the champion stays",
    "better": "the challenger would be promoted: give --promote",
    "promoted": "the challenger was promoted",
}


@dataclass(frozen=True)
class Retraining:
    """What came of a retraining.

    Attributes
    ----------
    outcome : str
        A key of `WORDS`.
    champion, challenger : str
        SHA-256 of the bundles; empty if none was trained.
    new : int
        Corrections since the last retraining.
    learnt, held_back : int
        Corrections that the challenger learnt, and those that it was measured on.
    forgotten : int
        Uploads that the champion learnt, and that are deleted.
    left_out : tuple of (str, str)
        What was left out, with its reason.
    reasons : tuple of str
        Why the challenger was not promoted.
    facts : dict
        As the history of the challenger has them.
    """

    outcome: Outcome
    champion: str
    challenger: str = ""
    new: int = 0
    learnt: int = 0
    held_back: int = 0
    forgotten: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {**vars(self), "left_out": [list(one) for one in self.left_out], "reasons": list(self.reasons)}


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
        If the store is away, the data is not that of the champion, or training fails.
    """
    versions = Versions(store)
    path = champion_path(store, model)
    champion, content = _champion(path)
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
    with tempfile.TemporaryDirectory(prefix="genrekit-retrain-") as folder:
        contents = frozenset(one.content.sha256 for one in corrections)
        private = PrivateCache(cache or Cache(), Path(folder), contents)
        material, more = _material(
            store, champion, original, frozen, corrections, max_share, Path(folder), private, jobs, say
        )
        so_far = replace(
            so_far,
            left_out=(*left_out, *more),
            learnt=len(material.learn),
            held_back=len(material.own),
        )
        if dry_run:
            return replace(so_far, outcome="dry run")
        if not material.learn and not forgotten:
            return replace(so_far, outcome="nothing")
        found = train_challenger(champion, material, Path(folder), so_far.left_out, private, jobs, say)
        reasons = reasons_against(found.frozen, found.own, material.own_uploaders)
        if reasons and forgotten:
            say(
                "the challenger is not better; the champion's own corrections are learnt again, less the deleted ones"
            )
            again = [pair for pair in material.learn if pair[0].content.sha256 in learnt]
            if len(again) < len(material.learn):
                material = replace(material, learn=again)
                found = train_challenger(
                    champion, material, Path(folder), so_far.left_out, private, jobs, say
                )
        result = replace(
            so_far,
            outcome="kept" if reasons and not forgotten else "promoted" if promote else "better",
            challenger=found.sha256,
            learnt=len(material.learn),
            reasons=tuple(reasons),
            facts=found.facts,
        )
        if result.outcome == "promoted":
            _promote(
                versions,
                champion,
                content,
                found,
                material,
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


def champion_path(store: Store, model: str | Path | None) -> Path:
    """Return the bundle that is served and retrained.

    Raises
    ------
    UsageError
        If it is not a file, or the store does not say which it is.
    """
    if model is not None:
        path = Path(model)
        if not path.is_file() and str(model).removesuffix(SUFFIX) in shipped_models():
            raise UsageError(
                f"{model} is a shipped model, which is not replaced.",
                "Train your own: genrekit train DATA -o mine.genrekit",
            )
        find(path)
        return path
    served = (store.read_json(SERVED) or {}).get("models")
    named = [one for one in served if isinstance(one, dict)] if isinstance(served, list) else []
    shipped = {path.resolve() for path in shipped_models().values()}
    paths = [Path(str(one.get("path", ""))) for one in named]
    own = [path for path in paths if path.is_file() and path.resolve() not in shipped]
    if len(own) != 1:
        names = ", ".join(str(one.get("name")) for one in named) or "none"
        raise UsageError(
            f"The store does not say which model is to be retrained (served are: {names}).",
            "Name its bundle: --model FILE.genrekit",
        )
    return own[0]


def _champion(path: Path) -> tuple[Model, bytes]:
    content = path.read_bytes()
    champion = load_model(path)
    if hash_bytes(content) != champion.bundle.sha256:
        raise UsageError(f"{path} changed while it was read.", "Try again.")
    manifest = champion.bundle.manifest
    if manifest.members:
        raise UsageError(
            f"{manifest.name!r} is a combination, which is not retrained.",
            "Retrain its members, and combine them.",
        )
    if str(manifest.data.get("fitted_on", "")).startswith("all s"):
        raise UsageError(
            f"{manifest.name!r} was fitted again on all splits: no test split is left that it did not learn.",
            "Train it without --refit.",
        )
    return champion, content


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


def _material(
    store: Store,
    champion: Model,
    original: Dataset,
    frozen: Split,
    corrections: Sequence[Correction],
    max_share: float,
    folder: Path,
    cache: Cache,
    jobs: int,
    say: Say,
) -> tuple[Material, LeftOut]:
    """Fetch corrections, and divide those that can be read and are new into what is learnt and what is held back."""
    info = champion.backend.info
    pairs, left_out = fetch(store, corrections, info.columns, folder)
    joint = replace(original, examples=(*original.examples, *(example for _, example in pairs)))
    first = len(original.examples)
    places = range(first, first + len(pairs))
    everything = [*frozen.train, *frozen.valid, *frozen.test, *places]
    prepared = gather(
        champion.backend,
        champion.config,
        joint,
        everything,
        jobs=jobs,
        cache=cache,
        keys=True,
        say=lambda text: None,
    )
    left_out += [(joint.examples[i].id, prepared.failures[i]) for i in places if i in prepared.failures]

    def same(places: Sequence[int], others: Sequence[int], why: str) -> list[int]:
        found = set(recognised(prepared, places, learnt_keys(prepared, others, info), info))
        left_out.extend((joint.examples[i].id, why) for i in sorted(found))
        return [i for i in places if i not in found]

    good = [i for i in places if i in prepared.windows]
    good = same(good, frozen.test, "it is in the frozen test")
    good = same(good, [*frozen.train, *frozen.valid], "it is in the original data")
    pair = dict(zip(places, pairs, strict=True))
    own = [i for i in good if pair[i][0].held_back]
    rest = [i for i in good if not pair[i][0].held_back]
    rest = same(rest, own, "an uploader who is never trained on sent it too")
    counts = Counter(original.examples[i].labels[0] for i in frozen.train)
    kept, over = capped([pair[i][0] for i in rest], counts, max_share)
    left_out += [(one.id, f"more than {max_share:.0%} of its label from one uploader") for one in over]
    chosen = {one.id for one in kept}
    return Material(
        original,
        frozen,
        [pair[i] for i in rest if pair[i][0].id in chosen],
        [pair[i] for i in own],
    ), left_out


def _promote(
    versions: Versions,
    champion: Model,
    content: bytes,
    found: Challenger,
    material: Material,
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
    hashes = tuple(one.content.sha256 for one, _ in material.learn)
    parent = versions.before(before.sha256, there) if forgotten else before.sha256
    versions.add(Version(found.sha256, champion.name, parent, hashes), found.content)
    versions.serve(found.sha256, found.content, path)


def _report(result: Retraining) -> dict[str, Any]:
    """Return what a report keeps: no hash of an upload, so that a deletion leaves nothing."""
    facts = result.to_dict()
    facts["left_out"] = dict(Counter(reason for _, reason in result.left_out))
    return facts
