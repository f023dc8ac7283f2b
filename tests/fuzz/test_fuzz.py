"""Some mutants of every kind by day, some hundreds by night, the same each time; `long.py` runs thousands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzz_judge import BUNDLES, PICTURES, SOUNDS, TABLES, judge
from support.fuzz_mutate import mutant
from support.fuzz_seeds import SONG, Seed, seeds, sound

from genrekit.errors import BundleError
from genrekit.features.schema import GTZAN_COLUMNS, SPOTIFY_COLUMNS
from genrekit.models.bundle import MANIFEST
from genrekit.models.container import unpack
from genrekit.models.manifest import parse_manifest
from genrekit.prediction import Model, load_model

MEDIA_EACH, TABLES_EACH, BUNDLES_EACH = 14, 30, 12
BY_NIGHT = pytest.param(1, marks=pytest.mark.night)
SHARES = pytest.mark.parametrize("share", [3, BY_NIGHT])  # one mutant in three by day

Files = dict[str, list[Seed]]


@pytest.fixture(scope="module")
def models(model_path: Path, tracks_model: Path) -> list[Model]:
    return [load_model(model_path), load_model(tracks_model), load_model("image")]


@pytest.fixture(scope="module")
def files(model_path: Path, tracks_model: Path) -> Files:
    return seeds({"gtzan": model_path, "spotify": tracks_model})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mutants stand, beside the song that manifests name."""
    folder = tmp_path_factory.mktemp("mutants")
    (folder / SONG).write_bytes(sound("WAV", "PCM_16").data)
    return folder


def write(folder: Path, kind: str, made: Sequence[Seed]) -> list[Path]:
    paths = [folder / f"{kind}-{number}{one.suffix}" for number, one in enumerate(made)]
    for path, one in zip(paths, made, strict=True):
        path.write_bytes(one.data)
    return paths


def test_the_files_that_mutants_are_made_from_are_good(
    files: Files, models: list[Model], folder: Path
) -> None:
    media = [
        path for kind in (*SOUNDS, *PICTURES) for path in write(folder, f"good-{kind}", files.get(kind, []))
    ]
    verdicts = [*judge("wav", media, models)]
    for kind in (*TABLES, "bundle"):
        verdicts += judge(kind, write(folder, f"good-{kind}", files[kind]), models)
    bad = [v for v in verdicts if v.outcome != "answered" and "MIDI sample dump" not in v.reason]
    assert not bad
    assert not [v for v in verdicts if v.complaint]


def test_a_mutant_can_be_made_again(files: Files) -> None:
    for kind in files:
        assert mutant(kind, files, 3) == mutant(kind, files, 3)
        assert len({mutant(kind, files, number).data for number in range(6)}) > 1


@SHARES
def test_sounds_and_pictures(files: Files, models: list[Model], folder: Path, share: int) -> None:
    kinds = [kind for kind in (*SOUNDS, *PICTURES) if kind in files]
    paths = [
        path
        for kind in kinds
        for path in write(folder, kind, [mutant(kind, files, k) for k in range(0, MEDIA_EACH, share)])
    ]
    verdicts = [*judge("wav", paths, models)]
    assert [v.path for v in verdicts] == [str(path) for path in paths]
    assert not [v for v in verdicts if v.complaint or v.outcome == "late"]
    assert {"answered", "refused"} <= {v.outcome for v in verdicts}


@SHARES
@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind: str, files: Files, models: list[Model], folder: Path, share: int) -> None:
    paths = write(folder, kind, [mutant(kind, files, k) for k in range(0, TABLES_EACH, share)])
    verdicts = [*judge(kind, paths, models)]
    assert not [v for v in verdicts if v.complaint]
    assert {v.outcome for v in verdicts} == {"answered", "refused"}


@SHARES
@pytest.mark.parametrize("kind", BUNDLES)
def test_bundles(kind: str, files: Files, models: list[Model], folder: Path, share: int) -> None:
    paths = write(folder, kind, [mutant(kind, files, k) for k in range(0, BUNDLES_EACH, share)])
    verdicts = [*judge(kind, paths, models)]
    assert len(verdicts) == len(paths)
    assert not [v for v in verdicts if v.complaint]
    assert "refused" in {v.outcome for v in verdicts}


NAMES = st.sampled_from([*SPOTIFY_COLUMNS, *GTZAN_COLUMNS[:4], "path", "label", "genre", "split", "", " "])
CELLS = st.one_of(st.floats().map(repr), st.integers().map(str), st.text(max_size=12))
LINES = st.lists(st.lists(CELLS, max_size=16), max_size=5)


@settings(deadline=None)
@given(st.lists(st.one_of(NAMES, CELLS), max_size=16), LINES, st.sampled_from(",;\t"))
def test_any_text_as_a_table(
    models: list[Model], folder: Path, header: list[str], lines: list[list[str]], delimiter: str
) -> None:
    text = "\n".join(delimiter.join(cells) for cells in ([*SPOTIFY_COLUMNS, *header], *lines, header))
    path = folder / "any.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    (verdict,) = judge("csv", [path], models)
    assert not verdict.complaint


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, st.text(max_size=8)), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = st.fixed_dictionaries({}, optional=dict.fromkeys(SPOTIFY_COLUMNS, VALUES))


@settings(deadline=None)
@given(
    st.one_of(
        VALUES,
        st.lists(st.one_of(RECORDS, VALUES), max_size=4),
        st.fixed_dictionaries({"audio_features": st.lists(RECORDS, max_size=3)}),
    )
)
def test_any_json_as_a_table(models: list[Model], folder: Path, value: object) -> None:
    path = folder / "any.json"
    path.write_text(json.dumps(value))
    (verdict,) = judge("json", [path], models)
    assert not verdict.complaint


@settings(deadline=None)
@given(st.data())
def test_any_manifest_of_a_bundle(files: Files, data: st.DataObject) -> None:
    facts = json.loads(unpack(files["bundle"][0].data)[MANIFEST])
    key = data.draw(st.sampled_from([*facts, "more"]))
    facts[key] = data.draw(VALUES)
    said = ""
    try:
        manifest = parse_manifest(json.dumps(facts).encode())
        assert parse_manifest(manifest.model_dump_json().encode()) == manifest
    except BundleError as error:
        said = str(error)
    assert said.isprintable()
