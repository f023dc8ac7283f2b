"""The FMA, on a miniature of its layout: subsets, labels, artists, the published split, and what is left out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dataset_files import fma_row, write_fma, write_rows

from genrekit.datasets import open_dataset
from genrekit.datasets.fma.facts import SHORT_CLIPS
from genrekit.datasets.fma.tables import parse_genres
from genrekit.errors import DatasetError
from genrekit.types import Modality

ROWS = (
    fma_row(2, 1, "training", "small", "Hip-Hop", "[21]", "[21]"),
    fma_row(3, 1, "training", "medium", "Rock", "[25]", "[12, 25]"),
    fma_row(5, 4, "validation", "small", "Rock", "[25, 45]", "[25, 12, 45]"),
    fma_row(10, 6, "test", "large", "", "[46, 25]", "[46, 10, 25, 12]"),
    fma_row(1486, 7, "test", "medium", "Rock", "[12]", "[12]"),
    fma_row(99134, 8, "test", "small", "Rock", "[12]", "[12]"),
    fma_row(155320, 9, "test", "small", "Rock", "[]", "[]"),
)
SONGS = (2, 3, 5, 10, 1486, 99134, 155320)


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    return write_fma(tmp_path / "fma", ROWS, size="large", songs=SONGS)


def ids(source: str) -> list[str]:
    return [e.id for e in open_dataset(source).examples]


def test_the_layout(fma: Path) -> None:
    dataset = open_dataset(f"fma:{fma}?size=small")
    assert (dataset.layout, dataset.modality) == ("fma", Modality.AUDIO)
    first, second, _ = dataset.examples
    assert (first.id, first.path) == ("000/000002.mp3", fma / "fma_large" / "000" / "000002.mp3")
    assert (first.labels, first.group, first.split) == (("hip-hop",), "artist 1", "train")
    assert first.extra == {"artist": "Artist 1", "title": "Song 2"}
    assert (second.labels, second.group, second.split) == (("rock",), "artist 4", "valid")
    assert dataset.left_out == (("099/099134.mp3", "is known to be cut wrong: it has 0 s of sound"),)
    assert dataset.notes[:2] == (
        "the small subset, from fma_large",
        "1 left out: is known to be cut wrong",
    )


def test_every_subset_holds_the_smaller_ones(fma: Path) -> None:
    small = ["000/000002.mp3", "000/000005.mp3", "155/155320.mp3"]
    assert ids(f"fma:{fma}?size=small") == small
    assert ids(f"fma:{fma}?size=medium") == [small[0], "000/000003.mp3", *small[1:]]
    assert ids(f"fma:{fma}") == ids(f"fma:{fma}?size=large") == ids(f"fma:{fma}?size=medium")
    top = dict(open_dataset(f"fma:{fma}").left_out)
    assert top["000/000010.mp3"] == "has no genre_top: its genres have several roots"


def test_songs_of_full_length_are_whole(fma: Path) -> None:
    (fma / "fma_large").rename(fma / "fma_full")
    assert {"001/001486.mp3", "099/099134.mp3"} <= set(ids(f"fma:{fma}"))
    note = open_dataset(f"fma:{fma}?size=medium").notes[0]
    assert note == "the medium subset, from fma_full, whose songs have their full length"


def test_several_labels(fma: Path) -> None:
    given_ones = {e.id: e.labels for e in open_dataset(f"fma:{fma}?labels=genres").examples}
    # Two genres are called Noise.
    assert given_ones["000/000005.mp3"] == ("punk", "noise (45)")
    assert given_ones["000/000010.mp3"] == ("noise (46)", "punk")
    every = open_dataset(f"fma:{fma}?labels=genres_all&size=large")
    assert {e.id: e.labels for e in every.examples}["000/000010.mp3"] == ("noise (46)", "pop", "punk", "rock")
    assert dict(every.left_out)["155/155320.mp3"] == "has no genre"


def test_genres_are_needed_for_several_labels_only(fma: Path) -> None:
    (fma / "fma_metadata" / "genres.csv").unlink()
    assert len(ids(f"fma:{fma}")) == 4
    with pytest.raises(DatasetError, match=r"genres\.csv cannot be read as a table: No such file"):
        open_dataset(f"fma:{fma}?labels=genres")
    write_rows(fma / "fma_metadata" / "genres.csv", [["id", "name"], [1, "Rock"]])
    with pytest.raises(
        DatasetError, match=r"is not the genres\.csv of the FMA: it has the columns 'id', 'name'"
    ):
        open_dataset(f"fma:{fma}?labels=genres")
    write_rows(fma / "fma_metadata" / "genres.csv", [["genre_id", "title"], [21, "Rap"]])
    told = dict(open_dataset(f"fma:{fma}?labels=genres_all").left_out)
    assert told["000/000003.mp3"] == "has the genre 12, which genres.csv does not name"


def test_missing_files_are_told(fma: Path) -> None:
    (fma / "fma_large" / "000" / "000003.mp3").unlink()
    (fma / "fma_large" / "000" / "000005.mp3").write_bytes(b"")
    dataset = open_dataset(f"fma:{fma}")
    told = dict(dataset.left_out)
    assert (told["000/000003.mp3"], told["000/000005.mp3"]) == ("no such file", "is empty")
    assert "1 left out: no such file" in dataset.notes
    shutil.rmtree(fma / "fma_large")
    (fma / "fma_large").mkdir()
    with pytest.raises(DatasetError, match=r"Not one of 4 tracks .* looked for is 000/000002\.mp3"):
        open_dataset(f"fma:{fma}")


def test_where_the_tables_may_lie(fma: Path) -> None:
    plain = ids(f"fma:{fma}")
    assert ids(f"fma:{fma / 'fma_metadata'}") == plain
    (fma / "fma_large").rename(fma / "songs")
    (fma / "fma_large").mkdir()
    (fma / "songs").rename(fma / "fma_large" / "fma_large")
    assert ids(f"fma:{fma}") == plain
    for name in ("tracks.csv", "genres.csv"):
        (fma / "fma_metadata" / name).rename(fma / name)
    assert ids(f"fma:{fma}") == plain


def broken(*changes: tuple[int, object]) -> list[object]:
    row = fma_row(7, 1, "training", "small", "Rock", "[12]", "[12]")
    for at, value in changes:
        row[at] = value
    return row


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (broken((0, "../../etc")), "is not the number of a track"),
        (broken((0, "1000000")), "is not the number of a track"),
        (broken((0, "٣")), "is not the number of a track"),
        (broken((0, "2")), "is in tracks.csv already"),
        (broken((9, "__import__('os')")), "for genres_all, which is not a list of numbers"),
        (broken((9, "[[12]]")), "for genres_all, which is not a list of numbers"),
        (broken()[:5], "has 5 cells; the header has 11"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, row: Sequence[object], reason: str) -> None:
    root = write_fma(tmp_path, [ROWS[0], row, ROWS[2]], songs=(2, 5, 7))
    dataset = open_dataset(f"fma:{root}?labels=genres_all")
    assert [e.id for e in dataset.examples] == ["000/000002.mp3", "000/000005.mp3"]
    ((_, told),) = dataset.left_out
    assert reason in told


def test_a_word_that_is_not_a_split(tmp_path: Path) -> None:
    root = write_fma(tmp_path, [broken((5, "holdout"))], songs=(7,))
    with pytest.raises(DatasetError, match=r"track 7: 'holdout' in set\.split is not a split"):
        open_dataset(f"fma:{root}")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    root = write_fma(tmp_path, [ROWS[0]], songs=(2,))
    table = root / "fma_metadata" / "tracks.csv"
    table.write_bytes(table.read_bytes().replace(b"Song 2", b"Caf\xe9").replace(b"Born", b"\xff"))
    assert open_dataset(f"fma:{root}").examples[0].extra["title"] == "Café"


def test_long_cells(tmp_path: Path) -> None:
    """A biography may be longer than the 131,072 characters at which the csv module gives up."""
    root = write_fma(tmp_path, [broken((2, "x" * 200_000)), ROWS[0]], songs=(2, 7))
    assert len(ids(f"fma:{root}")) == 2


def test_without_the_name_of_the_index(tmp_path: Path) -> None:
    root = write_fma(tmp_path, [ROWS[0], ROWS[2]], songs=(2, 5))
    table = root / "fma_metadata" / "tracks.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:2] + lines[3:]))
    assert ids(f"fma:{root}") == ["000/000002.mp3", "000/000005.mp3"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fma:", "names no folder"),
        ("fma:{}/nowhere", "is not a folder"),
        ("fma:{}/fma_small", "has no tracks.csv or fma_metadata"),
        ("fma:{}?size=huge", "Option size of fma: is 'huge'.* 'small', 'medium', 'large', 'full', once"),
        ("fma:{}?size=small&size=small", "is given twice"),
        ("fma:{}?labls=genres", "has no option 'labls'.* Did you mean labels"),
        ("fma:{}?small", "is not a list of options"),
        ("fma:{}?size=medium", "has no folder of songs for size=medium; it has 'fma_small'"),
        ("fam:{}", "Did you mean fma:"),
    ],
)
def test_what_is_no_fma(tmp_path: Path, source: str, message: str) -> None:
    root = write_fma(tmp_path, [ROWS[0]], songs=(2,))
    with pytest.raises(DatasetError, match=message):
        open_dataset(source.format(root))


def test_tables_of_something_else(tmp_path: Path) -> None:
    root = write_fma(tmp_path, [ROWS[0]], songs=(2,))
    table = root / "fma_metadata" / "tracks.csv"
    write_rows(table, [["path", "label"], ["a", "b"], ["c", "d"]])
    with pytest.raises(
        DatasetError, match=r"is not the tracks\.csv of the FMA: it does not have .*'set\.split'"
    ):
        open_dataset(f"fma:{root}")
    write_fma(root, [])
    with pytest.raises(DatasetError, match="has no tracks of size=small"):
        open_dataset(f"fma:{root}")
    shutil.rmtree(root / "fma_small")
    with pytest.raises(DatasetError, match="has no folder of songs"):
        open_dataset(f"fma:{root}")
    table.write_bytes(b"")
    (root / "fma_small").mkdir()
    with pytest.raises(DatasetError, match="is empty"):
        open_dataset(f"fma:{root}")


def test_the_short_clips_are_those_of_the_small_and_medium_subset() -> None:
    assert {98565, 98567, 98569, 99134, 108925, 133297} <= set(SHORT_CLIPS)
    assert len(SHORT_CLIPS) == 21
    assert all(0 <= seconds < 30 for seconds in SHORT_CLIPS.values())


@given(st.text(alphabet="[], 0123456789٣'x\n", max_size=40))
def test_any_cell_is_a_list_of_numbers_or_none(text: str) -> None:
    numbers = parse_genres(text)
    assert numbers is None or (text[0] == "[" and text[-1] == "]" and len(set(numbers)) == len(numbers))


@given(st.lists(st.integers(0, 10**9 - 1), unique=True, max_size=20))
def test_lists_of_numbers_are_read(numbers: list[int]) -> None:
    assert parse_genres(str(numbers)) == tuple(numbers)
