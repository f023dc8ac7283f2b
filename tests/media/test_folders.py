import pytest

from genrekit.datasets.folder import walk as walk_dataset
from genrekit.media.folders import PassedOver, is_system_folder, walk


def test_walk_is_sorted_and_passes_over_hidden_entries_and_loops(tmp_path):
    for name in ("b/2.wav", "b/1.wav", "a/3.wav", ".hidden/4.wav", "a/.5.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b" / "dangling.wav").symlink_to(tmp_path / "nowhere")
    assert [str(p.relative_to(tmp_path)) for p in walk(tmp_path)] == [
        "a/3.wav",
        "b/1.wav",
        "b/2.wav",
        "b/dangling.wav",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *"#recycle @eaDir $RECYCLE.BIN __MACOSX lost+found .Trash-1000 FOUND.000 RECYCLER".split(),
        "System Volume Information",
    ],
)
def test_folders_of_systems_are_passed_over_and_counted(tmp_path, name):
    for folder in (name, "rock"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.wav").touch()
    passed = PassedOver()
    assert list(walk(tmp_path, passed)) == [tmp_path / "rock/a.wav"]
    assert str(passed) == f"passed over 1 folder: {name} (of the system) 1"


@pytest.mark.parametrize(
    "name", ["recycled beats", "trash", "#1 hits", "found.it", "lost and found", "@home"]
)
def test_folders_that_only_sound_like_it_are_not(name):
    assert not is_system_folder(name)


def test_what_is_passed_over_is_counted_by_kind(tmp_path):
    passed = PassedOver()
    assert str(passed) == ""
    for name in ("a.NFO", "b.nfo", "c.wv", ".DS_Store", "LICENCE"):
        passed.add_file(name)
    assert str(passed) == "passed over 5 files: .nfo 2, .wv 1, hidden 1, without a suffix 1"
    passed.add_folder("links")
    assert str(passed).endswith("; 1 folder: links 1")


def test_linked_folders_come_last_each_once_and_none_that_the_folder_lies_in(tmp_path):
    root = tmp_path / "root"
    for name in ("root/rock/a.wav", "far/b.wav", "beside.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    for link, target in (
        ("root/a far", "far"),
        ("root/rock/again", "far"),
        ("root/up", "."),
        ("root/self", "root"),
        ("far/back", "root/rock"),
    ):
        (tmp_path / link).symlink_to(tmp_path / target, target_is_directory=True)
    passed = PassedOver()
    assert [str(path.relative_to(root)) for path in walk(root, passed)] == ["rock/a.wav", "a far/b.wav"]
    assert str(passed) == "passed over 4 folders: links 4"
    left_out = []
    assert sorted(str(path.relative_to(root)) for path in walk_dataset(root, left_out)) == [
        "a far/b.wav",
        "rock/a.wav",
    ]
    assert len(left_out) == 4
