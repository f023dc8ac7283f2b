"""Measure how the distance of pictures knows what is unlike the covers that a network learnt.

    genrekit datasets split labels.csv --test-size 0.15 --valid-size 0.15 --seed 0 -o split.csv   # as it was trained
    python benchmarks/image_unfamiliar.py split.csv

The shipped network was trained before there was a distance, so one is fitted here on its embeddings, as training does: on 900
covers that it learnt, with the limit from 200 of the test split; 200 others of it are the new covers. The rest are the few pictures
that installed packages ship, and what is drawn here: charts, icons, pages of text, noise and flat colours.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import sklearn.datasets
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from genrekit.backends import Prepared
from genrekit.backends.neural.distance import fit_distance, fit_limits
from genrekit.backends.neural.network import Network
from genrekit.prediction import load_model
from genrekit.types import Example

MODEL = load_model("image")


def shipped() -> dict[str, list[Path]]:
    """Return the photographs of scikit-learn and Matplotlib, and the icons of Matplotlib."""
    samples = Path(matplotlib.get_data_path())
    photographs = sorted((Path(sklearn.datasets.__file__).parent / "images").glob("*.jpg"))
    photographs += sorted((samples / "sample_data").glob("*.jpg"))
    return {"photographs": photographs, "icons that ship": sorted((samples / "images").glob("*_large.png"))}


def charts(rng: np.random.Generator) -> Iterator[Figure]:
    """Yield charts of six kinds, three of each."""
    for k in range(18):
        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.subplots()
        y = rng.normal(size=(3, 30)).cumsum(axis=1)
        match k % 6:
            case 0:
                axes.plot(y.T)
            case 1:
                axes.bar(range(8), rng.random(8))
            case 2:
                axes.scatter(*rng.normal(size=(2, 80)))
            case 3:
                axes.pie(rng.random(5) + 0.1)
            case 4:
                axes.hist(rng.normal(size=300), 20)
            case _:
                axes.imshow(rng.random((8, 8)))
        axes.set_title("values by group")
        yield figure


def icons(rng: np.random.Generator) -> Iterator[Image.Image]:
    """Yield simple shapes on a flat ground."""
    for k in range(18):
        picture = Image.new("RGB", (256, 256), tuple(rng.integers(200, 256, 3).tolist()))
        draw = ImageDraw.Draw(picture)
        colour = tuple(rng.integers(0, 150, 3).tolist())
        box = [*rng.integers(20, 80, 2).tolist(), *rng.integers(170, 240, 2).tolist()]
        match k % 3:
            case 0:
                draw.ellipse(box, fill=colour)
            case 1:
                draw.rounded_rectangle(box, 20, outline=colour, width=14)
            case _:
                draw.polygon([(128, 30), (230, 220), (26, 220)], fill=colour)
        yield picture


def pages(rng: np.random.Generator) -> Iterator[Image.Image]:
    """Yield pages of text."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz     "))
    for _ in range(10):
        picture = Image.new("RGB", (400, 400), "white")
        lines = ["".join(rng.choice(letters, 60)) for _ in range(28)]
        ImageDraw.Draw(picture).multiline_text((15, 10), "\n".join(lines), fill="black")
        yield picture


def plain(rng: np.random.Generator) -> Iterator[Image.Image]:
    """Yield noise, gradients and flat colours."""
    for k in range(18):
        ramp = np.linspace(0, 255, 256)[:, None, None] * rng.random(3)
        values = (
            rng.integers(0, 256, (256, 256, 3)),
            ramp.repeat(256, axis=1),
            np.full((256, 256, 3), rng.integers(0, 256, 3)),
        )[k % 3]
        yield Image.fromarray(values.astype(np.uint8))


class Same(Network):
    """A network whose features are its input: embeddings that are there already."""

    def encode(self, windows: Tensor) -> Tensor:
        return windows.flatten(1)

    def score(self, features: Tensor) -> Tensor:
        return features


def embeddings(paths: Sequence[Path]) -> list[np.ndarray]:
    """Return the embeddings of pictures, one window each."""
    prepared = (MODEL.backend.prepare(Example(path.name, path=path), MODEL.config) for path in paths)
    return [MODEL.runtime.embeddings(windows.values) for windows in prepared]


def side(rows: Sequence[dict[str, str]], folder: Path) -> Prepared:
    """Return embeddings of covers with their labels."""
    targets = np.array([[row["label"] == label for label in MODEL.labels] for row in rows], np.float32)
    names = [row["path"] for row in rows]
    return Prepared(embeddings([folder / name for name in names]), targets, np.array(names), tuple(names))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("split", type=Path)
    options = parser.parse_args()
    with options.split.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(0).shuffle(rows)
    learnt = [row for row in rows if row["split"] == "train"]
    test = [row for row in rows if row["split"] == "test"]
    train, kept, new = (
        side(some, options.split.parent) for some in (learnt[:900], test[:200], test[200:400])
    )
    distance = fit_distance([Same()], train, 64, multilabel=False)
    limits = fit_limits(distance, [Same()], kept, 64)
    assert limits is not None
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        kinds = {"covers, learnt": train.windows[:200], "covers, new": new.windows}
        kinds |= {kind: embeddings(paths) for kind, paths in shipped().items()}
        drawn = {"charts": charts, "drawn icons": icons, "pages of text": pages, "noise, flat": plain}
        for kind, draw in drawn.items():
            paths = []
            for k, picture in enumerate(draw(rng)):
                path = Path(folder, f"{kind} {k}.png")
                picture.savefig(path) if isinstance(picture, Figure) else picture.save(path)
                paths.append(path)
            kinds[kind] = embeddings(paths)
        for kind, windows in kinds.items():
            far = (
                np.array([float(distance(torch.from_numpy(one)).mean()) for one in windows])
                / limits.of_few[0]
            )
            print(
                f"{kind:<20} {len(far):>4}, unfamiliar {(far > 1).sum():>4} ({(far > 1).mean():.0%}), "
                f"median {np.median(far):.2f} of the limit"
            )


if __name__ == "__main__":
    main()
