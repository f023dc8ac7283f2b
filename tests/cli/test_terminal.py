"""What a new user sees: a library with long names on real terminals of several widths."""

import shutil

import pytest
from support.night import day_and_night
from support.terminal import on_terminal

COLUMNS = (60, 120)
NAMES = (
    "01 - The Very Long Name Of An Artist - A Very Long Title (Remastered 1999).wav",
    "02 - The Very Long Name Of An Artist - A Very Long Title (Remastered 1999).wav",
    "02 - The Very Long Name Of An Artist - B Very Long Title (Remastered 1999).wav",
    "short.wav",
)
ALBUMS = ("Sông & more/An Album (Disc 1)", "Sông & more/An Album (Disc 2)", "Ärzte, Die")


@pytest.fixture
def library(songs, tmp_path):
    """Songs in nested folders, of which several differ by a letter in the middle of a long name."""
    for number, album in enumerate(ALBUMS):
        folder = tmp_path / "Music" / album
        folder.mkdir(parents=True)
        for name in NAMES:
            shutil.copy(songs.examples[number].path, folder / name)
    (tmp_path / "Music" / "broken.wav").write_bytes(b"RIFF")
    return tmp_path


def files(line):
    """How many names of sound files a line has."""
    return line.count(".wav")


@pytest.mark.parametrize(
    ("columns", "measured"), day_and_night([(60, True), (80, False), (120, True)], day=1)
)
def test_a_table_of_tags(library, model_path, columns, measured):
    words = "--with bpm,key" if measured else ""
    shown = on_terminal(f"genrekit tag Music -j 1 --model {model_path} {words}", columns, library)
    assert shown.status == 3
    assert "━" not in shown.sent
    assert sum("would change" in line for line in shown.lines) == len(ALBUMS) * len(NAMES) + 1  # and the sum
    assert sum(" %" in line for line in shown.lines) == len(ALBUMS) * len(NAMES)
    assert "Music/" in shown.lines
    assert sum("Music" in line for line in shown.lines) == 1
    assert all(f"{album}/" in shown.lines for album in ALBUMS)
    for label in ("Classical", "Disco", "Hip-Hop", "Jazz"):
        assert not any(f"{label[:3]}…" in line for line in shown.lines)
    below = "\n".join(shown.lines).split(f"{ALBUMS[0]}/\n")[1].split(f"{ALBUMS[1]}/")[0]
    names = [line.split(".wav")[0] for line in below.replace("\n", " ").split("  ") if ".wav" in line]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("command", "pipe"),
    day_and_night(
        [
            ("predict", ""),
            ("tag", "| cat"),
            ("predict", "| cat"),
            ("predict", "2>&1 | cat"),
            ("sort", "2>&1 | cat"),
        ],
        day=2,
    ),
)
def test_tables_in_pipes_have_lines_of_their_own(library, model_path, command, pipe):
    shown = on_terminal(f"genrekit {command} Music -j 1 --model {model_path} -f table {pipe}", 80, library)
    assert "0/13" not in "".join(line for line in shown.lines)
    assert not any(files(line) and "━" in line for line in shown.lines)


@pytest.mark.parametrize("columns", day_and_night(COLUMNS, day=1))
def test_a_table_of_predictions_tells_all_names_apart(library, model_path, columns):
    shown = on_terminal(f"genrekit predict Music -j 1 -k 1 --model {model_path}", columns, library)
    folder, names = "", []
    for line in shown.lines:
        if line.endswith("/"):
            folder = line
        elif " %" in line and ".wav" in line:
            names.append((folder, line[line.index("%") + 1 :].strip()))
    assert len(set(names)) == len(names) > 3
    assert sum(files(line) for line in shown.lines) >= len(ALBUMS) * len(NAMES)
    assert len(shown.lines) < 3 * len(ALBUMS) * len(NAMES)


@pytest.mark.parametrize("columns", day_and_night(COLUMNS, day=1))
def test_a_table_of_genres_is_whole(library, model_path, columns):
    shown = on_terminal(f"genrekit sort Music -j 1 --model {model_path}", columns, library)
    at = next(n for n, line in enumerate(shown.lines) if line.startswith("genre"))
    assert "files" in shown.lines[at]
    genres = {line.split()[0] for line in shown.lines[at + 1 :] if "01 - " in line or "short" in line}
    assert genres, shown.lines
    assert genres <= {"Classical", "Disco", "Hip-Hop", "Jazz", "unsure"}


def test_rows_in_a_file_are_rows_though_a_bar_is_shown(library, model_path):
    shown = on_terminal(f"genrekit tag Music -j 1 --model {model_path} > rows.jsonl", 80, library)
    rows = (library / "rows.jsonl").read_text().splitlines()
    assert len(rows) == len(ALBUMS) * len(NAMES) + 1
    assert not any(line.startswith("{") for line in shown.lines)


@pytest.fixture
def large_library(songs, tmp_path):
    """300 songs in nested folders with long names, of which many differ by a letter in their middle."""
    for number in range(300):
        artist, album, track = number // 60, number // 12 % 5, number % 12
        folder = (
            tmp_path
            / "Music"
            / f"Artist {artist} with & a Long Ñame"
            / f"Album {album} (Disc {album % 2 + 1})"
        )
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{track + 1:02d} - Artist {artist} - A Very Long Title Number {track} of the Album (Remastered 1999).wav"
        shutil.copy(songs.examples[number % len(songs.examples)].path, folder / name)
    return tmp_path


@pytest.mark.night
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_300_songs_are_tagged_sorted_undone_and_tagged_again(large_library, model_path, columns):
    model = f"--model {model_path} -j 1"
    predicted = on_terminal(f"genrekit predict Music -o genres.csv {model}", columns, large_library)
    assert (predicted.status, "wrote 300 rows to genres.csv" in "".join(predicted.lines)) == (0, True)
    tag = "genrekit tag --from genres.csv --min-confidence 0 --write --journal"
    for command, word in (
        (f"{tag} one.jsonl", "changed"),
        ("genrekit sort --from genres.csv --to lists --write", ""),
        ("genrekit tag --undo one.jsonl --write", "changed"),
        ("genrekit tag --undo one.jsonl --write", "same"),
        (f"{tag} two.jsonl", "changed"),
    ):
        shown = on_terminal(command, columns, large_library)
        assert shown.status == 0, shown.lines[-3:]
        assert not any("━" in line and ".wav" in line for line in shown.lines)
        if word:
            rows = [line for line in shown.lines if line.endswith(word) and ".wav" in line]
            assert len(rows) == 300
            assert f"300 {word}" in shown.lines
        assert not any(
            f"{label[:3]}…" in line for line in shown.lines for label in ("Classical", "Disco", "Hip-Hop")
        )
    assert sum(path.read_text().count(".wav") for path in (large_library / "lists").glob("*.m3u8")) == 300
