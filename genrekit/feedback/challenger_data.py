"""Training and test data of a challenger: the champion's split, and new corrections that can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genrekit.datasets import Dataset, Split
from genrekit.feedback.corrections import Correction, LeftOut, capped, fetch
from genrekit.feedback.store import Store
from genrekit.prediction import Model
from genrekit.preparation import Cache
from genrekit.training import gather, learnt_keys, recognised
from genrekit.types import Example, silent


@dataclass(frozen=True)
class ChallengerData:
    """Training and test data of a challenger.

    Attributes
    ----------
    original : Dataset
    frozen : Split
        The split of the champion.
    learn, own : list of (Correction, Example)
        Corrections that are learnt, and those that are held back.
    """

    original: Dataset
    frozen: Split
    learn: list[tuple[Correction, Example]]
    own: list[tuple[Correction, Example]]

    @property
    def own_uploaders(self) -> int:
        """Uploaders of the corrections that are held back."""
        return len({one.uploader for one, _ in self.own})

    def dataset(self) -> Dataset:
        """Return the original examples in their splits, and the corrections in train."""
        parts = {i: name for name in ("train", "valid", "test") for i in getattr(self.frozen, name)}
        examples = [replace(self.original.examples[i], split=parts[i]) for i in sorted(parts)]
        examples += [replace(example, split="train") for _, example in self.learn]
        sources = self.original.sources or (self.original.source,)
        return replace(self.original, examples=tuple(examples), sources=sources)


def gather_challenger_data(
    store: Store,
    champion: Model,
    original: Dataset,
    frozen: Split,
    corrections: Sequence[Correction],
    max_share: float,
    folder: Path,
    cache: Cache,
    jobs: int,
) -> tuple[ChallengerData, LeftOut]:
    """Fetch corrections, and divide the readable new ones into a part to train on and a held-back part."""
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
        say=silent,
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
    return ChallengerData(
        original,
        frozen,
        [pair[i] for i in rest if pair[i][0].id in chosen],
        [pair[i] for i in own],
    ), left_out
