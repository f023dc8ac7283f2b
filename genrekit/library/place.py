"""Playlists, links and copies, made beside their places and put there in one step."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from genrekit.errors import MediaError
from genrekit.hashing import hash_file
from genrekit.library.identity import CHANGED


@dataclass(frozen=True)
class Playlist:
    """A playlist of lines that are paths."""

    target: Path
    lines: tuple[str, ...]

    @property
    def _content(self) -> bytes:
        return os.fsencode("".join(f"{line}\n" for line in ("#EXTM3U", *self.lines)))

    def is_there(self) -> bool:
        """Whether the target is this already."""
        content = self._content
        is_as_long = self.target.is_file() and self.target.stat().st_size == len(content)
        return is_as_long and self.target.read_bytes() == content

    def make(self, path: Path) -> None:
        """Make it under another name beside the target."""
        path.write_bytes(self._content)


@dataclass(frozen=True)
class Link:
    """A symbolic link, relative where there is such a path."""

    source: Path
    target: Path

    def is_there(self) -> bool:
        """Whether the target is this already."""
        return self.target.is_symlink() and self.target.exists() and self.target.samefile(self.source)

    def make(self, path: Path) -> None:
        """Make it under another name beside the target."""
        way = way_to(self.source, self.target)
        if not (place_of(self.target).parent / way).samefile(self.source):
            raise MediaError("A link to the file would lead elsewhere.")
        path.symlink_to(way)


@dataclass(frozen=True)
class Copy:
    """A copy of a file that had a SHA-256 when it was predicted."""

    source: Path
    target: Path
    sha256: str

    def is_there(self) -> bool:
        """Whether the target is this already."""
        plain = self.target.is_file() and not self.target.is_symlink()
        return plain and hash_file(self.target) == self.sha256

    def make(self, path: Path) -> None:
        """Make it under another name beside the target."""
        shutil.copyfile(self.source, path)
        if hash_file(path) != self.sha256:
            same = hash_file(self.source) == self.sha256
            raise MediaError("The copy differs from the file; the disk may be faulty." if same else CHANGED)
        with suppress(OSError):  # not every file system keeps times and permissions
            shutil.copystat(self.source, path)


def put(new: Playlist | Link | Copy, write: bool, overwrite: bool) -> None:
    """Make a file beside its place and put it there in one step; nothing where it is there already.

    Parameters
    ----------
    new : Playlist, Link or Copy
    write : bool
        Whether to do it, or only to say what stands in the way.
    overwrite : bool
        Whether to replace a file or link that is there; a folder is never replaced.

    Raises
    ------
    MediaError
        If something else is there, or what was made is not what was wanted.
    OSError
        If it cannot be written.
    """
    target = new.target
    if not isinstance(new, Playlist) and target.parent.is_symlink():
        raise MediaError(f"{target.parent} is a link to another place; nothing is made there.")
    if new.is_there():
        return
    there = MediaError(f"{target} is there already.", "Give --overwrite to replace it, or another --to.")
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
            os.link(part, target, follow_symlinks=False)  # fails where a name is taken; a rename replaces
        except FileExistsError:
            raise there from None
        except (OSError, NotImplementedError):  # a file system without hard links
            if os.path.lexists(target):
                raise there from None
            part.rename(target)


def way_to(source: Path, target: Path) -> str:
    """The path from a target's folder to a file, without links to folders on the way; absolute between drives."""
    end = str(place_of(source))
    try:
        return os.path.relpath(end, place_of(target).parent)
    except ValueError:
        return end


def place_of(path: Path) -> Path:
    """Where a name stands; it may itself be a link."""
    return Path(os.path.realpath(path.parent), path.name) if path.name not in ("", "..") else path.resolve()
