"""Exports as services write them, and the tables that come of them, letter by letter.

``python tests/datasets/ingest/test_golden.py`` writes the tables anew; look at what changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from genrekit.datasets.ingest import ingest
from genrekit.errors import DatasetError

GOLDEN = Path(__file__).parent / "golden"
EMPTY = "empty.m3u8"
EXPORTS = sorted(p for p in GOLDEN.iterdir() if not p.name.endswith(".table.csv") and p.name != EMPTY)


def table_of(export: Path, folder: Path) -> bytes:
    output = folder / "out.csv"
    ingest([str(export)], output)
    return output.read_bytes()


def test_there_are_twelve_and_an_empty_one():
    assert len(EXPORTS) == 12


@pytest.mark.parametrize("export", EXPORTS, ids=lambda path: path.name)
def test_an_export_becomes_its_table(export, tmp_path):
    assert table_of(export, tmp_path) == GOLDEN.joinpath(f"{export.name}.table.csv").read_bytes()


def test_an_empty_one_is_said_and_writes_nothing(tmp_path):
    with pytest.raises(DatasetError, match="no track to write"):
        ingest([str(GOLDEN / EMPTY)], tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    import tempfile

    for one in EXPORTS:
        with tempfile.TemporaryDirectory() as place:
            GOLDEN.joinpath(f"{one.name}.table.csv").write_bytes(table_of(one, Path(place)))
