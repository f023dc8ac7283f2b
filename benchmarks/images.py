"""How fast pictures are decoded against the obvious three calls of Pillow, and how far the pixels differ.

    python benchmarks/images.py [--repeats N] [FILE ...]

Both run in this process, in turn, after a warm-up that is not counted. Without files: a generated photo of 24
megapixels as a plain and as a progressive jpeg, and generated covers of 224 pixels.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from genrekit.media import images

SIZE = 224
N_COVERS = 20

Pixels = npt.NDArray[np.uint8]


def plain_pillow(path: Path) -> Pixels:
    """Open, convert, resize."""
    with Image.open(path) as image:
        scale = SIZE / min(image.size)
        shape = (round(image.width * scale), round(image.height * scale))
        return np.asarray(image.convert("RGB").resize(shape))


def genrekit_load(path: Path) -> Pixels:
    """The same by genrekit."""
    return images.load(path, size=SIZE)


def generated(width: int, height: int, seed: int) -> Image.Image:
    """Gradients, waves and the noise of a sensor."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(width, height)
    waves = [100 + 60 * np.sin(rng.uniform(5, 90) * x + rng.uniform(5, 90) * y) + 60 * x for _ in range(3)]
    noise = rng.normal(0, 4, (height, width)).astype(np.float32)
    return Image.fromarray(np.stack([np.clip(wave + noise, 0, 255) for wave in waves], -1).astype(np.uint8))


def timed(function: Callable[[Path], Pixels], paths: list[Path]) -> float:
    """Seconds that a pass over the files takes."""
    start = time.perf_counter()
    for path in paths:
        function(path)
    return time.perf_counter() - start


def compare(name: str, paths: list[Path], repeats: int) -> None:
    """Print one line."""
    differences = []
    for path in paths:
        plain, ours = plain_pillow(path), genrekit_load(path)
        if plain.shape == ours.shape:
            differences.append(float(np.abs(plain.astype(int) - ours.astype(int)).mean()))
    pairs = [(timed(plain_pillow, paths), timed(genrekit_load, paths)) for _ in range(repeats)]
    plain_s, ours_s = (statistics.median(times) / len(paths) for times in zip(*pairs, strict=True))
    ratio = statistics.median(plain / ours for plain, ours in pairs)
    off = f"{statistics.mean(differences):.2f}" if differences else "-"
    print(f"{name:28} {1 / plain_s:10.1f} {1 / ours_s:10.1f} {ratio:8.2f} {off:>12}")


def main() -> int:
    parser = argparse.ArgumentParser(description="images.load against Pillow's open, convert, resize.")
    parser.add_argument("files", type=Path, nargs="*", help="pictures; generated ones by default")
    parser.add_argument("--repeats", type=int, default=7, help="measured pairs (default: %(default)s)")
    arguments = parser.parse_args()
    print(f"one process, shorter side {SIZE}, median of {arguments.repeats} pairs")
    print(f"{'':28} {'Pillow/s':>10} {'genrekit/s':>10} {'ratio':>8} {'mean differs':>12}")
    if arguments.files:
        compare(f"{len(arguments.files)} files", arguments.files, arguments.repeats)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        photo = generated(6000, 4000, seed=0)
        for name, options in (
            ("jpeg, 24 megapixels", {}),
            ("jpeg, 24 mp, progressive", {"progressive": True}),
        ):
            path = Path(folder, f"photo{len(options)}.jpg")
            photo.save(path, quality=90, **options)
            compare(name, [path], arguments.repeats)
        covers = [Path(folder, f"cover{k}.jpg") for k in range(N_COVERS)]
        for k, path in enumerate(covers):
            generated(SIZE, SIZE, seed=k).save(path, quality=85)
        compare(f"jpeg, {SIZE} pixels, {N_COVERS} covers", covers, arguments.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
