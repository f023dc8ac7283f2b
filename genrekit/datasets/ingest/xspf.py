"""XSPF (https://xspf.org/spec) and JSPF, the same in JSON, as exported by ListenBrainz."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from genrekit.datasets.ingest.files import check_size, place_of, read_json
from genrekit.datasets.ingest.track import Problem, Track, isrc, milliseconds, spotify_id, text
from genrekit.errors import DatasetError
from genrekit.text import printable

_RECORDING = "musicbrainz.org/recording/"


def read(path: Path) -> Iterator[Track | Problem]:
    """Read an XSPF; its name is its title, else that of the file."""
    name, number, inside = text(path.stem), 0, False
    try:
        for event, element in iterparse(path, events=("start", "end"), forbid_dtd=True):
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                inside = inside or tag == "track"
            elif tag == "track":
                inside = False
                number += 1
                yield entry(_fields(element), name, path.parent, "xspf") or (
                    f"entry {number}",
                    "names no track",
                )
                element.clear()
            elif tag == "title" and not inside:
                name = text(element.text) or name
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise DatasetError(
            f"{printable(path)} is not XSPF: {type(error).__name__}: {str(error)[:100]}."
        ) from error


def _fields(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name in ("location", "identifier"):
            found.setdefault(name, []).append(child.text or "")
        else:
            found.setdefault(name, child.text or "")
    return found


def read_jspf(path: Path) -> Iterator[Track | Problem]:
    """Read a JSPF."""
    check_size(path)
    document = read_json(path)
    if not isinstance(document, dict) or not isinstance(document.get("playlist"), dict):
        raise DatasetError(f"{printable(path)} is not JSPF: it has no object 'playlist'.")
    yield from playlist(document["playlist"], text(path.stem), path.parent, "jspf")


def playlist(found: Mapping[str, Any], name: str, folder: Path, source: str) -> Iterator[Track | Problem]:
    """Read the object ``playlist`` of a JSPF.

    Parameters
    ----------
    found : mapping
        The object as parsed from JSON; values of another type than the format allows are ignored.
    name : str
        Name of the playlist where the object has no title.
    folder : Path
        Relative locations begin here.
    source : str
        ``Track.source`` of the entries.

    Yields
    ------
    Track or (str, str)
        An entry, or the name of an entry that cannot be used with the reason.
    """
    name = text(found.get("title")) or name
    tracks = found.get("track")
    for number, one in enumerate(tracks if isinstance(tracks, list) else [], 1):
        track = entry(one, name, folder, source) if isinstance(one, dict) else None
        yield track or (f"entry {number}", "names no track")


def entry(found: Mapping[str, Any], name: str, folder: Path, source: str) -> Track | None:
    """Read one entry of a playlist.

    Parameters
    ----------
    found : mapping
        The object of a track as parsed from JSON.
    name : str
        Name of the playlist.
    folder : Path
        Relative locations begin here.
    source : str
        ``Track.source`` of the entry.

    Returns
    -------
    Track or None
        None if the entry has neither a title nor a file.
    """
    identifiers = [text(one) for one in _list(found.get("identifier"))]
    place = next((p for one in _list(found.get("location")) if (p := place_of(str(one).strip(), folder))), "")
    title = text(found.get("title")) or (text(Path(place).stem) if place else "")
    if not title:
        return None
    recording = next((i.rpartition("/")[2] for i in identifiers if _RECORDING in i), "")
    spotify = next((s for i in identifiers if (s := spotify_id(i))), "")
    return Track(
        source,
        name,
        title=title,
        artist=text(found.get("creator")),
        album=text(found.get("album")),
        isrc=next((code for i in identifiers if (code := isrc(i.removeprefix("isrc:")))), ""),
        track_id=spotify or recording,
        space="spotify" if spotify else "musicbrainz" if recording else "",
        duration_ms=milliseconds(found.get("duration")),
        folder=folder.name,
        path=place,
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
