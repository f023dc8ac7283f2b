"""Commands in the docs: each runs as it stands, one after the other per page, or its block is marked as an illustration.

The mark is a comment before the block, ``<!-- illustration: REASON -->``. Training is made quick by settings that are
added to a command; outputs that a page shows are compared with what a terminal of 80 columns shows.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import zipfile
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from PIL import Image
from support import quick
from support.terminal import on_terminal

from genrekit.datasets.base import Dataset

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"(?:<!-- illustration: (?P<reason>[^>]*) -->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```",
    re.M | re.S,
)
ELSEWHERE = {"fma-small.md": "sh", "playlists.md": "sh"}  # test_docs_pages.py
TRAINS = "genrekit train 'synthetic:?songs=8"  # a block of the README: test_docs.py, at night
PYTHON_HERE = ("analysis.md", "bundle.md")
PYTHON_ELSEWHERE = (
    "README.md",
    "python.md",
    "serve.md",
    "start-python.md",
    "tutorial.md",
)  # test_docs.py, tests/server
SHOWN = ("library.md",)  # with outputs
NIGHT = (
    "batch.md",
    "compare.md",
    "encoder.md",
    "explain.md",
    "image.md",
    "inspect.md",
    "similar.md",
    "spectrogram.md",
    "spotify.md",
    "start-library.md",
    "start-own-data.md",
    "tags.md",
    "tuning.md",
)
QUICK = {
    "encoder": ["--set", "head=logistic"],
    "gtzan": quick.as_words(quick.GTZAN),
    "spectrogram": quick.as_words(quick.SPECTROGRAM),
    "spotify": quick.as_words(quick.SPOTIFY),
}
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def blocks(page: Path) -> list[re.Match[str]]:
    """Return the blocks of a page that may hold commands."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [block for block in found if block["language"] in ("", "sh", "bash", "console")]


def to_run(page: Path) -> list[str]:
    """Return the texts of the blocks that this module runs."""
    return [
        block["text"]
        for block in blocks(page)
        if block["reason"] is None
        and block["language"] != ELSEWHERE.get(page.name, "-")
        and not block["text"].startswith(TRAINS)
    ]


@pytest.fixture
def world(tmp_path, shared_folder, songs, model_path, tracks_csv, monkeypatch):
    """A folder with everything that the pages name, and a home with a library."""
    made = shared_folder.once("docs", lambda folder: fill(folder, songs, model_path, tracks_csv))
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "cache"))  # a page clears it
    return tmp_path


def fill(folder: Path, songs: Dataset, model: Path, table: Path) -> None:
    shutil.copytree(ROOT / "examples", folder / "examples")
    album = folder / "home" / "Music" / "An Album"
    album.mkdir(parents=True)
    for number, example in enumerate(songs.examples):
        genre = folder / "music" / example.labels[0]
        genre.mkdir(parents=True, exist_ok=True)
        shutil.copy(example.path, genre / f"{number}{example.path.suffix}")
        if number % 4 == 0:
            name(
                shutil.copy(example.path, album / f"{number}{example.path.suffix}"),
                f"Artist {number}",
                "Jazz",
            )
        if number == 1:
            shutil.copy(example.path, album)  # without a genre
    y, sr = soundfile.read(songs.examples[0].path)
    for one in ("song.mp3", "song.wav", "song.ogg", "other.mp3"):
        soundfile.write(folder / one, np.tile(y, 25) if one == "song.mp3" else y, sr)
    name(folder / "song.mp3", "An Artist", "Jazz")
    with zipfile.ZipFile(folder / "songs.zip", "w") as archive:
        archive.write(folder / "song.wav", "song.wav")
    Image.effect_noise((64, 64), 50).convert("RGB").save(folder / "photo.jpg")
    for one in ("tracks.csv", "other_tracks.csv"):
        shutil.copy(table, folder / one)
    (folder / "grid.yaml").write_text("max_depth: [2, 3]\n")
    for one in ("a.genrekit", "b.genrekit"):
        shutil.copy(model, folder / one)
    shutil.copy(ROOT / "genrekit" / "models" / "shipped" / "image.genrekit", folder / "covers.genrekit")


def shorten(folder: Path) -> None:
    """Leave six seconds of every song."""
    for path in folder.glob("*.ogg"):
        y, sr = soundfile.read(path, stop=6 * soundfile.info(path).samplerate)
        soundfile.write(path, y, sr)


