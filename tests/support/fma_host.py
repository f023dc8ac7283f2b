"""A tree of the FMA's shape, packed as its publisher packs it, served on loopback with its hashes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genrekit.datasets import DataSource
from genrekit.datasets.fma.source import SOURCE
from support.dataset_files import fma_row, write_fma

GENRES = (("Rock", 12), ("Pop", 10), ("Hip-Hop", 21))
SIDES = ("training", "training", "training", "validation", "test")


def fma_rows(count: int) -> list[list[object]]:
    """Rows of tracks.csv: two tracks per artist, every artist on one side."""
    rows = []
    for i in range(count):
        artist = i // 2
        genre, number = GENRES[artist % len(GENRES)]
        side = SIDES[artist // len(GENRES) % len(SIDES)]
        rows.append(
            fma_row(1000 * (i % 3) + i + 2, artist, side, "small", genre, f"[{number}]", f"[{number}]")
        )
    return rows


def zipped(folder: Path, *tops: str) -> bytes:
    """Pack folders as the FMA's archives are packed: stored, with the top folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for top in tops:
            for path in sorted((folder / top).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def fma_archives(
    folder: Path, rows: Sequence[Sequence[object]], *, duration_s: float = 0.1
) -> dict[str, bytes]:
    """Make fma_metadata.zip and fma_small.zip."""
    write_fma(folder, rows, songs=[int(str(row[0])) for row in rows], duration_s=duration_s)
    return {
        "fma_metadata.zip": zipped(folder, "fma_metadata"),
        "fma_small.zip": zipped(folder, "fma_small"),
    }


def source_of(archives: dict[str, bytes], base: str) -> DataSource:
    """The FMA as the registry has it, but from another host and with the hashes of these archives."""
    parts = []
    for part in SOURCE.parts:
        (file,) = part.files
        data = archives.get(file.name, b"")
        digest = f"sha1:{hashlib.sha1(data, usedforsecurity=False).hexdigest()}"
        parts.append(
            replace(
                part, files=(replace(file, address=base + file.name, digest=digest, size_bytes=len(data)),)
            )
        )
    return replace(SOURCE, parts=tuple(parts))
