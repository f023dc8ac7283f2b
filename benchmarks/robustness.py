"""How many predictions of a model stay when songs are quieter, narrower in bandwidth, or re-encoded, and pictures alike.

    python benchmarks/robustness.py MUSIC [--models gtzan,spectrogram,encoder] [--files N] [--changes "16 kHz; 8 kHz"]
    python benchmarks/robustness.py COVERS --models image

Every file is decoded once, changed, written to a temporary file and predicted like the original. The original is written anew too (songs
in 24 bits, pictures as PNG), so that only the change differs. One table: per change the share of files whose label stays (of a model with
several labels per song: the best one), and the label that the others get most. Files that cannot be decoded are named on stderr and left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from PIL import Image, ImageEnhance, ImageOps

from genrekit.errors import GenrekitError
from genrekit.execution import Pool, default_jobs
from genrekit.media import AUDIO_SUFFIXES, IMAGE_SUFFIXES, load, open_decoder, walk
from genrekit.prediction import Model, load_model, predict
from genrekit.types import Modality

Sound = tuple[np.ndarray, int]
Change = Callable[[Any, Path], Path]


def _flac(sound: Sound, stem: Path) -> Path:
    path = stem.with_suffix(".flac")
    soundfile.write(path, np.clip(sound[0], -1, 1), sound[1], subtype="PCM_24")
    return path


def _gain(level_db: float) -> Change:
    return lambda sound, stem: _flac((sound[0] * 10 ** (level_db / 20), sound[1]), stem)


def _narrow(rate: int) -> Change:
    """Resample to a lower rate, as telephones and old recordings have it."""
    return lambda sound, stem: _flac((soxr.resample(*sound, rate), rate), stem)


def _mp3(kbits: float) -> Change:
    def change(sound: Sound, stem: Path) -> Path:
        import av

        y, sr = sound
        path = stem.with_suffix(".mp3")
        with av.open(str(path), "w") as file:
            stream = file.add_stream("libmp3lame", rate=sr, layout="mono")
            stream.bit_rate = int(1000 * kbits)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(y[None], dtype=np.float32), "fltp", "mono"
            )
            frame.sample_rate = sr
            for part in (frame, None):
                file.mux(stream.encode(part))
        return path

    return change


def _png(picture: Image.Image, stem: Path) -> Path:
    picture.save(path := stem.with_suffix(".png"))
    return path


def _jpeg(quality: int) -> Change:
    def change(picture: Image.Image, stem: Path) -> Path:
        picture.save(path := stem.with_suffix(".jpg"), quality=quality)
        return path

    return change


def _border(picture: Image.Image, stem: Path) -> Path:
    width = round(0.06 * min(picture.size))
    return _png(ImageOps.expand(picture, width, "white"), stem)


SOUND: dict[str, Change] = {
    "20 dB quieter": _gain(-20),
    "50 dB quieter": _gain(-50),
    "mp3, 64 kbit/s": _mp3(64),
    "mp3, 32 kbit/s": _mp3(32),
    "16 kHz": _narrow(16_000),
    "8 kHz": _narrow(8_000),
}


PICTURES: dict[str, Change] = {
    "half the brightness": lambda picture, stem: _png(ImageEnhance.Brightness(picture).enhance(0.5), stem),
    "half the colour": lambda picture, stem: _png(ImageEnhance.Color(picture).enhance(0.5), stem),
    "greyscale": lambda picture, stem: _png(ImageOps.grayscale(picture).convert("RGB"), stem),
    "white border of 6 %": _border,
    "half the size": lambda picture, stem: _png(picture.reduce(2), stem),
    "jpeg, quality 30": _jpeg(30),
}


def decoded(path: Path) -> Sound | Image.Image:
    """Return mono samples with their rate, or a picture in RGB."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        with Image.open(path) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    with open_decoder(path) as decoder:
        rate = decoder.info.sr
    return load(path, sr=rate), rate


def changed(paths: list[Path], folder: Path, changes: dict[str, Change]) -> dict[str, list[Path]]:
    """Write every file in every form; return the files per change, the unchanged ones first."""
    found: dict[str, list[Path]] = {name: [] for name in ("unchanged", *changes)}
    for number, path in enumerate(paths):
        try:
            original = decoded(path)
        except (GenrekitError, OSError) as error:
            print(f"{path} is left out: {error}", file=sys.stderr)
            continue
        plain = _flac if isinstance(original, tuple) else _png
        for name in found:
            stem = folder / f"{number:04} {name.replace('/', ' per ').replace(', ', ' ')}"
            found[name].append(changes.get(name, plain)(original, stem))
    return found


def labels(model: Model, paths: list[Path], pool: Pool) -> list[str]:
    """Return the label of every file, or why there is none."""
    return [one.label or one.error or "unsure" for one in predict(paths, model=model, pool=pool)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="gtzan,spectrogram,encoder", help="(default: %(default)s)")
    parser.add_argument(
        "--files", type=int, default=60, help="at most so many, spread evenly (default: %(default)s)"
    )
    names = f"songs: {'; '.join(SOUND)}; pictures: {'; '.join(PICTURES)}"
    parser.add_argument("--changes", metavar="NAMES", help=f"some of these, separated by ';'. {names}")
    parser.add_argument(
        "--jobs", type=int, default=default_jobs(), help="processes that decode (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        models = [load_model(name) for name in arguments.models.split(",")]
    except GenrekitError as error:
        parser.error(str(error))
    kinds = {model.backend.info.modality for model in models}
    if Modality.TABLE in kinds or len(kinds) > 1:
        parser.error("give models of songs, or of pictures; for tables there is missing_features.py")
    of_pictures = kinds == {Modality.IMAGE}
    changes, suffixes = (PICTURES, IMAGE_SUFFIXES) if of_pictures else (SOUND, AUDIO_SUFFIXES)
    wanted = [name.strip() for name in arguments.changes.split(";")] if arguments.changes else [*changes]
    unknown = [name for name in wanted if name not in changes]
    if unknown:
        parser.error(f"there is no change {unknown[0]!r}; there are: {'; '.join(changes)}")
    found = [path for path in walk(arguments.folder) if path.suffix.lower() in suffixes]
    at = np.unique(np.linspace(0, len(found) - 1, min(len(found), arguments.files)).astype(int))
    with tempfile.TemporaryDirectory() as folder, Pool(arguments.jobs) as pool:
        files = changed([found[i] for i in at], Path(folder), {name: changes[name] for name in wanted})
        if not files["unchanged"]:
            parser.error(
                f"{arguments.folder} has no {'pictures' if of_pictures else 'songs'} that can be read"
            )
        plain = [labels(model, files["unchanged"], pool) for model in models]
        print(f"{len(files['unchanged'])} files of {arguments.folder.resolve().name}\n")
        print(f"| same label | {' | '.join(m.name for m in models)} |\n|{'---|' * (1 + len(models))}")
        for name in wanted:
            cells = []
            for model, before in zip(models, plain, strict=True):
                now = labels(model, files[name], pool)
                same = sum(a == b for a, b in zip(before, now, strict=True))
                others = Counter(b for a, b in zip(before, now, strict=True) if a != b).most_common(1)
                cells.append(
                    f"{100 * same / len(now):.0f} %" + (f" ({others[0][0]} {others[0][1]})" if others else "")
                )
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
