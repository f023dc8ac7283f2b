"""Inputs of ``ingest``: playlist files, folders or zips of them, addresses, and services."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from genrekit.datasets.fetch.archives import members, unpack
from genrekit.datasets.fetch.checks import check_space
from genrekit.datasets.fetch.download import download
from genrekit.datasets.folder import walk
from genrekit.datasets.ingest import apple, m3u, pls, services, spotify_api, spotify_export, tables, xspf
from genrekit.datasets.ingest.files import MAX_DOCUMENT_BYTES
from genrekit.datasets.ingest.track import Problem, Track
from genrekit.errors import DatasetError, GenrekitError
from genrekit.remote import redact
from genrekit.text import printable, quote_all

Reader = Callable[[Path], Iterator[Track | Problem]]
SUFFIXES: dict[str, Reader] = {
    ".m3u": m3u.read,
    ".m3u8": m3u.read,
    ".pls": pls.read,
    ".xspf": xspf.read,
    ".jspf": xspf.read_jspf,
    ".csv": tables.read,
    ".tsv": tables.read,
    ".json": spotify_export.read,
    ".xml": apple.read,
}
HEAD_BYTES = 2**16


def read(word: str) -> Iterator[Track | Problem]:
    """Yield all entries of an input.

    Parameters
    ----------
    word : str
        A path, or an address.

    Raises
    ------
    GenrekitError
        If it cannot be read; entries before that were yielded.
    """
    playlist = spotify_api.playlist_of(word)
    service = services.service_of(word)
    if playlist is not None:
        yield from spotify_api.read(playlist)
    elif service is not None:
        yield from services.read(*service)
    elif word.lower().startswith(("https://", "http://")):
        with _fetched(word) as path:
            yield from _read_path(path)
    else:
        yield from _read_path(Path(word))


def _read_path(path: Path) -> Iterator[Track | Problem]:
    try:
        if path.is_dir():
            found = sorted(one for one in walk(path, []) if one.suffix.lower() in SUFFIXES)
            if not found:
                raise DatasetError(
                    f"{printable(path)} holds no playlist.", f"Read are {quote_all(SUFFIXES)}."
                )
            for one in found:
                yield from _of_folder(one)
        elif path.suffix.lower() == ".zip":
            with tempfile.TemporaryDirectory(prefix="genrekit-") as folder:
                listed = members(path)
                check_space(Path(folder), sum(member.size for member in listed), printable(path))
                unpack(path, Path(folder), set(), lambda member, sha256: None)
                yield from _read_path(Path(folder))
        else:
            yield from reader_of(path)(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{printable(path)} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error


def _of_folder(path: Path) -> Iterator[Track | Problem]:
    """Read one file of several; if it cannot be read, print so and continue."""
    try:
        yield from reader_of(path)(path)
    except GenrekitError as error:
        yield printable(path.name), error.message


def reader_of(path: Path) -> Reader:
    """Choose a reader by the suffix, or by the first bytes if the suffix is ambiguous.

    Raises
    ------
    DatasetError
        If it is not a playlist of a known kind.
    OSError
        If the file cannot be read.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if suffix == ".xml" and b"<plist" not in head and b"<playlist" in head:
        return xspf.read
    if suffix == ".json" and b'"playlist"' in head and b'"playlists"' not in head:
        return xspf.read_jspf
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if head.lstrip(b"\xef\xbb\xbf").startswith(b"#EXTM3U"):
        return m3u.read
    raise DatasetError(
        f"{printable(path)} is not a playlist of a kind that is known by its suffix.",
        f"Read are {quote_all(SUFFIXES)}, folders and .zip of them, and addresses.",
    )


@contextmanager
def _fetched(address: str) -> Iterator[Path]:
    name = PurePosixPath(unquote(urlsplit(address).path)).name
    if Path(name).suffix.lower() not in {*SUFFIXES, ".zip"} or not name.isprintable():
        raise DatasetError(
            f"{redact(address)} is not the address of a playlist's file.",
            f"Its name ends in one of {quote_all(SUFFIXES)}.",
        )
    with tempfile.TemporaryDirectory(prefix="genrekit-") as folder:
        path = Path(folder, name)
        download(address, path, max_bytes=MAX_DOCUMENT_BYTES)
        yield path
