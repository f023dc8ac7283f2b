"""Draw the plots of docs/encoder.md: the confusion matrix of the shipped model, and how far sounds are from what it learnt.

    python benchmarks/encoder_plots.py TAGGRAMS.npz OUTPUT_FOLDER --sounds FOLDER --recordings FOLDER

The confusion matrix is in the bundle: nothing is measured again. Distances of the test tracks are of their stored tag
outputs, as in ``encoder_models.py``, by the distance of the tags alone. FOLDER of ``--sounds`` has a folder per kind of
sound (``speech``, ``noise`` ...), whose names are shown; ``encoder_sounds.py`` makes one. ``--recordings`` is a folder of
recordings of GTZAN, most of which the model learnt from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from encoder_models import Stored
from matplotlib.figure import Figure

from genrekit.backends import make_config, registry
from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.distance_threshold import limited, measure
from genrekit.backends.encoder.pooling import transform
from genrekit.backends.encoder.table import make_table
from genrekit.errors import MediaError
from genrekit.prediction import load_model
from genrekit.types import Example

MODEL = load_model("encoder")


def confusion(path: Path) -> None:
    """Draw the matrix of the test split, as shares of the tracks of a genre."""
    metrics = MODEL.bundle.manifest.metrics
    assert metrics is not None
    counts = np.array(metrics["confusion"], dtype=float)
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure = Figure(figsize=(6, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=8
        )
    axes.set_xticks(range(len(MODEL.labels)), MODEL.labels, rotation=45, ha="right")
    axes.set_yticks(range(len(MODEL.labels)), MODEL.labels)
    axes.set(xlabel="predicted", ylabel="is", title="290 test tracks, stored tag outputs")
    figure.savefig(path, dpi=80)


def of_test_tracks(taggrams: Path) -> np.ndarray:
    """Return distances over the limit of the test tracks."""
    backend = registry.get("encoder")
    config = make_config(backend, {"layer": "tags"})
    stored = Stored(taggrams, config.patches)
    layer = encoders.get("musicnn").facts.layers["tags"]
    features = [transform(patches, layer) for patches in stored.patches]
    learnt = np.flatnonzero(stored.split != "test")
    genres = np.unique(stored.genre)
    targets = stored.genre[:, None] == genres
    table = make_table([features[i][None] for i in learnt], targets[learnt], stored.group[learnt], config)
    found = limited(table, table.folds(config.folds, config.seed))
    assert found is not None
    distance, threshold = found
    return measure(distance, [features[i] for i in np.flatnonzero(stored.split == "test")]) / threshold


def of_files(folder: Path) -> np.ndarray:
    """Return distances over the limit of the files of a folder."""
    assert MODEL.bundle.manifest.outputs.distance is not None
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            windows = MODEL.backend.prepare(Example(path.name, path=path), MODEL.config).values
        except MediaError as error:
            print(path.name, error)
            continue
        limit = MODEL.bundle.manifest.outputs.distance.limit(len(windows))
        found.append(float(MODEL.runtime.distance(windows).mean()) / limit)
    return np.array(found)


def familiarity(path: Path, kinds: dict[str, np.ndarray]) -> None:
    """Draw a row of points per kind of sound."""
    figure = Figure(figsize=(7, 0.6 + 0.45 * len(kinds)), layout="constrained")
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for row, (kind, distances) in enumerate(kinds.items()):
        far = distances > 1
        height = row + rng.uniform(-0.3, 0.3, len(distances))
        for some, colour in ((~far, "tab:blue"), (far, "tab:red")):
            axes.scatter(distances[some], height[some], s=6, color=colour, alpha=0.6, linewidths=0)
        print(f"{kind}: {len(distances)}, unfamiliar {far.sum()}")
    names = [f"{kind} ({len(values)})" for kind, values in kinds.items()]
    axes.set_yticks(range(len(kinds)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xlabel="distance, as a multiple of the limit (red: unfamiliar)")
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("taggrams", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--recordings", type=Path)
    options = parser.parse_args()
    confusion(options.output / "encoder-confusion.png")
    kinds = {"test tracks, tags alone": of_test_tracks(options.taggrams)}
    if options.recordings:
        kinds["recordings of GTZAN"] = of_files(options.recordings)
    if options.sounds:
        kinds |= {folder.name: of_files(folder) for folder in sorted(options.sounds.iterdir())}
    familiarity(options.output / "encoder-familiarity.png", kinds)


if __name__ == "__main__":
    main()
