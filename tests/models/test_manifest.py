"""What a manifest may say, and how it says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from genrekit.errors import BundleError
from genrekit.models import manifest as module
from genrekit.models.manifest import Manifest, parse_manifest
from genrekit.types import Modality

FACTS: dict[str, Any] = {
    "format": 2,
    "name": "mine",
    "backend": "gtzan",
    "modality": "audio",
    "labels": ["blues", "hip hop", "r&b", "فارسی‌زبان"],
    "config": {"seed": 0, "window_s": 30.0, "candidates": ["svm", "forest"]},
    "feature_version": "1",
    "columns": ["tempo", "rms_mean"],
    "input_shape": [2, None],
    "metrics": {"split": "by artist", "metrics": {"accuracy": {"value": 0.6, "low": 0.5, "high": 0.7}}},
    "genrekit": "0.1.0",
}


def parse(**changes: Any) -> Manifest:
    return parse_manifest(json.dumps(FACTS | changes).encode())


def refusal(content: bytes | dict[str, Any]) -> BundleError:
    if isinstance(content, dict):
        content = json.dumps(FACTS | content).encode()
    with pytest.raises(BundleError) as caught:
        parse_manifest(content)
    return caught.value


def test_reads_every_fact() -> None:
    manifest = parse()
    assert manifest.labels == ("blues", "hip hop", "r&b", "فارسی‌زبان")
    assert manifest.modality is Modality.AUDIO
    assert manifest.input_shape == (2, None)
    assert manifest.config == FACTS["config"]
    assert manifest.metrics == FACTS["metrics"]
    assert parse_manifest(manifest.model_dump_json().encode()) == manifest


def test_a_key_of_a_later_genrekit_is_left_out() -> None:
    assert parse(tokenizer={"kind": "none"}, colour="red") == parse()


def test_declares_the_outputs_beside_the_scores() -> None:
    outputs = parse(outputs={"embeddings": {"size": 512}, "distance": {"threshold": 3.5}}).outputs
    assert (outputs.embeddings.size, outputs.distance.threshold) == (512, 3.5)
    assert parse(outputs={"distance": {}}).outputs.distance.threshold is None
    few = parse(outputs={"distance": {"threshold": 1.5, "of_few": [3, 2]}}).outputs.distance
    assert [few.limit(n) for n in (1, 2, 3, 400)] == [3, 2, 1.5, 1.5]
    assert outputs.distance.limit(1) == 3.5
    assert parse().outputs.embeddings is None is parse(format=1).outputs.distance


def test_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("number", [3, 7, 10**30])
def test_a_newer_format_is_said_in_words(number: int) -> None:
    error = refusal({"format": number, "labels": {"another": "world"}})
    assert f"written by a newer genrekit (format {str(number)[:20]}; this one reads up to 2)" in error.message
    assert "pip install -U genrekit" in error.hint


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None, [1]])
def test_a_format_is_a_positive_whole_number(number: object) -> None:
    assert "format number" in refusal({"format": number}).message


@pytest.mark.parametrize("content", [b"[]", b"1", b"null", b'"x"', b"{}"])
def test_a_manifest_is_an_object_with_a_format(content: bytes) -> None:
    assert "format number" in refusal(content).message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"format": 1} {}', "Extra data"),
        (b'{"format": 1, "format": 2}', "same key twice"),
        (b'{"format": 1, "data": {"a": 1, "a": 2}}', "same key twice"),
        (b'{"format": 1, "data": {"a": NaN}}', "NaN is not a finite number"),
        (b'{"format": 1, "data": {"a": -Infinity}}', "-Infinity is not a finite number"),
        (b'{"format": 1, "data": {"a": 1e999}}', "1e999 is not a finite number"),
        (b'{"format": ' + b"1" * 5000 + b"}", "digits"),
        (b"\xff\xfe{", "codec"),
        (b"[" * 200_000, "recursion"),
    ],
)
def test_json_is_strict(content: bytes, said: str) -> None:
    error = refusal(content)
    assert "not strict JSON" in error.message
    assert said in error.message
    assert len(error.message) < 300


def test_an_endless_manifest_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MANIFEST_BYTES", 100)
    assert "at most 100" in refusal(b"[" * 101).message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 1, "colour": "red"}, "'colour': Extra inputs are not permitted"),
        ({"format": 1, "outputs": {"embeddings": {"size": 3}}}, "came with format 2"),
        ({"outputs": {"attention": {"size": 3}}}, "'outputs.attention': Extra inputs are not permitted"),
        ({"outputs": {"embeddings": {"size": 0}}}, "'outputs.embeddings.size'"),
        ({"outputs": {"embeddings": 3}}, "'outputs.embeddings'"),
        ({"outputs": {"distance": {"threshold": -1}}}, "'outputs.distance.threshold'"),
        ({"outputs": {"distance": {"threshold": 1, "of_few": [-1]}}}, "'outputs.distance.of_few"),
        ({"outputs": {"distance": {"of_few": [2.0]}}}, "go with one for more"),
        ({"outputs": {"distance": True}}, "'outputs.distance'"),
        ({"modality": "smell"}, "'modality': Input should be 'audio', 'image' or 'table'"),
        ({"labels": []}, "'labels'"),
        ({"labels": "blues"}, "'labels'"),
        ({"labels": [1]}, "'labels.0'"),
        ({"labels": [""]}, "'labels.0'"),
        ({"labels": ["x" * 201]}, "'labels.0'"),
        ({"labels": ["\x1b[2J"]}, "'labels.0'"),
        ({"labels": ["two\nlines"]}, "'labels.0'"),
        ({"labels": ["blues", "blues"]}, "labels has an entry twice"),
        ({"labels": [f"l{k}" for k in range(10_001)]}, "'labels'"),
        ({"columns": ["tempo", "tempo"]}, "columns has an entry twice"),
        ({"input_shape": []}, "'input_shape'"),
        ({"input_shape": [0]}, "'input_shape.0'"),
        ({"input_shape": [57.0]}, "'input_shape.0"),
        ({"input_shape": [2**31]}, "'input_shape.0"),
        ({"multilabel": "yes"}, "'multilabel'"),
        ({"multilabel": True, "thresholds": {"polka": 0.5}}, "'polka', which is not a label"),
        ({"multilabel": True, "thresholds": {"blues": 1.5}}, "'thresholds.blues'"),
        ({"thresholds": {"blues": 0.5}}, "multi-label models only"),
        ({"config": None}, "'config'"),
        ({"licence": 7}, "'licence'"),
        ({"name": ""}, "'name'"),
        ({"name": "\x9b31m"}, "'name'"),
        ({"genrekit": None}, "'genrekit'"),
        ({"files": {"model.onnx": {"sha256": "0" * 64, "size": -1}}}, "'files.model.onnx.size'"),
        ({"files": {"model.onnx": {"sha256": "0" * 63, "size": 1}}}, "'files.model.onnx.sha256'"),
        ({"files": {"model.onnx": {"sha256": "0" * 64, "size": 1, "x": 1}}}, "'files.model.onnx.x'"),
    ],
)
def test_a_wrong_fact_is_named(changes: dict[str, Any], said: str) -> None:
    assert said in refusal(changes).message


def test_a_missing_fact_is_named() -> None:
    content = json.dumps({key: value for key, value in FACTS.items() if key != "backend"}).encode()
    assert "'backend': Field required" in refusal(content).message


def test_many_wrong_facts_stay_one_short_sentence() -> None:
    error = refusal({"labels": [1] * 10_000})
    assert len(error.message) < 600
