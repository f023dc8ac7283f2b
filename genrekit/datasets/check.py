"""Checks of data sets: broken, empty and short files, duplicates, contradictory labels and groups.

Duplicates are found by bytes and by decoded content (`genrekit.datasets.facts`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from genrekit.datasets.base import Dataset
from genrekit.datasets.facts import PICTURE_SIZE, Facts, picture_facts, read_facts
from genrekit.datasets.label_check import labels_in_doubt
from genrekit.execution import ordered_map
from genrekit.types import Example, Modality

Kind = Literal[
    "unreadable",
    "silent",
    "short",
    "in-part",
    "plain",
    "small",
    "duplicate",
    "cross-labelled",
    "group-crosses",
    "label-spelling",
    "label-suspect",
    "learnt",
]

KINDS: dict[Kind, str] = {
    "unreadable": "cannot be decoded",
    "silent": "have no sound",
    "short": "have very little sound",
    "in-part": "can be decoded only in part",
    "plain": "have one colour only",
    "small": "are very small",
    "duplicate": "repeat each other",
    "cross-labelled": "have the same content under different labels",
    "group-crosses": "have one group in more than one split",
    "label-spelling": "have labels that mean the same genre or look alike",
    "label-suspect": "have a label that may mean more than one genre, or none",
    "learnt": "are among what the model learnt",
}


@dataclass(frozen=True)
class Finding:
    """One problem of a data set.

    Attributes
    ----------
    kind : str
        A key of `KINDS`.
    ids : tuple of str
        The examples concerned; for label-spelling and label-suspect the labels.
    detail : str
        Description of the problem.
    """

    kind: Kind
    ids: tuple[str, ...]
    detail: str


@dataclass(frozen=True)
class CheckReport:
    """Result of `check_dataset`.

    Attributes
    ----------
    examples : int
        Number of examples that were checked.
    findings : tuple of Finding
        Problems in the order of `KINDS`; may be empty.
    left_out : tuple of (str, str)
        Examples that the loader left out, with the reasons.
    notes : tuple of str
        Decisions of the loader in doubtful cases, and checks that were not made.
    """

    examples: int
    findings: tuple[Finding, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True if there is no finding."""
        return not self.findings

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        """Return the findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "examples": self.examples,
            "ok": self.ok,
            "findings": [{"kind": f.kind, "ids": list(f.ids), "detail": f.detail} for f in self.findings],
            "left_out": [{"id": name, "reason": reason} for name, reason in self.left_out],
            "notes": list(self.notes),
        }


def check_dataset(
    dataset: Dataset,
    *,
    jobs: int = 1,
    min_duration_s: float = 1.0,
    advance: Callable[[], None] = lambda: None,
) -> CheckReport:
    """Check a data set.

    Parameters
    ----------
    dataset : Dataset
    jobs : int >= 1
        Processes that decode.
    min_duration_s : float >= 0
        Songs shorter than this are reported, in seconds.
    advance : callable
        Called after every example.

    Returns
    -------
    CheckReport
    """
    facts: dict[str, Facts] = {}
    findings: list[Finding] = []
    pictures = dataset.modality is Modality.IMAGE
    computed = any(example.array is not None for example in dataset.examples)
    for example, outcome in zip(
        dataset.examples,
        ordered_map(
            picture_facts if pictures else read_facts, dataset.examples, jobs=1 if computed else jobs
        ),
        strict=True,
    ):
        if outcome.value is None:
            findings.append(Finding("unreadable", (example.id,), outcome.error or "failed"))
        else:
            facts[example.id] = outcome.value
        advance()
    findings += _poor(facts, min_duration_s)
    findings += _repeated(dataset.examples, facts)
    findings += _crossing(dataset.examples)
    findings += [Finding(kind, ids, detail) for kind, ids, detail in labels_in_doubt(dataset.labels)]
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    notes = [*dataset.notes]
    if computed:
        notes.append("spectrograms were compared by their values; their songs are not available")
    return CheckReport(len(dataset.examples), tuple(findings), dataset.left_out, tuple(notes))


def _poor(facts: dict[str, Facts], min_duration_s: float) -> Iterator[Finding]:
    for name, fact in facts.items():
        if fact.flaws:
            yield Finding("in-part", (name,), "; ".join(fact.flaws))
        if fact.pixels is not None:
            if fact.empty:
                yield Finding("plain", (name,), "it has one colour everywhere")
            elif min(fact.pixels) < PICTURE_SIZE:
                detail = f"{fact.pixels[0]} x {fact.pixels[1]} pixels; at least {PICTURE_SIZE} each way are expected"
                yield Finding("small", (name,), detail)
        elif fact.empty:
            measured = fact.duration_s is not None
            yield Finding(
                "silent",
                (name,),
                "no channel moves by more than -90 dB"
                if measured
                else "its spectrogram has one value everywhere",
            )
        elif fact.duration_s is not None and fact.duration_s < min_duration_s:
            yield Finding(
                "short",
                (name,),
                f"{fact.duration_s:.2f} s of sound; at least {min_duration_s:g} s are expected",
            )


def _repeated(examples: Sequence[Example], facts: dict[str, Facts]) -> Iterator[Finding]:
    """Find examples of the same content, each group once, by the strictest criterion that they share."""
    by_bytes: dict[Hashable, list[Example]] = defaultdict(list)
    by_content: dict[Hashable, list[Example]] = defaultdict(list)
    for example in examples:
        fact = facts.get(example.id)
        # Silent songs are equal without being duplicates.
        if fact is None or fact.empty:
            continue
        if fact.bytes_hash:
            by_bytes[fact.bytes_hash].append(example)
        if fact.content_hash:
            by_content[fact.content_hash].append(example)
    same_bytes = {tuple(e.id for e in group) for group in by_bytes.values()}
    for groups in (by_content or by_bytes).values():
        if len(groups) < 2:
            continue
        ids = tuple(example.id for example in groups)
        labels = sorted({"|".join(example.labels) for example in groups})
        splits = sorted({example.split for example in groups if example.split})
        what = (
            "the same bytes"
            if ids in same_bytes
            else "the same numbers"
            if groups[0].row is not None or groups[0].array is not None
            else "the same sound"
            if facts[groups[0].id].pixels is None
            else "the same picture"
        )
        if len(splits) > 1:
            what += f", in the splits {', '.join(splits)}"
        if len(labels) > 1:
            yield Finding("cross-labelled", ids, f"{what}, labelled {', '.join(labels)}")
        else:
            yield Finding("duplicate", ids, what)


def _crossing(examples: Sequence[Example]) -> Iterator[Finding]:
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.group is not None and example.split:
            groups[example.group].append(example)
    for group, members in groups.items():
        splits = sorted({example.split or "" for example in members})
        if len(splits) > 1:
            yield Finding(
                "group-crosses", tuple(e.id for e in members), f"{group} is in {' and '.join(splits)}"
            )
