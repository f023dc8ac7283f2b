"""Fetching of a data set into a folder: download, verification, unpacking, record; resumable after any interruption."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from genrekit.datasets.fetch.archives import Member, Refused, is_archive, members, unpack
from genrekit.datasets.fetch.checks import check_space, parse_digest
from genrekit.datasets.fetch.download import BLOCK, Report, download
from genrekit.datasets.fetch.plan import Item, Plan
from genrekit.datasets.fetch.record import FOLDER, Entry, Record
from genrekit.errors import DatasetError, OutputExistsError
from genrekit.remote import redact
from genrekit.text import counted, printable
from genrekit.types import silent

Say = Callable[[str], None]
Progress = Callable[[str], AbstractContextManager[Report]]
MAX_LIST_BYTES = 2**20


@dataclass(frozen=True)
class Options:
    """Options of fetching a data set into a folder.

    Attributes
    ----------
    unpack : bool
        Whether archives are unpacked; ``fma:`` reads from the zip as well.
    keep_archive : bool
        Whether an archive stays beside what was unpacked of it.
    overwrite : bool
        Whether folders and files that are there without a record may be replaced.
    """

    unpack: bool = True
    keep_archive: bool = False
    overwrite: bool = False


def get(
    plan: Plan,
    folder: Path,
    options: Options | None = None,
    *,
    say: Say = silent,
    progress: Progress = lambda name: nullcontext(lambda done, total: None),
) -> None:
    """Put everything of a plan into a folder; what is there already, with its record, is passed over.

    Parameters
    ----------
    plan : Plan
    folder : Path
        It is made where it does not exist.
    options : Options, optional
    say : callable
        Gets lines for a user.
    progress : callable
        Given the name of a file, a context manager that yields what takes the bytes done and the bytes in all.

    Raises
    ------
    DatasetError
        If a file cannot be had, has another hash than is published, is not safe to unpack, or does not fit.
    OutputExistsError
        If something is in the way that no fetch has put there.
    """
    options = options or Options()
    try:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            digests = _Digests(folder)
            for item in plan.items:
                _get(item, folder, options, digests, say, progress)
    except OSError as error:
        place = error.filename or folder
        raise DatasetError(
            f"{printable(place)} cannot be written: {error.strerror or error}.",
            "Fix that and run the same command again; it continues where it stopped.",
        ) from error


def _get(item: Item, folder: Path, options: Options, digests: _Digests, say: Say, progress: Progress) -> None:
    name = item.file.name
    record = Record(folder, name)
    packed = is_archive(name) and options.unpack
    started = record.unfinished.is_file() or (packed and record.holds(name))
    if record.complete and not started:
        say(
            f"{name} is there already; 'genrekit datasets verify {printable(folder)}' looks at every file of it"
        )
        return
    target = folder / name
    staging = folder / FOLDER / f"{name}.unpacking"
    digest = digests.of(item)
    if target.exists() and not started:
        # Only its hash can say that a file which is there is the right one.
        if digest and _hashes_to(target, digest, progress):
            say(f"{name} was there")
        elif options.overwrite:
            target.unlink()
        else:
            raise OutputExistsError(
                f"{printable(target)} exists, and no fetch has put it there.",
                "Use --overwrite to replace it, or another folder.",
            )
    archive, sha256 = target, ""
    if item.local and not target.exists():
        archive = item.local
        if digest and not _hashes_to(archive, digest, progress):
            raise DatasetError(
                f"{printable(archive)} is not the {name} that its publisher describes: it has another {digest.partition(':')[0]}.",
                "Nothing was unpacked.",
            )
    elif not target.exists():
        say(f"fetching {name} from {item.origin}")
        sha256 = _download(item, target, digest, record, progress, unpacks=packed)
    if packed:
        try:
            _unpack(archive, folder, staging, record, options, say, progress)
        except Refused:
            if archive == target:
                target.unlink()
            raise
        if archive == target and not options.keep_archive:
            target.unlink()
        return
    if archive != target:
        check_space(folder, archive.stat().st_size, name)
        beside = target.with_name(f"{name}.part")
        shutil.copyfile(archive, beside)
        beside.replace(target)
    record.begin({"of": name})
    record.add(Entry(name, target.stat().st_size, sha256 or _hash(target, "sha256", progress)))
    record.finish()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; nothing stays of it where nothing was fetched."""
    lock = FileLock(folder / FOLDER / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DatasetError(f"Another process is fetching into {printable(folder)}.") from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            (folder / FOLDER).rmdir()


def _download(
    item: Item, target: Path, digest: str, record: Record, progress: Progress, *, unpacks: bool
) -> str:
    """Fetch a file, with a record begun, so that a later run knows whose it is; its SHA-256."""
    if not record.unfinished.is_file():
        record.begin({"of": target.name})
    try:
        with progress(target.name) as report:
            return download(
                item.address,
                target,
                digest=digest,
                after_bytes=lambda size: size if unpacks else 0,
                report=report,
            )
    except DatasetError:
        if not target.with_name(f"{target.name}.part").exists():
            record.discard()
        raise


class _Digests:
    """The published hashes, those in lists fetched once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._lists: dict[str, dict[str, str]] = {}

    def of(self, item: Item) -> str:
        """Return ``sha256:HEX`` or the like; '' where none is published."""
        address = item.file.digest_list
        if not address:
            return item.file.digest
        if address not in self._lists:
            path = self._folder / f"digests-{hashlib.sha256(address.encode()).hexdigest()[:16]}.txt"
            if not path.is_file():
                download(address, path)
            if path.stat().st_size > MAX_LIST_BYTES:
                raise DatasetError(f"{redact(address)} is too long for a list of hashes.")
            rows = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
            self._lists[address] = {row[1]: row[0] for row in rows if len(row) == 2}
        try:
            digest = f"sha256:{self._lists[address][item.file.name]}"
            parse_digest(digest)
        except (KeyError, ValueError):
            raise DatasetError(f"{redact(address)} has no hash of {item.file.name}.") from None
        return digest


def _unpack(
    archive: Path,
    folder: Path,
    staging: Path,
    record: Record,
    options: Options,
    say: Say,
    progress: Progress,
) -> None:
    """Unpack beside, then put the folders in their place; a refused archive leaves nothing behind."""
    try:
        listed = members(archive)
        facts = {"of": archive.name, "bytes": archive.stat().st_size, "files": len(listed)}
        there = record.begin(facts)
        tops = list(dict.fromkeys(member.name.split("/")[0] for member in listed))
        _check_free(folder, tops, staging, there, options)
        done = {m.name for m in listed if m.name in there and _has(m, folder, staging)}
        total = sum(member.size for member in listed)
        written = sum(member.size for member in listed if member.name in done)
        check_space(folder, total - written, f"what is in {archive.name}")
        say(f"unpacking {counted(len(listed) - len(done), 'file')} of {archive.name}")
        staging.mkdir(exist_ok=True)
        with progress(archive.name) as report:

            def one_more(member: Member, sha256: str) -> None:
                nonlocal written
                written += member.size
                record.add(Entry(member.name, member.size, sha256))
                report(written, total)

            unpack(archive, staging, done, one_more)
    except Refused:
        shutil.rmtree(staging, ignore_errors=True)
        record.discard()
        raise
    for top in tops:
        if os.path.lexists(staging / top):
            if os.path.lexists(folder / top):
                _remove(folder / top)
            (staging / top).rename(folder / top)
    shutil.rmtree(staging)
    record.finish()


def _check_free(
    folder: Path, tops: list[str], staging: Path, there: dict[str, Entry], options: Options
) -> None:
    """Refuse to replace what no fetch has put there."""
    moved = {name.split("/")[0] for name in there}
    for top in tops:
        if top == FOLDER:
            raise Refused(f"The archive holds {FOLDER}, which is genrekit's own; it was refused.")
        mine = top in moved and not os.path.lexists(staging / top)
        if os.path.lexists(folder / top) and not mine and not options.overwrite:
            raise OutputExistsError(
                f"{printable(folder / top)} exists, and no fetch has put it there.",
                "Use --overwrite to replace it, or another folder.",
            )


def _has(member: Member, folder: Path, staging: Path) -> bool:
    """Return whether a member is unpacked, in its final or its temporary place."""
    for path in (staging / member.name, folder / member.name):
        try:
            if path.stat().st_size == member.size:
                return True
        except OSError:
            continue
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _hashes_to(path: Path, digest: str, progress: Progress) -> bool:
    algorithm, value = parse_digest(digest)
    return _hash(path, algorithm, progress) == value


def _hash(path: Path, algorithm: str, progress: Progress) -> str:
    found = hashlib.new(algorithm, usedforsecurity=False)
    size = path.stat().st_size
    with path.open("rb") as file, progress(f"hashing {path.name}") as report:
        for block in _blocks(file):
            found.update(block)
            report(file.tell(), size)
    return found.hexdigest()


def _blocks(file: object) -> Iterator[bytes]:
    while block := file.read(BLOCK):  # type: ignore[attr-defined]
        yield block
