"""Similarity search: its quality on recordings against mean log-mel spectra, and its speed on a large index.

    python benchmarks/similarity.py --gtzan FOLDER [--models encoder,spectrogram]
    python benchmarks/similarity.py --songs 100000 --size 200,512,768
    python benchmarks/similarity.py --again 2000
    python benchmarks/similarity.py --duplicates FOLDER

The first compares precision at 1 and 5, with and without songs of the same artist. The second measures queries of an index of
random vectors on a warm map, and the memory beyond the map. The third indexes short generated sounds, and then once more with nothing new. The last makes three copies of each recording (mp3;
0.2 s cut off at the start; both, as ogg) and prints, for either half of the artists, how alike copies and different songs are, and what
the thresholds of near-identical songs find.
CPU seconds are user and system time of this process.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from genrekit.datasets import open_dataset
from genrekit.features import TIMBRE_SIZE, log_mel
from genrekit.media import load
from genrekit.similarity import Index, Row, Similarity, evaluate_similarity, index
from genrekit.similarity.course import courses
from genrekit.similarity.evaluation import measure_similarity
from genrekit.similarity.facts import Facts
from genrekit.similarity.pairs import CLOSE, SAME_COURSE
from genrekit.similarity.rows import Rows
from genrekit.similarity.writer import Writer

SR, N_FFT, HOP, N_MELS = 22_050, 2048, 512, 128


def quality(folder: Path, models: list[str]) -> None:
    """Print one row per kind of vectors."""
    dataset = open_dataset(f"gtzan:{folder}", prefer="audio")
    songs = [example for example in dataset.examples if example.path is not None and len(example.labels) == 1]
    labels = [song.labels[0] for song in songs]
    artists = [song.group or "" for song in songs]
    mels = np.array([_mean_log_mel(song.path) for song in songs], dtype=np.float64)
    _row("mean log-mel, raw cosine", measure_similarity(_unit(mels), labels, artists))
    _row("mean log-mel, centred", measure_similarity(_unit(mels - mels.mean(axis=0)), labels, artists))
    with tempfile.TemporaryDirectory() as place:
        for model in models:
            target = Path(place) / f"{model}.index"
            index([song.path for song in songs], target, model=model)
            _row(model, evaluate_similarity(Index(target), [f"gtzan:{folder}"]))


def _mean_log_mel(path: Path | None) -> np.ndarray:
    assert path is not None
    y = load(path, sr=SR)
    return log_mel(y, SR, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS).mean(axis=1)


def _unit(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = values / np.linalg.norm(values, axis=1, keepdims=True)
    return found


def _row(name: str, found: Similarity) -> None:
    cells = [
        f"{100 * one.value:.1f} %"
        + (
            f" ({100 * one.low:.1f} to {100 * one.high:.1f})"
            if one.low is not None and one.high is not None
            else ""
        )
        for values in (found.precision, found.precision_other_artists)
        for one in (values["precision_at_1"], values["precision_at_5"])
    ]
    print(
        f"| {name} | {' | '.join(cells)} | hubness {found.hubness:.2f}, raw {found.hubness_raw:.2f}",
        flush=True,
    )


def speed(n: int, size: int, queries: int = 15) -> None:
    """Print the time of a query and the memory beyond the map, for random vectors."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "i"
        rng = np.random.default_rng(0)
        facts = Facts(model="m", model_sha256="0" * 64, modality="audio", vectors="embeddings", size=size)
        with Writer(folder, facts) as writer:
            for i in range(n):
                row = Row(
                    f"/music/{i // 12}/{i}.mp3",
                    f"/music/{i // 12}/{i}.mp3",
                    i,
                    i,
                    f"{i:064x}",
                    f"{i:032x}",
                    i,
                    "jazz",
                    0.5,
                )
                writer.add(row, 1 + rng.standard_normal(size, dtype=np.float32))
            writer.finish()
        before = _memory_mb()
        opened = Index(folder)
        query = 1 + rng.standard_normal(size)
        started_s = time.perf_counter()
        opened.search(query)
        first_s = time.perf_counter() - started_s
        wall, cpu = [], []
        for _ in range(queries):
            started_s, cpu_s = time.perf_counter(), time.process_time()
            opened.search(1 + rng.standard_normal(size))
            wall.append(time.perf_counter() - started_s)
            cpu.append(time.process_time() - cpu_s)
        beyond = _memory_mb() - before
        print(
            f"{n:,} x {size}: first query {1000 * first_s:.0f} ms, then median {1000 * statistics.median(wall):.0f} ms, least "
            f"{1000 * min(wall):.0f} ms, CPU {1000 * statistics.median(cpu):.0f} ms; memory beyond the map {beyond:.0f} MB",
            flush=True,
        )


