"""Stores behind addresses: buckets, web servers and archives, through fsspec, with time-outs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from glob import has_magic
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from genrekit.errors import MediaError
from genrekit.remote.addresses import NO_PARTS, is_remote
from genrekit.remote.archives import KINDS, member, member_sizes

CONNECT_S = READ_S = 30.0
TRIES = 3
_BLOCK = 2**20
_WEB = ("http", "https")


@dataclass(frozen=True, slots=True)
class Place:
    """A parsed address.

    Attributes
    ----------
    scheme : {'s3', 'gs', 'gcs', 'http', 'https', 'zip', 'tar'}
    path : str
        The part after ``://``: 'bucket/key', 'host/path?query', or the member of an archive.
    archive : str
        The address or the local path of a zip or tar archive; else empty.
    """

    scheme: str
    path: str
    archive: str = ""

    @property
    def name(self) -> str:
        """Name of the file for fsspec."""
        return self.address(self.path) if self.scheme in _WEB else self.path

    def address(self, path: str) -> str:
        """Return the address of another path in the same store."""
        return f"{self.scheme}://{path}" + (f"::{self.archive}" if self.archive else "")


def parse(word: str) -> Place:
    """Parse an address.

    Raises
    ------
    MediaError
        If it names no bucket, no host or no archive, or an archive inside an archive.
    """
    scheme, _, path = word.partition("://")
    scheme = scheme.lower()
    if scheme in KINDS:
        if re.search(r"::(zip|tar)://", word, re.IGNORECASE):
            raise MediaError("an archive inside an archive is not read")
        # A member may contain '::', an archive may not.
        path, mark, archive = path.rpartition("::")
        if not mark or not archive:
            raise MediaError(
                f"the address names no archive; an example with one is {scheme}://*.wav::songs.{scheme}"
            )
        return Place(scheme, path.lstrip("/"), archive)
    if scheme in _WEB:
        if not re.match(r"[^\s/?#]", path) or re.search(r"[\x00-\x1f\x7f]", path):
            raise MediaError("the address has no host, or contains control characters")
        return Place(scheme, path)
    bucket = path.partition("/")[0]
    if not bucket or has_magic(bucket):
        raise MediaError(f"the address names no bucket; an example with one is {scheme}://bucket/songs/")
    return Place(scheme, path)


def file_name(place: Place) -> str:
    """Return the part of an address that ends in the suffix of the file."""
    if place.scheme in _WEB:
        return unquote(urlsplit(place.address(place.path)).path)
    return place.path.partition("?versionId=")[0] if place.scheme == "s3" else place.path


def is_file(place: Place) -> bool:
    """Return whether a bucket or an archive has a file of exactly this name."""
    if place.scheme in KINDS:
        return place.path in sizes(place)
    return bool(open_store(place).isfile(place.name))


def sizes(place: Place) -> dict[str, int]:
    """Return the lengths of the members of an archive in bytes, by name."""
    return member_sizes(place.scheme, place.archive, _stamp(place.archive), _open_archive)


def names(place: Place, prefix: str) -> Iterator[str]:
    """Yield the paths that begin with ``prefix``, sorted; '/' at the end marks a folder."""
    if place.scheme in KINDS:
        yield from (name for name in sorted(sizes(place)) if name.startswith(prefix))
    elif place.scheme == "s3":
        yield from _keys(open_store(place), prefix)
    else:
        waiting = [f"{prefix.rpartition('/')[0]}/"]
        store = open_store(place)
        while waiting:
            name = waiting.pop()
            if not name.endswith("/"):
                yield name
                continue
            found = {
                entry["name"].rstrip("/") + "/" * (entry["type"] == "directory")
                for entry in store.ls(name.rstrip("/"), detail=True)
            }
            # Only longer names: an object store may list a folder as its own child.
            waiting += sorted(
                (one for one in found if one != name and one.startswith(name) and one.startswith(prefix)),
                reverse=True,
            )


def _keys(store: Any, prefix: str) -> Iterator[str]:
    bucket, _, key = prefix.partition("/")
    more: dict[str, str] = {}
    while True:
        # S3FileSystem.find would hold every entry of the bucket at once, about one kilobyte each.
        page = store.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, **more)
        yield from (f"{bucket}/{entry['Key']}" for entry in page.get("Contents", ()))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def open_store(place: Place) -> Any:
    """Return the fsspec file system of an address, with time-outs; the settings of the user take precedence."""
    kind = import_module("fsspec").get_filesystem_class(place.scheme)
    own = import_module("fsspec.config").apply_config(kind, {})
    options: dict[str, Any] = {"use_listings_cache": False}
    if place.scheme == "s3":
        limits = {
            "connect_timeout": CONNECT_S,
            "read_timeout": READ_S,
            "retries": {"total_max_attempts": TRIES, "mode": "standard"},
        }
        options["config_kwargs"] = limits | own.get("config_kwargs", {})
        options["version_aware"] = "?versionId=" in place.path
    else:
        timeout = import_module("aiohttp").ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)
        key = "session_kwargs" if place.scheme in ("gs", "gcs") else "client_kwargs"
        options[key] = {"timeout": timeout, "trust_env": True} | own.get(key, {})
        if place.scheme in _WEB:
            # Escaped characters must reach the server unchanged: a signature covers them.
            options["encoded"] = "%" in place.path and place.path.isascii()
    store = kind(**options)
    if place.scheme == "s3":
        store.retries = TRIES - 1
    return store


@contextlib.contextmanager
def opened(place: Place) -> Iterator[tuple[Any, int | None]]:
    """Open a remote file for reading from its beginning, with its size in bytes if known."""
    if place.scheme in KINDS:
        stamp = _stamp(place.archive)
        with member(place.scheme, place.archive, stamp, place.path, _open_archive) as found:
            yield found
    elif place.scheme in _WEB:
        # Any size, so that fsspec does not request it: many signed addresses allow one GET and no HEAD.
        with open_store(place).open(place.name, "rb", block_size=0, size=1) as file:
            yield file, None
    else:
        with open_store(place).open(place.name, "rb", block_size=8 * _BLOCK, cache_type="readahead") as file:
            if getattr(file, "details", {}).get("type") == "directory":
                raise MediaError("the address is a folder, not a file")
            yield file, file.size


def _stamp(archive: str) -> str:
    """Return what changes when an archive does."""
    if is_remote(archive):
        place = parse(archive)
        return str(open_store(place).ukey(place.name))
    status = Path(archive.removeprefix("file://")).stat()
    return f"{status.st_mtime_ns} {status.st_size}"


def _open_archive(archive: str) -> Any:
    if not is_remote(archive):
        return open(archive.removeprefix("file://"), "rb")
    place = parse(archive)
    file = open_store(place).open(place.name, "rb", block_size=_BLOCK)
    if file.size is None:
        raise MediaError(NO_PARTS)
    return file
