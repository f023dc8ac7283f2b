"""Text of users and files: normal form, words for missing values, and printable names."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

MISSING_WORDS = frozenset(
    (
        # pandas.read_csv, https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html (na_values)
        "#n/a #na -1.#ind -1.#qnan -nan 1.#ind 1.#qnan <na> n/a na nan none null nat "
        # errors of spreadsheets, in English and German
        "#null! #div/0! #value! #ref! #name? #num! #nv #wert! #bezug! "
        # R, SQL, JavaScript, and empty values of Python and JSON
        "na_character_ na_real_ na_integer_ nil \\n undefined [] {} () '' \"\" "
        # written by users and public tables
        "? ?? ??? - -- --- \u2013 \u2014 . n.a. empty_field missing #missing (missing) <missing> "
        "(null) <null> [null] (none) <none> [none] (nan) <nan> [nan] (na) (blank) <blank> (empty) <empty>"
    ).split()
) | {"", "#n/a n/a", "not available"}
"""Contents of cells without a value, in lower case."""

# Marks without a shape of their own, in addition to category Cf: variation selectors and fillers.
_NO_SHAPE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Joiners shape Persian and Indic words and emoji; between other characters they are invisible.
_JOINERS = re.compile("[\u200c\u200d]+")
_SAME_SHAPE = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2800": " "})
# Typographic dashes, minus signs and quotation marks, and their keyboard characters.
_KEYBOARD = str.maketrans(
    {**dict.fromkeys("\u2012\u2013\u2212", "-"), **dict.fromkeys("\u2018\u2019\u02bc`\u00b4", "'")}
)
_LAST_EUROPEAN = "\u02ff"


def clean(text: str) -> str:
    """Return the normal form of a text, in which texts that look the same are equal.

    Characters are composed (NFC); invisible and control characters are removed, except joiners within Persian and
    Indic words and emoji; white space of any kind becomes single spaces and is stripped at the ends; the no-break
    hyphen becomes a hyphen. Upper and lower case are kept.

    Examples
    --------
    >>> clean(" Mu\\u0301sica\\u00a0\\u200bPopular "), clean("hip\\u2011hop")
    ('Música Popular', 'hip-hop')
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    # No-break spaces and control characters that separate lines are white space; all others are removed.
    text = " ".join(text.translate(_SAME_SHAPE).split())
    text = "".join(c for c in text if c in "\u200c\u200d" or unicodedata.category(c) not in ("Cf", "Cc"))
    text = _NO_SHAPE.sub("", text)
    text = _JOINERS.sub(_needed, unicodedata.normalize("NFC", text))
    return " ".join(unicodedata.normalize("NFC", text).translate(_SAME_SHAPE).split())


def _needed(joiners: re.Match[str]) -> str:
    """Return a joiner that is between two letters of a script that uses joiners, else ''."""
    text, start, end = joiners.string, joiners.start(), joiners.end()
    inside = start > 0 and end < len(text)
    return joiners[0][0] if inside and min(text[start - 1], text[end]) > _LAST_EUROPEAN else ""


def fold(text: str) -> str:
    """Return a text without differences of form: case, full width, ligatures, curly apostrophes, dashes.

    Examples
    --------
    >>> fold("Straße") == fold("STRASSE"), fold("\\uff32\\uff4f\\uff43\\uff4b")
    (True, 'rock')
    """
    text = clean(text).translate(_KEYBOARD).casefold()
    return clean(unicodedata.normalize("NFKC", text).casefold())


def is_missing(text: str) -> bool:
    """Return whether a cell holds no value: it is empty, or one of `MISSING_WORDS`.

    Examples
    --------
    >>> is_missing("#N/A"), is_missing("\\u00a0"), is_missing("no wave")
    (True, True, False)
    """
    return clean(text).casefold() in MISSING_WORDS


def known(text: str) -> str:
    """Return the cleaned text of a cell; '' if it holds no value.

    Examples
    --------
    >>> known(" Robert  Johnson "), known("NaN")
    ('Robert Johnson', '')
    """
    text = clean(text)
    return "" if text.casefold() in MISSING_WORDS else text


def column_name(text: str) -> str:
    """Return the normal form of a column name: lower case, white space as one underscore.

    Examples
    --------
    >>> column_name(" File\\u00a0Name ")
    'file_name'
    """
    return clean(text).casefold().replace(" ", "_")


def printable(name: str | Path) -> str:
    r"""Return a file name as text that every terminal and file can hold: bytes that are not UTF-8 as ``\xe9``.

    Examples
    --------
    >>> printable("caf\udce9.wav")
    'caf\\xe9.wav'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


_LITERAL_ESCAPE = re.compile(r"\\(?=udc[0-9a-f]{2})")
_ESCAPE = re.compile(r"\\udc([0-9a-f]{2})")
_BACKSLASH = r"\udc5c"


def utf8_name(name: str) -> str:
    """Return a file name as a text of UTF-8 holds it, the same in every locale; bytes that are not UTF-8 are surrogates."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "surrogateescape")


