"""The files below a folder, and counts of those that are passed over."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

# Recycle bins, previews and leftovers of Windows, macOS, Linux, Synology and QNAP.
_SYSTEM = frozenset(
    "#recycle #snapshot #tmp @eadir @recycle @recently-snapshot @tmp $recycle.bin recycler recycled "
    "__macosx lost+found .trash .trashes .recycle".split()
) | {"system volume information", "network trash folder", "temporary items"}
_SYSTEM_NUMBERED = re.compile(r"\.trash-\d+|found\.\d{3}")
_MAX_KINDS = 12


def is_system_folder(name: str) -> bool:
    """Return whether a folder of this name belongs to a system: a recycle bin, previews, leftovers of a repair.

    Examples
    --------
    >>> is_system_folder("@eaDir"), is_system_folder("FOUND.000"), is_system_folder("Recycled Beats")
    (True, True, False)
    """
    name = name.casefold()
    return name in _SYSTEM or _SYSTEM_NUMBERED.fullmatch(name) is not None


class PassedOver:
    """Counts of files by suffix, and of folders by the reason, that a search of folders did not take."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.folders: Counter[str] = Counter()

    def add_file(self, path: str | PurePath) -> None:
        """Count a file."""
        name = PurePath(path).name
        suffix = PurePath(name).suffix.lower()
        self.files["hidden" if name.startswith(".") else suffix or "without a suffix"] += 1

    def add_folder(self, reason: str) -> None:
        """Count a folder with all that is in it."""
        self.folders[reason] += 1

    def __str__(self) -> str:
        """Return the counts in words, as 'passed over 5 files: .nfo 4, .wv 1'; '' where nothing was."""
        parts = [
            f"{count.total()} {noun if count.total() > 1 else noun[:-1]}: {_listed(count)}"
            for count, noun in ((self.files, "files"), (self.folders, "folders"))
            if count
        ]
        return f"passed over {'; '.join(parts)}" if parts else ""


def _listed(counts: Counter[str]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{kind} {count}" for kind, count in ranked[:_MAX_KINDS]]
    rest = sum(count for _, count in ranked[_MAX_KINDS:])
    return ", ".join([*shown, f"others {rest}"] if rest else shown)


def walk(folder: str | Path, passed: PassedOver | None = None) -> Iterator[Path]:
    """Yield everything below a folder that is not a folder, sorted, including what cannot be opened.

    Hidden entries and folders of systems are passed over. Linked folders come last, each folder once; a link to a folder
    that was read already, or that ``folder`` lies in, is passed over. A folder below that cannot be listed is yielded
    itself.

    Parameters
    ----------
    folder : str or Path
    passed : PassedOver, optional
        Gets what is passed over.

    Raises
    ------
    OSError
        If ``folder`` itself cannot be listed.
    """
    passed = passed or PassedOver()
    top = Path(folder)
    seen: set[tuple[int, int]] = set()
    links: list[Path] = []
    yield from _below(folder, passed, seen, links)
    while links:
        link = links.pop(0)
        facts = link.stat()
        if (facts.st_dev, facts.st_ino) in seen or leads_up(link, top):
            passed.add_folder("links")
        elif _is_open(link):
            yield from _below(link, passed, seen, links)
        else:
            yield link


def leads_up(link: Path, top: Path) -> bool:
    """Return whether a link leads to a folder that contains ``top``, and so would add the siblings of ``top``."""
    return Path(os.path.realpath(top)).is_relative_to(os.path.realpath(link))


def _below(
    folder: str | Path, passed: PassedOver, seen: set[tuple[int, int]], links: list[Path]
) -> Iterator[Path]:
    """Yield what is below a folder, and collect the linked folders."""
    facts = os.stat(folder)  # noqa: PTH116
    seen.add((facts.st_dev, facts.st_ino))
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        path = Path(entry.path)
        # Path.is_dir raises where a link leads into a closed folder (Python 3.11).
        if not os.path.isdir(path):  # noqa: PTH112
            if entry.name.startswith("."):
                passed.add_file(path)
            else:
                yield path
        elif is_system_folder(entry.name):
            passed.add_folder(f"{entry.name} (of the system)")
        elif entry.name.startswith("."):
            passed.add_folder("hidden")
        elif entry.is_symlink():
            links.append(path)
        elif _is_open(path):
            yield from _below(path, passed, seen, links)
        else:
            yield path


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)
