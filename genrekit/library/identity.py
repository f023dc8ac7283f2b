"""Identity of a predicted file: by its bytes, or by its sound if the bytes changed."""

from __future__ import annotations

from pathlib import Path

from genrekit.errors import MediaError
from genrekit.hashing import hash_file
from genrekit.media import stream_key
from genrekit.types import Content

CHANGED = "The file was changed since it was predicted."
_NO_HASH = "The result has no sha256 of its file; 'genrekit predict -o' writes it."


def same_song(path: Path, content: Content | None, sha256: str | None = None) -> str:
    """Return the SHA-256 of a file that is what was predicted; its tags may be others.

    Parameters
    ----------
    path : Path
    content : Content or None
        Content of the file that was predicted.
    sha256 : str, optional
        The SHA-256 of the file, where it is known.

    Raises
    ------
    MediaError
        If the sound is another, or nothing says what was predicted.
    OSError
        If the file cannot be read.
    """
    if content is None:
        raise MediaError(_NO_HASH)
    now = sha256 or hash_file(path)
    if now != content.sha256 and not _sounds_same(path, content):
        raise MediaError(CHANGED)
    return now


def _sounds_same(path: Path, content: Content) -> bool:
    try:
        return bool(content.sound_key) and stream_key(path) == content.sound_key
    except MediaError:
        return False
