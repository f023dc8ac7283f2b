"""Atomic rewriting of files: a crash at any moment leaves the old or the new file intact."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from genrekit.errors import MediaError
from genrekit.hashing import hash_file
from genrekit.library.tags.base import TagFile
from genrekit.library.tags.fields import Field
from genrekit.library.tags.formats import open_tags
from genrekit.library.tags.journal import Entry
from genrekit.library.tags.sound import fingerprint

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def target_of(path: Path) -> Path:
    """Return the regular file at a path, with links followed.

    Raises
    ------
    MediaError
        If there is none.
    """
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except FileNotFoundError:
        raise MediaError("There is no such file.") from None
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links (Python 3.11)
        raise MediaError(f"The file cannot be opened: {getattr(error, 'strerror', None) or error}.") from None
    if not stat.S_ISREG(mode):
        raise MediaError("The path is not a regular file.")
    return target


def check_replaceable(target: Path) -> None:
    """Refuse a file that must not be replaced, before the work starts and also in a dry run.

    Raises
    ------
    MediaError
        If it is read-only (even if root could write it), in a read-only folder, or has other hard links, from
        which a new file would be separated.
    """
    status, folder = target.stat(), target.parent
    if not status.st_mode & _WRITABLE or not os.access(target, os.R_OK | os.W_OK):
        raise MediaError("The file is read-only; make it writable first if its tags may change.")
    if not folder.stat().st_mode & _WRITABLE or not os.access(folder, os.W_OK | os.X_OK):
        raise MediaError("The folder of the file is read-only.")
    if status.st_nlink > 1:
        raise MediaError(
            f"The file has hard links, which a change would separate ({status.st_nlink} names in all).",
            "Replace it by a copy first, if you want that.",
        )


def rewrite(
    target: Path,
    sha256: str,
    fields: Collection[Field],
    edit: Callable[[TagFile], None],
    record: Callable[[Entry], None],
    *,
    changed: str,
    keep_time: bool = False,
) -> Entry:
    """Change the tags of a file: copy, edit, verify, record, move.

    Parameters
    ----------
    target : Path
        From `target_of`, checked with `check_replaceable`.
    sha256 : str
        SHA-256 that the file must have.
    fields : collection of Field
        Fields that may change.
    edit : callable
        Changes these fields of the copy; it does not save.
    record : callable
        Takes the entry for the journal, before the file is replaced.
    changed : str
        Error message if the SHA-256 differs.
    keep_time : bool
        Whether to keep the modification time.

    Returns
    -------
    Entry

    Raises
    ------
    MediaError
        If the file has another SHA-256, or a check of the copy fails; the file is then unchanged.
    OSError
        If the system reports an error, for example a full disk or a missing permission.
    """
    before = target.stat()
    with _beside(target) as copy:
        shutil.copyfile(target, copy)
        if hash_file(copy) != sha256:
            raise MediaError(changed)
        tags = open_tags(copy)
        state, others = tags.state(fields), dict(tags.others(fields))
        old = {field: tags.values(field) for field in fields}
        sound = fingerprint(copy, tags.format)
        edit(tags)
        new = {field: tags.values(field) for field in fields}
        tags.save()
        _verify(copy, tags.format, new, others, sound)
        _take_over(copy, target, before, keep_time=keep_time)
        entry = Entry(
            path=str(target),
            format=tags.format,
            before=state,
            values={field: (old[field], new[field]) for field in fields},
            sha256_before=sha256,
            sha256_after=hash_file(copy),
        )
        record(entry)
        now = target.stat()
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
            raise MediaError("Another program changed the file meanwhile; it is left alone.")
        copy.replace(target)
    _sync_folder(target.parent)
    return entry


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield an empty hidden file in the same folder; it is removed afterwards if it was not moved."""
    descriptor, name = tempfile.mkstemp(prefix=".genrekit-", suffix=".tmp", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _verify(
    copy: Path, format: str, values: Mapping[Field, tuple[str, ...]], others: dict[str, str], sound: str
) -> None:
    written, fields = open_tags(copy), ", ".join(values)
    if written.format != format or any(written.values(field) != new for field, new in values.items()):
        raise MediaError(f"The {fields} did not come back when it was read again; the file is left alone.")
    now = dict(written.others(values))
    if now != others:
        lost = sorted(name for name in others.keys() | now.keys() if others.get(name) != now.get(name))
        raise MediaError(
            f"Writing would change more than the {fields} ({', '.join(lost)[:200]}); it is left alone."
        )
    if fingerprint(copy, format) != sound:
        raise MediaError("Writing would change the sound; the file is left alone.")


def _take_over(copy: Path, target: Path, before: os.stat_result, *, keep_time: bool) -> None:
    """Copy owner, permissions and optionally the time of the file to the copy, and sync it to disk."""
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may change the owner; the group may be refused too
            os.chown(copy, before.st_uid, before.st_gid)
    shutil.copystat(target, copy)
    if not keep_time:
        os.utime(copy, ns=(before.st_atime_ns, time.time_ns()))
    with copy.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some systems cannot open folders; the file itself is on disk
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
