"""Plans of a fetch: files, addresses, sizes and terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from genrekit.datasets import registry
from genrekit.datasets.source import DataSource, Part, RemoteFile
from genrekit.errors import UsageError
from genrekit.remote import redact
from genrekit.text import nearest, printable, quote_all

_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


@dataclass(frozen=True)
class Item:
    """One file to get.

    Attributes
    ----------
    file : RemoteFile
    part : str
    address : str
        Address over HTTP, which may hold a secret; empty if ``local`` is given.
    local : Path or None
        A file of the user's own.
    """

    file: RemoteFile
    part: str
    address: str = ""
    local: Path | None = None

    @property
    def origin(self) -> str:
        """Address or path of the file without secrets, for display."""
        return printable(self.local) if self.local else redact(self.address)


@dataclass(frozen=True)
class Plan:
    """Everything that one command gets.

    Attributes
    ----------
    source : DataSource
    part : Part
        The one that was asked for.
    items : tuple of Item
        Its files, those of the parts that it needs first.
    """

    source: DataSource
    part: Part
    items: tuple[Item, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Hosts that the plan sends requests to."""
        return tuple(
            dict.fromkeys(urlsplit(item.address).hostname or "" for item in self.items if item.address)
        )

    @property
    def size_bytes(self) -> int:
        """About how much is fetched; 0 where that is not stated."""
        return sum(item.file.size_bytes for item in self.items if item.address)


def make_plan(name: str, *, origin: str | None = None, shards: str | None = None) -> Plan:
    """Find out what there is to get.

    Parameters
    ----------
    name : str
        ``fma:small``, ``gtzan``.
    origin : str, optional
        Another place than the publisher's: an address or a path that ends in ``/`` (or a folder) holds all files by
        their names; any other is the one file of the part.
    shards : str, optional
        Numbers of the files of a part in shards, from 0: ``0-3,17``.

    Raises
    ------
    UsageError
        If there is no such data set, it has no such part, is not fetched, or ``origin`` or ``shards`` do not fit.
    """
    scheme, _, part_name = name.partition(":")
    source = registry.get(scheme)
    if not source.parts:
        raise UsageError(f"{source.title} is not fetched.", f"How to get it: {source.how}.")
    part = source.part(part_name)
    if part is None:
        known = [f"{scheme}:{one.name}" if one.name else scheme for one in source.parts]
        guess = nearest(name, known)
        raise UsageError(
            f"{scheme} has no part {printable(part_name)!r}; it has {quote_all(known)}.",
            f"Did you mean {guess}?" if guess else "'genrekit datasets list' shows all of them.",
        )
    files = _chosen(part, shards)
    needed = [(other, file) for other in map(source.part, part.needs) if other for file in other.files]
    wanted = [*needed, *((part, file) for file in files)]
    if origin is None:
        if any(not file.address for _, file in wanted):
            raise UsageError(
                f"There is no public host of {source.title}.", "Pass an archive of your own: --source FILE."
            )
        return Plan(source, part, tuple(Item(file, one.name, file.address) for one, file in wanted))
    remote = origin.lower().startswith(("https://", "http://"))
    if not remote and "://" in origin:
        raise UsageError(f"{redact(origin)} is neither an address of https:// nor a file.")
    if origin.endswith("/") or (not remote and Path(origin).is_dir()):
        base = origin.rstrip("/") + "/"
        return Plan(source, part, tuple(_item(one, file, base + file.name, remote) for one, file in wanted))
    if len(files) > 1:
        raise UsageError(
            f"{name} has {len(files)} files, and {redact(origin)} is one.",
            "Pass the folder that holds them, with / at its end, or choose one with --shards.",
        )
    items = [Item(file, one.name, file.address) for one, file in needed]
    return Plan(source, part, (*items, _item(part, files[0], origin, remote)))


def _item(part: Part, file: RemoteFile, place: str, remote: bool) -> Item:
    if remote:
        return Item(file, part.name, place)
    path = Path(place).expanduser()
    if not path.is_file():
        raise UsageError(f"There is no file {printable(path)}.", f"It would replace {file.name}.")
    return Item(file, part.name, local=path)


def _chosen(part: Part, shards: str | None) -> tuple[RemoteFile, ...]:
    if shards is None:
        return part.files
    if not part.shards:
        raise UsageError(f"--shards is for parts that come in shards; {part.name or 'this one'} does not.")
    numbers: set[int] = set()
    for word in shards.split(","):
        found = _RANGE.fullmatch(word.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not found or first > last or last >= len(part.files):
            raise UsageError(
                f"{printable(word)!r} in --shards is not a shard or a range of them.",
                f"They go from 0 to {len(part.files) - 1}: --shards 0-3,17",
            )
        numbers.update(range(first, last + 1))
    return tuple(part.files[number] for number in sorted(numbers))
