"""Tables of Spotify features as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import DatasetError
from genrekit.features.schema import SPOTIFY_COLUMNS
from genrekit.features.spotify import SpotifyRows, model_input, understand
from genrekit.features.spotify_schema import MODEL_COLUMNS, RANGES

TRACK = {
    "acousticness": "0.0266",
    "liveness": "0.0327",
    "speechiness": "0.304",
    "instrumentalness": "1.87E-05",
    "energy": "0.833",
    "loudness": "-4.215",
    "danceability": "0.466",
    "valence": "0.661",
    "duration_ms": "313573",
    "tempo": "88.785",
    "key": "7",
    "time_signature": "4",
    "mode": "1",
}
NUMBERS = [float(text) for text in TRACK.values()]


def table_of(columns: Mapping[str, Sequence[object]], **renamed: str) -> pa.Table:
    """Two rows or more of one track, with other cells in some columns and other names for some."""
    rows = max(map(len, columns.values()), default=2)
    cells: dict[str, Sequence[object]] = {name: [text] * rows for name, text in TRACK.items()}
    cells.update(columns)
    return pa.table({renamed.get(name, name): values for name, values in cells.items()})


def read(table: pa.Table, first: pa.Table | None = None) -> SpotifyRows:
    return understand(table if first is None else first).read(table, np.arange(2, table.num_rows + 2))


def column(rows: SpotifyRows, feature: str) -> list[float]:
    values: list[float] = rows.values[:, SPOTIFY_COLUMNS.index(feature)].tolist()
    return values


def test_text_numbers_and_parquet_types_are_the_same() -> None:
    text = read(table_of({}))
    assert text.values.tolist() == [NUMBERS, NUMBERS]
    assert (text.errors, text.numbers.tolist()) == ({}, [2, 3])
    typed: dict[str, Any] = dict(zip(SPOTIFY_COLUMNS, ([x] for x in NUMBERS), strict=True))
    typed["mode"] = [True]
    typed["key"] = pa.array([7], pa.int8())
    typed["loudness"] = pa.array([Decimal("-4.215")])
    typed["tempo"] = pa.array(["88.785"]).dictionary_encode()
    typed["energy"] = pa.array(["0.833"], pa.large_string())
    typed["duration_ms"] = pa.array([313573], pa.uint32())
    np.testing.assert_array_equal(read(pa.table(typed)).values, [NUMBERS])


@given(st.data())
def test_every_number_in_range_is_read_as_it_is_written(data: st.DataObject) -> None:
    wanted = [data.draw(st.floats(low, high)) for low, high in (RANGES[f] for f in SPOTIFY_COLUMNS)]
    cells = [data.draw(st.sampled_from(["{!r}", " {!r} ", "{:.17e}"])).format(x) for x in wanted]
    rows = read(pa.table({name: [text] for name, text in zip(SPOTIFY_COLUMNS, cells, strict=True)}))
    assert rows.errors == {}
    assert rows.values[0].tolist() == wanted


@pytest.mark.parametrize(
    "word", ["?", "", "  ", "nan", "NaN", "NA", "n/a", "null", "None", "empty_field", "-"]
)
def test_words_for_nothing_are_missing(word: str) -> None:
    rows = read(table_of({"tempo": ["120.5", word], "key": [word, "C#"]}))
    assert rows.errors == {}
    assert column(rows, "tempo")[0] == 120.5
    assert column(rows, "key")[1] == 1
    assert math.isnan(column(rows, "tempo")[1])
    assert math.isnan(column(rows, "key")[0])


@pytest.mark.parametrize(
    ("feature", "unknown"),
    [
        ("duration_ms", -1),
        ("duration_ms", 0),
        ("key", -1),
        ("tempo", 0),
        ("time_signature", 0),
        ("energy", -1),
    ],
)
@pytest.mark.parametrize("kind", [str, float, int])
def test_numbers_for_nothing_are_missing(feature: str, unknown: int, kind: type) -> None:
    rows = read(table_of({feature: [kind(unknown)] * 2}))
    assert rows.errors == {}
    assert np.isnan(column(rows, feature)).all()


def test_minus_one_is_a_loudness() -> None:
    assert column(read(table_of({"loudness": ["-1", "4.9"]})), "loudness") == [-1, 4.9]


def test_null_and_absent_columns_are_missing() -> None:
    table = table_of({"tempo": [None, "90"], "key": pa.nulls(2)}).drop_columns(["mode"])
    rows = read(table)
    assert rows.errors == {}
    assert np.isnan(rows.values).sum() == 1 + 2 + 2
    understood = understand(table)
    assert understood.missing == ("mode",)
    assert any("no column for 'mode'" in note for note in understood.notes)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("C", 0),
        ("C#", 1),
        ("Db", 1),
        ("F♯", 6),
        ("B♭", 10),
        ("bb", 10),
        ("C♯/D♭", 1),
        ("Cb", 11),
        ("A minor", 9),
    ],
)
def test_keys_by_name(name: str, key: int) -> None:
    assert column(read(table_of({"key": [name, "11"]})), "key") == [key, 11]


def test_mode_and_time_signature_in_words() -> None:
    rows = read(table_of({"mode": ["Major", "minor"], "time_signature": ["4/4", "6/8"]}))
    assert (column(rows, "mode"), column(rows, "time_signature")) == ([1, 0], [4, 6])


@pytest.mark.parametrize(
    ("feature", "cell", "words"),
    [
        ("danceability", "7", "column 'danceability': 7 is outside 0 to 1"),
        ("danceability", 7.0, "column 'danceability': 7 is outside 0 to 1"),
        ("loudness", "-500.25", "column 'loudness': -500.25 is outside -80 to 10"),
        ("key", "12", "column 'key': 12 is outside 0 to 11"),
        ("tempo", "inf", "column 'tempo': inf is outside 1 to 300"),
        ("tempo", "1e400", "column 'tempo': inf is outside"),
        ("duration_ms", "1e300", "column 'duration_ms': 1e+300 is outside"),
        ("tempo", "fast", "column 'tempo': 'fast' is not a number"),
        ("tempo", "1_0", "column 'tempo': '1_0' is not a number"),
        ("tempo", "٣", "column 'tempo': '٣' is not a number"),
        ("tempo", "a\x1b[31m", r"column 'tempo': 'a\x1b[31m' is not a number"),
        ("energy", "H", "column 'energy': 'H' is not a number"),
        ("key", "H", "column 'key': 'H' is not a number"),
        ("duration_ms", "313,573", "column 'duration_ms': '313,573' has a comma; use a point for decimals"),
        ("duration_ms", "1,313,573", "column 'duration_ms': '1,313,573' has a comma"),
        ("tempo", "x" * 1000, f"column 'tempo': '{'x' * 40}…' is not a number"),
    ],
)
def test_what_cannot_be_right_is_named(feature: str, cell: object, words: str) -> None:
    good = TRACK[feature] if isinstance(cell, str) else float(TRACK[feature])
    rows = read(table_of({feature: [good, cell, good]}))
    assert list(rows.errors) == [1]
    assert rows.errors[1].startswith(words)
    assert math.isnan(column(rows, feature)[1])
    assert column(rows, feature)[0] == float(TRACK[feature])


def test_the_column_is_named_as_it_is_written() -> None:
    table = table_of({"danceability": ["0.5", "7"]}, danceability="Dance-Ability")
    assert read(table).errors == {1: "column 'Dance-Ability': 7 is outside 0 to 1"}


@pytest.mark.parametrize("cell", [[1.0], {"bpm": 1.0}])
def test_nested_values_are_an_error_of_their_row(cell: object) -> None:
    rows = read(table_of({"tempo": pa.array([cell, None])}))
    assert rows.errors == {0: "column 'tempo': a list or an object is not a number"}


def test_a_row_without_any_feature_is_an_error() -> None:
    rows = read(table_of({name: [text, "?"] for name, text in TRACK.items()}))
    assert rows.errors == {1: "has no audio feature"}


def test_decimal_commas_of_a_spreadsheet() -> None:
    written = {name: [text.replace(".", ","), "0" if "." in text else text] for name, text in TRACK.items()}
    written["tempo"][1] = "?"
    table = table_of(written)
    assert "numbers were read with a decimal comma" in understand(table).notes
    rows = read(table)
    assert rows.errors == {}
    assert rows.values[0].tolist() == NUMBERS
    later = table_of({**written, "energy": ["0.833", "1.234,5"]})
    assert list(read(later, first=table).errors.values()) == [
        "column 'energy': '0.833' has a point, but the other numbers of the column have decimal commas",
        "column 'energy': '1.234,5' has a point, but the other numbers of the column have decimal commas",
    ]


def test_thousands_are_refused_and_decimal_points_stay() -> None:
    table = table_of({"duration_ms": ["313,573", "12,000"], "tempo": ["88.785", "88,785"]})
    rows = read(table)
    assert list(rows.errors) == [0, 1]
    assert "use a point for decimals" in rows.errors[0]
    assert column(rows, "tempo")[0] == 88.785


@pytest.mark.parametrize(
    ("name", "cells", "unit"),
    [
        ("duration_in min/ms", ["3.5", "4.1"], "minutes"),
        ("duration_s", ["210", "246"], "seconds"),
        ("Duration", ["210000", "246000"], "milliseconds"),
        ("duration_s", ["210000", "246000"], "milliseconds"),
    ],
)
def test_the_unit_of_a_duration_is_read_from_its_values(name: str, cells: list[str], unit: str) -> None:
    table = table_of({"duration_ms": cells}, duration_ms=name)
    assert f"the column {name!r} was read as {unit}, by its values" in understand(table).notes
    assert column(read(table), "duration_ms") == pytest.approx([210_000, 246_000])


def test_milliseconds_by_name_are_never_guessed() -> None:
    table = table_of({"duration_ms": ["150", "250"]})
    assert understand(table).notes == ()
    assert column(read(table), "duration_ms") == [150, 250]
    assert read(table_of({"duration_ms": ["3.5", "4.1"]})).errors[0] == (
        "column 'duration_ms': 3.5 is outside 100 to 86400000"
    )


@pytest.mark.parametrize("name", ["duration_in min/ms", "duration_ms"])
def test_minutes_among_milliseconds_are_reported(name: str) -> None:
    table = table_of({"duration_ms": ["3.5", "246000", "-1", "251000"]}, duration_ms=name)
    (note,) = understand(table).notes
    assert "mixes minutes and milliseconds (1 and 2 of the first 4 rows)" in note
    assert "betrays the genre" in note
    np.testing.assert_array_equal(column(read(table), "duration_ms"), [210_000, 246_000, np.nan, 251_000])


def test_seconds_with_an_intro_and_a_long_mix_are_not_a_mixture() -> None:
    table = table_of({"duration_ms": ["45", "200", "210", "220", "11000"]}, duration_ms="duration_s")
    assert column(read(table), "duration_ms") == [45_000, 200_000, 210_000, 220_000, 11_000_000]


def test_a_second_duration_is_named() -> None:
    table = table_of({}).append_column("Duration_min", pa.array(["5", "5"]))
    assert "'duration_ms' was read as the duration, and 'Duration_min' was not" in understand(table).notes


def test_percentages_by_name() -> None:
    table = table_of({"energy": [64, 100]}, energy="energy_%")
    assert column(read(table), "energy") == pytest.approx([0.64, 1])
    assert read(table_of({"energy": [64, 101]}, energy="energy_%")).errors == {
        1: "column 'energy_%': 101 is outside 0 to 100"
    }


@pytest.mark.parametrize("feature", ["danceability", "energy", "valence", "acousticness", "liveness"])
def test_fractions_named_as_percentages_are_read_as_what_they_are(feature: str) -> None:
    table = table_of({feature: ["0.64", "1", "0"]}, **{feature: f"{feature}_%"})
    assert column(read(table), feature) == pytest.approx([0.64, 1, 0])
    (note,) = understand(table).notes
    assert f"'{feature}_%': named as percentages, but read as fractions" in note


def test_small_percentages_beside_large_ones_stay_percentages() -> None:
    table = table_of(
        {"instrumentalness": ["0.5", "0.2"], "danceability": ["64", "71"], "energy": ["0.5", "0.7"]},
        instrumentalness="instrumentalness_%",
        danceability="danceability_%",
        energy="energy_%",
    )
    rows = read(table)
    assert column(rows, "instrumentalness") == pytest.approx([0.005, 0.002])
    assert column(rows, "danceability") == pytest.approx([0.64, 0.71])
    assert column(rows, "energy") == pytest.approx([0.5, 0.7])
    percent, fractions = understand(table).notes
    assert "'instrumentalness_%'" in percent
    assert "'danceability_%'" in percent
    assert "'energy_%'" in fractions


def test_zeros_and_ones_say_nothing_about_the_unit() -> None:
    table = table_of({"energy": ["0", "1", "1"]}, energy="energy_%")
    assert column(read(table), "energy") == pytest.approx([0, 0.01, 0.01])


def test_fewer_than_half_of_the_features_are_refused() -> None:
    table = pa.table({"Tempo": ["1"], "energy": ["1"], "artist": ["x"]})
    with pytest.raises(
        DatasetError, match=r"has 2 of Spotify's 13 .*'energy', 'Tempo'; .* Missing: 'acousticness'"
    ):
        understand(table)
    with pytest.raises(DatasetError, match=r"has 0 of Spotify's 13 audio features; at least 7"):
        understand(pa.table({"x": ["1"]}))


def test_no_rows() -> None:
    empty = table_of({}).slice(0, 0)
    rows = read(empty)
    assert (rows.values.shape, rows.errors) == ((0, 13), {})
    assert read(table_of({}), first=empty).values.tolist() == [NUMBERS, NUMBERS]


def test_later_rows_may_have_another_type() -> None:
    first = table_of({"tempo": [120.0, 90.5]})
    assert column(read(table_of({"tempo": ["?", "90.5"]}), first=first), "tempo")[1] == 90.5


def test_what_a_model_looks_at() -> None:
    values = np.array([NUMBERS, [np.nan] * 13])
    made = model_input(values)
    assert (made.shape, made.dtype) == ((2, 15), np.float32)
    np.testing.assert_array_equal(made[0, :13], np.array(NUMBERS, dtype=np.float32))
    named = dict(zip(MODEL_COLUMNS, made[0].tolist(), strict=True))
    assert named["tempo_fraction"] == pytest.approx(0.785)
    assert named["energy_over_loudness"] == pytest.approx(0.833 * 10 ** (4.215 / 20))
    assert np.isnan(made[1]).all()
    assert model_input(np.empty((0, 13))).shape == (0, 15)


@given(
    st.lists(
        st.sampled_from(["0.5", "?", "x", "7", "0,5", " 0.25 ", "-1", "", None, "5e-1"]),
        min_size=1,
        max_size=30,
    )
)
def test_every_row_is_a_number_missing_or_an_error(cells: list[str | None]) -> None:
    rows = read(table_of({"energy": pa.array(cells, pa.string())}), first=table_of({}))
    wanted = {"0.5": 0.5, " 0.25 ": 0.25, "5e-1": 0.5}
    for i, (cell, value) in enumerate(zip(cells, column(rows, "energy"), strict=True)):
        assert (i in rows.errors) == (cell in {"x", "7", "0,5"})
        assert value == wanted[cell] if cell in wanted else math.isnan(value)
