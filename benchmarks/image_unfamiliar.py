"""Measure how a model of pictures knows what is unlike the covers that it learnt.

    python benchmarks/image_unfamiliar.py MODEL.genrekit --known COVERS.csv

COVERS.csv has a column ``path`` of covers that the model did not learn. The rest are the few pictures that installed packages
ship, and what is drawn here: charts, icons, pages of text, noise and flat colours.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import sklearn.datasets
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from genrekit.errors import MediaError
from genrekit.prediction import load_model
from genrekit.types import Example


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--known", type=Path, required=True)
    options = parser.parse_args()
    model = load_model(options.model)
    limits = model.bundle.manifest.outputs.distance
    if limits is None or limits.threshold is None:
        raise SystemExit("the model has no distance")
    with options.known.open(encoding="utf-8") as file:
        known = [Path(row["path"]) for row in csv.DictReader(file)]
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        kinds = {"covers, not learnt": known, **shipped()}
        drawn = {"charts": charts, "drawn icons": icons, "pages of text": pages, "noise, flat": plain}
        for kind, draw in drawn.items():
            kinds[kind] = []
            for k, picture in enumerate(draw(rng)):
                path = Path(folder, f"{kind} {k}.png")
                picture.savefig(path) if isinstance(picture, Figure) else picture.save(path)
                kinds[kind].append(path)
        for kind, paths in kinds.items():
            found = []
            for path in paths:
                try:
                    windows = model.backend.prepare(Example(path.name, path=path), model.config).values
                except MediaError as error:
                    print(path.name, error)
                    continue
                distance = float(model.runtime.distance(windows).mean())
                found.append(distance / (limits.limit(len(windows)) or 1))
            far = np.array(found)
            print(
                f"{kind:<20} {len(far):>4}, unfamiliar {(far > 1).sum():>4} ({(far > 1).mean():.0%}), "
                f"median {np.median(far):.2f} of the limit"
            )


if __name__ == "__main__":
    main()
