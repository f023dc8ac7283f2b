"""Names that fit a column of a terminal and stay tellable apart."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len


def middle_cut(text: str, width: int, mark: str = "…") -> str:
    """Return at most ``width`` cells of a text, without its middle: the end of a path is the most informative part.

    Parameters
    ----------
    text : str
        Any text; wide characters take two cells.
    width : int >= 1
        Cells of a terminal.
    mark : str
        Text in place of the part that was cut.

    Returns
    -------
    str

    Examples
    --------
    >>> middle_cut("music/artist/album/song.mp3", 18)
    'music…bum/song.mp3'
    """
    if cell_len(text) <= width:
        return text
    head = text[: (width - len(mark)) // 3]
    tail = text[-width:]
    while cell_len(head + mark + tail) > width:
        head, tail = (head, tail[1:]) if tail else (head[:-1], tail)
    return head + mark + tail


def common_folder(paths: Sequence[str]) -> str:
    """Return the common folder of all paths, with the separator at its end; '' if it is the root or there is none.

    Examples
    --------
    >>> common_folder(["music/a/1.mp3", "music/b/2.mp3"]), common_folder(["a.mp3", "music/b.mp3"])
    ('music/', '')
    """
    shared = os.path.commonprefix(paths)  # noqa: RUF071 - commonpath changes addresses and fails on mixed paths
    end = max(shared.rfind("/"), shared.rfind(os.sep)) + 1
    is_root = end <= 1 or shared[:end].endswith("://")
    return "" if is_root or any("::" in path for path in paths) else shared[:end]


class Placed(NamedTuple):
    """A path in a table.

    Attributes
    ----------
    folders : tuple of str
        Lines above it: folders that later paths lie in, too.
    name : str
        What is left of the path.
    cell : str or None
        The name as the column has it, cut where it is too long; None where an earlier one looks the same after the
        cut, so that the name must be shown whole.
    """

    folders: tuple[str, ...]
    name: str
    cell: str | None


class PathColumn:
    """The paths of a table: the common folder is shown once above, and the middle of the rest is cut.

    A path is whole if it fits. If not, and all paths are known, the folder that they share is on the first line, and each
    path goes on from there. Where that would look the same for several paths, or they are not known, or cut the name
    of a file, each further folder is on a line above, once for all that follow in it.

    Parameters
    ----------
    width : int
        Cells.
    mark : str
        Text in place of the part that was cut.
    paths : sequence of str
        All paths that will follow, where they are known.
    grouped : bool
        Whether the folder is on its own line even if all paths fit.
    shown : callable
        Makes a text printable.
    """

    def __init__(
        self,
        width: int,
        mark: str = "…",
        paths: Sequence[str] = (),
        *,
        grouped: bool = False,
        shown: Callable[[str], str] = str,
    ) -> None:
        self._width, self._mark, self._shown = width, mark, shown
        self._names = _DistinctNames(width, mark)
        self._folder = self._common = ""
        self._begun = False
        self._by_folder, self._cuts = grouped, False
        if paths and (grouped or not all(map(self._fits, paths))):
            self._common = common_folder(paths)
            self._cuts = self._can_be_cut(paths)
            self._by_folder = not self._cuts

    def place(self, path: str) -> Placed:
        """Return the lines above a path, and what its own line has of it."""
        folders = [] if self._begun or not self._common else [self._common]
        self._begun = True
        rest = path.removeprefix(self._common)
        if self._cuts or (not self._by_folder and self._fits(rest)):
            self._folder = ""
            name = self._shown(rest)
            cell = self._names.cut(name) if self._cuts else name
            return Placed(tuple(map(self._shown, folders)), name, cell)
        folder, name = _split(rest)
        if folder != self._folder:
            self._folder = folder
            self._names = _DistinctNames(self._width, self._mark)
            folders.append(folder or f".{os.sep}")
        name = self._shown(name)
        return Placed(tuple(map(self._shown, folders)), name, self._names.cut(name))

    def _can_be_cut(self, paths: Sequence[str]) -> bool:
        """Return whether a column has the whole name of every file, and tells the folders apart."""
        head = (self._width - len(self._mark)) // 3
        rests = {self._shown(path.removeprefix(self._common)) for path in paths}
        return all(
            cell_len(_split(rest)[1]) <= self._width - head - len(self._mark) for rest in rests
        ) and len({middle_cut(rest, self._width, self._mark) for rest in rests}) == len(rests)

    def _fits(self, text: str) -> bool:
        return cell_len(self._shown(text)) <= self._width


def _split(path: str) -> tuple[str, str]:
    """Return the folder of a path, with the separator at its end, and its name; the archive of a member is part of its folder."""
    member, *archive = path.split("::", 1) if "://" in path else [path]
    name = os.path.basename(member)  # noqa: PTH119 - addresses and odd names
    return "::".join((member.removesuffix(name), *archive)), name


class _DistinctNames:
    """Cuts names so that no two different ones look the same.

    Parameters
    ----------
    width : int
        Cells.
    mark : str
        Text in place of the part that was cut.
    """

    def __init__(self, width: int, mark: str = "…") -> None:
        self._width = width
        self._mark = mark
        self._names: dict[str, str] = {}

    def cut(self, name: str) -> str | None:
        """Return a name that fits, or None where an earlier name looks like it: it must be shown whole."""
        shown = middle_cut(name, self._width, self._mark)
        return shown if self._names.setdefault(shown, name) == name else None
