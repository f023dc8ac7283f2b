"""An ``.npz`` file of precomputed log-mel spectrograms: one example per entry, without sound."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import numpy as np

from genrekit.datasets.base import Ambiguous, Dataset
from genrekit.datasets.genres import NO_LABEL, Genres, Reading
from genrekit.datasets.gtzan.facts import GENRES
from genrekit.datasets.names import Groups, is_slice, read_split, track_of
from genrekit.datasets.npz import read_arrays
from genrekit.errors import DatasetError
from genrekit.text import counted, printable, quote_all, visible
from genrekit.types import SPECTROGRAM, Example, Modality

TEXTS = ("labels", "groups", "splits")
# Optional parameters of the spectrograms, with the names of librosa.
SETTINGS = ("sr", "hop_length", "n_fft", "fmin", "fmax", "top_db")
MAX_TEXT_CHARACTERS = 1000
MAX_MELS = 4096
# Larger than any level: -400 dB is a power of 1e-40, and 16-bit integers read as samples reach about 150 dB.
MAX_DB = 400.0

_TRACK = re.compile(r"(?P<genre>[^./]+)\.\d{5}(\.|$)")


def open_spectrograms(
    source: str, path: Path, *, require_labels: bool = True, ambiguous: Ambiguous = "drop"
) -> Dataset:
    """Read an ``.npz`` file of spectrograms.

    Arrays: ``names`` [shape=(n,), dtype=str]; ``mel`` [shape=(n, n_mels, n_frames)], uint8 from 0 (the floor) to
    255 (the loudest) or floats in dB; optionally ``labels`` (``|`` between two or more), ``groups`` and ``splits``, of n
    texts each, and the numbers ``sr``, ``hop_length``, ``n_fft``, ``fmin``, ``fmax`` and ``top_db``. Without
    ``labels`` the label is the first folder of the name, or the part before the number of a track in names like
    those of GTZAN: ``blues.00012``.

    Parameters
    ----------
    source : str
        The source as given.
    path : Path
        The file.
    require_labels : bool
        Whether entries without a label are left out.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of an entry whose label holds more than one genre without ``|``.

    Returns
    -------
    Dataset
        Examples with an ``array`` of uint8 or float32, and the parameters as texts in ``extra``: ``mel_sr`` and so on.
        Entries with NaN, infinity or levels beyond 400 dB are left out.

    Raises
    ------
    DatasetError
        If an array is missing, damaged, of another dtype or length, two names are equal, a word in ``splits`` is
        not a split, or no entry is usable.
    """
    arrays, others = read_arrays(path, ("names", "mel", *TEXTS, *SETTINGS))
    missing = [name for name in ("names", "mel") if name not in arrays]
    if missing:
        raise DatasetError(
            f"{printable(path)} holds no spectrograms: it has the arrays {quote_all([*arrays, *others])}, and no "
            f"{quote_all(missing)}.",
            "Required are names (n texts) and mel (n, n_mels, n_frames); labels, groups and splits are optional.",
        )
    mel = arrays["mel"]
    n, n_mels, n_frames = _check_shape(path, mel)
    names = _texts(path, "names", arrays["names"], n)
    texts = {name: _texts(path, name, arrays[name], n) for name in TEXTS if name in arrays}
    extra = {f"mel_{name}": _setting(path, name, arrays[name]) for name in SETTINGS if name in arrays}
    _check_names(path, names)
    sliced = any(is_slice(name) for name in names)
    examples: list[Example] = []
    left_out: list[tuple[str, str]] = []
    genres, groups = Genres(ambiguous), Groups()
    for i, name in enumerate(names):
        values, reason = _values(mel[i])
        labels, problem, _ = genres.read(texts["labels"][i]) if "labels" in texts else _label_of(name, genres)
        if reason or (require_labels and problem):
            left_out.append((name, reason or problem))
            continue
        group = groups.read(texts["groups"][i]) if "groups" in texts else ""
        examples.append(
            Example(
                id=name,
                array=values,
                kind=SPECTROGRAM,
                labels=labels,
                group=group or (track_of(name) if sliced else None),
                split=read_split(texts["splits"][i], f"{printable(path)}, {visible(name)}")
                if "splits" in texts
                else None,
                extra=extra,
            )
        )
    if not examples:
        raise DatasetError(
            f"{printable(source)} has no usable spectrogram: {left_out[0][0]} {left_out[0][1]}.",
            "Add an array labels, or name them by genre: blues/one.wav, blues.00012."
            if left_out[0][1] == "has no label"
            else "Levels must be finite numbers of dB.",
        )
    notes = [
        f"read {counted(len(examples), 'spectrogram')} of {counted(n_mels, 'mel band')} and {counted(n_frames, 'frame')}; no sound is"
    ]
    if extra:
        said = ", ".join(f"{key.removeprefix('mel_')} {text}" for key, text in extra.items())
        notes.append(f"parameters of the spectrograms according to the file: {said}")
    if "labels" not in texts:
        notes.append(
            "the labels are the first folders of the names, or the genres that GTZAN's names begin with"
        )
    notes += genres.notes()
    if others:
        notes.append(f"the arrays {quote_all(others)} were not read")
    tracks = sum(track_of(e.id).rpartition(".")[0] in GENRES for e in examples)
    if tracks > len(examples) / 2 and not source.startswith("gtzan:"):
        notes.append("the names are GTZAN's; gtzan:FOLDER knows its repeats, artists and published split")
    return Dataset(source, "npz", Modality.AUDIO, tuple(examples), tuple(left_out), tuple(notes))


def _check_shape(path: Path, mel: np.ndarray) -> tuple[int, int, int]:
    shape, dtype = mel.shape, mel.dtype
    if len(shape) != 3 or min(shape) < 1 or shape[1] > MAX_MELS:
        raise DatasetError(
            f"{printable(path)}: 'mel' has the shape {shape}.",
            f"It must be (n, n_mels, n_frames), none of them 0, with {MAX_MELS:,} mel bands at most.",
        )
    if dtype != np.uint8 and dtype.kind != "f":
        raise DatasetError(
            f"{printable(path)}: 'mel' has the dtype {dtype}.",
            "It must be uint8, from 0 (the floor) to 255 (the loudest), or floats in dB.",
        )
    return shape[0], shape[1], shape[2]


def _texts(path: Path, name: str, texts: np.ndarray, n: int) -> list[str]:
    if texts.dtype.kind != "U" or texts.shape != (n,) or texts.dtype.itemsize // 4 > MAX_TEXT_CHARACTERS:
        raise DatasetError(
            f"{printable(path)}: '{name}' has the dtype {texts.dtype} and the shape {texts.shape}.",
            f"It must have one text of {MAX_TEXT_CHARACTERS:,} characters at most for each of the {n:,} spectrograms: "
            "numpy.array([...], dtype=str).",
        )
    texts = np.ascontiguousarray(texts)
    if (texts.view(f"{texts.dtype.str[0]}u4") > sys.maxunicode).any():
        raise DatasetError(f"{printable(path)}: '{name}' holds numbers that are not characters.")
    # A lone surrogate cannot be encoded.
    return [text.encode("utf-8", "backslashreplace").decode() for text in texts.tolist()]


def _setting(path: Path, name: str, array: np.ndarray) -> str:
    is_number = array.shape in ((), (1,)) and array.dtype.kind in "iuf"
    value = float(array.ravel()[0]) if is_number else math.nan
    if not math.isfinite(value):
        raise DatasetError(
            f"{printable(path)}: '{name}' has the dtype {array.dtype} and the shape {array.shape}.",
            "It must be one finite number, or be left out.",
        )
    return str(int(value)) if value.is_integer() else repr(value)


def _check_names(path: Path, names: list[str]) -> None:
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if not name.strip():
            raise DatasetError(
                f"{printable(path)}: the name at {i} is empty.", "Every spectrogram needs a name."
            )
        if name in seen:
            raise DatasetError(
                f"{printable(path)}: the names at {seen[name]} and {i} are both {visible(name)!r}.",
                "Every spectrogram needs a name of its own.",
            )
        seen[name] = i


def _values(mel: np.ndarray) -> tuple[np.ndarray, str]:
    """Return a spectrogram as uint8 or float32, and the reason why it cannot be used, or ''."""
    if mel.dtype == np.uint8:
        return np.ascontiguousarray(mel), ""
    with np.errstate(invalid="ignore"):  # a comparison with NaN is false
        usable = bool((np.abs(mel) <= MAX_DB).all())
    if not usable:
        return mel, f"has levels that are NaN, infinite or beyond {MAX_DB:g} dB"
    return np.ascontiguousarray(mel, np.float32), ""


def _label_of(name: str, genres: Genres) -> Reading:
    folder, slash, _ = name.replace("\\", "/").lstrip("/").partition("/")
    if slash:
        return genres.read_name(folder)
    track = _TRACK.match(name)
    return genres.read_name(track["genre"]) if track else Reading((), NO_LABEL)
