"""What a model learnt is recognised under another name, and the numbers on the rest stand beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from support.night import day_and_night

from genrekit.datasets.base import Dataset
from genrekit.evaluation.evaluate import evaluate
from genrekit.evaluation.report_text import to_text
from genrekit.models.bundle import load
from genrekit.models.shipped import shipped_models
from genrekit.preparation.cache import Cache
from genrekit.training.train import train

SETTINGS = {"classifier": "logistic", "transform": "standard", "window_s": 2, "folds": 2}


@pytest.fixture(scope="module")
def learnt_ids(songs: Dataset, model_path: Path) -> set[str]:
    """The songs that ``model_path`` learnt: as many as its bundle has keys."""
    measured = evaluate(model_path, songs.source, split="test")
    tested = {row[0] for row in measured.rows}
    return {example.id for example in songs.examples} - tested


def test_a_bundle_has_a_key_of_every_song_that_it_learnt(model_path: Path, learnt_ids: set[str]) -> None:
    bundle = load(model_path)
    assert bundle.learnt is not None
    assert bundle.learnt.counts == {"sound": len(learnt_ids)} == bundle.manifest.data["keys"]


def test_the_held_out_split_is_not_called_learnt(songs: Dataset, model_path: Path) -> None:
    report = evaluate(model_path, songs.source, split="test").report
    assert not report.inflated
    assert report.learnt is not None
    assert report.learnt.examples == 0
    assert "The model learnt none of these" in to_text(report)


@pytest.mark.parametrize("cached", day_and_night([False, True], day=1))
def test_songs_are_recognised_as_other_files_with_other_names(
    songs: Dataset, model_path: Path, learnt_ids: set[str], tmp_path: Path, cached: bool
) -> None:
    for number, example in enumerate(songs.examples[::2]):
        assert example.path is not None
        samples, sr = sf.read(example.path, dtype="int16")
        folder = tmp_path / example.labels[0]
        folder.mkdir(exist_ok=True)
        sf.write(folder / f"copy {number}.flac", samples, sr)
    measured = evaluate(model_path, tmp_path, cache=Cache(enabled=cached), jobs=2)
    taken = {example.id for example in songs.examples[::2]}
    report = measured.report
    assert report.inflated
    assert report.learnt is not None
    assert report.learnt.rest is not None
    assert (report.learnt.examples, report.learnt.of) == (len(taken & learnt_ids), len(taken))
    assert report.learnt.rest.n_examples == len(taken - learnt_ids)
    assert not report.learnt.rest.inflated
    assert report.notes[1].startswith(
        f"The model learnt {len(taken & learnt_ids)} of these {len(taken)} examples"
    )
    facts = json.loads(json.dumps(report.to_dict()))
    assert facts["learnt"]["rest"]["n_examples"] == report.learnt.rest.n_examples
    text = to_text(report)
    assert f"on the {report.learnt.rest.n_examples} examples that the model did not learn" in text


def test_other_songs_are_new(model_path: Path) -> None:
    report = evaluate(model_path, "synthetic:?genres=3&songs=2&seconds=4&seed=9").report
    assert not report.inflated
    assert report.learnt is not None
    assert report.learnt.examples == 0


def test_a_bundle_without_keys_tells_nothing(songs: Dataset, tmp_path: Path) -> None:
    trained = train(songs.source, config=SETTINGS, output=tmp_path / "a.genrekit", keys=False)
    assert trained.bundle.learnt is None
    assert "keys" not in trained.bundle.manifest.data
    report = evaluate(trained.path, "synthetic:?genres=3&songs=2&seconds=4&seed=9").report
    assert report.learnt is None
    assert "learnt" not in report.to_dict()


def test_a_part_of_a_learnt_song_is_learnt(
    songs: Dataset, model_path: Path, learnt_ids: set[str], tmp_path: Path
) -> None:
    example = next(e for e in songs.examples if e.id in learnt_ids)
    rows = [("path", "label", "start", "end")]
    rows += [(str(example.path), example.labels[0], start, start + 2) for start in (0, 1)]
    table = tmp_path / "parts.csv"
    table.write_text("\n".join(",".join(map(str, row)) for row in rows))
    report = evaluate(model_path, table).report
    assert report.learnt is not None
    assert report.learnt.examples == report.n_examples >= 1
    assert report.learnt.rest is None
    assert "nothing is left" in report.notes[1]


class TestTables:
    """Rows are known by their features: other units of storage, other columns beside them, other names."""

    def learnt(self, model: Path, table: Path) -> tuple[int, int]:
        found = evaluate(model, table).report.learnt
        assert found is not None
        return found.examples, found.of

    def test_as_texts_as_float32_and_in_another_order(
        self, tracks_model: Path, tracks_csv: Path, tmp_path: Path
    ) -> None:
        frame = pd.read_csv(tracks_csv)
        learnt = load(tracks_model).learnt
        assert learnt is not None
        assert set(learnt.counts) == {"row"}
        numbers = frame.select_dtypes("number").columns
        narrow = frame.copy()
        narrow[numbers] = narrow[numbers].astype(np.float32)
        narrow[list(reversed(frame.columns))].to_parquet(tmp_path / "narrow.parquet")
        assert self.learnt(tracks_model, tmp_path / "narrow.parquet")[0] == learnt.counts["row"]
        frame.iloc[::2].to_csv(tmp_path / "half.csv", index=False, float_format="%.9g")
        some, of = self.learnt(tracks_model, tmp_path / "half.csv")
        assert 0 < some < of

    def test_changed_rows_are_new(self, tracks_model: Path, tracks_csv: Path, tmp_path: Path) -> None:
        frame = pd.read_csv(tracks_csv)
        frame["energy"] = 0.9 * frame["energy"] + 0.0123
        frame.to_csv(tmp_path / "other.csv", index=False)
        assert self.learnt(tracks_model, tmp_path / "other.csv")[0] == 0

    def test_a_table_with_a_column_more_than_the_training_had(self, tracks_csv: Path, tmp_path: Path) -> None:
        settings = {"n_estimators": 5, "max_depth": 2, "min_child_weight": 1}
        frame = pd.read_csv(tracks_csv)
        assert {"key", "mode"} <= set(frame.columns)
        frame.drop(columns=["key", "mode"]).to_csv(tmp_path / "less.csv", index=False)
        model = tmp_path / "less.genrekit"
        train(tmp_path / "less.csv", backend="spotify", config=settings, output=model)
        learnt = load(model).learnt
        assert learnt is not None
        assert self.learnt(model, tracks_csv)[0] == learnt.counts["row"]


@pytest.fixture(scope="module")
def packed() -> dict[str, Path]:
    """The models in the shipped_models, or those in the folder that GENREKIT_PACKED names; skips where they have no keys."""
    folder = os.environ.get("GENREKIT_PACKED")
    models = (
        {path.stem: path for path in Path(folder).glob("*.genrekit")} if folder else dict(shipped_models())
    )
    if load(models["gtzan"]).learnt is None:
        pytest.skip("the shipped models have no content keys yet")
    return models


class TestTheModelsInTheBox:
    """Real data: each is recognised as what was learnt."""

    def test_gtzan_on_its_table(self, packed: dict[str, Path], shared_data: Path) -> None:
        report = evaluate(packed["gtzan"], shared_data / "gtzan" / "features_30_sec.csv").report
        assert report.inflated
        assert report.learnt is not None
        assert report.learnt.examples >= 930
        assert report.learnt.of == 950  # the table without its repeats

    def test_gtzan_on_slices_under_other_names(
        self, packed: dict[str, Path], shared_data: Path, tmp_path: Path
    ) -> None:
        frame = pd.read_csv(shared_data / "gtzan" / "features_30_sec.csv")
        frame["filename"] = [f"row {k}" for k in range(len(frame))]
        frame.to_csv(tmp_path / "mine.csv", index=False)
        found = evaluate(packed["gtzan"], tmp_path / "mine.csv").report.learnt
        assert found is not None
        assert 930 <= found.examples <= 950

    @pytest.mark.night
    def test_spectrogram_on_the_songs(self, packed: dict[str, Path], shared_data: Path) -> None:
        report = evaluate(packed["spectrogram"], shared_data / "gtzan" / "audio", jobs=2).report
        assert report.inflated
        assert report.learnt is not None
        assert 50 <= report.learnt.examples < 60

    @pytest.mark.night
    def test_image_on_its_covers(self, packed: dict[str, Path], shared_data: Path, tmp_path: Path) -> None:
        covers = pd.read_csv(shared_data / "covers" / "labels.csv")
        few = covers.groupby("label").head(5)
        few = replace_paths(few, shared_data / "covers")
        few[["path", "label"]].to_csv(tmp_path / "some.csv", index=False)
        report = evaluate(packed["image"], tmp_path / "some.csv", jobs=2).report
        assert report.inflated
        assert report.learnt is not None
        assert 25 <= report.learnt.examples < len(few)

    @pytest.mark.night
    def test_spotify_on_a_part_of_its_table(self, packed: dict[str, Path], shared_data: Path) -> None:
        report = evaluate(packed["spotify"], shared_data / "spotify" / "spotify_songs.csv").report
        assert report.inflated
        assert report.learnt is not None
        assert report.learnt.examples > 0.7 * report.learnt.of


def replace_paths(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The table with whole paths."""
    return frame.assign(path=[str(folder / path) for path in frame["path"]])
