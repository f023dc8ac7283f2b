"""Uploads kept with consent, feedback and receipts over HTTP, in this process."""

import io
import json
import re
import threading
import time
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image
from support.corrected import champion, good, rows
from support.serving import running
from support.waiting import wait_until

from genrekit.errors import UsageError
from genrekit.feedback import Limits, Store, new_id, new_receipt, retrain
from genrekit.hashing import hash_file
from genrekit.media import images
from genrekit.server import Settings

PAGE = {"X-Genrekit-Page": "1"}


@pytest.fixture(autouse=True)
def spool(tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    monkeypatch.setenv("GENREKIT_SPOOL", str(folder))
    return folder


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A server that keeps pictures and rows, and its store."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENREKIT_SPOOL", str(folder / "spool"))
        kept = Store(folder / "store")
        with running(models=("image", "gtzan"), keep="asked", store=kept.word) as client:
            yield client, kept


@pytest.fixture
def both(asked):
    """The same, with an empty store."""
    client, kept = asked
    assert wait_until(lambda: client.get("/v1/feedback/summary").json()["waiting"] == 0)
    kept.objects.remove([name for name, _ in kept.objects.names() if name != "served.json"])
    return client, kept


def names(store, prefix=""):
    return [name for name, _ in store.objects.names(prefix) if name != "served.json"]


def photo(orientation=6, seed=0):
    """A photo with a place."""
    picture = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (60, 90, 3), np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    exif[0x010E] = "kitchen of Ms Example"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    stream = io.BytesIO()
    picture.save(stream, "jpeg", exif=exif)
    return stream.getvalue()


def served(store, keep="asked", **settings):
    return running(models=("gtzan",), keep=keep, store=store.word, **settings)


def predict(client, content=None, *, keep="true", numbers=None, **more):
    if numbers:
        response = client.post(f"/v1/predict?keep={keep}", json={"features": numbers}, **more)
    else:
        files = {"file": ("cover.jpg", content or photo(), "image/jpeg")}
        response = client.post(f"/v1/predict?keep={keep}", files=files, **more)
    assert response.status_code == 200, response.text
    return response.json()["results"][0]


def varied(numbers, value):
    return [*numbers[:-1], value]


def test_by_default_nothing_is_kept_and_rows_have_no_id(client, numbers):
    assert "id" not in predict(client, numbers=numbers)
    refused = client.post("/v1/feedback", json={"id": new_id(), "verdict": "right"})
    assert refused.status_code == 501
    assert "--keep" in refused.json()["hint"]


@pytest.mark.parametrize("settings", [{"keep": "asked"}, {"store": "somewhere"}])
def test_keeping_needs_a_store_and_a_store_needs_keeping(settings):
    with pytest.raises(UsageError, match="--keep"):
        Settings(**settings).check()


def test_a_photo_is_kept_with_consent_upright_and_without_its_place(both, tmp_path):
    client, store = both
    assert predict(client, keep="false")["id"]
    row = predict(client)
    assert wait_until(lambda: names(store, "ids/"))
    (kept,) = names(store, "objects/")
    content = store.objects.read(kept)
    assert not Image.open(io.BytesIO(content)).getexif()
    original, again = tmp_path / "a.jpg", tmp_path / "b"
    original.write_bytes(photo())
    again.write_bytes(content)
    assert np.array_equal(images.load(again, size=None), images.load(original, size=None))
    event = store.find(row["id"])
    assert event.consent
    assert event.predicted.model == "image"
    everything = b"".join(store.objects.read(name) for name in names(store))
    for secret in (b"cover.jpg", b"Example", row["receipt"].encode()):
        assert secret not in everything


