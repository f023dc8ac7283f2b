"""Whole objects in a folder or a bucket: the same names in both; an object appears complete or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from genrekit.errors import GenrekitError, UsageError
from genrekit.remote.addresses import in_words, is_remote, redact
from genrekit.remote.stores import open_store, parse

WRITABLE = ("s3", "gs", "gcs")
_PART = ".part"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

Value = TypeVar("Value")


class Objects(Protocol):
    """Objects by name; a name is made of words of ``A-Za-z0-9._-`` between slashes.

    Every method raises GenrekitError if the place cannot be reached, without secrets in its words.

    Attributes
    ----------
    word : str
        The place without secrets.
    """

    word: str

    def read(self, name: str) -> bytes | None:
        """Return the content of an object; None if there is none of this name."""

    def write(self, name: str, content: bytes | Path) -> None:
        """Write an object, in place of one that may be there."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are missing count for nothing."""

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield names that begin with a prefix, sorted, with their sizes in bytes."""


def open_objects(word: str | Path) -> Objects:
    """Return the objects at a place.

    Parameters
    ----------
    word : str or Path
        A folder, which is created when the first object is written, or ``s3://bucket/prefix`` (``gs://``).

    Raises
    ------
    UsageError
        If it is an address of another kind, or has a password in it.
    """
    text = str(word)
    if not is_remote(text):
        return LocalObjects(Path(text))
    if text.partition("://")[0].lower() not in WRITABLE or "::" in text:
        raise UsageError(
            f"{redact(text)} cannot be written.", "Pass a folder, or an address: s3://bucket/prefix"
        )
    if "@" in text or "?" in text:
        raise UsageError(
            f"{redact(text)} has a secret or options in it.",
            "Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE) or the configuration of the storage's tools.",
        )
    return RemoteObjects(text)


class LocalObjects:
    """Objects as files below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.word = str(folder)

    def read(self, name: str) -> bytes | None:
        """Return the content of an object."""
        with _explaining(self.word):
            try:
                return self._at(name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes | Path) -> None:
        """Write an object."""
        path = self._at(name)
        data = content if isinstance(content, bytes) else content.read_bytes()
        with _explaining(self.word):
            part = path.with_name(f".{secrets.token_hex(8)}{_PART}")
            try:
                with _creating(part) as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, and the folders that become empty."""
        with _explaining(self.word):
            for name in names:
                path = self._at(name)
                path.unlink(missing_ok=True)
                for folder in list(path.relative_to(self.folder).parents)[:-1]:
                    try:
                        (self.folder / folder).rmdir()
                    except OSError:  # other objects, or gone
                        break

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield names with their sizes."""
        start = self.folder / prefix.rpartition("/")[0]
        with _explaining(self.word):
            found = []
            for folder, _, files in os.walk(start, onerror=_unless_missing):
                for file in files:
                    path = Path(folder) / file
                    name = path.relative_to(self.folder).as_posix()
                    if name.startswith(prefix) and _NAME.fullmatch(name):
                        with contextlib.suppress(FileNotFoundError):
                            found.append((name, path.stat().st_size))
        yield from sorted(found)

    def _at(self, name: str) -> Path:
        return self.folder / _checked(name)


class RemoteObjects:
    """Objects in a bucket."""

    def __init__(self, address: str) -> None:
        self.word = redact(address.rstrip("/"))
        self._place = parse(address.rstrip("/"))

    def read(self, name: str) -> bytes | None:
        """Return the content of an object."""

        def get(store: Any) -> bytes | None:
            try:
                return bytes(store.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

        return self._ask(get)

    def write(self, name: str, content: bytes | Path) -> None:
        """Write an object."""
        if isinstance(content, Path):
            self._ask(lambda store: store.put_file(str(content), self._at(name)))
        else:
            self._ask(lambda store: store.pipe_file(self._at(name), content))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""

        def delete(store: Any) -> None:
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    store.rm_file(self._at(name))

        self._ask(delete)

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield names with their sizes."""
        root = f"{self._place.path}/"
        found = self._ask(lambda store: list(_listed(store, self._place.scheme, root + prefix)))
        yield from sorted(
            (path[len(root) :], size) for path, size in found if _NAME.fullmatch(path[len(root) :])
        )

    def _at(self, name: str) -> str:
        return f"{self._place.path}/{_checked(name)}"

    def _ask(self, work: Callable[[Any], Value]) -> Value:
        try:
            return work(open_store(self._place))
        except FileNotFoundError:
            raise
        except Exception as error:  # the libraries behind fsspec have no common class of errors
            raise _away(self.word, in_words(error, self.word)) from None


def _listed(store: Any, scheme: str, prefix: str) -> Iterator[tuple[str, int]]:
    if scheme != "s3":
        for path, facts in store.find(prefix.rpartition("/")[0], detail=True).items():
            if path.startswith(prefix):
                yield path, facts["size"]
        return
    bucket, _, key = prefix.partition("/")
    more: dict[str, str] = {}
    while True:
        page = store.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, **more)
        yield from ((f"{bucket}/{entry['Key']}", entry["Size"]) for entry in page.get("Contents", ()))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise GenrekitError(f"{name[:120]!r} is not the name of an object.")
    return name


@contextlib.contextmanager
def _creating(path: Path) -> Iterator[Any]:
    """Open a new file; its folder may be removed by another process meanwhile."""
    for _ in range(3):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("xb")
        except FileNotFoundError:
            continue
        with file:
            yield file
        return
    raise FileNotFoundError(path)


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextlib.contextmanager
def _explaining(word: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _away(word, error.strerror or type(error).__name__) from None


def _away(word: str, reason: str) -> GenrekitError:
    return GenrekitError(f"The store {word} cannot be used: {reason}.", "Is it there, and may it be written?")
