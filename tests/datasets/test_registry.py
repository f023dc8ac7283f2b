"""Data sets by name: the contract over all that are registered, and what a stranger's package can and cannot do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from support.dataset_files import write_song

from genrekit import plugins
from genrekit.datasets import Dataset, DataSource, OpenOptions, Part, RemoteFile, open_dataset, registry
from genrekit.errors import DatasetError
from genrekit.testing import check_loader, check_source
from genrekit.types import Example, Modality

GOOD = DataSource("good", "Good", "tests", "none", "so")


@pytest.mark.parametrize("name", registry.names())
def test_every_registered_data_set_keeps_the_contract(name):
    source = registry.get(name)
    check_source(source)
    assert source.parts == () or source.citation, "what is fetched can be cited"


FILE = RemoteFile("a.zip", "https://host/a.zip")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"name": "x"}, "name is a short"),
        ({"name": "Up"}, "name is a short"),
        ({"licence": " "}, "licence is one line"),
        ({"how": "a\nb"}, "how is one line"),
        ({"citation": "Somebody, 2020"}, "BibTeX"),
        ({"citation": "@misc{a, title = {b}"}, "in pairs"),
        ({"homepage": "http://host"}, "homepage"),
        ({"parts": (Part("a", "x", (FILE,)), Part("", "x", (FILE,)))}, "without a name"),
        ({"parts": (Part("a", "x", (FILE,), needs=("b",)),)}, "needs parts"),
        ({"parts": (Part("a", "x", ()),)}, "has a file"),
        ({"parts": (Part("a", "x", (replace(FILE, name="../a"),)),)}, "plain name"),
        ({"parts": (Part("a", "x", (replace(FILE, address="http://host/a"),)),)}, "https"),
        ({"parts": (Part("a", "x", (replace(FILE, address="https://me:pw@host/a"),)),)}, "https"),
        ({"parts": (Part("a", "x", (replace(FILE, digest="sha1:12"),)),)}, "digest"),
        ({"read": 5}, "read is a function"),
    ],
)
def test_the_contract_finds_what_is_wrong(change, match):
    check_source(GOOD)
    with pytest.raises(AssertionError, match=match):
        check_source(replace(GOOD, **change))


STRANGER = """
from pathlib import Path
from genrekit.datasets import Dataset, DataSource
from genrekit.types import Example, Modality

def read(source, options):
    folder = Path(source.removeprefix("mine:"))
    examples = tuple(
        Example(id=p.name, path=p, labels=(p.stem.rstrip("0123456789"),), group=p.stem) for p in sorted(folder.glob("*.wav"))
    )
    return Dataset(source, "mine", Modality.AUDIO, examples)

SOURCE = DataSource("mine", "Mine", "tests", "CC0", "it is there", read=read)
"""


def test_a_package_of_a_stranger_adds_a_data_set(tmp_path):
    """Installed as any package is: a module, and metadata with the entry point."""
    site = tmp_path / "site"
    info = site / "genrekit_mine-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "genrekit_mine.py").write_text(STRANGER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: genrekit-mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[genrekit.datasets]\nmine = genrekit_mine:SOURCE\n")
    for i in range(4):
        write_song(tmp_path / "songs" / f"{'ab'[i % 2]}{i}.wav", seed=i)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from genrekit.datasets import open_dataset, registry\n"
        "from genrekit.testing import check_loader, check_source\n"
        "check_source(registry.get('mine')); check_loader(lambda: open_dataset(f'mine:{sys.argv[2]}'))\n"
        "print(open_dataset(f'mine:{sys.argv[2]}').counts)\n"
        "from genrekit.cli import main; main(['datasets', 'list', 'mine'])\n"
    )
    command = [sys.executable, "-c", code, str(site), str(tmp_path / "songs")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.startswith("{'a': 2, 'b': 2}\nmine: Mine\n")


@pytest.fixture
def strangers(monkeypatch, tmp_path):
    (tmp_path / "bad_sets.py").write_text(
        "from genrekit.datasets import DataSource\nraises = None\nother = DataSource('x1', 'X', 'x', 'x', 'x')\n"
        "class Raises:\n    def __init__(self):\n        raise RuntimeError('no licence')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        EntryPoint(name, target, registry.GROUP)
        for name, target in (
            ("fma", "genrekit.datasets.fma.source:SOURCE"),
            ("fma", "a_better_fma:SOURCE"),
            ("gone", "no_such_module_:SOURCE"),
            ("nothing", "bad_sets:raises"),
            ("misnamed", "bad_sets:other"),
            ("raises", "bad_sets:Raises"),
            ("wanted", "one:SOURCE"),
            ("wanted", "two:SOURCE"),
            ("C", "drive:SOURCE"),
        )
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    for cached in (registry.get, plugins.claims):
        cached.cache_clear()
    yield
    for cached in (registry.get, plugins.claims):
        cached.cache_clear()


def test_broken_ones_are_listed_with_their_reason_and_break_nothing_else(strangers):
    reasons = {one.name: one.reason for one in registry.listings() if one.source is None}
    assert set(reasons) == {"gone", "nothing", "misnamed", "raises", "wanted"}
    assert "No module named 'no_such_module_'" in reasons["gone"]
    assert "is not a genrekit.datasets.DataSource" in reasons["nothing"]
    assert "calls itself 'x1'" in reasons["misnamed"]
    assert "no licence" in reasons["raises"]
    assert "claimed by several packages" in reasons["wanted"]
    assert registry.get("fma").title.startswith("Free Music Archive")
    with pytest.raises(DatasetError, match="cannot be loaded"):
        open_dataset("gone:x")


def test_a_reader_gets_the_options_of_the_caller(monkeypatch, tmp_path):
    seen = []
    song = write_song(tmp_path / "a.wav")

    def read(source: str, options: OpenOptions) -> Dataset:
        seen.append(options)
        return Dataset(source, "mine", Modality.AUDIO, (Example("a", path=Path(song), labels=("x",)),))

    mine = DataSource("fma", "Mine", "tests", "none", "so", read=read)
    monkeypatch.setattr(registry, "get", lambda name: mine)
    open_dataset("fma:x", prefer="audio", require_labels=False, ambiguous="multi", spectrograms=True)
    assert (seen[0].prefer, seen[0].require_labels, seen[0].ambiguous, seen[0].spectrograms) == (
        "audio",
        False,
        "multi",
        True,
    )
    check_loader(lambda: open_dataset("fma:x"))


def test_the_open_table_is_read_by_its_folder(tmp_path, tracks_csv):
    (tmp_path / "spotify_songs.csv").write_bytes(tracks_csv.read_bytes())
    assert open_dataset(f"spotify:{tmp_path}").examples == open_dataset(tracks_csv).examples
    check_loader(lambda: open_dataset(f"spotify:{tmp_path}"))
    with pytest.raises(DatasetError, match="names no table"):
        open_dataset(f"spotify:{tmp_path / 'none'}")
