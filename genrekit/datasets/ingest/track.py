"""Tracks of a playlist as it names them, and the cleaning of their text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from genrekit.datasets.spotify.columns import first_artist
from genrekit.text import printable

MAX_TEXT = 1_000
_SPOTIFY_ID = re.compile(
    r"(?:spotify:track:|https?://open\.spotify\.com/(?:intl-\w+/)?track/)?([0-9A-Za-z]{22})(?:\?.*)?"
)
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")
_GUEST = re.compile(r"[(\[]\s*(?:feat|ft|featuring|with)\b[^)\]]*[)\]]", re.IGNORECASE)
_BETWEEN = re.compile(r"[\W_]+")


@dataclass(slots=True)
class Track:
    """An entry of a playlist.

    Attributes
    ----------
    source : str
        Format that it was read from: 'm3u', 'exportify', 'deezer' ...
    playlist : str
        The name of the playlist.
    title, artist, album : str
        Empty where unknown; several artists with commas between.
    isrc : str
        Twelve characters, or empty.
    track_id : str
        The id in the catalogue ``space``, or empty.
    space : str
        The catalogue: 'spotify', 'deezer', 'musicbrainz'.
    duration_ms : int
        0 where unknown.
    genres : tuple of str
        Genres as the entry has them.
    folder : str
        The folder that the playlist's file is in.
    path : str
        A local file, absolute; empty where there is none.
    features : Mapping of str to str
        Spotify's audio features by their names, as text.
    note : str
        Under which terms the entry may be used, where that is known.
    """

    source: str
    playlist: str
    title: str = ""
    artist: str = ""
    album: str = ""
    isrc: str = ""
    track_id: str = ""
    space: str = ""
    duration_ms: int = 0
    genres: tuple[str, ...] = ()
    folder: str = ""
    path: str = ""
    features: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


Problem = tuple[str, str]
"""An entry that cannot be used: what it is, and why."""


def text(value: object) -> str:
    """Return a value of a playlist as one line of printable text.

    Examples
    --------
    >>> text("  Umm\\nKulthum "), text(None), text(5)
    ('Umm Kulthum', '', '5')
    """
    if value is None or isinstance(value, list | dict | bool):
        return ""
    line = unicodedata.normalize("NFC", printable(str(value)[:MAX_TEXT]))
    return " ".join(line.replace("\0", " ").split())


def spotify_id(value: object) -> str:
    """Return the id in a URI or an address of a Spotify track; '' for anything else.

    Examples
    --------
    >>> spotify_id("spotify:track:4iV5W9uYEdYUVa79Axb7Rh"), spotify_id("spotify:local:a:b:c:1")
    ('4iV5W9uYEdYUVa79Axb7Rh', '')
    """
    found = _SPOTIFY_ID.fullmatch(text(value))
    return found[1] if found else ""


def isrc(value: object) -> str:
    """Return an ISRC in its twelve characters; '' for anything else.

    Examples
    --------
    >>> isrc("us-um7-21-04140"), isrc("n/a")
    ('USUM72104140', '')
    """
    code = text(value).replace("-", "").replace(" ", "").upper()
    return code if _ISRC.fullmatch(code) else ""


def milliseconds(value: object, unit: float = 1.0) -> int:
    """Return a length in whole milliseconds; 0 if the value is not one.

    Parameters
    ----------
    value : object
        A number or text.
    unit : float
        Milliseconds per unit of the value.
    """
    try:
        number = float(str(value)) * unit
    except ValueError:
        return 0
    return round(number) if 0 < number < 86_400_000 else 0


def name_key(artist: str, title: str) -> str:
    """Return a key that is equal for all spellings of one song; '' if artist or title is unknown.

    Parameters
    ----------
    artist, title : str
        As they are spelt. Only the first artist counts, and guests in the title do not.

    Returns
    -------
    str
        A key for comparison, not for display.

    Examples
    --------
    >>> name_key("Queen, David Bowie", "Under  Pressure!") == name_key("QUEEN", "Under Pressure (feat. David Bowie)")
    True
    """
    words = [
        _BETWEEN.sub(" ", unicodedata.normalize("NFKC", part).casefold()).strip()
        for part in (first_artist(artist), _GUEST.sub("", title))
    ]
    return "\x1f".join(words) if all(words) else ""
