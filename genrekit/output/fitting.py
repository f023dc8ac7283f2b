"""Names that fit a column of a terminal and stay tellable apart."""

from __future__ import annotations

from rich.cells import cell_len


def middle_cut(text: str, width: int, mark: str = "…") -> str:
    """Return at most ``width`` cells of a text; the middle goes, since the end of a path says most.

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


class DistinctNames:
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
