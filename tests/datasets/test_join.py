import pytest

from genrekit.datasets import open_dataset
from genrekit.errors import DatasetError, UnknownSourceError


def manifest(path, rows, columns="path,label"):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.wav").write_bytes(name.encode() * 100)
    return tmp_path


def test_ids_are_unique_and_files_are_taken_once(files):
    one = manifest(files / "one.csv", ["a.wav,rock", "b.wav,jazz"])
    two = manifest(files / "two.csv", ["b.wav,jazz", "c.wav,rock"])
    dataset = open_dataset([one, two])
    assert [e.path.name for e in dataset.examples] == ["a.wav", "b.wav", "c.wav"]
    assert len({e.id for e in dataset.examples}) == 3
    assert any("is in" in reason and "one.csv" in reason for _, reason in dataset.left_out)
    assert dataset.sources == (str(one), str(two))


def test_examples_of_one_name_in_two_sources_keep_both(tmp_path):
    for source, byte in (("x", b"1"), ("y", b"2")):
        for label in ("rock", "jazz"):
            (tmp_path / source / label).mkdir(parents=True)
            (tmp_path / source / label / "song.wav").write_bytes(byte * 50)
    dataset = open_dataset([tmp_path / "x", tmp_path / "y"])
    assert len({e.id for e in dataset.examples}) == len(dataset.examples) == 4


def test_the_fingerprint_is_of_all_sources(files):
    one = manifest(files / "one.csv", ["a.wav,rock", "b.wav,jazz"])
    two = manifest(files / "two.csv", ["c.wav,rock"])
    three = manifest(files / "three.csv", ["c.wav,jazz"])
    found = {open_dataset(names).fingerprint for names in ([one], [one, two], [one, three])}
    assert len(found) == 3
    assert open_dataset([one]).fingerprint == open_dataset(one).fingerprint


def test_splits_are_kept_and_a_source_without_one_is_named(files):
    one = manifest(files / "one.csv", ["a.wav,rock,train", "b.wav,jazz,test"], "path,label,split")
    two = manifest(files / "two.csv", ["c.wav,rock"])
    dataset = open_dataset([one, two])
    assert [e.split for e in dataset.examples] == ["train", "test", None]
    assert any("two.csv has no published split" in note for note in dataset.notes)


def test_spellings_are_compared_over_all_sources(files):
    one = manifest(files / "one.csv", ["a.wav,hiphop", "b.wav,jazz"])
    two = manifest(files / "two.csv", ["c.wav,rap"])
    assert open_dataset([one, two], merge_labels=True).labels == ("hip-hop", "jazz")
    assert any("spellings of one genre" in note for note in open_dataset([one, two]).notes)


def test_kinds_are_not_mixed(files):
    table = manifest(files / "t.csv", ["1,2,rock", "3,4,jazz"], "f,g,label")
    songs = manifest(files / "s.csv", ["a.wav,rock", "b.wav,jazz"])
    with pytest.raises(DatasetError, match="sources of one kind"):
        open_dataset([songs, table], schemas={"mine": ("f", "g")})
    with pytest.raises(UnknownSourceError):
        open_dataset([])
