"""Inputs and outputs at addresses: S3, Google Cloud Storage, the web, and members of zip and tar archives.

fsspec and its dependencies are imported when an address is used, not earlier. Credentials come from the
environment or from fsspec's own configuration; names and messages that leave this module have been redacted by
`redact`. `genrekit.remote.addresses` translates the errors of the libraries.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from glob import has_magic
from importlib import import_module
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, TextIO

from genrekit.errors import GenrekitError, MediaError, UsageError
from genrekit.media import (
    AUDIO_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    PassedOver,
    is_system_folder,
    suffix_modality,
)
from genrekit.remote.addresses import in_words, is_passing
from genrekit.remote.addresses import is_remote as is_remote
from genrekit.remote.addresses import redact as redact
from genrekit.remote.archives import KINDS
from genrekit.remote.stores import TRIES, Place, file_name, is_file, names, open_store, opened, parse, sizes
from genrekit.text import sentence
from genrekit.types import Modality

MAX_BYTES = 4 * 2**30
MAX_FILES = 10_000_000
FETCH_S = 3600.0  # limit for a server that sends a byte now and then
PAUSE_S = 0.5  # before a second try; twice as long before the third
_BLOCK = 2**20

_SUFFIXES = AUDIO_SUFFIXES | IMAGE_SUFFIXES | TABLE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Found:
    """One remote file, or the reason why there is none.

    Attributes
    ----------
    name : str
        The address without credentials, which rows, journals and logs may show.
    address : str or None
        Argument for `fetched`; it may hold credentials that the user typed, so the repr omits it.
    error : str or None
    """

    name: str
    address: str | None = field(default=None, repr=False)
    error: str | None = None


def expand_remote(
    word: str, kinds: Collection[Modality] = tuple(Modality), passed: PassedOver | None = None
) -> Iterator[Found]:
    """Find the files that an address means, lazily, in the order of their names.

    An address that ends in the suffix of a song, a picture or a table, and any web address, is that file; no
    request is sent. Any other address is a folder, and means the songs and pictures of ``kinds`` below it.
    ``*``, ``?``, ``[...]`` and ``**`` match names as in a shell, except in web addresses. Names that begin with
    a dot are skipped. S3 is listed page by page, other stores folder by folder.

    Parameters
    ----------
    word : str
        An address for which `is_remote` is true.
    kinds : collection of Modality
        Kinds of files to take from folders; tables are never taken from folders.
    passed : PassedOver, optional
        Gets what is passed over in folders.

    Yields
    ------
    Found
        At least one; an entry with an error if a folder cannot be listed. At most 10 million files.
    """
    try:
        files = _expanded(parse(word), set(kinds) - {Modality.TABLE}, passed or PassedOver())
        yield from (Found(redact(address), address) for address in islice(files, MAX_FILES))
        if next(files, None) is not None:
            yield Found(
                redact(word), error=f"The address holds more than {MAX_FILES:,} files; use a narrower one."
            )
    except Exception as error:  # the libraries behind fsspec have no common class of errors
        yield Found(redact(word), error=sentence(in_words(error, word)))


def file_of(address: str) -> str:
    """Return the part of an address that is the name of a file: the member of an archive, a path without its query.

    Examples
    --------
    >>> file_of("zip://a/b.png::songs.zip"), file_of("https://host/a%20b.wav?id=5")
    ('a/b.png', '/a b.wav')
    """
    try:
        return file_name(parse(address))
    except MediaError:
        return address


@contextlib.contextmanager
def fetched(address: str, *, max_bytes: int = MAX_BYTES, folder: Path | None = None) -> Iterator[Path]:
    """Copy a remote file into a temporary one, which is removed at the end.

    Parameters
    ----------
    address : str
        One file, as `expand_remote` yields it; not a pattern.
    max_bytes : int
        A longer file is an error, even if its length is not known in advance.
    folder : Path, optional
        Folder of the temporary file; the default is that of the system.

    Yields
    ------
    Path
        The suffix is that of the address if it is one of a song, a picture or a table.

    Raises
    ------
    MediaError
        If the file cannot be fetched completely; the limits are 30 s without a response or a byte, and one hour in total.
    """
    path: Path | None = None
    try:
        try:
            place = parse(address)
            suffix = PurePosixPath(file_name(place)).suffix.lower()
            descriptor, name = tempfile.mkstemp(suffix if suffix in _SUFFIXES else "", "genrekit-", folder)
            path = Path(name)
            with open(descriptor, "wb") as target:
                _fetch(place, target, max_bytes)
        except Exception as error:  # the libraries behind fsspec have no common class of errors
            raise MediaError(sentence(in_words(error, address), "The file")) from None
        yield path
    finally:
        if path is not None:
            path.unlink(missing_ok=True)


def sizes_in(archive: str | Path, kind: str) -> dict[str, int]:
    """Return the lengths of the files in an archive in bytes, by name.

    Parameters
    ----------
    archive : str or Path
    kind : {'zip', 'tar'}

    Raises
    ------
    MediaError
        If it cannot be read, or is damaged.
    """
    address = f"{kind}://::{archive}"
    try:
        return sizes(parse(address))
    except Exception as error:  # the libraries behind fsspec have no common class of errors
        raise MediaError(sentence(in_words(error, address), "The archive")) from None


def exists(address: str) -> bool:
    """Return whether an output exists.

    Raises
    ------
    UsageError
        If the address cannot be written to: another scheme than s3, gs or gcs, no such bucket, no access.
    """
    store, path = _output(address)
    try:
        if store.exists(path):
            return True
        bucket = path.partition("/")[0]
        there = store.exists(bucket)
    except Exception as error:  # the libraries behind fsspec have no common class of errors
        raise UsageError(f"{redact(address)} cannot be written: {in_words(error, address)}.") from None
    if not there:
        raise UsageError(
            f"{redact(address)} cannot be written: there is no bucket {bucket}, or no access to it."
        )
    return False


@contextlib.contextmanager
def open_output(address: str, *, folder: Path | None = None) -> Iterator[TextIO]:
    """Write text (UTF-8, line ends as given) to an address; the file appears complete at the end, or not at all.

    An existing file is replaced; see `exists`. After an error inside the block nothing is uploaded.

    Parameters
    ----------
    address : str
        ``s3://``, ``gs://`` or ``gcs://``.
    folder : Path, optional
        Folder of the text until it is uploaded.

    Yields
    ------
    TextIO

    Raises
    ------
    UsageError
        If the address cannot be written to.
    GenrekitError
        If the upload failed; the text is kept in a local file, which the hint names.
    """
    store, target = _output(address)
    descriptor, name = tempfile.mkstemp(PurePosixPath(target).suffix, "genrekit-", folder)
    path = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:
            yield stream
    except BaseException:
        path.unlink()
        raise
    try:
        store.put_file(str(path), target)
    except Exception as error:  # the libraries behind fsspec have no common class of errors
        raise GenrekitError(
            f"The output could not be written to {redact(address)}: {in_words(error, address)}.",
            f"It was kept in {path}",
        ) from None
    path.unlink()


def _expanded(place: Place, wanted: set[Modality], passed: PassedOver) -> Iterator[str]:
    """Return the addresses of the files that a place means."""
    path = place.path
    if place.scheme in ("http", "https"):
        if path.endswith("/"):
            raise MediaError("web addresses have no folders to list; use the address of a file")
        yield place.address(path)
        return
    pattern = has_magic(path) and "?versionId=" not in path and not is_file(place)
    if not pattern and not path.endswith("/") and suffix_modality(file_name(place)) is not None:
        yield place.address(path)
        return
    if pattern:
        translate = import_module("fsspec.utils").glob_translate
        itself, below = re.compile(translate(path)), re.compile(translate(f"{path.rstrip('/')}/**"))
        prefix = re.split(r"[*?[]", path)[0]
        dotted = "/." in f"/{path}"
    else:
        itself = below = re.compile("")
        prefix = f"{path.rstrip('/')}/" if path else ""
        dotted = False
    start = prefix.rpartition("/")[0]
    any_listed = any_found = False
    for name in names(place, prefix):
        any_listed = True
        rest = name.removeprefix(start)
        if name.endswith("/"):
            continue
        if ("/." in f"/{rest}" and not dotted) or any(map(is_system_folder, rest.split("/")[:-1])):
            passed.add_file(name)
            continue
        named = pattern and itself.match(name)
        if named or (below.match(name) and suffix_modality(name) in wanted):
            any_found = True
            yield place.address(name)
        elif below.match(name):
            passed.add_file(name)
    if any_found:
        return
    if pattern:
        raise MediaError("no file matches the pattern")
    if any_listed or not path or path.endswith("/") or ("/" not in path and place.scheme not in KINDS):
        raise MediaError("the address holds no song or picture that a loaded model takes")
    yield place.address(path)


def _output(address: str) -> tuple[Any, str]:
    place = parse(address) if is_remote(address) else None
    if place is None or place.scheme not in ("s3", "gs", "gcs"):
        raise UsageError(
            f"{redact(address)} cannot be written; an output is a file, or an address of s3:// or gs://."
        )
    if not place.path.partition("/")[2] or place.path.endswith("/"):
        raise UsageError(f"{redact(address)} names a folder; an output is a file.")
    try:
        return open_store(place), place.path
    except Exception as error:  # the libraries behind fsspec have no common class of errors
        raise UsageError(f"{redact(address)} cannot be written: {in_words(error, address)}.") from None


def _fetch(place: Place, target: IO[bytes], max_bytes: int) -> None:
    deadline = time.monotonic() + FETCH_S
    for tried in range(1, TRIES + 1):
        try:
            with opened(place) as (source, size):
                _copy(source, size, target, max_bytes, deadline)
                return
        except Exception as error:
            # The clients of S3 and Google retry by themselves.
            if place.scheme in ("s3", "gs", "gcs") or tried == TRIES or not is_passing(error):
                raise
        time.sleep(PAUSE_S * tried)
        target.seek(0)
        target.truncate()


def _copy(source: Any, size: int | None, target: IO[bytes], max_bytes: int, deadline: float) -> None:
    too_long = MediaError(f"the file is longer than {max_bytes:,} bytes")
    if size is not None and size > max_bytes:
        raise too_long
    copied = 0
    while block := source.read(_BLOCK):
        copied += len(block)
        if copied > max_bytes:
            raise too_long
        if time.monotonic() > deadline:
            raise MediaError(f"the file did not arrive within {FETCH_S:g} s")
        target.write(block)
    if size is not None and copied != size:
        raise MediaError(f"the transfer broke off after {copied:,} of {size:,} bytes")
