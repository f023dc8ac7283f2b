"""``synthetic``: the generated songs in the registry."""

from __future__ import annotations

from genrekit.datasets.base import Dataset
from genrekit.datasets.source import DataSource, OpenOptions
from genrekit.datasets.synthetic.loader import open_synthetic


def _read(source: str, options: OpenOptions) -> Dataset:
    return open_synthetic(source)


SOURCE = DataSource(
    name="synthetic",
    title="Generated songs",
    good_for="trying a pipeline; no evidence about real music",
    licence="that of genrekit",
    how="made on the spot: --data synthetic:",
    read=_read,
)
