"""Making and updating an index."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from filelock import FileLock
from mutagen.flac import FLAC
from support.night import day_and_night

from genrekit.errors import DatasetError, OutputExistsError, UnknownSourceError, UsageError
from genrekit.similarity import Index, index, similar
from genrekit.similarity.rows import Rows


def counts(done):
    return {
        name: value
        for name in ("new", "changed", "moved", "unchanged", "removed", "gone")
        if (value := getattr(done, name))
    }


def retag(path, title):
    sound = FLAC(path)
    sound["title"], sound["artist"] = title, "Someone"
    sound.save()


def test_an_unchanged_library_is_not_read_again(make, made, library, monkeypatch):
    def never(*args, **options):
        raise AssertionError("a file was read")

    before = (made / "vectors.f32").read_bytes()
    monkeypatch.setattr("genrekit.preparation.preparer.content_of", never)
    monkeypatch.setattr("genrekit.similarity.update.content_of", never)
    assert counts(make(library, made)) == {"unchanged": 18}
    assert (made / "vectors.f32").read_bytes() == before


def test_what_is_new_is_added(make, made, library, songs):
    shutil.copy(songs.examples[0].path, library / "copy.flac")
    y, sr = soundfile.read(songs.examples[1].path)
    soundfile.write(library / "other.flac", y[::-1], sr)
    size = (made / "vectors.f32").stat().st_size
    done = make(library, made)
    assert (done.total, counts(done)) == (20, {"new": 2, "unchanged": 18})
    # The copy shares the vector of the song.
    assert (made / "vectors.f32").stat().st_size == size + size // 18


def test_a_moved_file_keeps_its_vector(make, made, library, stored):
    before = stored(made)
    old = next(library.rglob("*.flac"))
    new = library / "elsewhere" / "name.flac"
    new.parent.mkdir()
    old.rename(new)
    done = make(library, made)
    assert (done.total, counts(done)) == (18, {"moved": 1, "unchanged": 17})
    after = stored(made)
    assert str(old) not in after
    assert np.array_equal(after[str(new)], before[str(old)])


def test_a_renamed_folder_keeps_all_vectors(make, made, library):
    size = (made / "vectors.f32").stat().st_size
    library.rename(library.with_name("moved"))
    done = make(library.with_name("moved"), made)
    assert (done.total, counts(done)) == (18, {"moved": 18})
    assert (made / "vectors.f32").stat().st_size == size


def test_a_file_with_other_tags_keeps_its_vector(make, made, library):
    size = (made / "vectors.f32").stat().st_size
    path = next(library.rglob("*.flac"))
    retag(path, "New title")
    assert counts(make(library, made)) == {"unchanged": 18}
    assert Index(made).row(str(path))[1].title == "New title"
    retag(path, "Newer title, and longer")
    path.rename(library / "moved and tagged.flac")
    assert counts(make(library, made)) == {"moved": 1, "unchanged": 17}
    assert Index(made).row(str(library / "moved and tagged.flac"))[1].title.startswith("Newer")
    assert (made / "vectors.f32").stat().st_size == size


def test_a_changed_file_is_embedded_again(make, made, library, stored):
    path = next(library.rglob("*.flac"))
    before = stored(made)[str(path)]
    y, sr = soundfile.read(path)
    soundfile.write(path, y[::-1], sr)
    assert counts(make(library, made)) == {"changed": 1, "unchanged": 17}
    assert not np.allclose(stored(made)[str(path)], before)


def test_rows_of_files_that_are_gone_go_when_asked(make, made, library):
    gone = sorted(library.rglob("*.flac"))[:3]
    for path in gone:
        path.unlink()
    assert counts(make(library, made)) == {"unchanged": 15, "gone": 3}
    done = make(library, made, prune=True)
    assert (done.total, counts(done)) == (15, {"unchanged": 15, "removed": 3})
    assert not {one.input for one in similar(sorted(library.rglob("*.flac"))[0], made, k=99)} & set(
        map(str, gone)
    )


def test_what_cannot_be_read_is_said_and_costs_nothing_else(make, library, tmp_path):
    (library / "broken.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(16))
    soundfile.write(library / "silent.flac", np.zeros(44100), 22050)
    said = []
    done = make([library, tmp_path / "nowhere.flac"], tmp_path / "i", say=said.append)
    assert (done.total, len(done.failed)) == (18, 3)
    assert (
        sum(any(name in line for line in said) for name in ("broken.wav", "silent.flac", "nowhere.flac")) == 3
    )
    assert sum(done.reasons.values()) == 3


def test_nothing_readable_leaves_nothing_behind(make, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(16))
    with pytest.raises(DatasetError, match="Nothing could be indexed"):
        make(tmp_path / "broken.wav", tmp_path / "i")
    assert not (tmp_path / "i").exists()


def test_several_words_mean_one_library(make, made, library, stored, tmp_path):
    folders = sorted(one for one in library.iterdir())
    (tmp_path / "list.m3u").write_text("\n".join(map(str, sorted(folders[0].iterdir()))))
    make([tmp_path / "list.m3u", *folders[1:]], tmp_path / "other")
    one, other = stored(made), stored(tmp_path / "other")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_names_that_are_not_utf8(make, made, library, tmp_path):
    name = os.fsencode(library) + b"/caf\xe9.flac"
    shutil.copy(next(library.rglob("*.flac")), name)
    assert make(library, made).total == 19
    assert os.fsdecode(name) in {one.input for one in similar(next(library.glob("*/*.flac")), made, k=50)} | {
        row.name for _, row in _rows(made)
    }


def _rows(folder):
    with Rows(folder) as rows:
        return list(rows.all())


def test_another_model_is_refused(make, made, library, model_path):
    with pytest.raises(UsageError, match="was made with the model"):
        make(library, made, model=model_path)
    done = make(library, made, model=model_path, overwrite=True)
    assert done.total == 18
    assert Index(made).facts.vectors == "features"


def test_a_folder_with_other_things_is_left_alone(make, library, tmp_path):
    for options in ({}, {"overwrite": True}):
        with pytest.raises(OutputExistsError, match="other things"):
            make(library, library, **options)
    assert len(list(library.rglob("*.flac"))) == 18
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputExistsError, match="is a file"):
        make(library, tmp_path / "file")
    with pytest.raises(UsageError, match="no folder"):
        make(library, tmp_path / "no" / "index")


def test_overwrite_leaves_files_of_others(make, made, library):
    (made / "notes.txt").write_text("mine")
    assert counts(make(library, made, overwrite=True)) == {"new": 18}
    assert (made / "notes.txt").read_text() == "mine"


def test_two_at_once(make, made, library):
    with (
        FileLock(made / ".lock"),
        pytest.raises(OutputExistsError, match="Another 'genrekit index' is writing"),
    ):
        make(library, made)
    assert len(Index(made)) == 18


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_index_that_cannot_be_written(make, made, library):
    made.chmod(0o555)
    try:
        with pytest.raises(UsageError, match="cannot be written"):
            make(library, made)
        assert similar(next(library.rglob("*.flac")), made, k=3)
    finally:
        made.chmod(0o755)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_library_that_cannot_be_written(make, library, tmp_path):
    paths = [library, *library.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert make(library, tmp_path / "i").total == 18
    finally:
        for path in paths:
            path.chmod(0o755)


def test_an_index_is_read_while_it_is_written(make, made, library):
    with Rows(made, write=True) as rows:
        rows.remove([name for name, _ in rows.paths()][:1])
        assert len(Index(made)) == 18
        assert similar(next(library.rglob("*.flac")), made, k=3)


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda folder: shutil.rmtree(folder), UnknownSourceError, "is not there"),
        (lambda folder: (folder / "index.json").unlink(), UnknownSourceError, "no index.json"),
        (lambda folder: (folder / "index.json").write_text("{"), DatasetError, "damaged"),
        (lambda folder: (folder / "index.json").write_text("[]"), DatasetError, "damaged"),
        (lambda folder: _edit(folder, format=3), DatasetError, "format 3"),
        (lambda folder: _edit(folder, size=0), DatasetError, "damaged"),
        (lambda folder: _edit(folder, mean=[1.0]), DatasetError, "damaged"),
        (lambda folder: _edit(folder, mean=None, size=1 << 19), DatasetError, "damaged"),
        (lambda folder: (folder / "vectors.f32").write_bytes(b""), DatasetError, "damaged"),
        (lambda folder: (folder / "vectors.f32").unlink(), DatasetError, "damaged"),
        (lambda folder: (folder / "rows.sqlite").unlink(), DatasetError, "missing"),
        (lambda folder: (folder / "rows.sqlite").write_bytes(b"not a database" * 400), DatasetError, "damaged"),
        (lambda folder: (folder / "rows.sqlite").write_bytes(b""), DatasetError, "damaged"),
        (lambda folder: _sql(folder, "UPDATE rows SET vector = 999"), DatasetError, "damaged"),
        (lambda folder: _sql(folder, "DELETE FROM rows"), DatasetError, "empty"),
    ],
)  # fmt: skip
def test_a_damaged_index_is_explained(made, library, damage, error, words):
    damage(made)
    with pytest.raises(error, match=words):
        similar(next(library.rglob("*.flac")), made)


def _edit(folder, **changes):
    facts = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(facts | changes))


def _sql(folder, words):
    with sqlite3.connect(folder / "rows.sqlite") as base:
        base.execute(words)


def test_rows_of_a_table(tracks_csv, tracks_model, tmp_path):
    table = tmp_path / "tracks.csv"
    shutil.copy(tracks_csv, table)
    done = index(table, tmp_path / "i", model=tracks_model)
    assert (done.total, counts(done)) == (240, {"new": 240})
    assert counts(index(table, tmp_path / "i", model=tracks_model)) == {"unchanged": 240}
    found = similar(f"{table}#row 5", tmp_path / "i", k=5)
    assert len(found) == 5
    assert all("#row " in one.input and not one.input.endswith("#row 5") for one in found)
    lines = table.read_text().splitlines()
    one = tmp_path / "one.csv"
    one.write_text("\n".join([lines[0], lines[4]]))
    first = similar(one, tmp_path / "i", k=1)[0]
    assert (first.input, first.score) == (f"{table}#row 5", pytest.approx(1))
    table.write_text("\n".join(lines[:-10]))
    done = index(table, tmp_path / "i", model=tracks_model)
    assert (done.total, done.removed) == (230, 10)
    with pytest.raises(UsageError, match="230 rows"):
        similar(table, tmp_path / "i")
    with pytest.raises(UsageError, match="no row 999"):
        similar(f"{table}#row 999", tmp_path / "i")
    with pytest.raises(UsageError, match="No row of the index is 'nosuch'"):
        similar(f"{table}#row 5", tmp_path / "i", genre="nosuch")


KILL = """
import os, signal, sys
from genrekit.similarity import index, writer
point, n = sys.argv[1], int(sys.argv[2])
writer._BATCH = 3
def at(owner, name, after):
    plain, calls = getattr(owner, name), []
    def run(*args, **options):
        calls.append(1)
        if len(calls) > n and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(*args, **options)
        if len(calls) > n:
            args[0]._file.flush() if hasattr(args[0], "_file") else None
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, run)
owner, name, after = {
    "before a row": (writer.Rows, "put", False),
    "after a row": (writer.Rows, "put", True),
    "after the vector": (writer.Writer, "add", True),
    "before the commit": (writer.Rows, "commit", False),
    "after the commit": (writer.Rows, "commit", True),
    "before the facts": (writer, "write_facts", False),
}[point]
at(owner, name, after)
index(sys.argv[3], sys.argv[4], model=sys.argv[5], jobs=1, resume=n > 100)
"""
POINTS = [
    ("after the vector", 7), ("before the commit", 2), ("before a row", 4), ("before the facts", 1), ("before a row", 0),
    ("before a row", 1), ("before a row", 11), ("before a row", 17), ("after a row", 0), ("after a row", 5), ("after a row", 17),
    ("after the vector", 0), ("after the vector", 1), ("after the vector", 16), ("before the commit", 0),
    ("before the commit", 4), ("before the commit", 6), ("after the commit", 0), ("after the commit", 3),
    ("after the commit", 5), ("before the facts", 0),
]  # fmt: skip


@pytest.mark.parametrize(("point", "n"), day_and_night(POINTS, day=1))
def test_a_killed_run_goes_on(make, made, library, network, tmp_path, point, n):
    target = tmp_path / "killed"
    words = [sys.executable, "-c", KILL, point, str(n), str(library), str(target), str(network.path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if (target / "index.json").exists():
        with pytest.raises(OutputExistsError, match="not finished"):
            make(library, target)
    assert make(library, target, resume=True).total == 18
    assert (target / "vectors.f32").stat().st_size == (made / "vectors.f32").stat().st_size
    for song in sorted(library.rglob("*.flac"))[::4]:
        one, other = (similar(song, folder, k=17) for folder in (made, target))
        assert [row.input for row in one] == [row.input for row in other]
        assert [row.score for row in one] == pytest.approx([row.score for row in other], abs=1e-6)


def test_an_interrupted_index_can_be_asked(made, library):
    before = similar(next(library.rglob("*.flac")), made, k=17)
    _edit(made, finished=False, mean=None)
    after = similar(next(library.rglob("*.flac")), made, k=17)
    assert [one.input for one in after] == [one.input for one in before]


def test_an_index_of_an_earlier_version_stays_what_it_is(make, library, network, tmp_path):
    from genrekit.prediction import load_model
    from genrekit.similarity.facts import Facts, write_facts

    folder, model = tmp_path / "earlier", load_model(network.path)
    folder.mkdir()
    size = model.runtime.embedding_size
    write_facts(
        folder,
        Facts(
            format=1, model=model.name, model_sha256=model.bundle.sha256, modality="audio", vectors="embeddings", size=size,
            finished=True,
        ),
    )  # fmt: skip
    said = []
    assert make(library, folder, say=said.append).total == 18
    assert "an earlier version" in said[0]
    assert Index(folder).facts.size == size
    assert len(similar(next(library.rglob("*.flac")), folder, k=17)) == 17


def test_the_default_model_takes_songs_first(
    library, tmp_path, monkeypatch, network, tracks_csv, tracks_model
):
    from genrekit.prediction import load_model

    monkeypatch.setattr(
        "genrekit.similarity.indexing.load_shipped",
        lambda: (load_model(network.path), load_model(tracks_model)),
    )
    table = Path(shutil.copy(tracks_csv, tmp_path / "t.csv"))
    index(table, tmp_path / "tables")
    assert Index(tmp_path / "tables").facts.modality == "table"
    index([table, library], tmp_path / "songs", say=lambda text: None)
    assert Index(tmp_path / "songs").facts.modality == "audio"
