"""Cells and names of genres: words for missing, more than one genre per cell, spellings that look alike."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from genrekit.datasets.base import Ambiguous
from genrekit.errors import UsageError
from genrekit.labels import normalise
from genrekit.text import counted, known, printable, quote_all

# An unclosed quotation mark takes the rest, so that no text needs quadratic time.
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*+)(?:'|$)|\"((?:[^\"\\]|\\.)*+)(?:\"|$)", re.DOTALL)
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
# Mp3tag and foobar2000 write a double backslash between the values of a field.
_BETWEEN = re.compile(r"[;,\0]|\\\\")
# Discogs' genre, and every other enumeration with "and" behind its last comma, is one genre.
_ONE_GENRE = re.compile(r"folk, world,? (?:&|and) country", re.IGNORECASE)
_ENUMERATED = re.compile(r",\s*(?:&|and\b|und\b|et\b|y\b)", re.IGNORECASE)

NO_LABEL = "has no label"
SEVERAL = "holds more than one genre"
KEEP_SEVERAL = "--ambiguous first keeps the first genre of such a cell, --ambiguous multi keeps all."


class Reading(NamedTuple):
    """The genres of a cell.

    Attributes
    ----------
    labels : tuple of str
        Normalised, each once; empty if there are none, or if the row is ambiguous and left out.
    problem : str
        The reason why the row cannot be used, or ''.
    several : bool
        Whether the cell holds more than one genre without ``|``.
    """

    labels: tuple[str, ...]
    problem: str = ""
    several: bool = False


class Genres:
    """Reader of the genre cells and names of one data set; it collects notes on them.

    Parameters
    ----------
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a cell that holds more than one genre: no labels, the first, or all of them.

    Raises
    ------
    UsageError
        If ``ambiguous`` is another word.
    """

    def __init__(self, ambiguous: Ambiguous = "drop") -> None:
        check_ambiguous(ambiguous)
        self._ambiguous = ambiguous
        self._readings: dict[str, Reading] = {}
        self._cells: Counter[str] = Counter()
        self._spellings: defaultdict[str, set[str]] = defaultdict(set)

    def read(self, text: str) -> Reading:
        """Read a cell: ``|`` separates labels; lists, commas and semicolons are handled by ``ambiguous``.

        Examples
        --------
        >>> Genres().read("Rock|Pop").labels, Genres("first").read("indie rock, dream pop").labels
        (('rock', 'pop'), ('indie rock',))
        >>> Genres().read("['rock', 'pop']").problem
        "holds more than one genre: 'rock', 'pop'"
        >>> Genres().read("Folk, World, & Country").labels, Genres().read("#N/A").problem
        (('folk, world, & country',), 'has no label')
        """
        self._cells[text] += 1
        if text not in self._readings:
            self._readings[text] = self._decide(*split_genres(text))
        return self._readings[text]

    def read_name(self, name: str) -> Reading:
        """Read the name of a folder: ``|`` separates labels, everything else is part of a label."""
        return self._decide(printable(name).split("|"), on_purpose=True)

    def notes(self) -> list[str]:
        """Return notes on merged spellings, words for missing, and cells with more than one genre."""
        notes = []
        blank = {
            text: n for text, n in self._cells.items() if text.strip() and not self._readings[text].labels
        }
        missing = {text: n for text, n in blank.items() if not self._readings[text].several}
        if missing:
            rows = f"{sum(missing.values()):,} row{' has' if sum(missing.values()) == 1 else 's have'}"
            notes.append(
                f"{rows} a word for missing in place of a label: {quote_all(sorted(missing), limit=5)}"
            )
        several = {text: n for text, n in self._cells.items() if self._readings[text].several}
        if several:
            fate = {
                "drop": "were left out; --ambiguous first or multi keeps them",
                "first": "were read as the first; --ambiguous multi keeps all",
                "multi": "have all of them as labels",
            }
            example = printable(next(iter(several)))[:60]
            notes.append(
                f"more than one genre in {counted(sum(several.values()), 'cell')}, as '{example}'; they {fate[self._ambiguous]}"
            )
        for label, spellings in sorted(self._spellings.items()):
            if len(spellings) > 1:
                notes.append(
                    f"{len(spellings)} spellings that look alike were read as the one label '{label}': "
                    f"{', '.join(ascii(spelling) for spelling in sorted(spellings)[:5])}"
                )
        return notes

    def _decide(self, parts: Sequence[str], on_purpose: bool) -> Reading:
        labels = self._labels(parts)
        if not labels:
            return Reading((), NO_LABEL)
        if len(labels) == 1 or on_purpose:
            return Reading(labels)
        if self._ambiguous == "drop":
            return Reading((), f"{SEVERAL}: {quote_all(labels)}", several=True)
        return Reading(labels if self._ambiguous == "multi" else labels[:1], several=True)

    def _labels(self, parts: Iterable[str]) -> tuple[str, ...]:
        labels: dict[str, None] = {}
        for part in parts:
            if label := normalise(known(part)):
                labels[label] = None
                # Differences in case and spaces are not reported.
                self._spellings[label].add(re.sub("[ \t\r\n]+", " ", part.lower()).strip(" "))
        return tuple(labels)


def check_ambiguous(ambiguous: str) -> None:
    """Refuse an unknown value of ``ambiguous``.

    Raises
    ------
    UsageError
        If it is not one of `Ambiguous`.
    """
    if ambiguous not in get_args(Ambiguous):
        raise UsageError(
            f"ambiguous is {ambiguous!r}; allowed are {quote_all(get_args(Ambiguous))}.",
            "drop leaves out tracks with more than one genre, first keeps the first, multi keeps them all.",
        )


def split_genres(text: str) -> tuple[list[str], bool]:
    """Return the genres of a cell as written, and whether they are separated by ``|``.

    A slash, ``&`` and ``and`` never separate: Hip-Hop/Rap and Drum & Bass are one genre each. A comma does not
    separate if an enumeration ends in "and" (``Folk, World, & Country``), or in a cell with ``|``.

    Examples
    --------
    >>> split_genres("indie rock,dream pop"), split_genres("Salsa, Choke|")
    ((['indie rock', 'dream pop'], False), (['Salsa, Choke', ''], True))
    >>> split_genres("Electronic, Folk, World, & Country")[0]
    ['Electronic', 'Folk, World, & Country']
    """
    text = printable(text)
    if items := listed(text):
        return items, False
    if items is not None:
        text = text.strip()[1:-1]
    if "|" in text:
        return text.split("|"), True
    # A private-use character replaces the commas that belong to a name.
    held = _ONE_GENRE.sub(lambda name: name[0].replace(",", "\ue000"), text)
    between = re.compile(r"[;\0]|\\\\") if _ENUMERATED.search(held) else _BETWEEN
    return [part.strip().replace("\ue000", ",") for part in between.split(held)], False


def listed(text: str) -> list[str] | None:
    """Return the quoted items of a list as Python, JSON or NumPy write it; None for any other text.

    Examples
    --------
    >>> listed("['pop', 'r&b']"), listed("('pop' 'rock')"), listed("[]"), listed("(synth)pop")
    (['pop', 'r&b'], ['pop', 'rock'], [], None)
    """
    text = text.strip()
    if not text or _BRACKETS.get(text[0]) != text[-1]:
        return None
    items = [re.sub(r"\\(.)", r"\1", single or double) for single, double in _QUOTED.findall(text)]
    return items if items or text[0] == "[" else None


def join_genres(labels: Sequence[str]) -> str:
    """Return the cell that `Genres.read` reads as these labels, with a ``|`` after a single label that has commas.

    Examples
    --------
    >>> join_genres(["rock", "pop"]), join_genres(["salsa, choke"]), join_genres(["jazz"])
    ('rock|pop', 'salsa, choke|', 'jazz')
    """
    text = "|".join(labels)
    return text if "|" in text or len(split_genres(text)[0]) < 2 else f"{text}|"
