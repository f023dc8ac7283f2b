"""The FMA straight from its zip archives: songs by their addresses, the two tables unpacked into the cache once."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from genrekit.datasets.files import Found
from genrekit.datasets.packed import packed_files
from genrekit.errors import DatasetError
from genrekit.files import cache_folder
from genrekit.hashing import hash_json
from genrekit.tables import MAX_TABLE_BYTES
from genrekit.text import printable
from genrekit.types import Example, Modality

TABLES = ("tracks.csv", "genres.csv")


def unpacked_tables(archive: Path) -> Path:
    """Return a folder with ``tracks.csv`` and ``genres.csv`` of ``fma_metadata.zip``.

    Raises
    ------
    DatasetError
        If the archive is damaged, or lacks one of them.
    """
    facts = archive.stat()
    key = hash_json([str(archive.absolute()), facts.st_size, facts.st_mtime_ns])[:24]
    folder = cache_folder() / "fma" / key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as packed:
            for name in TABLES:
                if (folder / name).is_file():
                    continue
                info = packed.getinfo(f"fma_metadata/{name}")
                if info.file_size > MAX_TABLE_BYTES:
                    raise DatasetError(f"{printable(archive)} has a {name} of {info.file_size:,} bytes.")
                beside = folder / f".{secrets.token_hex(8)}"
                with packed.open(info) as source, beside.open("wb") as target:
                    shutil.copyfileobj(source, target)
                beside.replace(folder / name)
    except KeyError as error:
        raise DatasetError(
            f"{printable(archive)} is not the fma_metadata.zip of the FMA: {error}.", "Fetch it again."
        ) from error
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, EOFError) as error:
        raise DatasetError(f"{printable(archive)} cannot be unpacked: {error}.", "Fetch it again.") from error
    return folder


def choose_packed(candidates: Iterable[Example], archive: Path) -> Found:
    """Keep the candidates that are in a zip archive of songs, with the address of each.

    Parameters
    ----------
    candidates : iterable of Example
        Their ids are names below the top folder of the archive: ``000/000002.mp3``.
    archive : Path
        ``fma_small.zip``; its top folder is called as it is.

    Raises
    ------
    DatasetError
        If the archive is damaged.
    """
    files = packed_files(archive, "zip")
    examples, left_out = [], []
    for example in candidates:
        address, size = files.get(f"{archive.stem}/{example.id}", ("", 0))
        if not size:
            left_out.append((example.id, "is empty" if address else "no such file"))
        else:
            # The length tells one archive from another in the fingerprint.
            extra = {**example.extra, "bytes": str(size)}
            examples.append(replace(example, path=None, address=address, extra=extra))
    return Found(Modality.AUDIO, tuple(examples), tuple(left_out), ())
