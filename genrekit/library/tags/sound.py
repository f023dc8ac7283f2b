"""Fingerprints of decoded sound, which reveal a write that changed more than the tags."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import soundfile as sf

from genrekit.errors import MediaError
from genrekit.library.tags.ape import sound_end
from genrekit.media import Decoder, open_decoder

_BLOCK = 1 << 16
_MAX_ATOMS = 100_000


def fingerprint(path: Path, format: str) -> str:
    """Hash the decoded sound of a file, in bounded memory.

    The hash covers every sample of every channel. For MP4 it covers the bytes of the ``mdat`` atoms, and the samples
    that FFmpeg finds through the index; for APEv2 formats, which may have no decoder here, all bytes before the tags.

    Parameters
    ----------
    path : Path
    format : str
        As `genrekit.library.tags.base.TagFile.format`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    MediaError
        If the file cannot be decoded.
    """
    sha = hashlib.sha256()
    if format == "ape":
        _add_bytes(sha, path, 0, sound_end(path))
    elif format == "mp4":
        _add_media_data(sha, path)
        _add_decoded(sha, path)
    else:
        _add_samples(sha, path)
    return sha.hexdigest()


def _add_samples(sha: Any, path: Path) -> None:
    # The decoder validates the header first, and silences libmpg123.
    with open_decoder(path) as decoder:
        sha.update(f"{decoder.info.sr} {decoder.info.channels}".encode())
        if not decoder.by_libsndfile:
            _add_blocks(sha, decoder)
            return
        try:
            with sf.SoundFile(path) as sound:
                while len(block := sound.read(_BLOCK, dtype="float64", always_2d=True)):
                    sha.update(block.tobytes())
        except (sf.LibsndfileError, TypeError) as error:
            raise MediaError(
                f"The file cannot be decoded, so a change of it could not be checked ({error})."
            ) from None


def _add_decoded(sha: Any, path: Path) -> None:
    with open_decoder(path) as decoder:
        _add_blocks(sha, decoder)


def _add_blocks(sha: Any, decoder: Decoder) -> None:
    """Add all samples; raise an error if the sound breaks off, since the rest could not be compared."""
    for block in decoder.channel_blocks(0.0):
        sha.update(block.tobytes())
    if decoder.is_lost:
        raise MediaError("The file cannot be decoded to its end, so a change of it could not be checked.")


def _add_media_data(sha: Any, path: Path) -> None:
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(_MAX_ATOMS):
            if position + 8 > size:
                return
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            start = 16 if length == 1 else 8
            length = int.from_bytes(header[8:16], "big") if length == 1 else length or size - position
            if length < start:
                break
            if header[4:8] == b"mdat":
                _add_bytes(sha, path, position + start, min(position + length, size))
            position += length
    raise MediaError("The file is damaged: its atoms do not follow one another.")


def _add_bytes(sha: Any, path: Path, start: int, end: int) -> None:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(1 << 20, end - start))):
            sha.update(block)
            start += len(block)
