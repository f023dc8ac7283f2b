"""The card says what the manifest knows, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from genrekit.models.bundle import dumps, loads
from genrekit.models.card import MAX_ROWS, write_card
from genrekit.models.manifest import Manifest
from genrekit.types import Modality

FACTS: dict[str, Any] = {
    "name": "mine",
    "backend": "gtzan",
    "modality": "audio",
    "labels": ["blues", "r&b"],
    "config": {"window_s": 30.0, "classifier": "auto", "candidates": ["svm", "forest"]},
    "feature_version": "1",
    "columns": ["tempo", "rms_mean"],
    "input_shape": [2],
    "metrics": {
        "notes": ["Only 12 groups: the intervals are rough, rather too narrow."],
        "split": "stratified, artists apart",
        "inflated": False,
        "n_examples": 290,
        "n_groups": 120,
        "metrics": {
            "accuracy": {"value": 0.5724, "low": 0.5152, "high": 0.6297},
            "log_loss": {"value": 1.2345, "low": None, "high": None},
            "novel_measure": {"value": 0.5, "low": 0.25, "high": 0.75},
        },
        "baseline": {"accuracy": 0.11, "label": "r&b"},
        "per_label": [
            {"label": "r&b", "precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 32},
            {"label": "blues", "precision": 1.0, "recall": 0.125, "f1": 0.2222, "support": 31},
        ],
    },
    "data": {
        "source": "music",
        "layout": "folder",
        "fingerprint": "f" * 64,
        "examples": 930,
        "left_out": 70,
        "counts": {"blues": 100, "r&b": 99},
        "split": {"method": "stratified, artists apart", "train": 443, "test": 290},
    },
    "versions": {"python": "3.11.7", "numpy": "2.4.6"},
    "about": "Made of <b>two</b> tables.",
    "licence": "CC-BY-4.0",
    "genrekit": "0.1.0",
}


def card(**changes: Any) -> str:
    return write_card(Manifest.model_validate(FACTS | changes))


@pytest.mark.parametrize(
    "line",
    [
        "# mine",
        "A genrekit model that names the genre of a song, out of 2. It also reads tables with its 2 columns.",
        "genrekit predict song.mp3 --model mine.genrekit",
        "Licence: CC-BY-4.0",
        "| label | examples | tested | precision | recall | F1 |",
        "| blues | 100 | 31 | 100.0 % | 12.5 % | 22.2 % |",
        "| r&b | 99 | 32 | 50.0 % | 25.0 % | 33.3 % |",
        "**Only 12 groups: the intervals are rough, rather too narrow.**",
        "Measured once on the test split: 290 examples in 120 groups. Split: stratified, artists apart.",
        "| accuracy | 57.2 % | 51.5 % to 63.0 % |",
        "| log loss | 1.234 | none |",
        "| novel_measure | 50.0 % | 25.0 % to 75.0 % |",
        "| accuracy of always predicting r&b | 11.0 % |  |",
        "| fingerprint | " + "f" * 64 + " |",
        "| left out | 70 |",
        "| split: train | 443 |",
        "| window_s | 30.0 |",
        '| candidates | ["svm", "forest"] |',
        "| genrekit | 0.1.0 |",
        "| numpy | 2.4.6 |",
        "Backend `gtzan`, features version `1`, windows of shape `[2]`.",
    ],
)
def test_says_what_the_manifest_knows(line: str) -> None:
    assert line in card().splitlines()


def test_is_the_same_for_the_same_manifest() -> None:
    assert card() == card(config=dict(reversed(FACTS["config"].items())))
    assert (
        write_card(Manifest.model_validate_json(Manifest.model_validate(FACTS).model_dump_json())) == card()
    )


def test_is_not_changed_by_saving_and_loading() -> None:
    manifest = Manifest.model_validate(FACTS)
    bundle = loads(dumps(manifest, onnx=b"", native={}, card=write_card(manifest)))
    assert bundle.card == write_card(bundle.manifest)


def test_says_when_nothing_was_measured() -> None:
    text = card(metrics=None)
    assert "Not measured: no test split was held back" in text
    assert "95 %" not in text
    assert "| label | examples |" in text


def test_an_inflated_split_leads_the_results() -> None:
    note = "The numbers are inflated: slices of a track stand on both sides."
    text = card(metrics=FACTS["metrics"] | {"notes": [note], "inflated": True})
    results = text[text.index("## Results") :]
    assert results.index(note) < results.index("| accuracy |")


def test_says_what_a_multilabel_model_does() -> None:
    text = card(multilabel=True, thresholds={"blues": 0.25})
    assert "names the genres of a song" in text
    assert "| blues | 100 | 31 | 100.0 % | 12.5 % | 22.2 % | 0.250 |" in text
    assert "every label whose score reaches its threshold: several, one or none." in text
    assert "gets some of them, or none." in text
    assert "--min-confidence" not in text


def test_shows_what_was_measured_of_several_labels() -> None:
    measured = {
        "metrics": {
            "micro_f1": {"value": 0.51, "low": 0.5, "high": 0.52},
            "mean_average_precision": {"value": 0.4321, "low": 0.4, "high": 0.5},
            "roc_auc": {"value": 0.8765, "low": 0.8, "high": 0.9},
        },
        "baseline": {"micro_f1": 0.2, "label": "blues"},
        "per_label": [
            {
                "label": "blues",
                "precision": 1.0,
                "recall": 0.125,
                "f1": 0.2222,
                "support": 31,
                "average_precision": 0.5,
                "roc_auc": 0.75,
            },
            {
                "label": "r&b",
                "precision": 0.0,
                "recall": 0.0,
                "f1": 0.0,
                "support": 0,
                "average_precision": None,
                "roc_auc": None,
            },
        ],
    }
    lines = card(
        multilabel=True, thresholds={"blues": 0.25}, metrics=FACTS["metrics"] | measured
    ).splitlines()
    for line in (
        "| label | examples | tested | precision | recall | F1 | AP | AUC | threshold |",
        "| blues | 100 | 31 | 100.0 % | 12.5 % | 22.2 % | 0.500 | 0.750 | 0.250 |",
        "| r&b | 99 | 0 | 0.0 % | 0.0 % | 0.0 % |  |  |  |",
        "| micro-F1 | 51.0 % | 50.0 % to 52.0 % |",
        "| mean average precision | 0.432 | 0.400 to 0.500 |",
        "| ROC AUC | 0.876 | 0.800 to 0.900 |",
        "| micro-F1 of always predicting blues | 20.0 % |  |",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("modality", "thing", "limit"),
    [
        (Modality.AUDIO, "the genre of a song", "It was trained on the recordings"),
        (Modality.IMAGE, "the genre of a picture", "says little about how music sounds"),
        (Modality.TABLE, "the genre of a row of features", "never the music"),
    ],
)
def test_names_the_limits_of_its_kind(modality: Modality, thing: str, limit: str) -> None:
    text = card(modality=modality)
    limits = text[text.index("## Limits") : text.index("## Making")]
    assert thing in text
    assert limit in limits
    assert "opinions" in limits
    assert "calibrated" in limits


@pytest.mark.parametrize(("layout", "limit"), [("gtzan", "Sturm"), ("synthetic", "generated by a program")])
def test_names_the_limits_of_its_data(layout: str, limit: str) -> None:
    assert limit not in card()
    assert limit in card(data=FACTS["data"] | {"layout": layout})


def test_text_from_outside_stays_in_its_cell() -> None:
    labels = ["a|b", "<script>alert(1)</script>"]
    text = card(labels=labels, name="two words; rm -rf", licence="mine\u2028## Results", metrics=None)
    assert "| a\\|b |" in text
    assert "<script>" not in text
    assert "--model 'two words; rm -rf.genrekit'" in text
    assert "Licence: mine ## Results\n" in text


def test_stays_short_for_many_labels_and_long_values() -> None:
    labels = [f"{k:0200}" for k in range(10_000)]
    text = card(labels=labels, config={"taxonomy": labels}, data={"counts": dict.fromkeys(labels, 1)})
    assert f"and {10_000 - MAX_ROWS} more, which the manifest lists." in text
    assert len(text) < 200_000


def test_needs_nothing_but_what_every_manifest_has() -> None:
    needed = ("name", "backend", "modality", "labels", "config", "feature_version", "input_shape", "genrekit")
    text = write_card(Manifest.model_validate({key: FACTS[key] for key in needed}))
    assert "Licence: not stated" in text
    assert "## Training data\n\nNot stated." in text
    assert "| label |\n| --- |\n| blues |" in text


@pytest.mark.parametrize(
    "metrics", [{"metrics": 1, "per_label": 2, "baseline": []}, {"metrics": {"accuracy": 0.5}}]
)
def test_survives_a_report_of_another_shape(metrics: dict[str, Any]) -> None:
    assert "## Results" in card(metrics=metrics, data={"split": "by hand", "counts": [1]})
