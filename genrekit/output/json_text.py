r"""JSON with readable non-ASCII letters: only unprintable characters and those that the stream cannot encode are escaped.

Characters that do not print (controls, marks that change the direction of text, separators of lines) are escaped,
so that a file name can neither steer a terminal nor break a line. So are surrogates, which represent bytes of a
file name that are not UTF-8 (PEP 383): Python's ``json`` and ``os.fsencode`` give the exact name back.
"""

from __future__ import annotations

import codecs
import json
import unicodedata
from typing import Any, TextIO

_SPACE = "Zs"


def dumps(value: Any, stream: TextIO | None = None) -> str:
    """Return a value as JSON on one line.

    Parameters
    ----------
    value
        Without NaN and infinity.
    stream : TextIO, optional
        Stream to write to, whose encoding decides which characters are escaped; UTF-8 unless given.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isascii() and text.isprintable():
        return text
    encoding = (getattr(stream, "encoding", None) if stream is not None else None) or "utf-8"
    is_utf8 = codecs.lookup(encoding).name.startswith("utf")
    return "".join(c if _stays(c, is_utf8, encoding) else json.dumps(c)[1:-1] for c in text)


def _stays(character: str, is_utf8: bool, encoding: str) -> bool:
    if character.isascii():
        return character != "\x7f"
    if not character.isprintable() and unicodedata.category(character) != _SPACE:
        return False
    return is_utf8 or bool(character.encode(encoding, "ignore"))
