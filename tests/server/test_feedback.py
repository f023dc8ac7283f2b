"""Uploads kept with consent, feedback, receipts: over HTTP, in this process."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from support.serving import running
from support.waiting import wait_until

from genrekit.errors import UsageError
from genrekit.feedback import Store, new_id, new_receipt
from genrekit.media import images
from genrekit.server import Settings


@pytest.fixture(autouse=True)
def spool(tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    monkeypatch.setenv("GENREKIT_SPOOL", str(folder))
    return folder


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def names(store):
    return [name for name, _ in store.objects.names()]


def photo(orientation=6):
    """A photo with a place."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    exif[0x010E] = "kitchen of Ms Example"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    stream = io.BytesIO()
    picture.save(stream, "jpeg", exif=exif)
    return stream.getvalue()


def served(store, keep="asked", **settings):
    return running(models=("image", "gtzan"), keep=keep, store=store.word, **settings)


def predict(client, consent="true", content=None):
    files = {"file": ("cover.jpg", content or photo(), "image/jpeg")}
    response = client.post(f"/v1/predict?keep={consent}", files=files)
    assert response.status_code == 200, response.text
    return response.json()["results"][0]


def test_by_default_nothing_is_kept_and_rows_have_no_id(client, numbers):
    row = client.post("/v1/predict?keep=true", json={"features": numbers}).json()["results"][0]
    assert "id" not in row
    refused = client.post("/v1/feedback", json={"id": new_id(), "verdict": "right"})
    assert refused.status_code == 501
    assert "--keep" in refused.json()["hint"]


@pytest.mark.parametrize("settings", [{"keep": "asked"}, {"store": "somewhere"}])
def test_keeping_needs_a_store_and_a_store_needs_keeping(settings):
    with pytest.raises(UsageError, match="--keep"):
        Settings(**settings).check()


def test_a_photo_is_kept_with_consent_upright_and_without_its_place(store, tmp_path):
    with served(store) as client:
        assert predict(client, "false")["id"]
        row = predict(client)
        assert wait_until(lambda: any(name.startswith("ids/") for name in names(store)))
    (kept,) = [name for name in names(store) if name.startswith("objects/")]
    content = store.objects.read(kept)
    assert b"Example" not in content
    assert not Image.open(io.BytesIO(content)).getexif()
    original, again = tmp_path / "a.jpg", tmp_path / "b"
    original.write_bytes(photo())
    again.write_bytes(content)
    assert np.array_equal(images.load(again, size=None), images.load(original, size=None))
    event = store.find(row["id"])
    assert event.consent
    assert event.predicted.model == "image"
    everything = b"".join(store.objects.read(name) for name in names(store))
    assert b"cover.jpg" not in everything
    assert row["receipt"].encode() not in everything


def test_a_photo_that_needs_no_turn_keeps_its_compressed_pixels(store):
    with served(store) as client:
        predict(client, content=photo(orientation=1))
        assert wait_until(lambda: any(name.endswith(".jpg") for name in names(store)))


def test_feedback_gives_a_receipt_that_deletes_the_file_and_every_event(store):
    with served(store) as client:
        first, second = predict(client), predict(client)
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


def test_only_corrected_files_are_kept_where_that_is_asked_for(store, numbers):
    with served(store, "feedback") as client:
        row = predict(client)
        assert "receipt" not in row
        unkept = client.post("/v1/predict", json={"features": numbers}).json()["results"][0]
        client.post("/v1/feedback", json={"id": unkept["id"], "verdict": "unsure"})
        assert wait_until(lambda: names(store))
        assert not any(name.startswith("objects/") for name in names(store))
        receipt = client.post("/v1/feedback", json={"id": row["id"], "verdict": "right"}).json()["receipt"]
        assert wait_until(lambda: sum(name.startswith(("objects/", "events/")) for name in names(store)) == 4)
        assert client.delete(f"/v1/uploads/{receipt}").status_code == 204
        assert not any(name.startswith("objects/") for name in names(store))


def test_rows_of_numbers_are_kept_as_they_are(store, numbers):
    with served(store) as client:
        response = client.post("/v1/predict?keep", json={"features": numbers})
        assert response.json()["results"][0]["receipt"]
        assert wait_until(lambda: any(name.startswith("objects/") for name in names(store)))
    (kept,) = [name for name in names(store) if name.startswith("objects/")]
    assert list(json.loads(store.objects.read(kept)).values()).count(0.5) == 45