def system_name(text: str) -> str:
    """Return the file name of this locale for one that `utf8_name` made."""
    if text.isascii():
        return text
    try:
        return os.fsdecode(text.encode("utf-8", "surrogateescape"))
    except UnicodeError:  # a surrogate that represents no byte
        return text


def escaped_name(name: str) -> str:
    r"""Return a file name as valid UTF-8, the same in every locale; `unescaped_name` gives the name back.

    A byte that is not UTF-8 becomes the escape that JSON has for its surrogate (PEP 383). Where a name has such
    letters itself, their backslash becomes ``\udc5c``, which represents no byte.

    Examples
    --------
    >>> escaped_name("caf\udce9.wav"), escaped_name("a" + chr(92) + "udce9.wav")
    ('caf\\udce9.wav', 'a\\udc5cudce9.wav')
    """
    text = _LITERAL_ESCAPE.sub(lambda _: _BACKSLASH, utf8_name(name))
    return text.encode("utf-8", "backslashreplace").decode()


def unescaped_name(text: str) -> str:
    r"""Return the file name that `escaped_name` wrote.

    Examples
    --------
    >>> unescaped_name(r"caf\udce9.wav") == "caf\udce9.wav"
    True
    """
    return system_name(
        _ESCAPE.sub(lambda one: "\\" if one[0] == _BACKSLASH else chr(0xDC00 + int(one[1], 16)), text)
    )


def visible(text: str) -> str:
    """Return a text with everything unprintable as backslash escapes, so that it cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def encodable(text: str, stream: TextIO) -> str:
    """Return a text with everything that a stream cannot encode as backslash escapes.

    Parameters
    ----------
    text : str
        Any text.
    stream : TextIO
        The stream that it will be written to; one without an encoding counts as UTF-8.

    Returns
    -------
    str
    """
    if text.isascii():
        return text
    encoding = stream.encoding or "utf-8"  # StringIO has none
    return text.encode(encoding, "backslashreplace").decode(encoding)


def quote_all(names: Iterable[str], *, limit: int = 12) -> str:
    """Return names in quotation marks, separated by commas; only the first ``limit``.

    Parameters
    ----------
    names : iterable of str
        Names, made printable.
    limit : int >= 1
        Number of names before "and N more".

    Returns
    -------
    str
    """
    quoted = [f"'{printable(name)}'" for name in names]
    more = len(quoted) - limit
    return ", ".join(quoted[:limit]) + (f" and {more} more" if more > 0 else "")


def counted(n: int, noun: str) -> str:
    """Return a count with its noun, in the plural if it is not 1.

    Examples
    --------
    >>> counted(1, "row"), counted(1203, "row"), counted(0, "query")
    ('1 row', '1,203 rows', '0 queries')
    """
    if n == 1:
        return f"1 {noun}"
    plural = (
        f"{noun[:-1]}ies"
        if noun.endswith("y")
        else f"{noun}es"
        if noun.endswith(("ch", "s", "x"))
        else f"{noun}s"
    )
    return f"{n:,} {plural}"


def sentence(reason: str, subject: str = "The input") -> str:
    """Return the reason of an error as a sentence: a predicate gets a subject.

    Parameters
    ----------
    reason : str
        A sentence without its full stop, or a predicate such as "is empty".
    subject : str
        Put in front of a predicate.

    Returns
    -------
    str
        Begins with a capital letter and ends in a full stop.

    Examples
    --------
    >>> sentence("no file matches the pattern"), sentence("is empty", "The file")
    ('No file matches the pattern.', 'The file is empty.')
    """
    if reason.split(" ", 1)[0] in {"is", "has", "holds", "cannot"}:
        reason = f"{subject} {reason}"
    return reason[:1].upper() + reason[1:] + ("" if reason.endswith(".") else ".")


# What follows in an error is about one file, or lists what is allowed.
_PLACE = re.compile(r"(?i:column|row|line) \S+")
_CLAUSE = re.compile(r"[;(]|: |[.] |[.]$")


def cause(error: str) -> str:
    """Return the beginning of the sentence of an error, which inputs that failed for one cause share.

    Examples
    --------
    >>> cause("The content is not a known sound format; known formats are wav and flac.")
    'The content is not a known sound format'
    >>> cause("Column 'tempo': 'fast' is not a number.")
    "Column 'tempo': 'fast' is not a number"
    """
    end = next(
        (one.start() for one in _CLAUSE.finditer(error) if not _PLACE.fullmatch(error[: one.start()])), None
    )
    return error[:end].rstrip()


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word whose spelling is closest to ``word``.

    Parameters
    ----------
    word : str
        A word that is not known.
    known : iterable of str
        The words that are.

    Returns
    -------
    str
        A word whose `difflib` ratio to ``word`` is at least 0.5, else ''.
    """
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)), "")
