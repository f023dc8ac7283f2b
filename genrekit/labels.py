"""Genre names and their spellings: the only table of aliases."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from genrekit.text import clean, fold

MAX_LABEL_LENGTH = 200

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "hip-hop": ("hiphop", "hip hop", "rap", "hip-hop/rap", "rap/hip-hop", "hip hop/rap", "rap & hip-hop"),
    "r&b": ("rnb", "r-n-b", "r n b", "r'n'b", "r & b", "rhythm and blues", "rhythm & blues"),
    "electronic": ("electronica", "electro", "edm", "dance", "dance/electronic", "electronic/dance"),
    "drum and bass": ("drum & bass", "drum n bass", "drum'n'bass", "dnb", "d&b"),
    "rock": ("rock music", "rock & roll", "rock and roll", "rock'n'roll", "rock n roll"),
    "indie": ("indie rock", "indie pop", "indie/alternative", "alternative/indie"),
    "metal": ("heavy metal", "heavy-metal"),
    "country": ("country music", "country & western"),
    "classical": ("classic", "classical music"),
    "soul": ("soul music", "soul/funk"),
    "pop": ("pop music",),
    "jazz": ("jazz music",),
    "blues": ("the blues",),
    "latin": ("latin music", "latino"),
    "reggae": ("reggae music",),
    "sleep": ("sleep music",),
}
_CANONICAL = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in (name, *spellings)}


def normalise(label: str) -> str:
    """Return the normal form of a label: cleaned by `genrekit.text.clean`, in lower case.

    Examples
    --------
    >>> normalise("  Hip \\u00a0Hop "), normalise("Mu\\u0301sica")
    ('hip hop', 'música')
    """
    return clean(clean(label).lower())


def canonical(label: str) -> str:
    """Return the canonical name of a known spelling, or the normalised label.

    Underscores count as spaces.

    Examples
    --------
    >>> canonical("Hip_Hop"), canonical("EDM"), canonical("zydeco")
    ('hip-hop', 'electronic', 'zydeco')
    """
    name = normalise(label.replace("_", " "))
    return _CANONICAL.get(name, name)


def known_spellings() -> tuple[str, ...]:
    """Return every spelling of a genre that `canonical` knows, the canonical names among them."""
    return tuple(_CANONICAL)


def same_genre(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Group labels that are spellings of one genre; only groups of two or more are returned.

    Examples
    --------
    >>> same_genre(["hiphop", "rap", "jazz"])
    {'hip-hop': ('hiphop', 'rap')}
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[canonical(label)].append(label)
    return {name: tuple(members) for name, members in groups.items() if len(members) > 1}


# Cyrillic and Greek letters that have the shape of a Latin one, and occur among Latin letters.
_LATIN = str.maketrans("асеорухіјѕԁһкмтвнгαορνικτ", "aceopyxijsdhkmtbhraopvikt")


def look_alike(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Group labels that differ only in accents, punctuation, spaces, or letters of the same shape.

    Labels that `same_genre` groups are not grouped again.

    Examples
    --------
    >>> look_alike(["trip-hop", "trip hop", "m\u00fasica", "musica", "jazz"])
    [('m\xfasica', 'musica'), ('trip-hop', 'trip hop')]
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[_shape(label)].append(label)
    return sorted(
        tuple(members) for members in groups.values() if len({canonical(member) for member in members}) > 1
    )


def same_fold(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Group labels that differ only in case, full width, ligatures and typography (`genrekit.text.fold`).

    Examples
    --------
    >>> same_fold(["stra\u00dfe", "strasse", "jazz"])
    [('stra\xdfe', 'strasse')]
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[fold(label)].append(label)
    return sorted(tuple(members) for members in groups.values() if len(members) > 1)


def _shape(label: str) -> str:
    """Return a label without accents, punctuation and spaces; the label itself if nothing is left."""
    letters = unicodedata.normalize("NFKD", fold(label).replace("&", "and"))
    return "".join(c for c in letters.translate(_LATIN) if c.isalnum()) or label
