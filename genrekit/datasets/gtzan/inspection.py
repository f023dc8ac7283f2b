"""Comparison of a copy of GTZAN's audio with the known facts: names, counts, lengths, the broken file.

No checksum is used: there is none that its publisher states.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import soundfile as sf

from genrekit.datasets.gtzan.facts import BROKEN, GENRES
from genrekit.datasets.gtzan.loader import AUDIO_FOLDERS
from genrekit.text import printable

PER_GENRE = 100
SUFFIXES = (".au", ".wav", ".flac")
# The column ``length`` of the well-known table of features, 660,000 to 675,808 samples at 22,050 Hz, and a margin.
MIN_S, MAX_S = 29.5, 31.0


def inspect(folder: Path) -> list[str]:
    """Find faults of a copy of GTZAN's audio.

    Parameters
    ----------
    folder : Path
        Folder in which it was unpacked.

    Returns
    -------
    list of str
        Sentences; empty if all 1,000 clips are there, have about 30 s, and can be opened. The one file that is
        known to be broken in Kaggle's copy is named as such.
    """
    root = next(
        (p for name in AUDIO_FOLDERS if all((p := folder / name).joinpath(g).is_dir() for g in GENRES)), None
    )
    if root is None:
        return [f"{printable(folder)} does not hold the ten genre folders {', '.join(GENRES)}."]
    return [sentence for genre in GENRES for sentence in _genre(root / genre, genre)]


def _genre(folder: Path, genre: str) -> Iterator[str]:
    expected = [f"{genre}.{number:05d}" for number in range(PER_GENRE)]
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}
    missing = [name for name in expected if name not in files]
    others = sorted(set(files) - set(expected))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield f"{missing[0]}{more} is missing."
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield f"{printable(others[0])}{more} does not belong to GTZAN."
    for name in expected:
        if name in files:
            yield from _clip(files[name], name)


def _clip(path: Path, name: str) -> Iterator[str]:
    try:
        info = sf.info(str(path))
        seconds = info.frames / info.samplerate
    except (sf.LibsndfileError, OSError, ZeroDivisionError):
        known = ", as is known of Kaggle's copy; the reader leaves it out" if name == BROKEN else ""
        yield f"{printable(path.name)} cannot be opened as sound{known}."
        return
    if not MIN_S <= seconds <= MAX_S:
        yield f"{printable(path.name)} has {seconds:.1f} s; a clip of GTZAN has about 30."