def name(path: Path | str, artist: str, genre: str) -> None:
    sound = mutagen.File(path, easy=True)
    if sound.tags is None:
        sound.add_tags()
    sound["artist"], sound["genre"] = artist, genre
    sound.save()


def words_of(line: str) -> list[str]:
    """Return the words of a command as a shell gives them, with settings that make training quick."""
    words = [os.path.expanduser(word) for word in shlex.split(line, comments=True)[1:]]  # noqa: PTH111
    words = [word.replace("?songs=8", "?songs=4") for word in words]
    words = [
        str(next(Path().glob("genrekit-tags-*.jsonl"))) if "genrekit-tags-" in word else word
        for word in words
    ]
    if words[0] in ("train", "tune") or (words[0] in ("compare", "evaluate") and "--backend" in words):
        backend = words[words.index("--backend") + 1] if "--backend" in words else "gtzan"
        words += QUICK.get(backend, []) if "--grid" not in words else []
    if words[0] == "tune":
        words += ["--trials", "2", "-j", "1"]
    return words


def runs(page: Path) -> bool:
    return any("genrekit " in text and "$ " not in text for text in to_run(page))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(p, id=p.name, marks=pytest.mark.night if p.name in NIGHT else ())
        for p in PAGES
        if runs(p)
    ],
)
def test_the_commands_of_a_page_run_one_after_the_other(page, world, genrekit):
    if page.name == "README.md":
        shorten(Path("examples/media"))
    if page.name in ("compare.md", "explain.md"):
        genrekit(*words_of("genrekit train music/ -o mine.genrekit"))  # as another page does
    if page.name == "compare.md":  # two models that differ
        shutil.copy("mine.genrekit", "b.genrekit")
    for text in to_run(page):
        for line in text.replace("\\\n", " ").splitlines() if "$ " not in text else ():
            if not line.strip():
                continue
            done = genrekit(*words_of(line))
            assert done.status == 0, f"{line}\n{done.err}"


@pytest.mark.night
@pytest.mark.parametrize("name", SHOWN)
def test_the_outputs_of_a_page_are_what_a_terminal_shows(name, world):
    shutil.rmtree("music")  # the page makes it of the examples
    checker = doctest.OutputChecker()
    for text in to_run(ROOT / "docs" / name):
        for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
            # A quoted argument may go on over lines.
            lines = part.splitlines()
            size = next(k for k in range(1, len(lines) + 1) if "\n".join(lines[:k]).count("'") % 2 == 0)
            command, wanted = "\n".join(lines[:size]), "\n".join(lines[size:]) + "\n"
            shown = on_terminal(command, 80, world)
            assert shown.status == 0, shown.lines
            # A terminal breaks a long line anywhere, in a path too.
            got = re.sub(r"^(.{80})\n", r"\1", "\n".join(shown.lines) + "\n", flags=re.M)
            got = re.sub(r"/\S*/music/", "/home/you/walk/music/", got)
            squeezed = ["".join(text.split()) for text in (wanted, got)]
            assert checker.check_output(*squeezed, doctest.ELLIPSIS), f"{command}\n{got}"


@pytest.mark.parametrize("name", PYTHON_HERE)
def test_the_python_of_a_page_runs(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    for block in BLOCK.finditer((ROOT / "docs" / name).read_text(encoding="utf-8")):
        if block["language"].startswith("python") and block["reason"] is None:
            exec(compile(block["text"], name, "exec"), {})


def test_every_block_of_commands_is_run_or_marked():
    seen = [block for page in PAGES for block in blocks(page)]
    assert len(seen) > 60
    code = [
        block
        for page in PAGES
        if page.name not in (*PYTHON_HERE, *PYTHON_ELSEWHERE)
        for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
        if block["language"].startswith("python")
    ]
    assert all(block["reason"] for block in code), [block["text"] for block in code if not block["reason"]]
    for block in seen:
        assert block["reason"] is None or len(block["reason"].split()) > 1
        if block["reason"] is None:
            lines = block["text"].replace("\\\n", " ").splitlines()
            assert "$ " in block["text"] or all(
                line.startswith("genrekit ") for line in lines if line.strip()
            ), f"a block is neither commands nor marked, nor has it a language:\n{block['text']}"
