"""Playlists, links and copies, written to a temporary name and moved to their place in one step."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from genrekit.errors import MediaError
from genrekit.files import OF_WRITING
from genrekit.hashing import hash_file
from genrekit.library.identity import CHANGED


@dataclass(frozen=True)
class Playlist:
    """A playlist with one path per line."""

    target: Path
    lines: tuple[str, ...]

    @property
    def _content(self) -> bytes:
        return os.fsencode("".join(f"{line}\n" for line in ("#EXTM3U", *self.lines)))

    def is_there(self) -> bool:
        """Return whether the target is already identical."""
        content = self._content
        is_as_long = self.target.is_file() and self.target.stat().st_size == len(content)
        return is_as_long and self.target.read_bytes() == content

    def make(self, path: Path) -> None:
        """Create it under a temporary name next to the target."""
        path.write_bytes(self._content)


@dataclass(frozen=True)
class Link:
    """A symbolic link, relative if possible."""

    source: Path
    target: Path

    def is_there(self) -> bool:
        """Return whether the target is already identical."""
        return self.target.is_symlink() and self.target.exists() and self.target.samefile(self.source)

    def make(self, path: Path) -> None:
        """Create it under a temporary name next to the target."""
        way = way_to(self.source, self.target)
        if not (place_of(self.target).parent / way).samefile(self.source):
            raise MediaError("A link to the file would lead elsewhere.")
        path.symlink_to(way)


@dataclass(frozen=True)
class Copy:
    """A copy of a file whose SHA-256 was recorded with its prediction."""

    source: Path
    target: Path
    sha256: str

    def is_there(self) -> bool:
        """Return whether the target is already identical."""
        plain = self.target.is_file() and not self.target.is_symlink()
        return plain and hash_file(self.target) == self.sha256

    def make(self, path: Path) -> None:
        """Create it under a temporary name next to the target."""
        try:
            shutil.copyfile(self.source, path)
        except OSError as error:
            if error.errno in OF_WRITING - {errno.EIO}:  # the name that shutil gives is that of the source
                error.filename = os.fspath(self.target)
            raise
        if hash_file(path) != self.sha256:
            same = hash_file(self.source) == self.sha256
            raise MediaError("The copy differs from the file; the disk may be faulty." if same else CHANGED)
        with suppress(OSError):  # some file systems do not keep times and permissions
            shutil.copystat(self.source, path)


def put(new: Playlist | Link | Copy, write: bool, overwrite: bool) -> None:
    """Create a file under a temporary name and move it to its place in one step; do nothing if it is identical.

    Parameters
    ----------
    new : Playlist, Link or Copy
    write : bool
        Whether to write, or only to report obstacles.
    overwrite : bool
        Whether to replace an existing file or link; a folder is never replaced.

    Raises
    ------
    MediaError
        If something else exists, or the result differs from what was requested.
    OSError
        If it cannot be written.
    """
    target = new.target
    if not isinstance(new, Playlist) and target.parent.is_symlink():
        raise MediaError(f"{target.parent} is a link to another place; nothing is made there.")
    if new.is_there():
        return
    there = MediaError(f"{target} is there already.", "Use --overwrite to replace it, or another --to.")
    if os.path.lexists(target) and (not overwrite or (target.is_dir() and not target.is_symlink())):
        raise there
    if not write:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".genrekit-", dir=target.parent) as beside:
        part = Path(beside) / target.name
        new.make(part)
        if overwrite:
            part.replace(target)
            return
        try:
            os.link(part, target, follow_symlinks=False)  # fails if the name is taken; a rename would replace
        except FileExistsError:
            raise there from None
        except (OSError, NotImplementedError):  # a file system without hard links
            if os.path.lexists(target):
                raise there from None
            part.rename(target)


def way_to(source: Path, target: Path) -> str:
    """Return the path from the folder of a target to a file, with folder links resolved; absolute between drives.

    Parameters
    ----------
    source : Path
        The file.
    target : Path
        A file, such as a link or a playlist, from whose folder the path starts.

    Returns
    -------
    str
        Relative where that is possible.
    """
    end = str(place_of(source))
    try:
        return os.path.relpath(end, place_of(target).parent)
    except ValueError:
        return end


def place_of(path: Path) -> Path:
    """Return a path with its folder resolved; the name itself may be a link."""
    return Path(os.path.realpath(path.parent), path.name) if path.name not in ("", "..") else path.resolve()
