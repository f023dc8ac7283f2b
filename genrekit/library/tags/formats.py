"""Opening of the tags of sound files through one interface, which changes genre, tempo and key and nothing else.

The kind of tag follows from the content of a file, not from its name. mutagen reads and writes; changes that it
would make on the way (ID3v2.3 to 2.4, the ID3v1 tag at the end) are prevented.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mutagen
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2File
from mutagen.flac import FLAC
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from genrekit.errors import MediaError
from genrekit.library.tags.ape import ApeTags, has_ape
from genrekit.library.tags.base import TagFile
from genrekit.library.tags.id3 import AS_IT_IS, Id3Tags
from genrekit.library.tags.mp4 import Mp4Tags
from genrekit.library.tags.vorbis import VorbisTags

_HEAD = 64  # covers the first packet of an Ogg stream: a page header of 27 bytes and one byte of its table
_APE_KINDS = ((b"MAC ", MonkeysAudio), (b"wvpk", WavPack), (b"MPCK", Musepack), (b"MP+", Musepack))
_OGG_KINDS = ((b"\x01vorbis", OggVorbis), (b"OpusHead", OggOpus), (b"\x7fFLAC", OggFLAC))


def open_tags(path: Path) -> TagFile:
    """Open the tags of a file.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    TagFile
        ID3 for mp3, wav and aiff; Vorbis comments for FLAC and Ogg (Vorbis, Opus, FLAC); MP4 atoms; APEv2 for
        Monkey's Audio, WavPack, Musepack, and an mp3 that has an APEv2 tag and no ID3v2 tag.

    Raises
    ------
    MediaError
        If the content is none of these, or is damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            after = _after_id3(file, head)
        return _open(path, head, after)
    except (MediaError, MemoryError):
        raise
    except mutagen.MutagenError as error:
        raise MediaError(f"The tags cannot be read: the file is damaged ({_words(error)}).") from None
    except OSError as error:
        raise MediaError(f"The file cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # a hostile file may break mutagen's parsers anywhere
        raise MediaError(f"The tags cannot be read: the file is damaged ({_words(error)}).") from None


def _open(path: Path, head: bytes, after: bytes) -> TagFile:
    if not head:
        raise MediaError("The file is empty (0 bytes).")
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return Id3Tags(path, "wav", _load(WAVE, path, **AS_IT_IS))
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return Id3Tags(path, "aiff", _load(AIFF, path, **AS_IT_IS))
    if head[4:8] == b"ftyp":
        return Mp4Tags(path, "mp4", _load(MP4, path))
    if after.startswith(b"fLaC"):
        return VorbisTags(path, "flac", _load(FLAC, path))
    if head.startswith(b"OggS"):
        packet = head[27 + head[26] :] if len(head) > 27 else b""
        for magic, kind in _OGG_KINDS:
            if packet.startswith(magic):
                return VorbisTags(path, "ogg", _load(kind, path))
    for magic, ape_kind in _APE_KINDS:
        if after.startswith(magic) and head is after:
            return ApeTags(path, "ape", _load(ape_kind, path))
    has_id3 = head.startswith(b"ID3")
    if has_id3 or _is_mpeg(head):
        sound = _load(MP3, path, **(AS_IT_IS if has_id3 else {"translate": False}))
        if sound.info.sketchy:
            raise MediaError("The file begins like an mp3, but no sound follows.")
        if not has_id3 and has_ape(path):
            return ApeTags(path, "mp3", _load(APEv2File, path))
        return Id3Tags(path, "mp3", sound)
    raise MediaError(
        "The content has no tags that are written here; they are in mp3, wav, aiff, flac, ogg, opus, m4a, ape, "
        "wv and mpc."
    )


def _load(kind: Any, path: Path, **options: Any) -> Any:
    return kind(str(path), **options)


def _after_id3(file: Any, head: bytes) -> bytes:
    """Return the first bytes after an ID3v2 tag, or the head itself if there is none."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return head
    a, b, c, d = head[6:10]
    file.seek(10 + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | (d & 127)))
    behind: bytes = file.read(4)
    return behind


def _is_mpeg(head: bytes) -> bool:
    """Return whether this is a frame of MPEG audio; layer 0 is AAC, which has no tags."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _words(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