def _memory_mb() -> float:
    """Return the memory of this process that is not a mapped file, in MB."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) / 1000 if found else float("nan")


def again(n: int, model: str) -> None:
    """Print the time of a second index over songs that did not change."""
    import soundfile

    with tempfile.TemporaryDirectory() as place:
        music = Path(place) / "music"
        music.mkdir()
        rng = np.random.default_rng(0)
        for i in range(n):
            soundfile.write(music / f"{i:05}.flac", 0.1 * rng.standard_normal(SR), SR)
        for name in ("first", "second"):
            started_s, cpu = time.perf_counter(), os.times()
            done = index(music, Path(place) / "i", model=model)
            now = os.times()
            cpu_s = now.user + now.system - cpu.user - cpu.system
            print(
                f"{name}: {done.new} new, {done.unchanged} unchanged, {time.perf_counter() - started_s:.1f} s, CPU {cpu_s:.1f} s",
                flush=True,
            )


def near_duplicates(folder: Path, model: str) -> None:
    """Print the cosines and courses of copies and of different songs, per half of the artists."""
    import soundfile

    dataset = open_dataset(f"gtzan:{folder}", prefer="audio")
    songs = [example for example in dataset.examples if example.path is not None]
    artists = sorted({song.group or song.id for song in songs})
    with tempfile.TemporaryDirectory() as place:
        paths: list[Path] = []
        for song in songs:
            assert song.path is not None
            y, sr = soundfile.read(song.path)
            stem = f"{artists.index(song.group or song.id) % 2} {song.path.stem} "
            cut = y[int(0.2 * sr) :]
            for suffix, samples in (("0.flac", y), ("1.mp3", y), ("2.flac", cut), ("3.ogg", cut)):
                paths.append(Path(place) / f"{stem}{suffix}")
                soundfile.write(paths[-1], samples, sr)
        index(paths, Path(place) / "i", model=model)
        opened = Index(Path(place) / "i")
        with Rows(opened.folder) as rows:
            found = dict(rows.all())
        names = [Path(found[id].name).name.rpartition(" ")[0] for id in opened.ids.tolist()]
        shapes = courses([found[id].course for id in opened.ids.tolist()])
        vectors = np.array(opened.vectors[opened.places])
        first, second = np.triu_indices(len(names), 1)
        course = (shapes @ shapes.T)[first, second]
        same = np.array([names[i] == names[j] for i, j in zip(first, second, strict=True)])
        half = np.array([names[i][0] + names[j][0] for i, j in zip(first, second, strict=True)])
        embeddings = vectors[:, : opened.facts.size - TIMBRE_SIZE].astype(np.float64)
        whole = opened.directions(vectors)
        for name, unit in (
            ("with timbre", whole),
            ("embedding", _unit(embeddings - embeddings.mean(axis=0))),
        ):
            cosine = (unit @ unit.T)[first, second]
            for one, other in (("00", "11"), ("11", "00")):
                close, alike = _thresholds(cosine, course, same, half == one)
                print(
                    f"{name}, half {one[0]}: {_counts(cosine, course, same, half == one, CLOSE, SAME_COURSE)}"
                )
                print(
                    f"  chosen here: cosine {close:.2f}, course {alike:.2f}; on the other half: "
                    f"{_counts(cosine, course, same, half == other, close, alike)}",
                    flush=True,
                )


def _thresholds(
    cosine: np.ndarray, course: np.ndarray, same: np.ndarray, known: np.ndarray
) -> tuple[float, float]:
    """Choose thresholds: in the middle between copies and the different songs that are most alike in both."""
    true, other = known & same, known & ~same
    close = float(np.quantile(cosine[true], 0.02))
    near = other & (cosine >= close)
    alike = (np.quantile(course[true], 0.02) + (course[near].max() if near.any() else 0.0)) / 2
    return close, float(alike)


def _counts(
    cosine: np.ndarray, course: np.ndarray, same: np.ndarray, known: np.ndarray, close: float, alike: float
) -> str:
    true, other = known & same, known & ~same
    taken = (cosine >= close) & (course >= alike)
    return (
        f"found {(true & taken).sum()} of {true.sum()} pairs of copies, {(other & taken).sum()} false of {other.sum()}; copies: cosine "
        f"from {cosine[true].min():.3f} (2 %: {np.quantile(cosine[true], 0.02):.3f}), course from {course[true].min():.2f} (2 %: "
        f"{np.quantile(course[true], 0.02):.2f}); others: cosine to {cosine[other].max():.3f}, course of those from {close:.2f} to "
        f"{course[other & (cosine >= close)].max(initial=-1):.2f}"
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Similarity search: quality and speed.")
    parser.add_argument("--gtzan", type=Path, help="a folder of GTZAN with audio")
    parser.add_argument(
        "--models", default="encoder,spectrogram,gtzan", help="models to index with (default: %(default)s)"
    )
    parser.add_argument("--songs", type=int, default=0, help="vectors of a large index")
    parser.add_argument("--size", default="200,512,768", help="numbers per vector (default: %(default)s)")
    parser.add_argument("--again", type=int, default=0, help="songs of a library that is indexed twice")
    parser.add_argument(
        "--duplicates", type=Path, help="a folder of GTZAN with audio, of which copies are made"
    )
    arguments = parser.parse_args()
    if arguments.gtzan:
        quality(arguments.gtzan, arguments.models.split(","))
    for size in arguments.size.split(",") if arguments.songs else ():
        speed(arguments.songs, int(size))
    for model in arguments.models.split(",") if arguments.duplicates else ():
        near_duplicates(arguments.duplicates, model)
    if arguments.again:
        again(arguments.again, "encoder")
    if not (arguments.gtzan or arguments.songs or arguments.again or arguments.duplicates):
        parser.print_usage()
        sys.exit(2)


if __name__ == "__main__":
    main()
