"""Pictures on the command line: the shipped model, three kinds of input at once, and what is no picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import quick
from support.night import day_and_night

from genrekit.media.kinds import Modality
from genrekit.models import shipped_models
from genrekit.models.bundle import load
from genrekit.prediction.explanation_images import image_name
from genrekit.text import counted

EXAMPLES = Path(__file__).parents[2] / "examples"


def draw(
    path: Path, seed: int = 0, *, mode: str = "RGB", size: tuple[int, int] = (64, 48), **options
) -> Path:
    """Write noise as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(path, **options)
    return path


def rows(run) -> list[dict]:
    return [json.loads(line) for line in run.out.splitlines()]


def test_three_kinds_of_question_get_answers_from_three_models(genrekit, tmp_path):
    picture = EXAMPLES / "media" / "blue_notes.png"
    song = EXAMPLES / "media" / "swing_band.ogg"
    table = EXAMPLES / "tracks.csv"
    run = genrekit("predict", picture, song, table)
    assert run.status == 0
    found = rows(run)
    for_songs = next(name for name in ("encoder", "spectrogram") if name in shipped_models())
    assert [row["model"] for row in found[:2]] == ["image", for_songs]
    assert {row["model"] for row in found[2:]} == {"spotify"}
    assert [row["input"] for row in found[:2]] == [str(picture), str(song)]
    assert all(row["error"] is None for row in found)


def test_the_card_of_the_model_says_what_it_has_seen(genrekit):
    run = genrekit("models", "image")
    words = " ".join(run.out.split())
    assert "album covers, not photographs" in words
    for label in ("classical", "country", "electronic", "hiphop", "jazz", "metal", "pop", "reggae", "rock"):
        assert label in words


UGLY = {
    "empty.jpg": b"",
    "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
    "text.png": b"this is no picture\n" * 20,
    "header.png": b"\x89PNG\r\n\x1a\n",
}


def test_what_is_no_picture_is_a_row_with_words(genrekit, tmp_path):
    folder = tmp_path / "pictures"
    good = [
        draw(folder / "a.jpg"),
        draw(folder / "b cmyk.jpg", mode="CMYK"),
        draw(folder / "c palette.png", mode="P"),
        draw(folder / "d grey.webp", mode="L"),
        draw(folder / "e alpha.png", mode="RGBA"),
        draw(folder / "f moving.gif", save_all=True, append_images=[Image.new("RGB", (64, 48))]),
        draw(folder / "g named wrongly.jpg", format="PNG"),
    ]
    for name, content in UGLY.items():
        (folder / name).write_bytes(content)
    draw(folder / "one.png", size=(1, 1))
    draw(folder / "ruler.png", size=(30_000, 1))
    whole = draw(folder / "cut.jpg", size=(200, 200)).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    run = genrekit("predict", *sorted(folder.iterdir()))
    assert run.status == 3
    found = {Path(row["input"]).name: row for row in rows(run)}
    assert found.keys() == {path.name for path in folder.iterdir()}
    assert {name for name, row in found.items() if row["error"] is None} == {path.name for path in good}
    words = {
        "empty.jpg": "empty",
        "page.jpg": "web page",
        "one.png": "1 x 1",
        "ruler.png": "30,000 x 1",
        "cut.jpg": "cut off",
    }
    for name, word in words.items():
        assert word in found[name]["error"], (name, found[name]["error"])


def test_of_many_pictures_the_broken_ones_lose_no_row(genrekit, tmp_path):
    for k in range(20):
        draw(tmp_path / f"{k:03d}.png", k, size=(20, 20))
    for k in (7, 15):
        (tmp_path / f"{k:03d}.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    run = genrekit("predict", tmp_path, "--jobs", 2)
    assert run.status == 3
    found = rows(run)
    assert [Path(row["input"]).stem for row in found] == [f"{k:03d}" for k in range(20)]
    assert [k for k, row in enumerate(found) if row["error"]] == [7, 15]


@pytest.fixture
def covers(tmp_path):
    """Two genres, one of them in two spellings, one lonely picture, and a broken one."""
    for k in range(8):
        draw(tmp_path / "covers" / "jazz" / f"{k}.png", k)
        draw(tmp_path / "covers" / ("Hip Hop", "hip-hop")[k % 2] / f"{k}.jpg", 20 + k)
    draw(tmp_path / "covers" / "polka" / "only.png", 50)
    (tmp_path / "covers" / "jazz" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path / "covers"


@pytest.mark.usefixtures("small_resnet", "exported_once")
def test_a_folder_with_every_fault_is_learned_from(genrekit, covers, tmp_path):
    words = ["train", "--backend", "image", "--data", covers, "-o", tmp_path / "m.genrekit", "--merge-labels"]
    run = genrekit(*words, *quick.as_words(quick.IMAGE))
    assert run.status == 0, run.err
    assert "labels without an example in test: polka" in run.err
    assert "broken.png" in run.err
    manifest = load(tmp_path / "m.genrekit").manifest
    assert manifest.modality is Modality.IMAGE
    assert manifest.labels == ("hip-hop", "jazz", "polka")
    why = tmp_path / "why"
    pictures = [covers / "jazz" / name for name in ("0.png", "broken.png")]
    run = genrekit("predict", "--model", tmp_path / "m.genrekit", *pictures, "--explain-dir", why)
    assert [row["error"] is None for row in rows(run)] == [True, False]
    assert len(list(why.iterdir())) == 1


@pytest.mark.usefixtures("coarse_heat_maps")
@pytest.mark.parametrize("output", day_and_night(["o.csv", "o.parquet"], day=1))
def test_images_of_reasons_and_a_file_of_results_go_together(output, genrekit, songs, tmp_path):
    draw(tmp_path / "a.png", 1)
    draw(tmp_path / "b.jpg", 2)
    inputs = [tmp_path / "a.png", tmp_path / "b.jpg" if output == "o.parquet" else songs.examples[0].path]
    why, out = tmp_path / "why", tmp_path / output
    words = ["predict", *inputs, "--explain-dir", why, "-o", out]
    run = genrekit(*words)
    assert run.status == 0, run.err
    there = {path.name: path.stat().st_mtime_ns for path in why.iterdir()}
    assert len(there) == len(inputs)
    options = json.loads((tmp_path / f"{output}.run" / "run.json").read_text())["options"]
    assert str(why) not in json.dumps(options)

    again = genrekit(*words, "--resume")
    assert f"{counted(len(inputs), 'input')} finished before, 0 now" in again.err
    assert {path.name: path.stat().st_mtime_ns for path in why.iterdir()} == there

    (why / image_name(str(inputs[1]))).unlink()
    again = genrekit(*words, "--resume")
    assert f"{counted(len(inputs) - 1, 'input')} finished before, 1 now" in again.err
    assert {path.name for path in why.iterdir()} == set(there)


@pytest.mark.usefixtures("coarse_heat_maps")
def test_a_folder_of_images_is_not_overwritten_unasked(genrekit, tmp_path):
    draw(tmp_path / "a.png", 1)
    (tmp_path / "why").mkdir()
    (tmp_path / "why" / "mine.txt").write_text("mine")
    words = ["predict", tmp_path / "a.png", "--explain-dir", tmp_path / "why"]
    refused = genrekit(*words)
    assert refused.status == 2
    assert "holds files" in refused.err
    assert genrekit(*words, "--overwrite").status == 0
    assert (tmp_path / "why" / "mine.txt").read_text() == "mine"
    assert "is a file" in genrekit(*words[:-1], tmp_path / "a.png", "--overwrite").err
