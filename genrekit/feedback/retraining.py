"""The result of a retraining."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["waiting", "dry run", "nothing", "kept", "better", "promoted"]
WORDS: dict[str, str] = {
    "waiting": "too few new corrections; nothing was trained",
    "dry run": "nothing was trained",
    "nothing": "there is nothing to learn and nothing to forget",
    "kept": "the champion stays",
    "better": "the challenger would be promoted: use --promote",
    "promoted": "the challenger was promoted",
}


@dataclass(frozen=True)
class Retraining:
    """Result of a retraining.

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