def test_feedback_gives_a_receipt_that_deletes_the_file_and_every_event(both):
    client, store = both
    first, second = predict(client, photo(1)), predict(client, photo(1))
    assert wait_until(lambda: names(store, "objects/"))
    assert names(store, "objects/")[0].endswith(".jpg")
    label = next(score["label"] for score in first["scores"] if score["label"] != first["label"])
    said = {"id": first["id"], "verdict": "wrong", "label": label.upper(), "comment": "it is clear"}
    response = client.post("/v1/feedback", json=said)
    assert response.status_code == 201, response.text
    assert client.post("/v1/feedback", json={"id": second["id"], "verdict": "right"}).status_code == 201
    assert wait_until(lambda: client.get("/v1/feedback/summary").json()["feedback"] == 2)
    summary = client.get("/v1/feedback/summary").json()
    assert (summary["kept"], summary["agreement"], summary["corrected_to"]) == (1, 0.5, {label: 1})
    receipt = response.json()["receipt"]
    assert client.delete(f"/v1/uploads/{receipt}").status_code == 204
    assert names(store) == []
    assert client.delete(f"/v1/uploads/{receipt}").status_code == 404
    assert client.delete(f"/v1/uploads/{second['receipt']}").status_code == 404


def test_rows_that_are_streamed_have_ids_and_csv_and_tables_keep_nothing(both):
    client, store = both
    files = [("f", ("a.jpg", photo())), ("f", ("b.jpg", photo(1)))]
    lines = client.post("/v1/predict?keep", files=files, headers={"Accept": "application/x-ndjson"}).text
    assert all(json.loads(line)["receipt"] for line in lines.splitlines())
    assert wait_until(lambda: len(names(store, "ids/")) == 2)
    text = client.post("/v1/predict?keep", files=files[:1], headers={"Accept": "text/csv"}).text
    table = client.post("/v1/predict?keep", json={"rows": [dict.fromkeys(["a"], 1)]})
    assert "p_" not in text + table.text
    assert len(names(store, "ids/")) == 2


def test_feedback_that_does_not_fit_is_refused(both):
    client, _ = both
    row = predict(client, keep="false")
    other, third = [score["label"] for score in row["scores"] if score["label"] != row["label"]][:2]
    for change, status in (
        ({"id": "p_" + "0" * 31}, 404),
        ({"id": "../../etc"}, 400),
        ({"verdict": "perhaps"}, 400),
        ({"extra": 1}, 400),
        ({"comment": "x" * 501}, 400),
        ({"label": "no such genre"}, 422),
        ({"verdict": "unsure", "label": other}, 422),
        ({"verdict": "right", "label": other}, 422),
        ({"label": row["label"]}, 422),
        ({"labels": [other, third]}, 422),
    ):
        said = {"id": row["id"], "verdict": "wrong", **change}
        assert client.post("/v1/feedback", json=said).status_code == status, change
    assert client.post("/v1/feedback", content=b"[" * 100_000).status_code == 400
    for receipt in (new_receipt(), "r_", "..%2F..", "x"):
        assert client.delete(f"/v1/uploads/{receipt}").status_code == 404


def test_only_corrected_files_are_kept_where_that_is_asked_for(store, numbers):
    with served(store, "feedback") as client:
        row = predict(client, numbers=numbers)
        assert "receipt" not in row
        unkept = predict(client, numbers=numbers, keep="false")
        receipt = client.post("/v1/feedback", json={"id": unkept["id"], "verdict": "unsure"}).json()[
            "receipt"
        ]
        assert wait_until(lambda: len(names(store)) == 2)
        assert not names(store, "objects/")
        assert client.delete(f"/v1/uploads/{receipt}").status_code == 204
        assert names(store) == []
        receipt = client.post("/v1/feedback", json={"id": row["id"], "verdict": "right"}).json()["receipt"]
        assert wait_until(lambda: len(names(store, "events/")) == 2)
        (kept,) = names(store, "objects/")
        assert list(json.loads(store.objects.read(kept)).values()).count(0.5) == 45
        assert client.delete(f"/v1/uploads/{receipt}").status_code == 204
        assert names(store) == []


