"""Inputs in memory: bytes, open files, samples, images and data frames as temporary files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from genrekit.errors import DatasetError, UsageError
from genrekit.prediction.inputs import Input
from genrekit.types import Example, is_data_frame

MAX_BYTES = 1 << 30
MAX_SR = 768_000
MAX_CHANNELS = 256

ALLOWED = "Pass a path, bytes, an open binary file, (samples, sr), a PIL image, a pandas DataFrame, or a list of these."


def as_inputs(given: Any, folder: Path) -> Iterator[str | Path | Input | Example]:
    """Yield inputs for a pipeline; inputs in memory are written into a folder first.

    Every backend reads files. Samples are kept as 32-bit floats, images as PNG and data frames
    as Parquet, so that nothing is lost.

    Parameters
    ----------
    given : str, Path, Input, Example, bytes, binary file, (np.ndarray, int), PIL.Image.Image, DataFrame, or iterable
    folder : Path
        A folder that exists until the predictions are made.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    for number, item in enumerate([given] if check_input(given) else given, start=1):
        yield item if isinstance(item, str | Path | Input | Example) else _written(item, folder, number)


def check_input(given: Any) -> bool:
    """Return whether a value is a single input; False for an iterable of inputs.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if isinstance(given, str | Path | Input | Example | bytes | bytearray | memoryview):
        return True
    if hasattr(given, "read") or _is_samples(given) or _is_image(given) or is_data_frame(given):
        return True
    if isinstance(given, Iterable) and not _is_of_numbers(given) and not _is_swapped(given):
        return False
    raise _not_an_input(given)


def _not_an_input(item: Any) -> UsageError:
    if _is_swapped(item):
        return UsageError("(sr, samples) is not an input.", "Pass (samples, sr), as librosa returns them.")
    return UsageError(f"{type(item).__name__} is not an input.", ALLOWED)


def _is_samples(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], np.ndarray)


def _is_swapped(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], np.ndarray)


def _is_of_numbers(item: Any) -> bool:
    return isinstance(item, np.ndarray) and (item.ndim != 1 or item.dtype.kind not in "OU")


def _is_image(item: Any) -> bool:
    pillow = sys.modules.get("PIL.Image")  # a caller with an image has imported it
    return pillow is not None and isinstance(item, pillow.Image)


def _written(item: Any, folder: Path, number: int) -> Input:
    path = folder / f"input{number}"
    if _is_samples(item):
        return Input(f"samples {number}", _write_samples(item[0], item[1], path.with_suffix(".wav")))
    if _is_image(item):
        path = path.with_suffix(".png")
        item.save(path)
        return Input(f"image {number}", path)
    if is_data_frame(item):
        from genrekit.tables import DATA_FRAME, table_of

        path = path.with_suffix(".parquet")
        try:
            return Input(DATA_FRAME, path, table=table_of(item, path))
        except DatasetError as error:
            return Input(DATA_FRAME, error=str(error))
    if isinstance(item, bytes | bytearray | memoryview):
        path.write_bytes(item)
        return Input(f"bytes {number}", path)
    if hasattr(item, "read"):
        name = getattr(item, "name", "")
        data = item.read(MAX_BYTES + 1)
        if not isinstance(data, bytes):
            raise UsageError("The open file is in text mode.", "Open it with mode 'rb'.")
        if len(data) > MAX_BYTES:
            raise UsageError(f"The open file has more than {MAX_BYTES:,} bytes.", "Pass its path.")
        suffix = Path(name).suffix if isinstance(name, str) else ""
        path = path.with_suffix(suffix)
        path.write_bytes(data)
        return Input(name if isinstance(name, str) and name else f"file {number}", path)
    raise _not_an_input(item)


def _write_samples(y: np.ndarray, sr: Any, path: Path) -> Path:
    import soundfile

    if y.ndim not in (1, 2) or y.dtype.kind not in "fiu" or not y.size:
        raise UsageError(
            f"Samples of shape {y.shape} and type {y.dtype} are not sound.",
            "Pass shape (n,) or (n_channels, n), as in librosa, with floats in [-1, 1] or 16-bit or 32-bit integers.",
        )
    if y.ndim == 2 and y.shape[0] > MAX_CHANNELS:
        raise UsageError(
            f"Samples of shape {y.shape} have {y.shape[0]:,} channels; {MAX_CHANNELS} are allowed.",
            "Pass shape (n_channels, n), as in librosa: samples.T of what soundfile reads.",
        )
    if isinstance(sr, bool) or not isinstance(sr, int | np.integer) or not 0 < sr <= MAX_SR:
        raise UsageError(
            f"sr={sr!r} is not a sample rate in Hz.", "Pass a whole number, as in (samples, 22050)."
        )
    if y.dtype.kind in "iu":
        if y.dtype not in (np.int16, np.int32):
            raise UsageError(f"Samples of type {y.dtype} are not supported.", "Pass floats, int16 or int32.")
        y = y / np.float64(np.iinfo(y.dtype).max + 1)
    soundfile.write(path, y.T.astype(np.float32), int(sr), subtype="FLOAT")
    return path
