"""Kinds of files, by first bytes and suffix."""

from __future__ import annotations

from pathlib import Path

from genrekit.errors import MediaError
from genrekit.types import Modality

AUDIO_SUFFIXES = frozenset(
    (
        ".wav .wave .bwf .flac .fla .ogg .oga .ogx .spx .opus .mp3 .mp2 .mpga .mpa .au .snd .aif .aiff .aifc .w64 .rf64 .caf "
        ".voc .sf .ircam .nist .sph .paf .fap .pvf .svx .8svx .avr .htk .xi "
        ".m4a .m4b .m4p .m4r .m4v .mp4 .f4a .f4v .mov .qt .3gp .3gpp .3g2 .aac .adts .wma .asf .wmv .webm .weba .mka .mkv .ogv"
    ).split()
)
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jif .jfif .pjpeg .pjp .png .apng .webp .gif .bmp .tif .tiff .avif .heic .heif .hif".split()
)
TABLE_SUFFIXES = frozenset(".csv .tsv .parquet .json .jsonl .ndjson".split())

_SUFFIXES = {
    **dict.fromkeys(AUDIO_SUFFIXES, Modality.AUDIO),
    **dict.fromkeys(IMAGE_SUFFIXES, Modality.IMAGE),
    **dict.fromkeys(TABLE_SUFFIXES, Modality.TABLE),
}

# (offset, bytes, kind): https://en.wikipedia.org/wiki/List_of_file_signatures
_MAGIC = (
    (8, b"WAVE", Modality.AUDIO),
    (0, b"fLaC", Modality.AUDIO),
    (0, b"OggS", Modality.AUDIO),
    (0, b"ID3", Modality.AUDIO),
    # MPEG 1 and 2, layers II and III, and ADTS, each with and without a checksum
    *(
        (0, bytes((0xFF, second)), Modality.AUDIO)
        for second in b"\xf0\xf1\xf2\xf3\xf4\xf5\xf8\xf9\xfa\xfb\xfc\xfd"
    ),
    (0, b"\xff\xe2", Modality.AUDIO),  # MPEG 2.5, layer III
    (0, b"\xff\xe3", Modality.AUDIO),
    (0, b".snd", Modality.AUDIO),
    (8, b"AIFF", Modality.AUDIO),
    (8, b"AIFC", Modality.AUDIO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Modality.AUDIO),
    (0, b"\x1a\x45\xdf\xa3", Modality.AUDIO),
    (0, b"caff", Modality.AUDIO),
    (8, b"8SVX", Modality.AUDIO),
    (8, b"WEBP", Modality.IMAGE),
    *((4, b"ftyp" + brand, Modality.IMAGE) for brand in (b"avif", b"avis", b"hei", b"hev", b"mif1", b"msf1")),
    (4, b"ftyp", Modality.AUDIO),
    (4, b"moov", Modality.AUDIO),  # QuickTime files older than ftyp
    (4, b"mdat", Modality.AUDIO),
    (4, b"wide", Modality.AUDIO),
    (4, b"free", Modality.AUDIO),
    (4, b"skip", Modality.AUDIO),
    (0, b"riff\x2e\x91\xcf\x11", Modality.AUDIO),  # W64
    (0, b"\xff\xd8\xff", Modality.IMAGE),
    (0, b"\x89PNG\r\n\x1a\n", Modality.IMAGE),
    (0, b"GIF8", Modality.IMAGE),
    (0, b"BM", Modality.IMAGE),
    (0, b"II*\0", Modality.IMAGE),
    (0, b"MM\0*", Modality.IMAGE),
    (0, b"PAR1", Modality.TABLE),
)

_HEAD = 16
_PLAIN = bytes(range(32, 127)) + b"\t\r\n"


def modality(path: str | Path) -> Modality | None:
    """Return the modality of a file by its content, or by its suffix if the first bytes are unknown.

    Where the bytes around a signature of plain letters are plain text too, the suffix wins: a sentence may begin
    with them.

    Parameters
    ----------
    path : str or Path
        An existing regular file.

    Returns
    -------
    Modality or None
        None if neither the first bytes nor the suffix is known.

    Raises
    ------
    MediaError
        If the path is missing, a directory, or cannot be opened.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise MediaError("is a directory, not a file")
        if path.exists() and not path.is_file():
            raise MediaError("is not a regular file (a pipe, socket or device)")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise MediaError("no such file") from None
    except PermissionError:
        raise MediaError("no permission to read the file") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot be opened: {error}") from None
    claimed = suffix_modality(path)
    for offset, magic, kind in _MAGIC:
        # Two letters are weak evidence; the four bytes after the size of a bitmap are reserved and 0.
        if head.startswith(magic, offset) and (magic != b"BM" or head[6:10] == bytes(4)):
            letters = magic.isascii() and magic.decode("ascii").isprintable()
            is_text = letters and (
                claimed is Modality.TABLE or (len(head) == _HEAD and not head.translate(None, _PLAIN))
            )
            return claimed if is_text else kind
    return claimed


def found_modality(path: Path) -> Modality | None:
    """Return the kind of a file in a folder, as `modality`; by its suffix alone where it cannot be opened."""
    try:
        return modality(path)
    except MediaError:
        return suffix_modality(path)


def suffix_modality(path: str | Path) -> Modality | None:
    """Return the modality by suffix alone, without opening the file; a table may be compressed (``.csv.gz``)."""
    name = Path(path).name.lower()
    kind = _SUFFIXES.get(Path(name.removesuffix(".gz")).suffix)
    return kind if kind is Modality.TABLE or not name.endswith(".gz") else None
