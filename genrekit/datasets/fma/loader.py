"""``fma:FOLDER`` — the unpacked Free Music Archive data set: ``fma_metadata/`` and ``fma_small/`` ...

Archives that are not unpacked are read as they are.

Groups are the artists; the split is the published one. Clips that are known to be cut wrong are left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from genrekit.datasets.base import Dataset
from genrekit.datasets.files import choose
from genrekit.datasets.fma.facts import LABELS, SHORT_CLIPS, SIZES
from genrekit.datasets.fma.packed import choose_packed, unpacked_tables
from genrekit.datasets.fma.tables import Track, label_of, parse_genres, read_genres, read_tracks
from genrekit.datasets.names import SPLIT_WORDS
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.files import at_home
from genrekit.text import counted, known, nearest, printable, quote_all
from genrekit.types import Example, Modality

USAGE = "Write fma:FOLDER, or fma:FOLDER?size=medium&labels=genres_all."
CHOICES = {"size": SIZES, "labels": LABELS}


@dataclass(frozen=True)
class Options:
    """Options after ``fma:``.

    Attributes
    ----------
    folder : Path
        Folder of ``fma_metadata`` or ``tracks.csv``.
    size : {'small', 'medium', 'large', 'full'} or None
        The subset; None means that of the largest folder of songs.
    labels : {'genre_top', 'genres', 'genres_all'}
        The only root genre of a track, its genres, or these with all their parent genres.
    """

    folder: Path
    size: str | None = None
    labels: str = "genre_top"


def open_fma(source: str, *, require_labels: bool = True) -> Dataset:
    """Read the FMA.

    Parameters
    ----------
    source : str
        ``fma:FOLDER`` or, for example, ``fma:FOLDER?size=medium&labels=genres_all``.
    require_labels : bool
        Whether tracks without a genre of the requested kind are left out.

    Raises
    ------
    DatasetError
        If an option is unknown, a table or the folder of songs is missing or malformed, or no track of the
        subset is present.
    """
    options = read_options(source)
    metadata = _metadata(options.folder)
    size, songs, kept_in = _songs(options, metadata)
    titles = read_genres(metadata / "genres.csv") if options.labels != "genre_top" else {}
    tracks = metadata / "tracks.csv"
    candidates: list[Example] = []
    left_out: list[tuple[str, str]] = []
    seen: set[int] = set()
    for track in read_tracks(tracks):
        if isinstance(track, tuple):
            left_out.append(track)
            continue
        if not _within(track.subset, size):
            continue
        number = int(track.number) if track.number.isascii() and track.number.isdecimal() else 10**6
        name = f"{number // 1000:03d}/{number:06d}.mp3"
        labels, reason = _labels(track, options.labels, titles)
        if number >= 10**6:
            left_out.append((printable(track.number[:80]) or "a track", "is not the number of a track"))
        elif number in seen:
            left_out.append((f"{name} (again)", "is in tracks.csv already"))
        elif kept_in != "full" and number in SHORT_CLIPS:
            left_out.append((name, f"is known to be cut wrong: it has {SHORT_CLIPS[number]:g} s of sound"))
        elif reason and (require_labels or labels):
            left_out.append((name, reason))
        else:
            candidates.append(_example(tracks, track, name, songs, labels))
        seen.add(number)
    found = choose(candidates, Modality.AUDIO) if songs.is_dir() else choose_packed(candidates, songs)
    left_out += found.left_out
    if not found.examples:
        raise _nothing(tracks, size, songs, left_out)
    notes = [_about(size, songs, kept_in), *found.notes, *_missing(left_out)]
    notes.append("grouped by artist; the split is the published one")
    return Dataset(source, "fma", found.modality, found.examples, tuple(left_out), tuple(notes))


def read_options(source: str) -> Options:
    """Read the options after ``fma:``.

    Raises
    ------
    UnknownSourceError
        If there is no folder, or an option is unknown, given twice or out of range.
    """
    folder, _, query = source.removeprefix("fma:").partition("?")
    if not folder:
        raise UnknownSourceError("fma: names no folder.", USAGE)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
    except ValueError:
        raise UnknownSourceError(f"{printable(query)!r} is not a list of options.", USAGE) from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in CHOICES:
            guess = nearest(name, CHOICES)
            hint = f"Did you mean {guess}? " if guess else ""
            raise UnknownSourceError(
                f"fma: has no option {printable(name)!r}.", f"{hint}Its options are {quote_all(CHOICES)}."
            )
        if name in given or value not in CHOICES[name]:
            wrong = "is given twice" if name in given else f"is {printable(value)!r}"
            raise UnknownSourceError(
                f"Option {name} of fma: {wrong}.", f"It is one of {quote_all(CHOICES[name])}, once."
            )
        given[name] = value
    place = at_home(folder)
    return Options(place, given.get("size"), given.get("labels", "genre_top"))


def _metadata(folder: Path) -> Path:
    """Return the folder of tracks.csv, in the cache if the archive is packed; archives may be unpacked into a folder of their own name."""
    places = [folder / "fma_metadata", folder, folder / "fma_metadata" / "fma_metadata"]
    try:
        found = next((place for place in places if (place / "tracks.csv").is_file()), None)
        packed = folder / "fma_metadata.zip"
        if found is None and packed.is_file():
            return unpacked_tables(packed)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{printable(folder)} cannot be opened: {error}.", USAGE) from error
    if found is None:
        what = "has no tracks.csv or fma_metadata/tracks.csv" if folder.is_dir() else "is not a folder"
        raise UnknownSourceError(
            f"{printable(folder)} {what}.",
            f"Get it: genrekit datasets fetch fma:small --to {printable(folder)}",
        )
    return found


def _songs(options: Options, metadata: Path) -> tuple[str, Path, str]:
    """Return the subset to take, the folder or archive of its songs, and the size of that, which may be a larger one."""
    roots = dict.fromkeys([options.folder, metadata.parent if metadata == options.folder else options.folder])
    present: dict[str, Path] = {}
    for size in SIZES:
        name = f"fma_{size}"
        places = [place for root in roots for place in (root / name / name, root / name) if place.is_dir()]
        places += [place for root in roots if (place := root / f"{name}.zip").is_file()]
        if places:
            present[size] = places[0]
    if not present:
        raise DatasetError(
            f"{printable(options.folder)} has no folder of songs ({', '.join(f'fma_{size}' for size in SIZES)}).",
            f"Get one: genrekit datasets fetch fma:small --to {printable(options.folder)}",
        )
    size = options.size or list(present)[-1]
    larger = [name for name in SIZES[SIZES.index(size) :] if name in present]
    if not larger:
        raise DatasetError(
            f"{printable(options.folder)} has no folder of songs for size={size}; it has "
            f"{quote_all(place.name for place in present.values())}.",
            f"Get it: genrekit datasets fetch fma:{size} --to {printable(options.folder)}; or ask for size={list(present)[-1]}.",
        )
    return size, present[larger[0]], larger[0]


def _within(subset: str, size: str) -> bool:
    return size == "full" or (subset in SIZES and SIZES.index(subset) <= SIZES.index(size))


def _labels(track: Track, kind: str, titles: dict[int, str]) -> tuple[tuple[str, ...], str]:
    """Return the labels of a track, and the reason why it has no usable one, or ''."""
    if kind == "genre_top":
        label = label_of(track.genre_top)
        return ((label,), "") if label else ((), "has no genre_top: its genres have several roots")
    cell = track.genres if kind == "genres" else track.genres_all
    numbers = parse_genres(cell)
    if numbers is None:
        return (), f"has {printable(cell[:40])!r} for {kind}, which is not a list of numbers"
    unknown = [number for number in numbers if number not in titles]
    if unknown:
        return (), f"has the genre {unknown[0]}, which genres.csv does not name"
    return tuple(titles[number] for number in numbers), "" if numbers else "has no genre"


def _example(tracks: Path, track: Track, name: str, songs: Path, labels: tuple[str, ...]) -> Example:
    word = known(track.split).casefold()
    if word and word not in SPLIT_WORDS:
        raise DatasetError(
            f"{printable(tracks)}, track {track.number}: {printable(track.split[:80])!r} in set.split is not a split.",
            "Allowed are training, validation and test, or an empty cell.",
        )
    facts = {"artist": printable(track.artist), "title": printable(track.title)}
    return Example(
        id=name,
        path=songs / name,
        labels=labels,
        group=f"artist {printable(track.artist_id)}" if known(track.artist_id) else None,
        split=SPLIT_WORDS.get(word),
        extra=facts,
    )


def _about(size: str, songs: Path, kept_in: str) -> str:
    whole = ", whose songs have their full length" if kept_in == "full" else ""
    what = "all tracks" if size == "full" else f"the {size} subset"
    return f"{what}, from {printable(songs.name)}{whole}"


def _missing(left_out: list[tuple[str, str]]) -> list[str]:
    """Return notes on the number of tracks left out, by reason, the most frequent first."""
    words = Counter(reason.partition(":")[0] for _, reason in left_out)
    return [f"{count:,} left out: {reason}" for reason, count in words.most_common(8)]


def _nothing(tracks: Path, size: str, songs: Path, left_out: list[tuple[str, str]]) -> DatasetError:
    if not left_out:
        return DatasetError(
            f"{printable(tracks)} has no tracks of size={size}.", "Unpack fma_metadata.zip again."
        )
    missing = [name for name, reason in left_out if reason == "no such file"]
    if missing:
        return DatasetError(
            f"Not one of {counted(len(missing), 'track')} of size={size} is in {printable(songs)}; the first that was looked "
            f"for is {missing[0]}.",
            f"Unpack {printable(songs.name)}.zip again.",
        )
    return DatasetError(f"No track of size={size} is usable: {left_out[0][0]} {left_out[0][1]}.")