def test_a_store_that_is_away_harms_no_answer_and_the_queue_drains_when_it_is_back(store, tmp_path, numbers):
    blocked = tmp_path / "store"
    blocked.write_text("a file where the store should be")
    with served(store) as client:
        row = predict(client, numbers=numbers)
        said = client.post("/v1/feedback", json={"id": row["id"], "verdict": "right"})
        assert said.status_code == 201
        assert client.get("/v1/feedback/summary").status_code == 503
        assert client.post("/v1/feedback", json={"id": new_id(), "verdict": "right"}).status_code == 503
        other = predict(client, numbers=varied(numbers, 2))
        assert client.delete(f"/v1/uploads/{other['receipt']}").status_code == 202
    blocked.unlink()
    with served(store) as client:  # what waits survives the server
        assert wait_until(lambda: client.get("/v1/feedback/summary").json()["feedback"] == 1)
        assert client.get("/v1/feedback/summary").json()["kept"] == 1
        assert client.post("/v1/feedback", json={"id": row["id"], "verdict": "unsure"}).status_code == 201


def test_an_answer_does_not_wait_for_a_store_that_hangs(store, numbers, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr("genrekit.remote.objects.LocalObjects.write", lambda *_: free.wait(60))
    try:
        with served(store) as client:
            for number in range(20):
                assert predict(client, numbers=varied(numbers, number))["receipt"]
            assert not free.is_set()
            free.set()
    finally:
        free.set()


def test_uploaders_are_told_apart_and_named_by_nothing_and_no_secret_is_written(store, numbers, capfd):
    keys = {name: sha256(f"the-secret-key-of-{name}".encode()).digest() for name in ("ann", "bob")}
    receipts = []
    with served(store, keys=keys, log="json", limits=Limits(max_files=2)) as client:
        for number, name in enumerate(("ann", "ann", "bob")):
            key = {"X-API-Key": f"the-secret-key-of-{name}"}
            row = predict(client, numbers=varied(numbers, number % 2), headers=key)
            receipts.append(row["receipt"])
        assert wait_until(lambda: len(list(store.event_names())) == 3)
        predict(client, numbers=varied(numbers, 9), headers=key)
        refused = 'genrekit_kept_total{outcome="refused"} 1.0'
        assert wait_until(lambda: refused in client.get("/metrics", headers=key).text)
        assert len(names(store, "objects/")) == 2
    uploaders = {event.uploader for event in store.event_names()}
    assert len(uploaders) == 2
    said = capfd.readouterr().err + "".join(f"{name} {store.objects.read(name)}" for name in names(store))
    for secret in ("the-secret-key", *receipts):
        assert secret not in said
    assert not re.search("ann|bob", "".join(f"{name} {store.objects.read(name)}" for name in names(store)))


def test_a_browser_without_a_key_gets_a_cookie_when_it_consents_and_not_before(store, numbers):
    with served(store) as client:
        predict(client, numbers=numbers, keep="false", headers=PAGE)
        assert not client.cookies
        first = client.post("/v1/predict?keep", json={"features": numbers}, headers=PAGE)
        assert re.search("(?i)httponly.*samesite=strict", first.headers["set-cookie"])
        predict(client, numbers=varied(numbers, 3), headers=PAGE)
        assert wait_until(lambda: len(list(store.event_names())) == 2)
        assert len({event.uploader for event in store.event_names()}) == 1


@pytest.mark.night
def test_a_promotion_under_load_fails_no_request(store, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda handle: None)
    table, mine = champion(tmp_path)
    good(store, 120, tmp_path)
    row = rows(1, 99)[0][1]
    with running(models=(str(mine),), keep="asked", store=store.word, watch_s=0.05) as client:
        before = predict(client, numbers=row, keep="false")["model_sha256"]
        wrong, seen, stop = [], set(), threading.Event()

        def ask():
            while not stop.is_set():
                response = client.post("/v1/predict", json={"features": [row] * 3})
                hashes = {one["model_sha256"] for one in response.json().get("results", ())}
                if response.status_code != 200 or len(hashes) != 1:
                    wrong.append(response.text)
                seen.update(hashes)
                time.sleep(0.005)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert wait_until(lambda: store.read_json("served.json"))
        found = retrain(store, str(table), promote=True)
        assert wait_until(lambda: found.challenger in seen)
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong
        assert seen == {before, found.challenger}
        assert hash_file(mine) == found.challenger
        history = client.get("/v1/models/mine/history").json()["corrections"]
        assert history["count"] == found.learnt
