import pytest

from genrekit.media.folders import PassedOver, is_system_folder, walk


def test_walk_is_sorted_and_passes_over_hidden_entries_and_linked_folders(tmp_path):
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
