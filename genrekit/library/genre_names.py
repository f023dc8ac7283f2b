"""A user's own names of genres, from a YAML file."""

from __future__ import annotations

from pathlib import Path

from genrekit.errors import UsageError
from genrekit.labels import MAX_LABEL_LENGTH, GenreNames, normalise
from genrekit.text import clean, printable

MAX_BYTES = 1 << 20
_HINT = "Write 'label: name' per line, for example 'hip-hop: Rap'; labels are as 'genrekit models NAME' shows them."


def read_genre_names(path: Path | None) -> GenreNames:
    """Read names of genres: a YAML mapping of labels to names. Without a file all names are the usual ones.

    Raises
    ------
    UsageError
        If the file cannot be read, is something else, or has a name that no tag can hold.
    """
    if path is None:
        return GenreNames()
    if not path.exists():
        raise UsageError(f"{printable(path)} is not there.", _HINT)
    import yaml  # a prediction needs none of it

    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{printable(path)} is longer than {MAX_BYTES:,} bytes.", _HINT)
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        words = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise UsageError(f"{printable(path)} cannot be read as YAML: {words}.", _HINT) from None
    if not isinstance(document, dict) or not document:
        raise UsageError(f"{printable(path)} is not a mapping of labels to names.", _HINT)
    return GenreNames(dict(_pair(path, label, name) for label, name in document.items()))


def _pair(path: Path, label: object, name: object) -> tuple[str, str]:
    for word in (label, name):
        if isinstance(word, bool) or not isinstance(word, str | int | float) or not normalise(str(word)):
            raise UsageError(
                f"{printable(path)}: {printable(str(label)[:80])}: {printable(str(name)[:80])} is not a label and its name.",
                f"{_HINT} Words such as yes, no and null need quotation marks.",
            )
    text = clean(str(name))
    if len(text) > MAX_LABEL_LENGTH or not text.isprintable():
        raise UsageError(
            f"{printable(path)}: the name of {printable(str(label)[:80])} is not fit for a tag.",
            f"A name has up to {MAX_LABEL_LENGTH} printable characters.",
        )
    return str(label), text
