"""The challenger: trained as the champion was, with corrections beside the original training split, and measured against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genrekit.backends import GRAPH_FILE
from genrekit.datasets import Split, SplitOptions
from genrekit.evaluation import compare_on
from genrekit.feedback.challenger_data import ChallengerData
from genrekit.feedback.judgement import CHALLENGER, CHAMPION, Duel, duel_of
from genrekit.models import SUFFIX, Bundle, save, write_card
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.training import train
from genrekit.types import Say

CARD = "README.md"


@dataclass(frozen=True, eq=False)
class Challenger:
    """A trained challenger.

    Attributes
    ----------
    sha256 : str
    content : bytes
        The bundle.
    frozen : Duel
        Against the champion on the frozen test split.
    own : Duel or None
        On the corrections that are held back.
    facts : dict
        What its history and its card say.
    """

    sha256: str
    content: bytes
    frozen: Duel
    own: Duel | None
    facts: dict[str, Any]


def train_challenger(
    champion: Model,
    parts: ChallengerData,
    folder: Path,
    left_out: Sequence[tuple[str, str]],
    cache: Cache,
    jobs: int,
    say: Say,
) -> Challenger:
    """Train a challenger in a folder, and measure it."""
    manifest = champion.bundle.manifest
    made = manifest.data.get("split")
    given = made.get("valid_size") if isinstance(made, dict) else None
    valid_size = given if isinstance(given, float) else 0.1
    path = folder / f"{manifest.name}{SUFFIX}"
    dataset = parts.dataset()
    train(
        dataset,
        backend=champion.backend,
        config=champion.config,
        output=path,
        options=SplitOptions(by="published", valid_size=valid_size),
        about=manifest.about,
        licence=manifest.licence,
        keys=champion.bundle.learnt is not None,
        parent=champion.bundle.sha256,
        jobs=jobs,
        cache=cache,
        overwrite=True,
        say=say,
    )
    models = {CHAMPION: champion, CHALLENGER: load_model(path)}
    say("comparing on the frozen test")
    frozen = duel_of(compare_on(models, parts.original, parts.frozen, jobs=jobs, cache=cache))
    own = None
    if parts.own:
        say("comparing on the corrections that are held back")
        held = replace(parts.original, examples=tuple(example for _, example in parts.own))
        split = Split(
            (), (), tuple(range(len(parts.own))), "corrections of uploaders who are never trained on"
        )
        own = duel_of(compare_on(models, held, split, jobs=jobs, cache=cache))
    facts = _facts(parts, frozen, own, left_out)
    bundle = _with_facts(path, models[CHALLENGER].bundle, champion, parts, facts)
    return Challenger(bundle.sha256, path.read_bytes(), frozen, own, facts)


def _facts(
    parts: ChallengerData, frozen: Duel, own: Duel | None, left_out: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    return {
        "count": len(parts.learn),
        "uploaders": len({one.uploader for one, _ in parts.learn}),
        "by_label": dict(sorted(Counter(label for one, _ in parts.learn for label in one.labels).items())),
        "left_out": dict(Counter(reason.partition(":")[0] for _, reason in left_out)),
        "held_back": {"count": len(parts.own), "uploaders": parts.own_uploaders},
        "frozen_test": frozen.to_dict(),
        "corrections_test": own.to_dict() if own else None,
    }


def _with_facts(
    path: Path, bundle: Bundle, champion: Model, parts: ChallengerData, facts: dict[str, Any]
) -> Bundle:
    """Write the bundle again with what it learnt from; its data is known by the original, so that its split is found again."""
    manifest = bundle.manifest
    before = champion.bundle.manifest.data
    data = {**manifest.data, "fingerprint": parts.original.fingerprint, "corrections": facts["count"]}
    if before.get("fingerprint") == parts.original.fingerprint and isinstance(before.get("split"), dict):
        data["split"] = {**before["split"], "train": manifest.data["split"]["train"]}  # type: ignore[call-overload,dict-item,index]
    manifest = manifest.model_copy(
        update={"data": data, "history": {**manifest.history, "corrections": facts}}
    )
    native = {name: content for name, content in bundle.files.items() if name not in (GRAPH_FILE, CARD)}
    save(path, manifest, onnx=bundle.onnx, native=native, card=write_card(manifest), overwrite=True)
    return load_model(path).bundle
