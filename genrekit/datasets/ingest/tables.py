"""Tables of tracks: Exportify's CSV in all of its forms, and others that name title and artist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from genrekit.datasets.genres import listed
from genrekit.datasets.ingest.track import Problem, Track, isrc, milliseconds, spotify_id, text
from genrekit.datasets.spotify.columns import LABELS, Roles
from genrekit.errors import DatasetError
from genrekit.features import as_text, column_key, find_columns
from genrekit.tables import open_table
from genrekit.text import printable, quote_all

NOTE = "exported from Spotify; its terms apply"
# "Genres" and "Artist Genres" of Exportify's forms, and "Album Genres" last.
_GENRES = ("genres", "artistgenres", *(column_key(name) for name in LABELS), "albumgenres")
_PLAYLISTS = ("playlist", "playlistname")
_CLOSE_COMMA = re.compile(r",(?=[^\s\d])")
_ALBUMS = ("albumname", "album", "trackalbumname")


def read(path: Path) -> Iterator[Track | Problem]:
    """Read a table; where no column names the playlist, the name of the file does, with spaces for ``_``."""
    table = open_table(path)
    roles = Roles(table.columns)
    if not roles.tracks or not roles.artists:
        raise DatasetError(
            f"{printable(path)} is not a list of tracks: it has the columns {quote_all(table.columns)}.",
            "Exportify writes 'Track Name' and 'Artist Name(s)'; other tables need a title and an artist.",
        )
    features = find_columns(table.columns)
    length = features.get("duration_ms")
    by_key = {column_key(column): column for column in reversed(table.columns)}
    album, genre, playlist = (
        next((by_key[key] for key in keys if key in by_key), None) for keys in (_ALBUMS, _GENRES, _PLAYLISTS)
    )
    ids = [column for column in roles.ids if column_key(column) != "isrc"]
    is_spotify = bool(ids) or any("spotify" in column.casefold() for column in table.columns)
    name = text(path.stem.replace("_", " "))
    for frame in table.frames():
        for number, reason in frame.broken:
            yield f"row {number}", reason
        cells = {
            column: _texts(frame.table, column)
            for column in dict.fromkeys(
                [
                    roles.tracks[0],
                    roles.artists[0],
                    *ids,
                    *features.values(),
                    *filter(None, (album, genre, playlist, by_key.get("isrc"))),
                ]
            )
        }
        for i, number in enumerate(frame.numbers.tolist()):

            def cell(column: str | None, i: int = i, cells: dict[str, list[str]] = cells) -> str:
                return cells[column][i] if column else ""

            title = text(cell(roles.tracks[0]))
            if not title:
                yield f"row {number}", "has no title"
                continue
            found = next((s for column in ids if (s := spotify_id(cell(column)))), "")
            yield Track(
                "exportify" if is_spotify else "table",
                text(cell(playlist)) or name,
                title=title,
                artist=_artists(cell(roles.artists[0])),
                album=text(cell(album)),
                isrc=isrc(cell(by_key.get("isrc"))),
                track_id=found,
                space="spotify" if found else "",
                duration_ms=_length(cell(length), length) if length else 0,
                genres=_genres(cell(genre)),
                folder=path.parent.name,
                features={
                    f: value
                    for f, column in features.items()
                    if f != "duration_ms" and (value := text(cell(column)))
                },
                note=NOTE if is_spotify else "",
            )


def _texts(table: pa.Table, column: str) -> list[str]:
    texts: list[str] = as_text(table.column(column)).fill_null("").to_pylist()
    return texts


def _artists(cell: str) -> str:
    """Return the artists joined by ', ': a fork of Exportify leaves out the space, and 10,000 Maniacs have none."""
    several = listed(cell)
    return text(", ".join(several) if several is not None else _CLOSE_COMMA.sub(", ", cell))


def _length(cell: str, column: str) -> int:
    """Return a length in milliseconds: of 3:20, or of a number in the unit that the column's name or its size tells."""
    minutes, mark, seconds = text(cell).partition(":")
    if mark and minutes.isdecimal():
        return milliseconds(seconds, 1000) + int(minutes) * 60_000 if len(minutes) < 5 else 0
    in_seconds = not column_key(column).endswith("ms") and 0 < milliseconds(cell) < 3_600
    return milliseconds(cell, 1000 if in_seconds else 1)


def _genres(cell: str) -> tuple[str, ...]:
    """Return the genres of a cell: commas, semicolons or ``|`` between several, or a list as Python writes it."""
    several = listed(cell)
    parts = several if several is not None else cell.replace(";", ",").replace("|", ",").split(",")
    return tuple(dict.fromkeys(name for part in parts if (name := text(part))))
