"""Near-identical songs."""

import numpy as np
import soundfile
from support.similarity_index import write

from genrekit.similarity import Index, duplicates
from genrekit.similarity.course import LENGTH, courses
from genrekit.similarity.pairs import CLOSE, SAME_COURSE


def test_copies_are_found_and_songs_alike_are_not(make, made, library, tmp_path):
    songs = sorted(library.rglob("*.flac"))[::5]
    for number, path in enumerate(songs):
        y, sr = soundfile.read(path)
        soundfile.write(library / f"{number} again.{('mp3', 'ogg')[number % 2]}", y, sr)
    make(library, made)
    pairs = list(duplicates(Index(made)))
    wanted = {(str(path), number) for number, path in enumerate(songs)}
    found = {
        (pair.input, int(pair.other.rpartition("/")[2].split()[0])) for pair in pairs if "again" in pair.other
    }
    assert wanted <= found
    assert not any(pair.identical for pair in pairs)


def test_identical_sound_is_said(make, made, library):
    song = next(library.rglob("*.flac"))
    (library / "copy.flac").write_bytes(song.read_bytes())
    make(library, made)
    (pair,) = (pair for pair in duplicates(Index(made)) if pair.identical)
    assert {pair.input, pair.other} == {str(song), str(library / "copy.flac")}


def test_equal_to_comparing_all_with_all(tmp_path, monkeypatch):
    monkeypatch.setattr("genrekit.similarity.pairs._ROWS", 16)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(80, 6)).astype(np.float32)
    vectors[40:60] = vectors[:20] + rng.normal(0, 0.02, (20, 6))
    shapes = rng.integers(-127, 128, (80, LENGTH)).astype(np.int8)
    shapes[40:50] = shapes[:10]
    rows = [
        {"length_s": None if i == 5 else 100 + i % 40 * 0.5 + (3 if i in (41, 51) else 0), "course": b"" if i in (55, 56) else shapes[i].tobytes()}
        for i in range(80)
    ]  # fmt: skip
    opened = write(tmp_path / "i", vectors, rows=rows)
    unit = opened.directions(opened.vectors)
    cosines = unit @ unit.T
    course = courses([row["course"] for row in rows])
    wanted = set()
    for i in range(80):
        for j in range(i + 1, 80):
            one, other = rows[i]["length_s"], rows[j]["length_s"]
            near = one is None or other is None or abs(one - other) <= 2
            both = rows[i]["course"] and rows[j]["course"]
            close = cosines[i, j] >= (CLOSE if both else 0.995) and (
                not both or course[i] @ course[j] >= SAME_COURSE
            )
            if near and close:
                wanted.add((f"/music/{i}", f"/music/{j}"))
    assert 5 <= len(wanted) <= 12
    assert {(pair.input, pair.other) for pair in duplicates(opened)} == wanted
