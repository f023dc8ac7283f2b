"""Labels as they come: words for missing, several genres in a cell, record companies, spellings that look alike."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dataset_files import KAGGLE_HEADER, kaggle_row, write_rows, write_song, write_spectrograms

from genrekit.datasets import open_dataset
from genrekit.datasets.base import Dataset
from genrekit.datasets.check import check_dataset
from genrekit.datasets.export import manifest_table, write_table
from genrekit.datasets.genres import Genres, split_genres
from genrekit.errors import DatasetError, UsageError

NFC, NFD = (unicodedata.normalize(form, "Música") for form in ("NFC", "NFD"))
SPOTIFY = [
    "danceability",
    "energy",
    "loudness",
    "speechiness",
    "acousticness",
    "liveness",
    "valence",
    "tempo",
]


def songs(folder: Path, n: int) -> list[str]:
    names = [f"s{k}.wav" for k in range(n)]
    for k, name in enumerate(names):
        write_song(folder / name, seed=k, duration_s=0.1)
    return names


def listing(folder: Path, labels: list[str], **columns: list[str]) -> Path:
    names = songs(folder, len(labels))
    rows = [["path", "label", *columns], *map(list, zip(names, labels, *columns.values(), strict=True))]
    return write_rows(folder / "list.csv", rows)


def spotify(folder: Path, header: list[str], rows: list[list[str]]) -> Path:
    numbers = [[0.1 + k / 100, 0.5, -8, 0.1, 0.2, 0.3, 0.4, 100 + k] for k in range(len(rows))]
    table = [[*row, *values] for row, values in zip(rows, numbers, strict=True)]
    return write_rows(folder / "tracks.csv", [[*header, *SPOTIFY], *table])


def noted(dataset: Dataset, *words: str) -> bool:
    return any(all(word in note for word in words) for note in dataset.notes)


WORDS = [
    "nan",
    "NaN",
    "None",
    "#N/A",
    "<NA>",
    "NULL",
    "n/a",
    "?",
    "-",
    "",
    "\u00a0",
    "#NV",
    "N.A.",
    "nan|none",
    "[]",
]


@pytest.mark.parametrize("layout", ["manifest", "spotify", "gtzan", "npz"])
def test_words_for_missing_are_no_genres(tmp_path: Path, layout: str) -> None:
    labels = ["rock", "jazz", *WORDS, "rock|nan"]
    if layout == "manifest":
        source = listing(tmp_path, labels)
    elif layout == "spotify":
        source = spotify(tmp_path, ["genre"], [[label] for label in labels])
    elif layout == "gtzan":
        rows = [kaggle_row(f"own{k}.wav", label, k) for k, label in enumerate(labels)]
        source = write_rows(tmp_path / "features.csv", [KAGGLE_HEADER, *rows])
    else:
        names = [f"n{k}" for k in range(len(labels))]
        source = write_spectrograms(tmp_path / "m.npz", names, labels=labels)
    dataset = open_dataset(source)
    assert dataset.counts == {"jazz": 1, "rock": 2}
    assert len(dataset.left_out) == len(WORDS)
    assert noted(dataset, "word for missing")


def test_a_folder_named_for_missing_is_no_genre(tmp_path: Path) -> None:
    for name in ("rock", "jazz", "nan", "None", "#N"):
        write_song(tmp_path / name / "a.wav", seed=len(name))
    dataset = open_dataset(tmp_path)
    assert dataset.labels == ("#n", "jazz", "rock")
    assert dict(dataset.left_out)["nan/a.wav"] == "is in 'nan', which means that no genre is known"


def test_words_for_missing_are_no_groups_and_no_splits(tmp_path: Path) -> None:
    source = listing(
        tmp_path,
        ["rock"] * 4,
        artist=["nan", "N/A", "Bj\u00f6rk", "Bjo\u0308rk\u00a0"],
        split=["nan", "train", "TEST\u00a0", "-"],
    )
    dataset = open_dataset(source)
    assert [e.group for e in dataset.examples] == [None, None, "Björk", "Björk"]
    assert [e.split for e in dataset.examples] == [None, "train", "test", None]


def test_labels_in_two_forms_are_one_in_every_layout(tmp_path: Path) -> None:
    for k, name in enumerate((NFC, NFD, "\u200bM\u00fasica", "rock")):
        write_song(tmp_path / "music" / name / f"{k}.wav", seed=k)
        write_song(tmp_path / "sided" / ("train", "test")[k % 2] / name / f"{k}.wav", seed=k)
    for source in (tmp_path / "music", tmp_path / "sided"):
        dataset = open_dataset(source)
        assert dataset.counts == {"música": 3, "rock": 1}
        assert noted(dataset, "3 spellings", "'música'", "mu\\u0301sica")
        assert noted_by_check(source, "3 spellings")
    table = spotify(tmp_path, ["genre"], [[NFC], [NFD], ["M\u00fasica\u00a0"], ["Rock"], ["rock"]])
    dataset = open_dataset(table)
    assert dataset.counts == {"música": 3, "rock": 2}
    assert not noted(dataset, "spellings", "'rock'"), "upper case is no news"


def noted_by_check(source: Path, words: str) -> bool:
    return any(words in note for note in check_dataset(open_dataset(source)).notes)


def test_labels_of_another_form_take_the_most_frequent_spelling(tmp_path: Path) -> None:
    dataset = open_dataset(
        listing(tmp_path, ["STRASSE", "stra\u00dfe", "strasse", "\uff50\uff4f\uff50", "pop", "Pop"])
    )
    assert dataset.counts == {"pop": 3, "strasse": 3}
    assert noted(dataset, "look alike and were read as the one label 'strasse'")


@pytest.mark.parametrize(
    ("cell", "genres"),
    [
        ("indie rock,dream pop", ["indie rock", "dream pop"]),
        ("indie rock;dream pop", ["indie rock", "dream pop"]),
        ("indie rock ; dream pop", ["indie rock", "dream pop"]),
        ("indie rock\\\\dream pop", ["indie rock", "dream pop"]),
        ("['indie rock', 'dream pop']", ["indie rock", "dream pop"]),
        ('["indie rock", "dream pop"]', ["indie rock", "dream pop"]),
        ("['indie rock' 'dream pop']", ["indie rock", "dream pop"]),
        ("[indie rock, dream pop]", ["indie rock", "dream pop"]),
        ("{'indie rock', 'dream pop'}", ["indie rock", "dream pop"]),
        ("indie rock, nan, dream pop,", ["indie rock", "dream pop"]),
        ("Electronic, Folk, World, & Country", ["electronic", "folk, world, & country"]),
        ("Folk, World, & Country; Rock", ["folk, world, & country", "rock"]),
    ],
)
@pytest.mark.parametrize("layout", ["manifest", "spotify", "gtzan"])
def test_several_genres_in_a_cell(tmp_path: Path, layout: str, cell: str, genres: list[str]) -> None:
    if layout == "manifest":
        source = listing(tmp_path, [cell, "metal"])
    elif layout == "spotify":
        source = spotify(tmp_path, ["Genres"], [[cell], ["metal"]])
    else:
        source = write_rows(
            tmp_path / "f.csv", [KAGGLE_HEADER, kaggle_row("a.wav", cell, 0), kaggle_row("b.wav", "metal", 1)]
        )
    dropped = open_dataset(source)
    assert dropped.labels == ("metal",)
    assert "holds more than one genre" in dropped.left_out[0][1]
    assert noted(dropped, "more than one genre", "--ambiguous")
    assert open_dataset(source, ambiguous="first").examples[0].labels == (genres[0],)
    assert open_dataset(source, ambiguous="multi").examples[0].labels == tuple(genres)


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "Hip-Hop/Rap",
            "R&B/Soul",
            "Drum & Bass",
            "Funk / Soul",
            "Folk, World, & Country",
            "Folk, World & Country",
        ),
        *("Brass, Strings, and Choirs", "(synth)pop", "Salsa, Choke|", "'60s", "rock, Rock"),
    ],
)
def test_one_genre_in_a_cell(tmp_path: Path, cell: str) -> None:
    dataset = open_dataset(listing(tmp_path, [cell, "metal"]))
    assert len(dataset.labels) == 2
    assert not dataset.left_out
    assert not noted(dataset, "several genres")


def test_what_to_type_where_every_cell_holds_several(tmp_path: Path) -> None:
    cells = ["rock, pop", "jazz; pop"]
    for source in (listing(tmp_path, cells), spotify(tmp_path, ["genre"], [[cell] for cell in cells])):
        with pytest.raises(DatasetError, match="--ambiguous first"):
            open_dataset(source)
        assert open_dataset(source, ambiguous="multi").labels == ("jazz", "pop", "rock")


def test_a_word_that_decides_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'drop', 'first', 'multi'"):
        open_dataset(listing(tmp_path, ["rock", "pop"]), ambiguous="all")  # type: ignore[arg-type]


def test_a_label_with_a_comma_survives_a_manifest(tmp_path: Path) -> None:
    for name in ("salsa, choke", "rock"):
        write_song(tmp_path / name / "a.wav", seed=len(name))
    dataset = open_dataset(tmp_path)
    assert dataset.labels == ("rock", "salsa, choke")
    write_table(manifest_table(dataset.examples, tmp_path), tmp_path / "list.csv")
    assert open_dataset(tmp_path / "list.csv").counts == dataset.counts


@given(st.text(st.sampled_from("ab ,;|/&[]'\"\\{}()")), st.sampled_from(["drop", "first", "multi"]))
def test_any_cell_can_be_read(text: str, ambiguous: str) -> None:
    reading = Genres(ambiguous).read(text)  # type: ignore[arg-type]
    assert len(set(reading.labels)) == len(reading.labels)
    assert bool(reading.labels) != bool(reading.problem)
    parts, _ = split_genres(text)
    assert len(parts) <= len(text) + 1


COMPANIES = ["Red Records", "Blue Note", "4AD", "Sony Music", "Island Def Jam Ltd."]


def test_genre_comes_before_the_record_company(tmp_path: Path) -> None:
    genres = ["rock", "jazz", "rock", "jazz", "rock"]
    of_files = open_dataset(listing(tmp_path, COMPANIES, genre=genres))
    of_rows = open_dataset(
        spotify(
            tmp_path, ["Label", "playlist_genre"], [[c, g] for c, g in zip(COMPANIES, genres, strict=True)]
        )
    )
    for dataset in (of_files, of_rows):
        assert dataset.counts == {"jazz": 2, "rock": 3}
        assert noted(dataset, "was read as the label")
    assert [e.extra["label"] for e in of_files.examples] == COMPANIES


def test_record_companies_are_not_taken_for_genres(tmp_path: Path) -> None:
    blank = ["", "nan", "", "", "?"]
    rows = [kaggle_row(f"{k}.wav", company, k) for k, company in enumerate(COMPANIES)]
    sources = [
        listing(tmp_path / "a", COMPANIES),
        listing(tmp_path / "b", COMPANIES, genre=blank),
        spotify(tmp_path, ["label"], [[company] for company in COMPANIES]),
        write_rows(tmp_path / "f.csv", [KAGGLE_HEADER, *rows]),
        listing(
            tmp_path / "c",
            ["Thrill Jockey", "Brownswood", "Anticon", "Warp"],
            catalognum=["a", "b", "c", "d"],
        ),
    ]
    for source in sources:
        with pytest.raises(DatasetError, match="seems to hold record companies") as error:
            open_dataset(source)
        assert "'genre'" in error.value.hint
    assert open_dataset(sources[0], require_labels=False).labels == ()


@pytest.mark.parametrize(
    "labels",
    [
        ["rock", "jazz", "world music", "children's music"],
        ["label a", "label b"],
        ["0", "1"],
        ["record store day", "pop", "jazz", "rock"],
        ["epic", "ambient", "trance"],
    ],
)
def test_genres_in_a_column_named_label_are_genres(tmp_path: Path, labels: list[str]) -> None:
    assert open_dataset(listing(tmp_path, labels)).labels == tuple(sorted(labels))


def test_an_empty_genre_column_gives_way_to_labels(tmp_path: Path) -> None:
    dataset = open_dataset(listing(tmp_path, ["rock", "jazz"], genre=["", "nan"]))
    assert dataset.labels == ("jazz", "rock")


def test_a_file_under_two_spellings_is_taken_once(tmp_path: Path) -> None:
    folder = tmp_path / "dir"
    songs(folder, 3)
    (folder / "link.wav").symlink_to("s2.wav")
    spellings = [
        "s0.wav",
        "./s0.wav",
        "../dir/s0.wav",
        f"{folder}/s0.wav",
        "s1.wav",
        ".\\s1.wav",
        "link.wav",
        "s2.wav",
    ]
    splits = ["train", "test", "test", "valid", "train", "train", "test", "train"]
    rows = [[path, "rock", split] for path, split in zip(spellings, splits, strict=True)]
    dataset = open_dataset(write_rows(folder / "list.csv", [["path", "label", "split"], *rows]))
    assert [(e.id, e.split) for e in dataset.examples] == [
        ("s0.wav", "train"),
        ("s1.wav", "train"),
        ("link.wav", "test"),
    ]
    assert noted(dataset, "4 files named again with another split", "s0.wav (train, then test)")
    assert dict(dataset.left_out)["./s0.wav (row 3)"] == "is in row 2 already, as s0.wav"


def test_a_file_under_two_spellings_and_labels_is_not_taken(tmp_path: Path) -> None:
    songs(tmp_path, 2)
    rows = [["s0.wav", "rock"], ["./s0.wav", "pop"], ["s1.wav", "jazz"]]
    dataset = open_dataset(write_rows(tmp_path / "list.csv", [["path", "label"], *rows]))
    assert dataset.labels == ("jazz",)


@pytest.mark.parametrize(
    ("there", "written"),
    [(NFC, NFD), (NFD, NFC), ("My\u00a0Song", "My Song"), ("My Song", "My\u202fSong\u200b"), ("a  b", "a b")],
)
def test_a_name_in_another_form_finds_its_file(tmp_path: Path, there: str, written: str) -> None:
    write_song(tmp_path / there / f"{there}.wav")
    path = write_rows(tmp_path / "list.csv", [["path", "label"], [f"{written}/{written}.wav", "rock"]])
    (example,) = open_dataset(path).examples
    assert example.path is not None
    assert example.path.is_file()


def test_two_names_that_look_the_same_are_not_guessed_at(tmp_path: Path) -> None:
    for k, name in enumerate((NFC, NFD)):
        write_song(tmp_path / f"{name}.wav", seed=k)
    rows = [[f"{NFC}.wav", "rock"], [f"{NFD}.wav", "pop"], [f"{NFC}\u200b.wav", "jazz"]]
    dataset = open_dataset(write_rows(tmp_path / "list.csv", [["path", "label"], *rows]))
    assert dataset.labels == ("pop", "rock")
    assert len(dataset.left_out) == 1


def test_the_check_reports_labels_in_doubt(tmp_path: Path) -> None:
    labels = ["rock", "pop", "pop/rock", "trip hop", "trip-hop", "r\u043eck", "unknown", "hiphop", "rap"]
    report = check_dataset(open_dataset(listing(tmp_path, labels)))
    details = {finding.ids: finding.detail for finding in report.findings}
    assert details[("pop/rock",)] == "may be more than one genre: 'pop', 'rock'"
    assert details[("unknown",)] == "may mean that no genre is known"
    assert details[("trip hop", "trip-hop")].startswith("look alike")
    assert details[("rock", "r\u043eck")] == "look alike: 'rock', 'r\\u043eck'"
    assert details[("hiphop", "rap")] == "all mean hip-hop"
