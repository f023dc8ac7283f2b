"""Generated songs: the same from the same options, musical enough to learn from, and never half written."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile as sf
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score

from genrekit.datasets import open_dataset
from genrekit.datasets.synthetic.instruments import HITS, NOTES, SR
from genrekit.datasets.synthetic.song import play
from genrekit.datasets.synthetic.styles import SCALES, STYLES
from genrekit.errors import DatasetError
from genrekit.features.gtzan import gtzan_features

SMALL = "synthetic:?genres=2&songs=3&seconds=0.5"
EXAMPLES = Path(__file__).parents[2] / "examples"


def digests(source: str) -> list[str]:
    return [
        hashlib.sha256((e.path or Path()).read_bytes()).hexdigest() for e in open_dataset(source).examples
    ]


def test_labels_groups_and_files() -> None:
    dataset = open_dataset(SMALL)
    assert dataset.counts == {"classical": 3, "disco": 3}
    assert [(e.id, e.group) for e in dataset.examples][:3] == [
        ("classical/band000_song0.flac", "classical band 0"),
        ("classical/band000_song1.flac", "classical band 0"),
        ("classical/band001_song0.flac", "classical band 1"),
    ]
    y, sr = sf.read(dataset.examples[0].path)
    assert (len(y), sr) == (SR // 2, SR)
    assert np.abs(y).max() > 0.1
    assert any("no evidence" in note for note in dataset.notes)


def test_the_same_options_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digests(SMALL)
    assert len(set(first)) == 6, "six different songs"
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path))
    assert digests(SMALL) == first
    assert digests(SMALL + "&seed=1") != first


def test_a_song_does_not_depend_on_how_many_there_are() -> None:
    assert digests("synthetic:?genres=3&songs=5&seconds=0.5")[:3] == digests(SMALL)[:3]


def test_the_cache_is_used_and_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path))
    before = digests(SMALL)
    paths = [e.path or Path() for e in open_dataset(SMALL).examples]
    times = [path.stat().st_mtime_ns for path in paths]
    paths[0].unlink()
    assert digests(SMALL) == before
    assert [path.stat().st_mtime_ns for path in paths][1:] == times[1:], "the others were not written again"
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".writing")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("synthetic:?genre=2", "no option 'genre'. Did you mean genres?"),
        ("synthetic:?genres=7", "Option genres of synthetic: is '7'. It is a whole number from 1 to 6"),
        ("synthetic:?genres=2.5", "is '2.5'"),
        ("synthetic:?seconds=nan", "is 'nan'. It is a number from 0.5 to 120"),
        ("synthetic:?songs=1&songs=2", "is given twice"),
        ("synthetic:?songs=", "is ''"),
        ("synthetic:songs", "is not a list of options"),
        ("synthetic:?seed=-1", "from 0 to"),
    ],
)
def test_bad_options(source: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        open_dataset(source)
    assert message in str(caught.value)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="GENREKIT_CACHE_DIR"):
        open_dataset(SMALL)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_plays(style: str) -> None:
    y = play(style, seed=3, duration_s=2.5)
    assert y.shape == (round(2.5 * SR),)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    assert 0.1 < np.abs(y).max() <= 1
    # Music goes on: no tenth of a second in the middle of it is silent.
    frames = y[SR : 2 * SR].reshape(-1, SR // 10)
    assert (np.sqrt((frames**2).mean(axis=1)) > 1e-4).all()
    np.testing.assert_array_equal(y, play(style, seed=3, duration_s=2.5))
    assert np.abs(y - play(style, seed=3, song=1, duration_s=2.5)).max() > 0.1


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("f_hz", [41.2, 220.0, 1760.0])
def test_an_instrument_plays_the_note(name: str, f_hz: float) -> None:
    y = NOTES[name](f_hz, 0.5, 0.5, np.random.default_rng(0))()
    assert np.isfinite(y).all()
    assert 0.05 < np.abs(y).max() < 10
    # The energy stands at multiples of the frequency (a chord's root and fifth for the distorted guitar).
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    f = np.arange(len(power)) * SR / len(y)
    base_hz = f_hz / 2 if name == "power" else f_hz
    near = np.abs(f / base_hz - np.round(f / base_hz)) * base_hz < max(6.0, 0.03 * f_hz)
    assert power[near].sum() > 0.6 * power.sum()


@pytest.mark.parametrize("name", HITS)
def test_a_drum_dies_away(name: str) -> None:
    y = HITS[name](0.5, np.random.default_rng(0))
    assert np.isfinite(y).all()
    quarter = len(y) // 4
    assert (y[-quarter:] ** 2).mean() < 0.2 * (y[:quarter] ** 2).mean()


def test_styles_are_well_formed() -> None:
    assert list(STYLES) == sorted(STYLES)
    for style in STYLES.values():
        patterns = [pattern for kit in style.drums for pattern in kit.values()]
        assert {drum for kit in style.drums for drum in kit} <= set(HITS)
        for part in (style.bass, style.comp, style.lead, style.pad):
            assert set(part.instruments) <= set(NOTES)
            patterns += part.patterns
        assert all(len(pattern) == 16 and pattern.isdigit() for pattern in patterns)
        assert set(style.scales) <= set(SCALES)
        assert len(style.spectrum_db) == 8


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_media", EXAMPLES / "make_media.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_of_the_example_songs_makes_the_same_samples_again() -> None:
    script = load_script()
    first = [(name, genre, y.tobytes()) for name, genre, y in script.songs(1.0)]
    assert first == [(name, genre, y.tobytes()) for name, genre, y in script.songs(1.0)]
    assert [genre for _, genre, _ in first] == list(STYLES)


def test_the_script_writes_what_lies_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load_script()
    monkeypatch.setattr(script, "SONGS", {"off_beat.ogg": script.SONGS["off_beat.ogg"]})
    script.write(tmp_path)
    assert (tmp_path / "labels.csv").read_text() == "path,label\noff_beat.ogg,reggae\n"
    new, sr = sf.read(tmp_path / "off_beat.ogg")
    kept, kept_sr = sf.read(EXAMPLES / "media" / "off_beat.ogg")
    assert (sr, len(new)) == (kept_sr, len(kept)) == (SR, 30 * SR)
    # Another encoder or processor may differ in the last bits; another song would not be alike at all.
    assert np.corrcoef(new, kept)[0, 1] > 0.99


def test_the_songs_in_the_repository_are_a_data_set() -> None:
    dataset = open_dataset(EXAMPLES / "media" / "labels.csv")
    assert dataset.labels == tuple(STYLES)
    assert not dataset.left_out
    assert sum((e.path or Path()).stat().st_size for e in dataset.examples) < 2_000_000


@pytest.mark.night
def test_genres_are_learnable_but_not_trivial() -> None:
    """A forest on the 57 features, on bands that it never heard: far above chance (0.25), and not perfect."""
    dataset = open_dataset("synthetic:?genres=4&songs=8")
    features = [gtzan_features(sf.read(e.path, dtype="float32")[0]) for e in dataset.examples]
    accuracy = cross_val_score(
        RandomForestClassifier(100, random_state=0),
        np.array(features),
        [e.labels[0] for e in dataset.examples],
        groups=[e.group for e in dataset.examples],
        cv=StratifiedGroupKFold(4, shuffle=True, random_state=0),
    ).mean()
    assert 0.5 < accuracy < 0.99
