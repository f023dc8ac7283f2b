"""Cue sheets: the tracks within the files that they list.

The format: https://wiki.hydrogenaud.io/index.php?title=Cue_sheet. A time is ``mm:ss:ff`` with 75 frames per second, and
INDEX 01 is where a track starts; what lies before it (INDEX 00) is the pause after the track before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from genrekit.errors import MediaError
from genrekit.text import clean

FRAMES_PER_S = 75
MAX_TRACKS = 10_000
_TRACK_ID = re.compile(r"\.cue#\d{2,}( |$)", re.IGNORECASE)
_LINE = re.compile(r"\s*(?:REM\s+)?(FILE|TRACK|INDEX|TITLE|PERFORMER)\s+(.*?)\s*", re.IGNORECASE)
_FILE = re.compile(r'(?:"(.*)"|(\S.*?))(?:\s+\w+)?')
_INDEX = re.compile(r"(\d{1,2})\s+(\d{1,5}):(\d{1,2}):(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Track:
    """A track of a cue sheet.

    Attributes
    ----------
    file : str
        The file as the sheet names it.
    number : int
        As the sheet has it; 0 for a file without tracks.
    start_s : float
        In seconds from the start of the file.
    end_s : float or None
        Start of the next track of the file; None for the last one.
    title, performer : str
        Empty where the sheet has none.
    is_part : bool
        Whether the file has other tracks too.
    """

    file: str
    number: int = 0
    start_s: float = 0.0
    end_s: float | None = None
    title: str = ""
    performer: str = ""
    is_part: bool = False


def tracks_in(sheet: str) -> list[Track]:
    """Return the tracks of a cue sheet in order; a file without tracks is one.

    Raises
    ------
    MediaError
        If it has more than 10,000.

    Examples
    --------
    >>> sheet = 'FILE "a.flac" WAVE\\nTRACK 01 AUDIO\\nINDEX 01 00:00:00\\nTRACK 02 AUDIO\\nINDEX 01 03:00:15'
    >>> [(track.number, track.start_s, track.end_s) for track in tracks_in(sheet)]
    [(1, 0.0, 180.2), (2, 180.2, None)]
    """
    found: list[Track] = []
    performer = ""
    for line in sheet.replace("\r", "\n").split("\n"):
        parts = _LINE.fullmatch(line)
        if not parts:
            continue
        word, value = parts[1].upper(), parts[2]
        if word == "FILE" and (names := _FILE.fullmatch(value)):
            found.append(Track(names[1] if names[1] is not None else names[2], performer=performer))
        elif word == "PERFORMER" and not (found and found[-1].number):
            performer = clean(value.strip('"'))
        elif not found:
            continue
        elif word == "TRACK" and (number := re.match(r"\d{1,5}", value)):
            track = Track(found[-1].file, int(number[0]), performer=performer)
            found[-1:] = [found[-1], track] if found[-1].number else [track]
        elif word == "INDEX" and found[-1].number and (index := _INDEX.fullmatch(value)):
            if int(index[1]) == 1:
                found[-1] = replace(found[-1], start_s=_seconds(*index.group(2, 3, 4)))
        elif found[-1].number and word in ("TITLE", "PERFORMER"):
            text = clean(value.strip('"'))
            is_title = word == "TITLE"
            found[-1] = replace(found[-1], title=text) if is_title else replace(found[-1], performer=text)
        if len(found) > MAX_TRACKS:
            raise MediaError(f"The cue sheet lists more than {MAX_TRACKS:,} tracks.")
    counts = Counter(track.file for track in found if track.number)
    marked = [replace(one, is_part=counts[one.file] > 1 and one.number > 0) for one in found]
    return list(dict.fromkeys(_ended(marked)))


def is_track(name: str) -> bool:
    """Return whether the name of a prediction is that of a track within a file: 'album.cue#02 Title'."""
    return bool(_TRACK_ID.search(name))


def _ended(tracks: Sequence[Track]) -> Iterator[Track]:
    for track, following in zip(tracks, [*tracks[1:], None], strict=True):
        is_last = following is None or following.file != track.file or following.start_s <= track.start_s
        yield track if is_last or following is None else replace(track, end_s=following.start_s)


def _seconds(minutes: str, seconds: str, frames: str) -> float:
    return round(int(minutes) * 60 + int(seconds) + int(frames) / FRAMES_PER_S, 6)
