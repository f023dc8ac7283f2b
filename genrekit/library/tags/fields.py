"""Fields of tags: labels, tempo and key, with the spelling and the comparison of their values.

*Tempo.* Whole beats per minute, in every format: TBPM "is an integer and represented as a numerical string"
(https://id3.org/id3v2.3.0), and MP4's ``tmpo`` is one too.

*Key.* As TKEY has it, "a maximum length of three characters", in every format: a tonic ``A`` to ``G``, ``b`` or ``#``, and
``m`` for minor; the tonics are those of `genrekit.analysis.key.Key`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from genrekit.errors import MediaError
from genrekit.labels import canonical


class Field(StrEnum):
    """A field that every kind of tag can hold."""

    GENRE = "genre"
    GROUPING = "grouping"
    COMMENT = "comment"
    BPM = "bpm"
    KEY = "key"


# Fields for labels; the second and third hold one text per file, in which labels are separated.
LABELLED = (Field.GENRE, Field.GROUPING, Field.COMMENT)
MEASURED = (Field.BPM, Field.KEY)

# Of 150 generated songs 16 of the 35 keys below are right, 71 of the 115 others (docs/analysis.md describes the songs).
MIN_KEY_CONFIDENCE = 0.1

_MAX_BPM = 999.0  # three digits; fits an MP4 atom of two bytes
_KEY = re.compile(r"([A-G][#b]?) (major|minor)")
_TKEY = re.compile(r"([A-G])([#b]?)(m?)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "#": 1, "b": -1, "": 0}


def measured(field: Field, found: Mapping[str, float | str | None]) -> tuple[str, ...]:
    """Return the tag value of a measured property; nothing if it has no value, or if the key is unclear.

    Parameters
    ----------
    field : Field
        One of `MEASURED`.
    found : Mapping
        `genrekit.types.Prediction.analysis`.

    Returns
    -------
    tuple of str
        One value, or none.

    Raises
    ------
    MediaError
        If the field was not measured, or its value is impossible.

    Examples
    --------
    >>> measured(Field.BPM, {"bpm": 127.6})
    ('128',)
    >>> measured(Field.KEY, {"key": "G# minor", "key_confidence": 0.4})
    ('G#m',)
    >>> measured(Field.KEY, {"key": "G# minor", "key_confidence": 0.04})
    ()
    """
    if field not in found:
        raise MediaError(
            f"The result has no {field}; 'genrekit predict --with {','.join(MEASURED)} -o' measures it."
        )
    value = found[field]
    if value is None:
        return ()
    if field is Field.BPM:
        if not isinstance(value, int | float) or not 0.5 <= value <= _MAX_BPM:
            raise MediaError(f"The tempo of the result, {value!r}, is not between 1 and {_MAX_BPM:g} BPM.")
        return (str(int(value + 0.5)),)
    spelt = _KEY.fullmatch(value) if isinstance(value, str) else None
    if not spelt:
        raise MediaError(f"The key of the result, {value!r}, is not of the form 'Eb major' or 'G# minor'.")
    confidence = found.get("key_confidence")
    if confidence is not None and not float(confidence) >= MIN_KEY_CONFIDENCE:
        return ()
    return (spelt[1] + ("m" if spelt[2] == "minor" else ""),)


def comparable(field: Field, value: str) -> str:
    """Return a text that is equal for two values with the same meaning.

    Genres are compared by their aliases, tempos by whole beats per minute, keys by their pitch; values of another form
    (a Camelot code) are returned unchanged.

    Parameters
    ----------
    field : Field
        The field that the value belongs to.
    value : str
        One value as a file spells it.

    Returns
    -------
    str
        A text for comparison, not for display.

    Examples
    --------
    >>> comparable(Field.BPM, "127.98"), comparable(Field.KEY, "Abm") == comparable(Field.KEY, "G#m")
    ('128', True)
    """
    if field is Field.GENRE:
        return canonical(value)
    if field in LABELLED:
        return value.casefold()
    if field is Field.BPM:
        try:
            bpm = float(value)
        except ValueError:
            return value
        return str(int(bpm + 0.5)) if 0 <= bpm <= _MAX_BPM else value
    key = _TKEY.fullmatch(value)
    return f"{(_SEMITONES[key[1]] + _SEMITONES[key[2]]) % 12} {key[3]}" if key else value
