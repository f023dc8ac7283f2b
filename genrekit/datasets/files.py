"""From paths that carry labels to examples: what can be used, of which kind, and why the rest cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from genrekit.errors import MediaError
from genrekit.media import modality as modality_of
from genrekit.types import Example, Modality

_A_FILE = {Modality.AUDIO: "audio", Modality.IMAGE: "an image", Modality.TABLE: "a table"}
_FILES = {Modality.AUDIO: "audio files", Modality.IMAGE: "images"}


@dataclass(frozen=True)
class Found:
    """What `choose` made of a list of candidates."""

    modality: Modality
    examples: tuple[Example, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def choose(candidates: Iterable[Example], modality: Modality | None) -> Found:
    """Keep the candidates that are media files of one kind.

    Parameters
    ----------
    candidates : iterable of Example
        Examples with a path; the paths need not exist.
    modality : Modality or None
        The kind to keep; None keeps the kind that most files are, audio where it is even.

    Returns
    -------
    Found
        ``examples`` may be empty.
    """
    usable: list[tuple[Example, Modality]] = []
    left_out: list[tuple[str, str]] = []
    for example in candidates:
        kind = _kind(example)
        if isinstance(kind, Modality):
            usable.append((example, kind))
        else:
            left_out.append((example.id, kind))
    counts = Counter(kind for _, kind in usable)
    wanted = modality or (
        Modality.IMAGE if counts[Modality.IMAGE] > counts[Modality.AUDIO] else Modality.AUDIO
    )
    other = Modality.AUDIO if wanted is Modality.IMAGE else Modality.IMAGE
    left_out += [
        (example.id, f"is {_A_FILE[kind]}; the data set is read as {_FILES.get(wanted, 'tables')}")
        for example, kind in usable
        if kind is not wanted
    ]
    notes = []
    if counts[wanted] and counts[other]:
        why = "as asked" if modality else "by majority"
        notes.append(
            f"{counts[wanted]} {_FILES[wanted]} and {counts[other]} {_FILES[other]} are mixed here: "
            f"the {_FILES[wanted]} were taken ({why})"
        )
    return Found(wanted, tuple(e for e, kind in usable if kind is wanted), tuple(left_out), tuple(notes))


def _kind(example: Example) -> Modality | str:
    """Return audio or image, or in words why the file is neither."""
    assert example.path is not None
    try:
        kind = modality_of(example.path)
        empty = example.path.stat().st_size == 0
    except MediaError as error:
        return error.message
    except (OSError, ValueError) as error:
        return f"cannot be opened: {error}"
    if kind is None:
        return "is neither audio nor an image"
    if empty:
        return "is empty"
    return "is a table, not a media file" if kind is Modality.TABLE else kind
