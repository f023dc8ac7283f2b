"""Retraining, simulated: good corrections promote, random ones do not, and deletions are forgotten."""

import json

import numpy as np
import pytest
from support.corrected import LABELS, add, champion, good, rows

from genrekit import load_model
from genrekit.errors import GenrekitError, UsageError
from genrekit.evaluation import evaluate
from genrekit.feedback import Limits, Spool, Store, Versions, Writer, hash_receipt, new_receipt, retrain
from genrekit.feedback.corrections import Correction, capped
from genrekit.feedback.store import Content
from genrekit.feedback.versions import one_at_a_time
from genrekit.hashing import hash_file


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The table and the bundle of a champion."""
    return champion(tmp_path_factory.mktemp("champion"))


@pytest.fixture
def place(trained, tmp_path):
    """A table, a bundle that may be replaced, and an empty store."""
    table, bundle = trained
    mine = tmp_path / "mine.genrekit"
    mine.write_bytes(bundle.read_bytes())
    return str(table), mine, Store(tmp_path / "store")


def everything(store):
    return {name: store.objects.read(name) for name, _ in store.objects.names()}


def test_good_corrections_promote_and_a_rollback_is_one_call(place, tmp_path):
    table, mine, store = place
    before = hash_file(mine)
    good(store, 200, tmp_path)
    dry = retrain(store, table, model=mine, dry_run=True)
    assert (dry.outcome, dry.new) == ("dry run", 200)
    assert dry.learnt + dry.held_back == 200
    assert 0.1 < dry.held_back / 200 < 0.4
    tried = retrain(store, table, model=mine)
    assert (tried.outcome, hash_file(mine)) == ("better", before)
    with one_at_a_time(mine), pytest.raises(GenrekitError, match="Another process retrains"):
        retrain(store, table, model=mine, promote=True)
    found = retrain(store, table, model=mine, promote=True)
    assert found.outcome == "promoted"
    assert hash_file(mine) == found.challenger
    model = load_model(mine)
    assert model.bundle.manifest.parent == before
    assert model.bundle.manifest.data_fingerprint
    assert f"{found.learnt} corrections" in model.card
    facts = model.bundle.manifest.history["corrections"]
    assert facts["count"] == found.learnt
    assert facts["corrections_test"]["difference"]["low"] > 0
    assert facts["frozen_test"]["difference"]["high"] >= 0
    again = evaluate(mine, table, split="test").report
    assert again.n_examples == facts["frozen_test"]["n"]
    assert retrain(store, table, model=mine, promote=True).outcome == "waiting"
    assert Versions(store).roll_back(mine).sha256 == before == hash_file(mine)
    with pytest.raises(UsageError, match="no version before"):
        Versions(store).roll_back(mine)


def test_random_labels_of_one_uploader_do_not_promote(place, tmp_path):
    table, mine, store = place
    before = hash_file(mine)
    rng = np.random.default_rng(3)
    good(store, 30, tmp_path, uploaders=30, seed=7)
    for _, row in rows(200, 5, shifted=True):
        add(store, row, LABELS[rng.integers(3)], "person 0 with many", folder=tmp_path)
    found = retrain(store, table, model=mine, promote=True)
    assert found.outcome == "kept"
    assert found.reasons
    assert hash_file(mine) == before
    assert any("from one uploader" in reason for _, reason in found.left_out)


def test_random_labels_of_one_uploader_alone_do_not_promote(place, tmp_path):
    table, mine, store = place
    before = hash_file(mine)
    rng = np.random.default_rng(4)
    for _, row in rows(200, 5):
        add(store, row, LABELS[rng.integers(3)], "one", folder=tmp_path)
    found = retrain(store, table, model=mine, promote=True)
    assert (found.outcome, hash_file(mine)) == ("kept", before)
    assert any("uploaders" in reason for reason in found.reasons)
    assert retrain(store, table, model=mine, promote=True).outcome == "waiting"


def test_what_is_deleted_is_forgotten_by_the_next_retraining(place, tmp_path):
    table, mine, store = place
    hashes = good(store, 200, tmp_path)
    assert retrain(store, table, model=mine, promote=True).outcome == "promoted"
    first = Versions(store).get(hash_file(mine))
    gone = next(sha256 for sha256 in hashes if sha256 in first.corrections)
    keys = load_model(mine).bundle.learnt.counts
    store.delete_content(gone)
    rng = np.random.default_rng(6)
    for number, (_, row) in enumerate(rows(60, 8, shifted=True)):  # no better for it: they are not learnt
        add(store, row, LABELS[rng.integers(3)], f"new {number}", folder=tmp_path)
    found = retrain(store, table, model=mine, promote=True)
    assert (found.outcome, found.forgotten, found.learnt) == ("promoted", 1, len(first.corrections) - 1)
    assert load_model(mine).bundle.learnt.counts["row"] == keys["row"] - 1
    left = everything(store)
    assert not any(gone in name or gone.encode() in content for name, content in left.items())
    assert not any(first.sha256 in name for name in left if name.startswith("models/"))
    assert Versions(store).roll_back(mine).sha256 == first.parent


def test_contradictions_and_unreadable_files_are_left_out_and_listed(place, tmp_path):
    table, mine, store = place
    (_, row), (_, other), (_, third) = rows(3, 11)
    for person, label in (("ann", "jazz"), ("bob", "metal")):
        add(store, row, label, person, folder=tmp_path)
    damaged = add(store, other, "jazz", "ann", folder=tmp_path)
    store.objects.write(f"objects/{damaged[:2]}/{damaged}.json", b"{}")
    add(store, third, "polka", "ann", folder=tmp_path)
    found = retrain(store, table, model=mine, min_new=0, dry_run=True)
    reasons = sorted(reason for _, reason in found.left_out)
    assert [reason.split(":")[0] for reason in reasons] == [
        "The file is damaged",
        "contradiction",
        "mine does not know the label 'polka'",
    ]
    assert found.learnt + found.held_back == 0


def test_a_correction_that_is_in_the_original_data_is_left_out(place, tmp_path):
    table, mine, store = place
    for label, row in rows(240, 0):
        add(store, row, label, "ann", folder=tmp_path)
    found = retrain(store, table, model=mine, dry_run=True)
    assert found.learnt + found.held_back == 0
    assert {reason for _, reason in found.left_out} == {
        "it is in the frozen test",
        "it is in the original data",
    }


def test_reports_hold_no_hash_of_an_upload(place, tmp_path):
    table, mine, store = place
    hashes = good(store, 60, tmp_path)
    retrain(store, table, model=mine, promote=True, min_new=10)
    (report,) = [name for name, _ in store.objects.names("reports/")]
    content = store.objects.read(report).decode()
    assert not any(sha256[:16] in content for sha256 in hashes)
    assert json.loads(content)["learnt"]


def test_a_store_that_says_which_model_is_served_needs_no_name(place):
    table, mine, store = place
    with pytest.raises(UsageError, match="--model"):
        retrain(store, table)
    store.write_json("served.json", {"models": [{"name": "mine", "path": str(mine)}]})
    assert retrain(store, table).outcome == "waiting"


def test_one_uploader_has_at_most_its_share_of_a_label():
    from datetime import UTC, datetime

    def correction(number, uploader):
        return Correction(Content(f"{number:064x}"), ("jazz",), uploader, datetime.now(UTC))

    many = [correction(n, "one") for n in range(50)] + [correction(100 + n, f"u{n}") for n in range(30)]
    kept, over = capped(many, {"jazz": 10}, 0.2)
    mine = sum(one.uploader == "one" for one in kept)
    assert mine == 10 == round(0.2 * (10 + len(kept)))
    assert len(over) == 40
    assert capped(many, {"jazz": 1000}, 0.2) == (many, [])


def test_too_old_uploads_are_deleted(tmp_path):
    from datetime import UTC, datetime, timedelta

    store = Store(tmp_path / "store")
    add(store, rows(1, 0)[0][1], "jazz", "ann", folder=tmp_path)
    assert store.expire(datetime.now(UTC) - timedelta(days=1)) == 0
    assert store.expire(datetime.now(UTC) + timedelta(days=1)) == 1
    assert not everything(store)
    writer = Writer(store, Spool(tmp_path / "spool"), Limits())
    assert writer.delete(new_receipt()) == "unknown"
    assert len(hash_receipt(new_receipt())) == 64
