"""Data sets on their way to a model: which labels are taken, what is measured, what needs processes."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from support.linear_backend import LinearBackend, LinearConfig

from genrekit.backends.gtzan.backend import GtzanBackend, GtzanConfig
from genrekit.datasets.base import Dataset
from genrekit.datasets.splits import Split
from genrekit.errors import DatasetError
from genrekit.evaluation.report_text import write_report
from genrekit.features.schema import GTZAN_COLUMNS
from genrekit.preparation.cache import Cache
from genrekit.testing import check_loader
from genrekit.training.opening import check_arrays, open_for
from genrekit.training.prepared_dataset import PreparedDataset, gather
from genrekit.types import Example, Modality, Windows

SEVERAL = LinearConfig(multilabel=True)
LABELS = ("jazz", "pop", "rock")
SCORES = np.array([[0.1, 0.8, 0.3], [0.45, 0.9, 0.2], [0.2, 0.3, 0.35], [0.1, 0.2, 0.6]], dtype=np.float32)


def table(folder: Path, labels: list[str], columns: tuple[str, ...] = ("x", "y")) -> Path:
    path = folder / "table.csv"
    rows = [[f"song {i}", *[i] * len(columns), label] for i, label in enumerate(labels)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [["id", *columns, "label"], *rows]))
    return path


def prepared_dataset(folder: Path, labels: list[str]) -> PreparedDataset:
    dataset = open_for(LinearBackend(), SEVERAL, table(folder, labels))
    return gather(
        LinearBackend(), SEVERAL, dataset, range(len(labels)), jobs=1, cache=Cache(enabled=False), say=print
    )


def sides(n: int) -> Split:
    return Split((), (), tuple(range(n)), "all of it", False)


class TestSeveralLabels:
    def test_they_are_opened_where_the_config_asks_for_them(self, tmp_path):
        dataset = open_for(LinearBackend(), SEVERAL, table(tmp_path, ["rock|pop", "jazz", "rock"]))
        assert [e.labels for e in dataset.examples] == [("rock", "pop"), ("jazz",), ("rock",)]

    def test_a_backend_that_could_says_how(self, tmp_path):
        path = table(tmp_path, ["rock|pop", "jazz", "rock|jazz"])
        with pytest.raises(DatasetError, match=r"song 0 and 1 more of 3 examples have several") as caught:
            open_for(LinearBackend(), LinearConfig(), path)
        assert "--multilabel" in caught.value.hint
        assert "multilabel: true" in caught.value.hint

    def test_one_that_cannot_does_not(self, tmp_path):
        path = table(tmp_path, ["rock|pop", "jazz"], GTZAN_COLUMNS)
        with pytest.raises(DatasetError, match=r"song 0 of 2 examples .* 'gtzan' learns one label") as caught:
            open_for(GtzanBackend(), GtzanConfig(), path)
        assert "multilabel" not in caught.value.hint


class TestMeasure:
    def test_thresholds_make_the_answers(self, tmp_path):
        ready = prepared_dataset(tmp_path, ["pop", "pop|jazz", "rock", "rock|polka"])
        measured = ready.measure(
            SCORES, range(4), LABELS, sides(4), multilabel=True, thresholds={"jazz": 0.4, "rock": 0.4}
        )
        assert [row[:3] for row in measured.rows] == [
            ("song 0", "pop", "pop"),
            ("song 1", "pop|jazz", "jazz|pop"),
            ("song 2", "rock", ""),
            ("song 3", "rock|polka", "rock"),
        ]
        assert [row[3] for row in measured.rows] == pytest.approx([0.8, 0.9, 0.35, 0.6])
        result = measured.report
        assert result.metrics["micro_f1"].value == pytest.approx(2 * 4 / (4 + 5))
        assert result.unknown_labels == {"polka": 1}
        assert result.n_examples == 4

    def test_an_example_of_unknown_labels_stays_and_each_of_them_is_counted(self, tmp_path):
        ready = prepared_dataset(tmp_path, ["pop", "polka|fado", "rock", "fado"])
        result = ready.measure(SCORES, range(4), LABELS, sides(4), multilabel=True).report
        assert result.unknown_labels == {"fado": 2, "polka": 1}
        assert result.n_examples == 4
        assert sum(m.support for m in result.per_label) == 2

    def test_without_thresholds_the_best_label_is_the_answer(self, tmp_path):
        ready = prepared_dataset(tmp_path, ["pop", "jazz", "rock", "polka"])
        scores = SCORES / SCORES.sum(axis=1, keepdims=True)
        measured = ready.measure(scores, range(4), LABELS, sides(4))
        assert [row[2] for row in measured.rows] == ["pop", "pop", "rock", "rock"]
        assert measured.report.metrics["accuracy"].value == 0.5
        assert measured.report.unknown_labels == {"polka": 1}

    def test_the_rows_are_written_beside_the_report(self, tmp_path):
        ready = prepared_dataset(tmp_path, ["pop", "pop|jazz", "rock", "rock"])
        measured = ready.measure(SCORES, range(4), LABELS, sides(4), multilabel=True)
        write_report(measured.report, tmp_path / "report", predictions=measured.rows)
        with (tmp_path / "report" / "predictions.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == [
            "id",
            "label",
            "predicted",
            "score",
            "group",
            *(f"score:{label}" for label in LABELS),
        ]
        assert [row[:5] for row in rows[1:3]] == [
            ["song 0", "pop", "pop", "0.8", ""],
            ["song 1", "pop|jazz", "pop", "0.9", ""],
        ]
        scores = np.array([row[5:] for row in rows[1:]], dtype=np.float32)
        assert np.array_equal(scores, SCORES.astype(np.float32))


def test_rows_are_prepared_without_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("genrekit.execution.pool.Pool", None)
    dataset = open_for(LinearBackend(), SEVERAL, table(tmp_path, ["rock", "pop"]))
    ready = gather(LinearBackend(), SEVERAL, dataset, [1, 0], jobs=8, cache=Cache(enabled=False), say=print)
    assert ready.windows[1].tolist() == [[1, 1]]


class MelBackend(GtzanBackend):
    """Takes spectrograms as they are, and remembers in this process which."""

    info = replace(GtzanBackend.info, columns=(), arrays=("spectrogram",))
    seen: ClassVar[list[str]] = []

    def prepare(self, example, config):
        self.seen.append(example.id)
        return Windows(example.array[None].astype(np.float32))


class Embedded(MelBackend):
    """Takes embeddings that somebody else computed: a kind of array that genrekit itself does not know."""

    info = replace(MelBackend.info, arrays=("embedding",))


def test_an_array_of_any_kind_goes_to_a_backend_that_takes_its_kind():
    examples = tuple(
        Example(id=f"{i}", array=np.full(5, i, np.float32), kind="embedding", labels=(label,))
        for i, label in enumerate(("rock", "pop"))
    )
    dataset = Dataset("x", "shelf", Modality.AUDIO, examples)
    check_loader(lambda: dataset)
    check_arrays(dataset, Embedded.info)
    ready = gather(Embedded(), GtzanConfig(), dataset, (1, 0), jobs=2, cache=Cache(), say=print)
    assert [ready.windows[i][0, 0] for i in (0, 1)] == [0, 1]
    for backend in (MelBackend, GtzanBackend):
        with pytest.raises(DatasetError, match="holds embeddings, which the backend 'gtzan' cannot read"):
            check_arrays(dataset, backend.info)
    other = replace(dataset, examples=(replace(examples[0], array=np.full(5, 9, np.float32)), examples[1]))
    assert other.fingerprint != dataset.fingerprint


class TestSpectrograms:
    @pytest.fixture
    def mels(self, tmp_path):
        mel = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
        np.savez(tmp_path / "mel128.npz", names=np.array(["blues.00000", "rock.00000"]), mel=mel)
        return tmp_path / "mel128.npz"

    def test_they_go_straight_to_a_backend_that_takes_them(self, mels):
        MelBackend.seen.clear()
        dataset = open_for(MelBackend(), GtzanConfig(), mels)
        found = gather(MelBackend(), GtzanConfig(), dataset, (1, 0), jobs=2, cache=Cache(), say=print)
        assert MelBackend.seen == ["rock.00000", "blues.00000"]
        assert found.windows[1][0, 0, 0] == 12

    def test_a_folder_of_gtzan_gives_them_to_no_other(self, mels):
        folder = mels.parent
        dataset = open_for(MelBackend(), GtzanConfig(), f"gtzan:{folder}")
        assert all(example.array is not None for example in dataset.examples)
        with pytest.raises(
            DatasetError, match=r"holds spectrograms, which the backend .gtzan. does not read"
        ):
            open_for(GtzanBackend(), GtzanConfig(), f"gtzan:{folder}")
        with pytest.raises(DatasetError, match="which the backend 'gtzan' cannot read"):
            open_for(GtzanBackend(), GtzanConfig(), f"gtzan:{folder}", read="spectrogram")
