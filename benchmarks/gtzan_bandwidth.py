"""Find the directions in which bandwidth moves the features of the ``gtzan`` backend, for its module ``bandwidth``.

    python benchmarks/gtzan_bandwidth.py GTZAN > genrekit/backends/gtzan/bandwidth.py

GTZAN holds ``features_30_sec.csv`` and sound files of its tracks in ``audio/``. Those that are not in the test split of the fault-filtered
lists are resampled to 16 kHz and encoded as mp3 at 64 and 32 kbit/s; the differences of the relative features, in standard deviations
over the train and valid rows of the table, have a singular value decomposition, and the first directions are kept.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from robustness import CHANGES, changed

from genrekit.backends import make_config, registry
from genrekit.backends.gtzan.estimators import LEVEL_COLUMNS, level_free
from genrekit.datasets import open_dataset
from genrekit.features import GTZAN_COLUMNS
from genrekit.types import Example

KEPT = 3
USED = ("mp3, 64 kbit/s", "mp3, 32 kbit/s", "16 kHz")

HEAD = '''"""Directions in which bandwidth moves relative features, as ``benchmarks/gtzan_bandwidth.py`` found them.

From {n} recordings of GTZAN, none of them in the test split of the fault-filtered lists, at 16 kHz and as mp3 of 64 and 32 kbit/s.
"""

# Per relative feature: the standard deviation over the train and valid rows of the table, and the orthonormal directions
# of the largest changes, in these deviations.
DIRECTIONS = {{'''


def main() -> None:
    """Print the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = open_dataset(f"gtzan:{folder}").examples
    table = np.array([[e.row[c] for c in GTZAN_COLUMNS] for e in rows if e.split in ("train", "valid")])
    tested = {Path(e.id).stem for e in rows if e.split == "test"}
    songs = [path for path in sorted((folder / "audio").rglob("*.flac")) if path.stem not in tested]
    backend = registry.get("gtzan")
    config = make_config(backend, {})
    with tempfile.TemporaryDirectory() as work:
        files = changed(songs, Path(work), {name: CHANGES[name] for name in USED})
        features = {
            name: level_free(
                np.concatenate(
                    [backend.prepare(Example(path.name, path=path), config).values for path in paths]
                )
            )
            for name, paths in files.items()
        }
    write(table, len(songs), features["unchanged"], [features[name] for name in USED])


def write(table: np.ndarray, n: int, unchanged: np.ndarray, changes: list[np.ndarray]) -> None:
    """Print the module for level-free features of songs [shape=(n, 54)] and of their changed forms."""
    deviations = level_free(table).std(axis=0)
    differences = np.concatenate([(values - unchanged) / deviations for values in changes])
    _, _, directions = np.linalg.svd(differences, full_matrices=False)
    print(HEAD.format(n=n))
    for k, name in enumerate(LEVEL_COLUMNS):
        numbers = ", ".join(f"{value:.5g}" for value in (deviations[k], *directions[:KEPT, k]))
        print(f'    "{name}": ({numbers}),')
    print("}")


if __name__ == "__main__":
    main()
