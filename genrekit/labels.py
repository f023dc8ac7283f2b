"""Genre names and their spellings: the only tables of aliases and of display names."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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

# Names that capital letters alone do not make, as shops and players write them.
_DISPLAY = {
    spelling: name
    for name, spellings in {
        "Hip-Hop": ("hip-hop", "hiphop", "hip hop"),
        "R&B": ("r&b", "rnb", "r-n-b", "r n b", "r'n'b", "r & b"),
        "Drum & Bass": ("drum and bass", "drum & bass", "drum n bass", "drum'n'bass", "dnb", "d&b"),
        "Rock & Roll": ("rock & roll", "rock and roll", "rock'n'roll", "rock n roll"),
        "Rhythm & Blues": ("rhythm and blues", "rhythm & blues"),
        "Country & Western": ("country & western", "country and western"),
        "Trip-Hop": ("trip-hop", "triphop", "trip hop"),
        "Lo-Fi": ("lo-fi", "lofi", "lo fi"),
        "K-Pop": ("k-pop", "kpop", "k pop"),
        "J-Pop": ("j-pop", "jpop", "j pop"),
        "J-Rock": ("j-rock", "jrock", "j rock"),
        "C-Pop": ("c-pop", "cpop", "c pop"),
        "Bossa Nova": ("bossa nova", "bossanova", "bossa-nova"),
        "Nu Metal": ("nu metal", "nu-metal", "numetal"),
        "Synth-Pop": ("synth-pop", "synthpop", "synth pop"),
        "Post-Punk": ("post-punk", "postpunk", "post punk"),
        "Post-Rock": ("post-rock", "postrock", "post rock"),
        "Singer-Songwriter": ("singer-songwriter", "singer songwriter", "singer/songwriter"),
    }.items()
    for spelling in spellings
}
_ABBREVIATIONS = {
    word.lower(): word
    for word in "AOR ASMR C2C DJ EBM EDM IDM LGBTQ MPB NWOBHM OST R&B RnB TV UK USA US".split()
}
_SMALL_WORDS = set("a al and as at by da de del do e el en for from in la le n of on or the to und y".split())
_WORD = re.compile(r"[\w&'\u2019]+")


def display_name(label: str) -> str:
    """Return a genre as people write it in tags and playlists; a label with a capital letter stays as it is.

    Examples
    --------
    >>> [display_name(label) for label in ("hiphop", "hip-hop", "rnb", "drum and bass", "uk garage", "80s")]
    ['Hip-Hop', 'Hip-Hop', 'R&B', 'Drum & Bass', 'UK Garage', '80s']
    >>> display_name("children's music"), display_name("My own")
    ("Children's Music", 'My own')
    """
    if label != label.lower():
        return label
    if known := _DISPLAY.get(normalise(label.replace("_", " "))):
        return known
    return _WORD.sub(lambda word: _capitalised(word[0], first=not word.start()), label.replace("_", " "))


def _capitalised(word: str, *, first: bool) -> str:
    if word in _ABBREVIATIONS:
        return _ABBREVIATIONS[word]
    return word if word in _SMALL_WORDS and not first else word[:1].upper() + word[1:]


@dataclass(frozen=True)
class GenreNames:
    """Display names of genres: the user's own names, and `display_name` for all others.

    Attributes
    ----------
    own : Mapping of str to str
        Names by label; a label matches whatever its spelling ('hiphop', 'Hip-Hop'), an exact one first.

    Examples
    --------
    >>> names = GenreNames({"Hip-Hop": "Rap"})
    >>> names("hiphop"), names("drum and bass")
    ('Rap', 'Drum & Bass')
    """

    own: Mapping[str, str] = field(default_factory=dict)
    _found: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _others: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for label, name in self.own.items():
            self._found.setdefault(display_name(normalise(label)), name)
        self._found.update({normalise(label): name for label, name in self.own.items()})

    def __call__(self, label: str) -> str:
        """Return the name of a label."""
        if own := self._own(label):
            return own
        if self.own:
            self._others.add(label)
        return display_name(label)

    def near_misses(self) -> list[tuple[str, str]]:
        """Return labels of ``own`` that are nearly a label without an own name, each with that label.

        Examples
        --------
        >>> names = GenreNames({"rokc": "Rock 'n' Roll"})
        >>> names("rock"), names.near_misses()
        ('Rock', [('rokc', 'rock')])
        """
        from difflib import get_close_matches

        return [
            (label, nearest[0])
            for label in self.own
            if (nearest := get_close_matches(normalise(label), sorted(self._others), n=1, cutoff=0.7))
        ]

    def _own(self, label: str) -> str:
        plain = normalise(label)
        return self._found.get(plain) or self._found.get(display_name(plain)) or ""


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
