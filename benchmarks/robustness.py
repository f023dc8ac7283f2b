"""How many predictions of a model stay when songs are quieter, narrower in bandwidth, or re-encoded.

    python benchmarks/robustness.py FOLDER [--models gtzan,spectrogram,encoder] [--songs N] [--changes "16 kHz; 8 kHz"]

Every song is decoded once, changed, written to a temporary file and predicted like the original. The original is written as a
24-bit file too, so that only the change differs. One table: per change the share of songs whose label stays, and the label that
the others get most.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from genrekit.errors import MediaError
from genrekit.execution import Pool, default_jobs
from genrekit.media import AUDIO_SUFFIXES, walk
from genrekit.prediction import Model, load_model, predict

Change = Callable[[np.ndarray, int, Path], Path]


def _gain(level_db: float) -> Change:
    def change(y: np.ndarray, sr: int, stem: Path) -> Path:
        return _flac(y * 10 ** (level_db / 20), sr, stem)

    return change


def _narrow(rate: int) -> Change:
    """Resample to a lower rate, as telephones and old recordings have it."""

    def change(y: np.ndarray, sr: int, stem: Path) -> Path:
        return _flac(soxr.resample(y, sr, rate), rate, stem)

    return change


def _mp3(kbits: float) -> Change:
    def change(y: np.ndarray, sr: int, stem: Path) -> Path:
        import av

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


CHANGES: dict[str, Change] = {
    "20 dB quieter": _gain(-20),
    "50 dB quieter": _gain(-50),
    "mp3, 64 kbit/s": _mp3(64),
    "mp3, 32 kbit/s": _mp3(32),
    "16 kHz": _narrow(16_000),
    "8 kHz": _narrow(8_000),
}


def _flac(y: np.ndarray, sr: int, stem: Path) -> Path:
    path = stem.with_suffix(".flac")
    soundfile.write(path, np.clip(y, -1, 1), sr, subtype="PCM_24")
    return path


def changed(songs: list[Path], folder: Path, changes: dict[str, Change]) -> dict[str, list[Path]]:
    """Write every song in every form; return the files per change, the unchanged ones first."""
    found: dict[str, list[Path]] = {name: [] for name in ("unchanged", *changes)}
    for number, song in enumerate(songs):
        y, sr = soundfile.read(song, always_2d=True, dtype="float32")
        mono = y.mean(axis=1)
        for name in found:
            stem = folder / f"{number:04} {name.replace('/', ' per ')}"
            found[name].append(changes.get(name, _flac)(mono, sr, stem))
    return found


def labels(model: Model, paths: list[Path], pool: Pool) -> list[str]:
    """Return the label of every file, or why there is none."""
    return [one.label or one.error or "unsure" for one in predict(paths, model=model, pool=pool)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Predictions of changed songs against those of the songs.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="gtzan,spectrogram,encoder", help="(default: %(default)s)")
    parser.add_argument(
        "--songs", type=int, default=60, help="at most so many, spread evenly (default: %(default)s)"
    )
    parser.add_argument("--changes", metavar="NAMES", help=f"some of: {'; '.join(CHANGES)}; separated by ';'")
    parser.add_argument(
        "--jobs", type=int, default=default_jobs(), help="processes that decode (default: %(default)s)"
    )
    arguments = parser.parse_args()
    wanted = [name.strip() for name in arguments.changes.split(";")] if arguments.changes else [*CHANGES]
    unknown = [name for name in wanted if name not in CHANGES]
    if unknown:
        parser.error(f"there is no change {unknown[0]!r}; there are: {'; '.join(CHANGES)}")
    found = [path for path in walk(arguments.folder) if path.suffix.lower() in AUDIO_SUFFIXES]
    if not found:
        raise MediaError(f"{arguments.folder} has no songs.")
    at = np.unique(np.linspace(0, len(found) - 1, min(len(found), arguments.songs)).astype(int))
    songs = [found[i] for i in at]
    names = arguments.models.split(",")
    models = [load_model(name) for name in names]
    with tempfile.TemporaryDirectory() as folder, Pool(arguments.jobs) as pool:
        files = changed(songs, Path(folder), {name: CHANGES[name] for name in wanted})
        plain = [labels(model, files["unchanged"], pool) for model in models]
        print(f"{len(songs)} songs of {arguments.folder.name}\n")
        print(f"| same label | {' | '.join(names)} |\n|{'---|' * (1 + len(names))}")
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
