"""Labels of verdicts, and counts of verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from genrekit.errors import UsageError
from genrekit.feedback.events import Event, Predicted, Verdict
from genrekit.feedback.store import Store
from genrekit.labels import canonical
from genrekit.text import nearest

MAX_READ = 20_000
"""Events that one summary reads that were not read before."""


def right_labels(
    predicted: Predicted, verdict: Verdict, labels: Sequence[str], known: Sequence[str]
) -> tuple[str, ...]:
    """Return the right labels by a verdict, in the spelling of the model; empty if the verdict names none.

    Parameters
    ----------
    predicted : Predicted
    verdict : {'right', 'wrong', 'unsure'}
    labels : sequence of str
        The labels that were given.
    known : sequence of str
        Labels of the model; empty if they are not known.

    Raises
    ------
    UsageError
        If verdict and labels contradict each other, or the model does not know a label.
    """
    spelling = {canonical(label): label for label in known}
    found = []
    for label in labels:
        if known and canonical(label) not in spelling:
            guess = nearest(label, known)
            raise UsageError(
                f"The model {predicted.model!r} does not know the label {label[:80]!r}.",
                f"Did you mean {guess}?" if guess else f"It knows {', '.join(known)[:1000]}.",
            )
        found.append(spelling.get(canonical(label), label.strip().lower()))
    given = tuple(dict.fromkeys(found))
    if verdict == "unsure" and given:
        raise UsageError(
            "The verdict 'unsure' takes no label.", "Send the verdict 'wrong' with the right label."
        )
    if verdict == "right":
        if not predicted.labels:
            raise UsageError(
                "Nothing was predicted, so nothing is right.", "Send 'wrong' with the right label."
            )
        if given and set(given) != set(predicted.labels):
            raise UsageError(
                f"The verdict is 'right', and the label is {', '.join(given)}, not {', '.join(predicted.labels)}.",
                "Send the verdict 'wrong' with the right label.",
            )
        return predicted.labels
    if given and set(given) == set(predicted.labels):
        raise UsageError(f"The verdict is 'wrong', and {', '.join(given)} was predicted.", "Send 'right'.")
    if len(given) > 1 and not predicted.multilabel:
        raise UsageError(f"The model {predicted.model!r} predicts one label.", "Name one label.")
    return given


class Tally:
    """Counts what a store holds; an event is read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Event] = {}

    def summary(self) -> dict[str, Any]:
        """Return counts of files and of verdicts.

        Raises
        ------
        GenrekitError
            If the store is away.
        """
        objects = list(self._store.objects.names("objects/"))
        names = {one.name for one in self._store.event_names() if one.kind == "feedback"}
        read = {name: event for name, event in self._read.items() if name in names}
        for name in sorted(names - read.keys(), reverse=True)[:MAX_READ]:
            if (event := self._store.event(name)) is not None:
                read[name] = event.model_copy(update={"comment": ""})
        self._read = read
        verdicts: Counter[str] = Counter()
        by_label: defaultdict[str, Counter[str]] = defaultdict(Counter)
        by_model: defaultdict[str, Counter[str]] = defaultdict(Counter)
        corrected: Counter[str] = Counter()
        for event in read.values():
            verdict = event.verdict or "unsure"
            verdicts[verdict] += 1
            by_model[event.predicted.model][verdict] += 1
            for label in event.predicted.labels:
                by_label[label][verdict] += 1
            if verdict == "wrong":
                corrected.update(event.labels)
        judged = verdicts["right"] + verdicts["wrong"]
        return {
            "kept": len(objects),
            "bytes": sum(size for _, size in objects),
            "feedback": len(names),
            "verdicts": dict(sorted(verdicts.items())),
            "agreement": verdicts["right"] / judged if judged else None,
            "by_label": {label: dict(found) for label, found in sorted(by_label.items())},
            "by_model": {model: dict(found) for model, found in sorted(by_model.items())},
            "corrected_to": dict(sorted(corrected.items())),
        }
