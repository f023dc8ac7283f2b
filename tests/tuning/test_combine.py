"""Combinations: bundles that predict, evaluate and explain like any other."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from support import quick

from genrekit import evaluate, predict
from genrekit.errors import BundleError, DatasetError, OutputExistsError, UsageError
from genrekit.evaluation import explain
from genrekit.models import dumps, load, loads, pooled
from genrekit.prediction import PredictOptions, load_model
from genrekit.preparation import Cache
from genrekit.training import train
from genrekit.tuning import combine

OTHERS = "synthetic:?genres=3&songs=6&seconds=4&seed=9"


@pytest.fixture(scope="module")
def pair(model_path, network, tmp_path_factory):
    """A combination of a gtzan model and a network, of equal weights."""
    path = tmp_path_factory.mktemp("combine") / "pair.genrekit"
    combine([model_path, network.path], output=path, weights="equal")
    return path


@pytest.fixture(scope="module")
def tables(tracks_csv, tracks_model, tmp_path_factory):
    """A combination of two spotify models, with other numbers of trees."""
    folder = tmp_path_factory.mktemp("tables")
    train(tracks_csv, backend="spotify", config={**quick.SPOTIFY, "seed": 3}, output=folder / "b.genrekit")
    combine([tracks_model, folder / "b.genrekit"], output=folder / "ab.genrekit", weights="0.75,0.25")
    return folder


def scores_of(path, inputs, **more):
    options = PredictOptions(top_k=100)
    return [dict(p.scores) for p in predict(inputs, model=path, options=options, jobs=1, **more)]


def test_the_scores_are_the_mean_of_the_log_odds(pair, model_path, network, songs):
    paths = [str(example.path) for example in songs.examples[:4]]
    both = [scores_of(path, paths) for path in (model_path, network.path)]
    labels = sorted(both[0][0])
    stacked = np.array([[[row[label] for label in labels] for row in one] for one in both])
    wanted = pooled(stacked, np.array([0.5, 0.5]), multilabel=False)
    found = np.array([[row[label] for label in labels] for row in scores_of(pair, paths)])
    assert found == pytest.approx(
        wanted, abs=0.03
    )  # both prepare a song as more than one window, whose means come later
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_it_prepares_each_preparation_once_and_shares_the_cache(pair, model_path, network, songs, tmp_path):
    cache = Cache(tmp_path / "cache")
    paths = [str(songs.examples[0].path)]
    scores_of(model_path, paths, cache=cache)
    scores_of(network.path, paths, cache=cache)
    before = {path.name for path in cache.folder.rglob("*") if path.is_file()}
    scores_of(pair, paths, cache=cache)
    assert {path.name for path in cache.folder.rglob("*") if path.is_file()} == before


def test_it_goes_through_worker_processes(pair, songs):
    paths = [str(example.path) for example in songs.examples[:6]]
    alone = list(predict(paths, model=pair, jobs=1))
    assert [p.scores for p in predict(paths, model=pair, jobs=2)] == [p.scores for p in alone]


def test_it_has_a_timeline_and_the_embeddings_of_the_first_that_are_declared(
    network, model_path, songs, tmp_path
):
    combine([network.path, model_path], output=tmp_path / "c.genrekit", weights="equal")
    model = load_model(tmp_path / "c.genrekit")
    (prediction,) = predict(songs.examples[0].path, model=model, options=PredictOptions(windows=True), jobs=1)
    (first,) = predict(
        songs.examples[0].path, model=network.path, options=PredictOptions(windows=True), jobs=1
    )
    assert [(w.start_s, w.end_s) for w in prediction.windows] == [(w.start_s, w.end_s) for w in first.windows]
    windows = model.backend.prepare(songs.examples[0], model.config).values
    member = load_model(network.path)
    its = member.backend.prepare(songs.examples[0], member.config).values
    assert model.runtime.embeddings(windows) == pytest.approx(member.runtime.embeddings(its), abs=1e-5)
    assert model.runtime.embedding_size == model.bundle.manifest.outputs.embeddings.size


def test_it_draws_what_its_members_draw(pair, songs):
    options = PredictOptions(images=True)
    (prediction,) = predict(songs.examples[0].path, model=pair, options=options, jobs=1)
    assert prediction.image.startswith(b"\x89PNG")


def test_evaluate_takes_it_like_any_other(pair, songs):
    found = evaluate(pair, songs.source, split="test").report
    assert not found.inflated  # the split of its members, which were trained on the same data
    assert evaluate(pair, songs.source).report.inflated
    assert evaluate(pair, OTHERS).report.n_examples == 18


def test_weights_are_fitted_on_valid_and_the_test_split_is_measured_once(
    model_path, network, songs, tmp_path
):
    said = []
    source = "synthetic:?genres=3&songs=8&seconds=4&seed=9"
    found = combine(
        [model_path, network.path], output=tmp_path / "f.genrekit", source=source, say=said.append
    )
    assert sum(found.weights) == pytest.approx(1)
    assert found.measured is None  # no splits: all of it was for fitting
    history = found.bundle.manifest.history["log_loss"]
    assert history["combination"] <= min(history.values()) + 1e-3
    assert found.bundle.learnt.counts["sound"] >= 24
    report = evaluate(tmp_path / "f.genrekit", source).report
    assert report.learnt.examples == 24  # what weights were fitted on is not new to it


def test_too_few_examples_to_fit_on_are_refused(model_path, network, songs, tmp_path):
    with pytest.raises(DatasetError, match="left to fit"):
        combine([model_path, network.path], output=tmp_path / "f.genrekit", source=songs.source)
    assert not (tmp_path / "f.genrekit").exists()


def test_splits_that_the_members_share_are_used(tracks_csv, tmp_path):
    source = tracks_csv
    for name, depth in (("a", 3), ("b", 2)):
        config = {**quick.SPOTIFY, "max_depth": depth}
        train(source, backend="spotify", config=config, output=tmp_path / f"{name}.genrekit")
    said = []
    members = [tmp_path / "a.genrekit", tmp_path / "b.genrekit"]
    found = combine(members, output=tmp_path / "ab.genrekit", source=source, say=said.append)
    own = load(members[0]).manifest
    assert found.measured.report.n_examples == own.metrics["n_examples"]
    assert not found.measured.report.inflated
    assert any("may favour" in line for line in said)
    assert found.bundle.manifest.data["split"] == own.data["split"]
    again = evaluate(tmp_path / "ab.genrekit", source, split="test").report
    assert again.metrics == found.measured.report.metrics


def test_tables_in_bulk(tables, tracks_csv, tracks_model):
    both = [scores_of(path, tracks_csv) for path in (tracks_model, tables / "b.genrekit")]
    labels = sorted(both[0][0])
    stacked = np.array([[[row[label] for label in labels] for row in one] for one in both])
    wanted = pooled(stacked, np.array([0.75, 0.25]), multilabel=False)
    found = np.array(
        [[row[label] for label in labels] for row in scores_of(tables / "ab.genrekit", tracks_csv)]
    )
    assert found == pytest.approx(wanted, abs=1e-4)


def test_labelled_tables_are_read_as_the_members_read_them(tables, tracks_csv, tracks_model):
    found = explain(tables / "ab.genrekit", tracks_csv)
    alone = evaluate(tracks_model, tracks_csv).report
    assert evaluate(tables / "ab.genrekit", tracks_csv).report.n_examples == alone.n_examples
    assert {one.feature for one in found.importances[:2]} == {"loudness", "energy"}
    assert found.shap.strength.shape == (3, 13)


def test_reasons_are_the_weighted_sum_of_those_of_the_members(tables, tracks_csv, tracks_model):
    options = PredictOptions(explain=True)
    paths = (tables / "ab.genrekit", tracks_model, tables / "b.genrekit")
    whole, a, b = (next(iter(predict(tracks_csv, model=path, options=options, jobs=1))) for path in paths)
    assert whole.label == a.label == b.label
    of = [{c.feature: c.contribution for c in one.reasons} for one in (whole, a, b)]
    for feature in of[1].keys() & of[2].keys():
        assert of[0][feature] == pytest.approx(0.75 * of[1][feature] + 0.25 * of[2][feature], abs=1e-4)


def test_several_labels_keep_thresholds(tmp_path):
    found = combine(["tags", _renamed("tags", tmp_path)], output=tmp_path / "t.genrekit")
    manifest = found.bundle.manifest
    assert manifest.multilabel
    for label, value in load_model("tags").bundle.manifest.thresholds.items():
        assert manifest.thresholds[label] == pytest.approx(min(max(value, 1e-7), 1 - 1e-7), abs=1e-6)


def test_the_same_members_give_the_same_bytes(pair, model_path, network, tmp_path):
    shutil.copy(pair, tmp_path / "before")
    combine([model_path, network.path], output=tmp_path / "pair.genrekit", weights="equal")
    assert (tmp_path / "pair.genrekit").read_bytes() == (tmp_path / "before").read_bytes()


def test_the_members_keep_their_identity(pair, model_path, network):
    bundle = load(pair)
    assert [one.sha256 for one in bundle.members] == [load(p).sha256 for p in (model_path, network.path)]
    assert "weight" in bundle.card
    assert bundle.card.count("| tiny |") == 1


def test_wrong_combinations_are_refused(pair, model_path, network, tracks_model, tmp_path):
    output = tmp_path / "x.genrekit"
    for models, words in (
        ([model_path], "2 to 20 models"),
        ([model_path, model_path], "given twice"),
        ([model_path, tracks_model], "one kind of input"),
        ([pair, network.path], "combined again"),
        (["encoder", "tags"], "one label and the other several"),
        (["encoder", model_path], "different labels"),
    ):
        with pytest.raises(UsageError, match=words):
            combine(models, output=output)
    for weights in ("1", "1,2,3", "a,b", "-1,2", "0,0", "nan,1", "inf,1", "", ","):
        with pytest.raises(UsageError, match="is not 'fitted'"):
            combine([model_path, network.path], output=output, weights=weights)
    with pytest.raises(UsageError, match="needs labelled data"):
        combine([model_path, network.path], output=output, weights="fitted")
    with pytest.raises(UsageError, match="not on 'test'"):
        combine([model_path, network.path], output=output, source=OTHERS, split="test")
    assert not output.exists()
    output.write_text("mine")
    with pytest.raises(OutputExistsError):
        combine([model_path, network.path], output=output)
    assert output.read_text() == "mine"


def _changed(bundle, **changes):
    """Return the bytes of a combination with another manifest."""
    facts = bundle.manifest.model_dump(mode="json") | changes
    manifest = type(bundle.manifest).model_validate_json(json.dumps(facts), strict=True)
    native = {name: data for name, data in bundle.files.items() if name != "README.md"}
    return dumps(manifest, onnx=None, native=native, card=bundle.card)


def test_damaged_combinations_are_refused(pair, tmp_path):
    bundle = load(pair)
    members = bundle.manifest.model_dump(mode="json")["members"]
    with pytest.raises(BundleError, match="not the one"):
        _changed(bundle, members=[{**members[0], "sha256": "0" * 64}, members[1]])
    with pytest.raises(BundleError, match="not the one"):
        _changed(bundle, members=[{**members[0], "name": "other"}, members[1]])
    nested = {**bundle.files, members[0]["file"]: pair.read_bytes()}
    with pytest.raises(BundleError, match="combination itself"):
        _changed(replace(bundle, files=nested))
    broken = {**bundle.files, members[0]["file"]: bundle.files[members[0]["file"]][:-100]}
    with pytest.raises(BundleError):
        _changed(replace(bundle, files=broken))
    for changes in (
        {"labels": ["a", "b", "c"]},
        {"config": {"temperature": -1}},
        {"feature_version": "other"},
    ):
        (tmp_path / "m.genrekit").write_bytes(_changed(bundle, **changes))
        with pytest.raises(BundleError, match="contradicts"):
            load_model(tmp_path / "m.genrekit")
    with pytest.raises(ValueError, match="two members"):
        _changed(bundle, members=members[:1])
    with pytest.raises(BundleError, match="graph each"):
        _ = loads(pair.read_bytes()).onnx


def _renamed(name, folder):
    """Return a shipped model under another name, which is another bundle."""
    bundle = load_model(name).bundle
    manifest = bundle.manifest.model_copy(update={"name": "another"})
    native = {key: data for key, data in bundle.files.items() if key.endswith(".safetensors")}
    path = folder / "another.genrekit"
    path.write_bytes(dumps(manifest, onnx=bundle.onnx, native=native, card=bundle.card))
    return path
