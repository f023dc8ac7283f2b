"""``genrekit inspect``: pictures that are right, wrong usage, and inputs that cannot be read."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("drawn_charts")


@pytest.fixture
def inspect(genrekit, monkeypatch, tmp_path):
    """Run the command in the temporary folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: genrekit("inspect", *words)


def is_drawn(png):
    """Return whether a PNG has more than a blank page."""
    picture = np.asarray(Image.open(BytesIO(png)).convert("L"))
    return picture.shape[0] > 100 and picture.std() > 10


def test_a_song_is_drawn_with_a_heat_map(inspect, songs, network, tmp_path):
    song = songs.examples[0].path
    done = inspect(song, "--model", network.path, "-o", "song.png")
    assert done.status == 0, done.err
    assert done.out == ""
    for word in ("Model net", "BPM", "Key", "wrote song.png"):
        assert word in done.err
    png = (tmp_path / "song.png").read_bytes()
    assert is_drawn(png)
    plain = inspect(song, "--model", network.path, "-o", "again.png")
    assert plain.status == 0
    assert (tmp_path / "again.png").read_bytes() == png
    refused = inspect(song, "--model", network.path, "-o", "song.png")
    assert refused.status == 2
    assert "exists" in refused.err


def test_rows_of_a_table_are_drawn_with_their_features(inspect, tracks_csv, tracks_model, tmp_path):
    done = inspect(tracks_csv, "--model", tracks_model, "--rows", "5,3", "-o", "t.png")
    assert done.status == 0, done.err
    assert "240 rows" in done.err
    assert "Row 3 is" in done.err
    assert "Row 5 is" in done.err
    assert is_drawn((tmp_path / "t.png").read_bytes())
    for rows, words in (("1", "from 2 on"), ("a", "row numbers"), ("999", "no row 999")):
        done = inspect(tracks_csv, "--model", tracks_model, "--rows", rows, "-o", "u.png")
        assert done.status == 2
        assert words in done.err
        assert not (tmp_path / "u.png").exists()


def test_several_inputs_are_one_page_and_what_cannot_be_read_is_on_it(
    inspect, tracks_csv, tracks_model, tmp_path
):
    (tmp_path / "broken <b>.csv").write_bytes(b"a,b\n1,2\n")
    words = [tracks_csv, "missing.wav", "broken <b>.csv", tracks_model, "--model", tracks_model]
    done = inspect(*words, "-o", "page.html")
    assert done.status == 3, done.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "missing.wav: " in page
    assert "<b>" not in page
    assert "F1" in page
    assert "<script" not in page
    refused = inspect(*words, "-o", "page.png")
    assert refused.status == 2
    assert ".html" in refused.err


def test_a_list_of_files_is_drawn_by_its_labels(inspect, songs, tracks_model, tmp_path):
    frame = songs.to_frame()[["path", "label"]]
    frame.to_csv(tmp_path / "list.csv", index=False)
    done = inspect("list.csv", "-o", "list.png", "--model", tracks_model)
    assert done.status == 0, done.err
    assert f"{frame.label.value_counts().index[0]} 6" in done.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "nothing to inspect"),
        (["a.wav"], 2, "--output"),
        (["a.wav", "-o", "a.jpg"], 2, ".png"),
        (["a.wav", "-o", "a.png"], 1, "such file"),
        (["nix.genrekit", "-o", "a.png"], 1, "no model"),
        (["tags", "-o", "a.png"], 1, "not measured"),
        (["empty.csv", "-o", "a.png"], 1, "empty"),
        (["noise.xyz", "-o", "a.png"], 1, "not a song"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(inspect, words, status, said, tmp_path):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "noise.xyz").write_bytes(bytes(range(256)))
    done = inspect(*words)
    assert done.status == status, done.err
    assert said in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "a.png").exists()


def test_short_and_quiet_sounds_are_drawn_or_refused_in_words(inspect, network, tmp_path):
    import soundfile

    rng = np.random.default_rng(0)
    for name, y in {
        "short": 0.1 * rng.standard_normal(8_000),
        "tiny": 0.1 * rng.standard_normal(100),
        "silent": np.zeros(44_100),
        "click": np.eye(1, 66_150, 400)[0],
    }.items():
        soundfile.write(tmp_path / f"{name}.wav", y, 22_050)
    done = inspect(
        *(f"{name}.wav" for name in ("short", "tiny", "silent", "click")),
        "--model", network.path, "-o", "all.html",
    )  # fmt: skip
    assert done.status == 3, done.err
    assert "Traceback" not in done.err
    assert "short.wav: Model" in done.err
    assert "silent.wav: " in done.err


@pytest.mark.usefixtures("coarse_heat_maps")
def test_the_picture_of_a_photo_is_as_readable_in_greyscale(inspect, tmp_path):
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    done = inspect("a.png", "-o", "photo.png", "--model", "image")
    assert done.status == 0, done.err
    assert is_drawn((tmp_path / "photo.png").read_bytes())


def test_a_table_with_unreadable_rows_counts_them(inspect, tracks_csv, tracks_model, tmp_path):
    frame = pd.read_csv(tracks_csv).head(5).astype(object)
    frame.loc[1, "energy"] = "loud"
    frame["genre"] = "polka"
    frame.to_csv(tmp_path / "bad.csv", index=False)
    done = inspect("bad.csv", "--model", tracks_model, "--rows", "2,3", "-o", "t.png")
    assert done.status == 0, done.err
    assert "No prediction for 1 row." in done.err
    assert "polka 0 (labelled: 5)" in done.err
