"""Renderings of a report: the inflation first, widths kept, hostile names harmless, nothing overwritten."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console
from support.night import day_and_night

from genrekit.errors import OutputExistsError
from genrekit.evaluation.report_text import FILES, render, to_json, to_text, write_report
from genrekit.metrics.measure import measure_scores
from genrekit.metrics.report import INFLATED, Report, ScoredExample

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
FEW = GENRES[:3]


def example(labels: Sequence[str] = GENRES, n: int = 300, **kwargs: object) -> Report:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.full(len(labels), 0.3), n)
    truth = np.where(rng.random(n) < 0.5, scores.argmax(axis=1), rng.integers(len(labels), size=n))
    groups = [str(i // 2) for i in range(n)]
    options = {"split": "published sides", "n_boot": 50, **kwargs}
    return measure_scores(scores, np.eye(len(labels))[truth], labels, groups, **options)


def several(labels: Sequence[str] = GENRES, n: int = 300, **kwargs: object) -> Report:
    rng = np.random.default_rng(0)
    targets = rng.random((n, len(labels))) < 0.3
    scores = np.clip(0.4 * targets + rng.random(targets.shape) / 2, 0, 1)
    groups = [str(i // 2) for i in range(n)]
    options = {"split": "published sides", "n_boot": 50, "thresholds": {labels[0]: 0.123}, **kwargs}
    return measure_scores(scores, targets, labels, groups, multilabel=True, **options)


def many(n: int) -> tuple[str, ...]:
    return tuple(f"genre {i}" for i in range(n))


class TestText:
    @pytest.mark.parametrize("n_labels", [2, 10, 20, 50])
    @pytest.mark.parametrize("width", [40, 80, 100])
    def test_it_keeps_to_the_width(self, n_labels, width):
        text = to_text(example(many(n_labels)), width=width)
        assert max(map(len, text.splitlines())) <= width

    def test_headline_numbers_have_their_intervals(self):
        result = example()
        text = to_text(result)
        accuracy = result.metrics["accuracy"]
        low, high = 100 * accuracy.low, 100 * accuracy.high
        assert (
            f"accuracy                 {100 * accuracy.value:.1f} %  95 %: {low:.1f} % to {high:.1f} %"
            in text
        )
        assert f"{result.metrics['log_loss'].value:.3f}" in text
        for words in (
            "macro-F1",
            "calibration error (ECE)",
            "top-3 accuracy",
            "majority baseline",
            "150 groups",
        ):
            assert words in text
        assert "split: published sides" in text

    def test_every_label_has_its_row(self):
        result = example()
        lines = to_text(result).splitlines()
        for m in result.per_label:
            cells = [f"{100 * share:.1f} %" for share in (m.precision, m.recall, m.f1)]
            assert [m.label, *" ".join(cells).split(), str(m.support)] in [line.split() for line in lines]

    def test_the_matrix_has_names_where_they_fit(self):
        result = example()
        lines = [line.split() for line in to_text(result, width=80).splitlines()]
        assert list(GENRES) in lines
        for label, row in zip(GENRES, result.confusion, strict=True):
            assert [label, *(str(n) if n else "." for n in row)] in lines

    def test_the_matrix_has_letters_where_names_do_not_fit(self):
        result = example(many(20))
        lines = [line.split() for line in to_text(result, width=80).splitlines()]
        assert list("abcdefghijklmnopqrst") in lines
        assert ["c", "genre", "2", *(str(n) if n else "." for n in result.confusion[2])] in lines

    def test_the_largest_confusions_where_no_matrix_fits(self):
        result = example(many(50), n=2000)
        text = to_text(result, width=80)
        counts = np.array(result.confusion)
        np.fill_diagonal(counts, 0)
        i, j = np.argwhere(counts == counts.max())[0]
        listed = text.split("the most frequent confusions")[1].splitlines()
        support = result.per_label[i].support
        assert " ".join(listed[2].split()) == f"genre {i} genre {j} {counts.max()} of {support}"
        numbers = [int(line.split()[-3]) for line in listed[2:] if line]
        assert numbers == sorted(numbers, reverse=True)
        assert len(numbers) == 20

    def test_one_group_has_no_interval_and_says_so(self):
        result = measure_scores(np.eye(2), np.eye(2), ("a", "b"), ["x", "x"], split="")
        assert "no interval" in to_text(result)

    def test_failures_are_listed(self):
        failures = [(f"{i}.wav", "It is [red]broken[/red]") for i in range(30)]
        text = to_text(example(failures=failures))
        assert text.startswith("30 of 330 examples could not be read")
        assert "0.wav: It is [red]broken[/red]" in text
        assert "25.wav" not in text
        assert "and 10 more" in text
        assert len(json.loads(to_json(example(failures=failures)))["failures"]) == 30

    def test_names_cannot_steer_the_terminal(self):
        labels = ("\x1b[2Jblues", "[bold]jazz", "\udce9")
        text = to_text(example(labels, failures=[("\x1b[31m\udce9.wav", "\x07")], split="\x1b[0m"))
        assert "\x1b" not in text
        assert "\\x1b[2Jblues" in text
        assert "[bold]jazz" in text
        assert text.encode()

    def test_a_terminal_gets_colours(self):
        file = StringIO()
        Console(file=file, force_terminal=True, color_system="standard", width=80).print(
            render(example(inflated=True))
        )
        assert "\x1b[1;31mThe numbers are inflated" in file.getvalue()


class TestSeveralLabels:
    @pytest.mark.parametrize("n_labels", [2, 50])
    @pytest.mark.parametrize("width", [40, 71, 72, 100])
    def test_it_keeps_to_the_width(self, n_labels, width):
        text = to_text(several(many(n_labels)), width=width)
        assert max(map(len, text.splitlines())) <= width
        assert ("threshold" in text) == (width >= 72)
        assert "…" not in text or width == 40

    def test_numbers_have_their_intervals_and_there_are_no_confusions(self):
        result = several(inflated=True)
        text = to_text(result)
        for name, words in (("micro_f1", "micro-F1"), ("macro_f1", "macro-F1"), ("samples_f1", "samples-F1")):
            assert f"{words} {100 * result.metrics[name].value:.1f} %" in " ".join(text.split())
        for name, words in (("mean_average_precision", "mean average precision"), ("roc_auc", "ROC AUC")):
            assert f"{words} {result.metrics[name].value:.3f} 95 %: 0." in " ".join(text.split())
        assert f"{100 * result.baseline:.1f} % micro-F1 of always '{result.baseline_label}'" in " ".join(
            text.split()
        )
        assert text.startswith(INFLATED[:60])
        assert "answer" not in text
        assert "confusions" not in text

    def test_every_label_has_its_row(self):
        result = several()
        lines = [line.split() for line in to_text(result).splitlines()]
        for m in result.per_label:
            shares = " ".join(f"{100 * share:.1f} %" for share in (m.precision, m.recall, m.f1)).split()
            threshold = result.thresholds[m.label]
            numbers = [f"{n:.3f}" for n in (m.average_precision, m.roc_auc, threshold)]
            assert [m.label, *shares, *numbers, str(m.support)] in lines

    def test_the_folder_has_no_picture_of_confusions(self, tmp_path):
        write_report(example(FEW), tmp_path)
        written = write_report(several(), tmp_path, overwrite=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.txt"]
        assert sorted(written) == sorted(tmp_path.iterdir())
        assert json.loads((tmp_path / "report.json").read_text()) == several().to_dict()


class TestInflation:
    def test_it_is_the_first_thing_in_every_rendering(self, tmp_path):
        result = example(FEW, inflated=True, failures=[("x.wav", "broken")])
        assert to_text(result, width=200).splitlines()[0] == INFLATED
        assert next(iter(json.loads(to_json(result)).values()))[0] == INFLATED
        write_report(result, tmp_path)
        assert (tmp_path / "report.txt").read_text().startswith(INFLATED[:60])
        assert next(iter(json.loads((tmp_path / "report.json").read_text()).values()))[0] == INFLATED

    @pytest.mark.usefixtures("drawn_charts")
    def test_it_is_in_the_picture(self, tmp_path):
        honest = example(FEW)
        write_report(honest, tmp_path / "honest")
        write_report(replace(honest, inflated=True), tmp_path / "inflated")
        red = [
            ((picture[..., 0] - picture[..., 2]) > 0.3).sum()
            for picture in (imread(tmp_path / name / "confusion.png") for name in ("honest", "inflated"))
        ]
        assert red[0] == 0
        assert red[1] > 500

    def test_honest_reports_do_not_mention_it(self):
        assert "inflated" not in to_text(example())

    def test_what_is_not_a_split_is_not_called_one(self):
        text = to_text(example(split="all examples of songs.csv"))
        assert "measured on: all examples of songs.csv" in text
        assert "split" not in text

    def test_effects_of_unknown_labels_are_beside_the_numbers(self):
        scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        targets = np.array([[1, 0], [0, 1], [0, 0]])
        text = to_text(
            measure_scores(
                scores, targets, "ab", list("xyz"), split="s", unknown_labels={"polka": 1}, n_boot=20
            )
        )
        line = next(line for line in text.splitlines() if line.startswith("accuracy"))
        assert "unknown labels count as wrong" in line
        assert "without examples of unknown labels" in text


class TestFolder:
    def test_it_holds_the_report_in_three_forms(self, tmp_path):
        result = example(FEW)
        folder = tmp_path / "a" / "b"
        written = write_report(result, folder)
        assert sorted(path.name for path in folder.iterdir()) == [
            "confusion.png",
            "reliability.png",
            "report.json",
            "report.txt",
        ]
        assert sorted(written) == sorted(folder.iterdir())
        assert json.loads((folder / "report.json").read_text()) == result.to_dict()
        assert (folder / "report.txt").read_text() == to_text(result)

    @pytest.mark.usefixtures("drawn_charts")
    def test_the_same_report_gives_the_same_bytes(self, tmp_path):
        for name in "ab":
            write_report(example(FEW), tmp_path / name)
        for path in (tmp_path / "a").iterdir():
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()

    def test_predictions_are_a_table(self, tmp_path):
        rows = [
            ScoredExample(
                'a "b",\n.wav', "rock", "pop", 0.5123456789, "a, b", np.array([0.48765, 0.512345678])
            ),
            ScoredExample("\udce9.wav", "rock", "rock", 1.0, "", np.float32([1, 0])),
        ]
        written = write_report(example(("rock", "pop,x")), tmp_path, predictions=rows)
        assert tmp_path / "predictions.csv" in written
        with (tmp_path / "predictions.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file)) == [
                ["id", "label", "predicted", "score", "group", "score:rock", "score:pop,x"],
                ['a "b",\n.wav', "rock", "pop", "0.512346", "a, b", "0.48765", "0.512345678"],
                ["\\udce9.wav", "rock", "rock", "1.0", "", "1", "0"],
            ]

    @pytest.mark.parametrize("name", FILES)
    def test_nothing_is_overwritten(self, tmp_path, name):
        (tmp_path / name).write_text("mine")
        with pytest.raises(OutputExistsError, match=name) as caught:
            write_report(example(), tmp_path)
        assert "--overwrite" in caught.value.hint
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_text() == "mine"

    def test_overwriting_replaces_the_report_and_nothing_else(self, tmp_path):
        write_report(
            example(many(3)), tmp_path, predictions=[ScoredExample("a", "b", "c", 1.0, "", np.ones(3))]
        )
        (tmp_path / "notes.txt").write_text("mine")
        write_report(example(FEW), tmp_path, overwrite=True)
        assert json.loads((tmp_path / "report.json").read_text())["labels"] == list(FEW)
        assert (tmp_path / "notes.txt").read_text() == "mine"
        assert not (tmp_path / "predictions.csv").exists()

    def test_a_file_is_not_a_folder(self, tmp_path):
        (tmp_path / "report").write_text("mine")
        with pytest.raises(OutputExistsError, match="is a file"):
            write_report(example(), tmp_path / "report", overwrite=True)


@pytest.mark.usefixtures("drawn_charts")
class TestPicture:
    @staticmethod
    def picture(result: Report, folder: Path) -> np.ndarray:
        write_report(result, folder)
        return imread(folder / "confusion.png")

    @pytest.mark.parametrize("n_labels", day_and_night([1, 20, 50, 2], day=2))
    def test_cells_stay_large_enough_to_read(self, tmp_path, n_labels):
        shape = self.picture(example(many(n_labels)), tmp_path).shape
        assert 350 < shape[0] < 4100
        assert shape[0] > 40 * n_labels

    def test_the_diagonal_is_dark_where_the_model_is_right(self, tmp_path):
        def blue(confusion: list[list[int]], name: str) -> int:
            cells = tuple(map(tuple, confusion))
            pixels = self.picture(replace(example(("a", "b")), confusion=cells), tmp_path / name)
            return int((pixels[..., 0] < 0.1).sum() - (pixels[..., 2] < 0.1).sum())

        assert blue([[9, 0], [0, 9]], "right") > 2 * blue([[5, 4], [4, 5]], "torn")

    @pytest.mark.parametrize(
        "label",
        day_and_night(["$\\frac{$", "\udce9", "a$b$", "line\nbreak", "\u65e5\u672c", "x" * 300], day=2),
    )
    def test_labels_are_text_not_formulas(self, tmp_path, label):
        assert self.picture(example((label, "rock")), tmp_path).shape[0] < 1000

    def test_a_label_that_nobody_has(self, tmp_path):
        result = replace(example(("a", "b")), confusion=((0, 0), (3, 4)))
        assert np.isfinite(self.picture(result, tmp_path)).all()
