"""From scores to predictions."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from genrekit.errors import UsageError
from genrekit.models import Distance
from genrekit.prediction import Model, load_model
from genrekit.prediction.options import PredictOptions
from genrekit.types import Example, Prediction, Windows


@pytest.fixture
def model(tracks_model):
    return load_model(tracks_model)  # jazz, metal, pop


@pytest.fixture
def several(model):
    """The same model as one of several labels, with thresholds."""
    manifest = model.bundle.manifest.model_copy(
        update={"multilabel": True, "thresholds": {"jazz": 0.2, "metal": 0.9}}
    )
    bundle = type(model.bundle)(None, manifest, model.bundle.sha256, model.bundle.files)
    return Model(bundle, model.backend, model.config)


def give(model: Model, scores: list[list[float]], **options: object) -> list[Prediction]:
    ids = [f"row {i}" for i in range(len(scores))]
    decision = model.decision(PredictOptions(**options))  # type: ignore[arg-type]
    return list(decision.rows(ids, np.array(scores), [{"at": i} for i in ids]))


def test_the_best_label_of_each_row(model):
    first, second = give(model, [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]], top_k=2)
    assert (first.id, first.label, first.score, first.labels) == ("row 0", "metal", 0.5, ("metal",))
    assert first.scores == (("metal", 0.5), ("pop", 0.3))
    assert first.extra == {"at": "row 0"}
    assert (second.label, second.model) == ("jazz", model.name)


def test_ties_go_to_the_first_label(model):
    assert give(model, [[0.4, 0.2, 0.4]])[0].label == "jazz"


def test_below_the_confidence_there_is_no_label_but_a_score(model):
    unsure, sure = give(model, [[0.3, 0.4, 0.3], [0.9, 0.05, 0.05]], min_confidence=0.5)
    assert (unsure.label, unsure.labels, unsure.score) == (None, (), 0.4)
    assert sure.label == "jazz"


def test_some_labels_compete_for_all_of_the_score(model):
    (answer,) = give(model, [[0.2, 0.6, 0.2]], labels=("pop", "Jazz"))
    assert dict(answer.scores) == pytest.approx({"jazz": 0.5, "pop": 0.5})
    with pytest.raises(UsageError, match="does not know the label 'polka'"):
        give(model, [[0.2, 0.6, 0.2]], labels=("polka",))


def test_no_rows_give_no_answers(model):
    assert list(model.decision(PredictOptions()).rows([], np.zeros((0, 3)), [])) == []


def test_several_labels_are_those_above_their_thresholds(several):
    both, one, none = give(several, [[0.3, 0.8, 0.6], [0.1, 0.95, 0.1], [0.1, 0.8, 0.4]])
    # metal scores best, but below its threshold; pop has the default, 0.5
    assert (both.label, both.score, both.labels) == ("pop", 0.6, ("pop", "jazz"))
    assert both.scores[0] == ("metal", 0.8)
    assert one.labels == ("metal",)
    assert (none.label, none.labels, none.score) == (None, (), 0.8)


def test_scores_of_several_labels_stay_as_they_are_where_some_compete(several):
    (answer,) = give(several, [[0.3, 0.8, 0.6]], labels=("jazz",))
    assert answer.scores == (("jazz", 0.3),)


def test_windows_are_averaged_and_kept_as_the_timeline(model):
    windows = Windows(np.zeros((2, 15), np.float32), ((0.0, 3.0), (3.0, 6.0)))
    scores = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    answer = model.decision(PredictOptions(windows=True)).example(
        Example("song", extra={"a": "b"}), windows, scores
    )
    assert (answer.label, answer.score) == ("jazz", pytest.approx(0.5))
    assert [(w.start_s, w.label) for w in answer.windows] == [(0.0, "jazz"), (3.0, "metal")]
    assert model.decision(PredictOptions()).example(Example("song"), windows, scores).windows == ()


def test_what_an_answer_is_survives_json():
    chosen = PredictOptions(
        top_k=2, min_confidence=0.5, labels=("a",), windows=True, explain=True, measures=("bpm", "key")
    )
    facts = json.loads(json.dumps(asdict(chosen)))
    assert (
        PredictOptions(**{**facts, "labels": tuple(facts["labels"]), "measures": tuple(facts["measures"])})
        == chosen
    )


@pytest.mark.parametrize(("n_windows", "familiar"), [(1, True), (2, True), (3, False), (9, False)])
def test_the_limit_of_the_distance_is_that_of_the_number_of_windows(model, n_windows, familiar):
    decision = replace(model.decision(PredictOptions()), distance=Distance(threshold=1.5, of_few=(3.0, 2.0)))
    windows = Windows(np.zeros((n_windows, 57), np.float32))
    scores = np.tile([0.2, 0.5, 0.3], (n_windows, 1))
    found = decision.example(Example("a"), windows, scores, distance=np.full(n_windows, 2.0))
    assert found.familiar is familiar
    assert decision.example(Example("a"), windows, scores).familiar is None
