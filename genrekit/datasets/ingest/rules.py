"""Rules that turn the name of a playlist, a genre column or a folder into a label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from genrekit.datasets.ingest.track import Track, text
from genrekit.errors import UsageError
from genrekit.labels import canonical, known_spellings, normalise
from genrekit.text import printable

LabelFrom = Literal["name", "column", "folder"]
MAX_RULES_BYTES = 2**20
_HINT = (
    "Write 'label: pattern' or 'label: [pattern, pattern]' per line; a label '~' leaves out what it matches."
)


class Rules:
    """Rules from the name of a playlist to a label.

    Without rules of one's own, a name that holds exactly one genre by a known spelling means that genre, and any other
    name means itself. With rules, the first one with a pattern that occurs in the name decides, and a name that none
    fits means nothing.

    Parameters
    ----------
    patterns : sequence of (str or None, sequence of re.Pattern), optional
        Label and patterns, in order; a label None leaves out.

    Attributes
    ----------
    whole : dict of str to None
        Labels that are a whole name, because it holds no known genre; the first hundred.
    """

    def __init__(
        self, patterns: Sequence[tuple[str | None, Sequence[re.Pattern[str]]]] | None = None
    ) -> None:
        self._patterns = patterns
        self._known: dict[str, str] = {}
        self.whole: dict[str, None] = {}

    def of(self, name: str) -> str:
        """Return the label of a name, or ''."""
        if name not in self._known:
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> str:
        if self._patterns is not None:
            for label, patterns in self._patterns:
                if any(pattern.search(name) for pattern in patterns):
                    return label or ""
            return ""
        genres = dict.fromkeys(
            canonical(spelling) for spelling in _spellings_in(normalise(name.replace("_", " ")))
        )
        if len(genres) == 1:
            return next(iter(genres))
        label = canonical(name)
        if label and len(self.whole) < 100:
            self.whole[label] = None
        return label


def read_rules(path: Path | None) -> Rules:
    """Read a YAML file of rules: a mapping of label to a pattern or several, as regular expressions.

    Raises
    ------
    UsageError
        If it cannot be read, or is something else.
    """
    if path is None:
        return Rules()
    try:
        if path.stat().st_size > MAX_RULES_BYTES:
            raise UsageError(f"{printable(path)} is too long for rules.")
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise UsageError(
            f"{printable(path)} cannot be read as YAML: {' '.join(str(error).split())[:200]}.", _HINT
        ) from error
    if not isinstance(document, dict) or not document:
        raise UsageError(f"{printable(path)} is not a mapping of labels to patterns.", _HINT)
    return Rules([_rule(path, label, patterns) for label, patterns in document.items()])


def _rule(path: Path, label: object, patterns: object) -> tuple[str | None, list[re.Pattern[str]]]:
    several = patterns if isinstance(patterns, list) else [patterns]
    if label is not None and (
        not isinstance(label, str | int | float) or not normalise(str(label)) or "|" in str(label)
    ):
        raise UsageError(f"{printable(path)}: {printable(str(label)[:80])!r} is not a label.", _HINT)
    compiled = []
    for pattern in several:
        try:
            if not isinstance(pattern, str | int | float) or not str(pattern):
                raise ValueError("it is not text")
            compiled.append(re.compile(str(pattern), re.IGNORECASE))
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            raise UsageError(
                f"{printable(path)}: the pattern {printable(str(pattern)[:80])!r} of {label} cannot be used: {error}.",
                _HINT,
            ) from error
    return None if label is None else normalise(str(label)), compiled


def labels_of(track: Track, by: LabelFrom, rules: Rules) -> str:
    """Return the labels of an entry, ``|`` between several; '' where it has none.

    Parameters
    ----------
    track : Track
        The entry.
    by : {'name', 'column', 'folder'}
        Source of the labels: the name of the playlist, the genres of the entry, or the name of its folder.
    rules : Rules
        Renames labels and drops some.

    Returns
    -------
    str
        Labels in the order of the entry, without repetitions.
    """
    if by == "column":
        found = [rules.of(genre) for genre in track.genres]
        return "|".join(dict.fromkeys(label for label in found if label))
    return rules.of(text(track.folder.replace("_", " ")) if by == "folder" else track.playlist).replace(
        "|", "/"
    )


@cache
def _words() -> Mapping[int, frozenset[str]]:
    """Return the known spellings by their number of words."""
    by_length: dict[int, set[str]] = {}
    for spelling in known_spellings():
        by_length.setdefault(len(spelling.split()), set()).add(spelling)
    return {length: frozenset(spellings) for length, spellings in by_length.items()}


def _spellings_in(name: str) -> list[str]:
    """Return the known spellings in a name, whole words, the longest first where they overlap."""
    words, by_length = name.split(), _words()
    found, at = [], 0
    while at < len(words):
        for length in sorted(by_length, reverse=True):
            candidate = " ".join(words[at : at + length]).strip("!?.,:;()[]\"'")
            if len(words) - at >= length and candidate in by_length[length]:
                found.append(candidate)
                at += length
                break
        else:
            at += 1
    return found