def test_streamed_rows_have_ids_and_tables_are_not_kept(store, media):
    with served(store) as client:
        lines = client.post(
            "/v1/predict?keep=true",
            files=[("f", ("a.jpg", photo())), ("f", ("b.jpg", photo(1)))],
            headers={"Accept": "application/x-ndjson"},
        ).text.splitlines()
        assert all(json.loads(line)["receipt"] for line in lines)
        text = client.post(
            "/v1/predict?keep", files={"f": ("a.jpg", photo())}, headers={"Accept": "text/csv"}
        )
        assert "p_" not in text.text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"id": "p_" + "0" * 31}, 404),
        ({"id": "../../etc"}, 400),
        ({"verdict": "perhaps"}, 400),
        ({"extra": 1}, 400),
        ({"comment": "x" * 501}, 400),
        ({"label": "no such genre"}, 422),
        ({"verdict": "unsure", "label": "jazz"}, 422),
        ({"verdict": "right", "label": "OTHER"}, 422),
        ({"label": "SAME"}, 422),
        ({"labels": ["FIRST", "OTHER"]}, 422),
    ],
)
def test_feedback_that_does_not_fit_is_refused(store, change, status):
    with served(store) as client:
        row = predict(client, "false")
        others = [score["label"] for score in row["scores"] if score["label"] != row["label"]]
        words = {"SAME": row["label"], "OTHER": others[0], "FIRST": others[1]}

        def filled(value):
            return (
                [words.get(one, one) for one in value] if isinstance(value, list) else words.get(value, value)
            )

        said = {"id": row["id"], "verdict": "wrong", **{key: filled(value) for key, value in change.items()}}
        assert client.post("/v1/feedback", json=said).status_code == status


def test_a_receipt_that_is_none_deletes_nothing(store):
    with served(store) as client:
        predict(client)
        for receipt in (new_receipt(), "r_", "..%2F..", "x"):
            assert client.delete(f"/v1/uploads/{receipt}").status_code == 404


def test_a_store_that_is_away_harms_no_answer_and_the_queue_drains_when_it_is_back(store, tmp_path):
    blocked = tmp_path / "store"
    blocked.write_text("a file where the store should be")
    with served(store) as client:
        row = predict(client)
        said = client.post("/v1/feedback", json={"id": row["id"], "verdict": "right"})
        assert said.status_code == 201
        assert client.get("/v1/feedback/summary").status_code == 503
        other = predict(client, content=photo(3))
        waiting = client.delete(f"/v1/uploads/{other['receipt']}")
        assert waiting.status_code == 202
        blocked.unlink()
        assert wait_until(lambda: client.get("/v1/feedback/summary").json().get("waiting") == 0)
        assert wait_until(lambda: client.get("/v1/feedback/summary").json().get("feedback") == 1)
        assert client.get("/v1/feedback/summary").json()["kept"] == 1


def test_what_waits_survives_the_server(store, tmp_path):
    blocked = tmp_path / "store"
    blocked.write_text("")
    with served(store) as client:
        row = predict(client)
    blocked.unlink()
    with served(store) as client:
        assert wait_until(lambda: any(name.startswith("ids/") for name in names(store)))
        assert client.post("/v1/feedback", json={"id": row["id"], "verdict": "right"}).status_code == 201


def test_uploaders_are_told_apart_by_key_and_by_browser_and_named_by_neither(store):
    from hashlib import sha256

    keys = {name: sha256(f"the-secret-key-of-{name}".encode()).digest() for name in ("ann", "bob")}
    with served(store, keys=keys) as client:
        for name in ("ann", "ann", "bob"):
            files = {"f": ("a.jpg", photo())}
            client.post("/v1/predict?keep", files=files, headers={"X-API-Key": f"the-secret-key-of-{name}"})
        assert wait_until(lambda: len(list(store.event_names())) == 3)
    uploaders = {event.uploader for event in store.event_names()}
    assert len(uploaders) == 2
    assert not any(word in " ".join(names(store)) for word in ("ann", "bob"))


def test_a_browser_without_a_key_gets_a_cookie_when_it_consents_and_not_before(store):
    page = {"X-Genrekit-Page": "1"}
    with served(store) as client:
        assert not client.post("/v1/predict", files={"f": ("a.jpg", photo())}, headers=page).cookies
        first = client.post("/v1/predict?keep", files={"f": ("a.jpg", photo())}, headers=page)
        assert re.search("(?i)httponly.*samesite=strict", first.headers["set-cookie"])
        second = client.post("/v1/predict?keep", files={"f": ("a.jpg", photo(1))}, headers=page)
        assert "set-cookie" not in second.headers
        assert wait_until(lambda: len(list(store.event_names())) == 2)
        assert len({event.uploader for event in store.event_names()}) == 1


def test_caps_refuse_what_is_too_much(store):
    from genrekit.feedback import Limits

    with served(store, limits=Limits(max_files=1)) as client:
        predict(client)
        assert wait_until(lambda: any(name.startswith("ids/") for name in names(store)))
        predict(client, content=photo(1))
        assert wait_until(lambda: 'genrekit_kept_total{outcome="refused"} 1.0' in client.get("/metrics").text)
        assert sum(name.startswith("objects/") for name in names(store)) == 1


def test_the_log_and_the_store_hold_no_secret(store, capfd, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-very-secret-word-of-the-environment")
    key = {"X-API-Key": "the-secret-key-of-ann"}
    from hashlib import sha256

    with served(store, keys={"ann": sha256(b"the-secret-key-of-ann").digest()}, log="json") as client:
        response = client.post("/v1/predict?keep", files={"f": ("a.jpg", photo())}, headers=key)
        assert wait_until(lambda: any(name.startswith("ids/") for name in names(store)))
    said = capfd.readouterr().err + "".join(str(store.objects.read(name)) for name in names(store))
    for secret in ("the-secret-key", "a-very-secret-word", response.json()["results"][0]["receipt"]):
        assert secret not in said
