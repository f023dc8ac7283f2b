from __future__ import annotations

import csv
from pathlib import Path

from genrekit.features.schema import GTZAN_COLUMNS


def test_there_are_57_columns_and_none_twice() -> None:
    assert len(GTZAN_COLUMNS) == len(set(GTZAN_COLUMNS)) == 57
    assert GTZAN_COLUMNS[:2] == ("chroma_stft_mean", "chroma_stft_var")
    assert GTZAN_COLUMNS[16:18] == ("tempo", "mfcc1_mean")
    assert GTZAN_COLUMNS[-1] == "mfcc20_var"


def test_names_and_order_are_those_of_the_table(shared_data: Path) -> None:
    with (shared_data / "gtzan" / "features_30_sec.csv").open(newline="") as file:
        header = next(csv.reader(file))
    assert ("filename", "length", *GTZAN_COLUMNS, "label") == tuple(header)
