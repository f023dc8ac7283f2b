"""``synthetic:`` — a small labelled data set of generated songs, for tests, examples and first steps.

The songs are written once, as 16-bit FLAC, into a folder of the cache that is named after the options; the
same options give the same bytes. Bands are the groups: a genre has one band per two songs.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import soundfile as sf

from genrekit.datasets.base import Dataset
from genrekit.datasets.export import write_whole
from genrekit.datasets.synthetic.instruments import SR
from genrekit.datasets.synthetic.song import play
from genrekit.datasets.synthetic.styles import STYLES
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.files import NO_FOLDER, cache_folder
from genrekit.text import nearest, printable, quote_all
from genrekit.types import Example, Modality

# Part of the folder name: to be increased whenever the same options would give other samples.
VERSION = 1
SONGS_PER_BAND = 2
# One ingredient of a band in twenty comes from another style, as real artists cross genres. docs/datasets.md has
# the resulting difficulty.
CROSSOVER = 0.05


@dataclass(frozen=True)
class Options:
    """Options after ``synthetic:?``.

    Attributes
    ----------
    genres : int in [1, 6]
        Number of styles, in alphabetical order.
    songs : int in [1, 1000]
        Songs per genre.
    seconds : float in [0.5, 120]
        The length of every song in seconds.
    seed : int in [0, 2**31)
        Another seed gives other bands and songs.
    """

    genres: int = 4
    songs: int = 12
    seconds: float = 6.0
    seed: int = 0


LIMITS = {"genres": (1, len(STYLES)), "songs": (1, 1000), "seconds": (0.5, 120), "seed": (0, 2**31 - 1)}


def open_synthetic(source: str) -> Dataset:
    """Generate the songs that are not in the cache yet, and list them all.

    Parameters
    ----------
    source : str
        ``synthetic:`` or, for example, ``synthetic:?genres=4&songs=12&seconds=6&seed=0``.

    Raises
    ------
    DatasetError
        If an option is unknown, not a number, or out of range; or if the cache folder cannot be written.
    """
    options = read_options(source)
    root = songs_folder(options)
    examples = []
    try:
        for style in list(STYLES)[: options.genres]:
            (root / style).mkdir(parents=True, exist_ok=True)
            for number in range(options.songs):
                band, song = divmod(number, SONGS_PER_BAND)
                name = f"{style}/band{band:03d}_song{song}.flac"
                if not (root / name).exists():
                    _write(root / name, style, options, band, song)
                group = f"{style} band {band}"
                examples.append(Example(id=name, path=root / name, labels=(style,), group=group))
    except OSError as error:
        raise DatasetError(
            f"The generated songs cannot be written to {printable(root)}: {error.strerror or error}.",
            "Set GENREKIT_CACHE_DIR to a writable folder.",
        ) from error
    note = "generated songs: good for trying things out, but no evidence about real music"
    return Dataset(source, "synthetic", Modality.AUDIO, tuple(examples), notes=(note,))


def read_options(source: str) -> Options:
    """Read the options after ``synthetic:``; the others keep their defaults.

    Raises
    ------
    UnknownSourceError
        If an option is unknown, given twice, not a number, or out of range.
    """
    query = source.removeprefix("synthetic:").removeprefix("?")
    types: dict[str, type[int] | type[float]] = {"genres": int, "songs": int, "seconds": float, "seed": int}
    values: dict[str, float] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
    except ValueError:
        raise UnknownSourceError(
            f"{printable(query)!r} is not a list of options.",
            "Write synthetic:?genres=4&songs=12&seconds=6&seed=0",
        ) from None
    for name, text in pairs:
        if name not in types:
            guess = nearest(name, types)
            hint = f"Did you mean {guess}? " if guess else ""
            raise UnknownSourceError(
                f"synthetic: has no option {printable(name)!r}.", f"{hint}Its options are {quote_all(types)}."
            )
        low, high = LIMITS[name]
        value: float | None
        try:
            value = types[name](text)
        except ValueError:
            value = None
        if name in values or value is None or not low <= value <= high:
            wrong = "is given twice" if name in values else f"is {printable(text)!r}"
            kind = "a whole number" if types[name] is int else "a number"
            raise UnknownSourceError(
                f"Option {name} of synthetic: {wrong}.", f"It is {kind} from {low} to {high}, once."
            )
        values[name] = value
    return Options(**values)  # type: ignore[arg-type]


def songs_folder(options: Options) -> Path:
    """Return the folder of the cache that holds the songs of these options.

    Raises
    ------
    DatasetError
        If the user has no home folder to keep them in.
    """
    cache = cache_folder()
    if cache == NO_FOLDER:
        raise DatasetError(
            "The songs of synthetic: are kept in the user's cache folder, and this user has no home folder.",
            "Set GENREKIT_CACHE_DIR to a folder that can be written.",
        )
    # A song does not depend on how many there are.
    return cache / "synthetic" / f"v{VERSION}_seconds{options.seconds:g}_seed{options.seed}"


def _write(path: Path, style: str, options: Options, band: int, song: int) -> None:
    """Write one song."""
    y = play(style, seed=options.seed, band=band, song=song, duration_s=options.seconds, crossover=CROSSOVER)
    flac = io.BytesIO()
    sf.write(flac, y, SR, format="FLAC", subtype="PCM_16")
    write_whole(flac.getvalue(), path)
