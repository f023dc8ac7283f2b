"""Paths in the columns of a terminal: what they share once, the rest tellable apart."""

import pytest

from genrekit.output import PathColumn, common_folder

LONG = "A Long Name of an Artist/An Album/"


def placed(paths, width=24, known=True, **options):
    column = PathColumn(width, paths=paths if known else (), **options)
    return [column.place(path) for path in paths]


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["music/a/1.mp3", "music/a/2.mp3"], "music/a/"),
        (["music/ab.mp3", "music/ac/1.mp3"], "music/"),
        (["/home/x/1.mp3", "music/1.mp3"], ""),
        (["/a/1.mp3", "/b/1.mp3"], ""),
        (["1.mp3"], ""),
        (["s3://bucket/a/1.mp3", "s3://bucket/b/1.mp3"], "s3://bucket/"),
        (["s3://a/1.mp3", "s3://b/1.mp3"], ""),
        (["zip://a/1.mp3::x.zip", "zip://a/2.mp3::x.zip"], ""),
        ([], ""),
    ],
)
def test_the_folder_that_paths_share(paths, folder):
    assert common_folder(paths) == folder


def test_short_paths_are_whole():
    assert [one.cell for one in placed(["a/1.mp3", "b/2.mp3"])] == ["a/1.mp3", "b/2.mp3"]


def test_what_all_share_is_said_once_and_the_rest_where_it_fits():
    first, second = placed([f"{LONG}1.mp3", f"{LONG}b/2.mp3"])
    assert first == ((LONG,), "1.mp3", "1.mp3")
    assert second == ((), "b/2.mp3", "b/2.mp3")


def test_the_middle_of_the_rest_is_cut_where_all_stay_tellable_apart():
    paths = [f"Music/{LONG}(Disc {disc})/0{n} x.mp3" for disc in (1, 2) for n in (1, 2)]
    first, *rows = placed(paths, 32)
    assert first.folders == (f"Music/{LONG}",)
    paths.append("Music/short.mp3")
    first, *rows = placed(paths, 32)
    assert first.folders == ("Music/",)
    assert not any(row.folders for row in rows)
    cells = [first.cell, *(row.cell for row in rows)]
    assert len(set(cells)) == len(paths)
    assert all(cell.endswith(path.split("/")[-1]) for cell, path in zip(cells, paths, strict=True))


def test_folders_are_said_once_for_their_songs_where_names_are_long():
    names = [f"{n} - A Long Title of a Song.mp3" for n in range(3)]
    paths = [f"Music/{LONG}{names[0]}", f"Music/{LONG}{names[1]}", f"Music/{LONG}b/{names[2]}", "Music/3.mp3"]
    rows = placed(paths)
    assert [row.folders for row in rows] == [("Music/", LONG), (), (f"{LONG}b/",), ("./",)]
    assert [row.name for row in rows] == [*names, "3.mp3"]
    assert len({row.cell for row in rows}) == 4


def test_unknown_paths_have_their_folder_above_where_they_do_not_fit():
    rows = placed([f"{LONG}1.mp3", f"{LONG}2.mp3", "3.mp3"], known=False)
    assert [row.folders for row in rows] == [(LONG,), (), ()]


def test_names_that_look_the_same_when_cut_are_whole():
    rows = placed([f"{'x' * 30}{n}{'y' * 30}.mp3" for n in (1, 2, 1)])
    assert [row.cell is None for row in rows] == [False, True, False]


def test_the_archive_of_a_member_is_part_of_its_folder():
    rows = placed([f"zip://{LONG}{n}.mp3::songs.zip" for n in (1, 2)], known=False)
    assert rows[0].folders == (f"zip://{LONG}::songs.zip",)
    assert [row.cell for row in rows] == ["1.mp3", "2.mp3"]


def test_one_folder_is_enough_for_a_grouped_table():
    rows = placed(["a/1.mp3", "a/2.mp3"], grouped=True)
    assert [(row.folders, row.cell) for row in rows] == [(("a/",), "1.mp3"), ((), "2.mp3")]
