"""What the clients of the five systems send, and of MLflow and SageMaker, as they send it."""

import csv
import io
import json

import pytest
from support.serving import running

KEY = "correct-horse-battery"


def test_a_57_numbers_with_a_key():
    import hashlib

    numbers = [0.5] * 57
    with running(models=("gtzan",), port=8080, keys={"a": hashlib.sha256(KEY.encode()).digest()}) as client:
        found = client.post("/predict", json={"features": numbers}, headers={"X-API-Key": KEY})
        assert found.status_code == 200
        assert found.json()["genre"] in found.json()["probabilities"]
        assert client.post("/predict", json={"features": numbers}).status_code == 401
        assert (
            client.post("/predict", json={"features": numbers[1:]}, headers={"X-API-Key": KEY}).status_code
            == 422
        )
        assert client.get("/docs", headers={"X-API-Key": KEY}).status_code == 200


def test_b_one_row_of_13_features(client, media):
    text = (media.parent / "tracks.csv").read_text(encoding="utf-8")
    track = next(csv.DictReader(io.StringIO(text)))
    row = {key: float(value) for key, value in track.items() if key not in ("track_id", "artist", "track")}
    assert len(row) == 13
    found = client.post("/predict", json=row)
    assert found.status_code == 200
    expected = client.post("/v1/predict", files={"file": ("t.csv", text.encode())}).json()["results"][0]
    assert found.json()["prediction"] == expected["label"]
    assert found.json()["confidence"] == pytest.approx(expected["score"], abs=1e-5)
    assert client.post("/predict", json=[row]).json()["prediction"] == expected["label"]


def test_c_health_metrics_genres_and_the_index(client):
    assert client.get("/api/health").json() == {"status": "ok"}
    numbers = client.get("/api/metrics").json()
    assert {"model_exists", "model_path", "val_acc", "val_loss", "epoch", "ready"} <= numbers.keys()
    assert numbers["ready"] is True
    assert "/" not in numbers["model_path"]
    assert 0 < numbers["val_acc"] < 1
    assert "rock" in client.get("/api/genres").json()["genres"]
    index = client.get("/", headers={"Accept": "application/json"}).json()
    assert "POST /api/predict" in index["endpoints"]


def test_c_the_numbers_of_a_network_are_those_of_its_best_epoch():
    with running(models=("spectrogram",)) as client:
        numbers = client.get("/api/metrics").json()
        assert numbers["split"] == "valid"
        assert numbers["epoch"] >= 1


def test_c_a_file_a_path_and_a_spectrogram(client, media):
    song = (media / "boom_bap.ogg").read_bytes()
    by_file = client.post("/api/predict", files={"file": ("boom_bap.ogg", song)}).json()
    assert sum(by_file["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    with running(models=("spectrogram",), allow_path=media) as other:
        by_path = other.post("/api/predict", json={"path": "boom_bap.ogg"}).json()
        assert by_path["label"]
    assert client.post("/api/predict", json={"path": str(media / "boom_bap.ogg")}).status_code == 403
    mel = [[float(-20 - (band * frame) % 37) for frame in range(600)] for band in range(128)]
    seen = client.post("/api/predict", json={"spectrogram": mel}).json()
    assert seen["model"] == "spectrogram"
    assert client.post("/api/predict", json={"spectrogram": mel[:64]}).status_code == 422


def test_d_the_form_field_file(client, media):
    song = (media / "string_arpeggios.ogg").read_bytes()
    found = client.post("/api/v1/analysis/predict", files={"file": ("song.ogg", song)}).json()
    assert found["input"] == "song.ogg"
    assert found["genre"]


def test_e_a_photo(client, media):
    photo = (media / "night_drive.jpg").read_bytes()
    found = client.post("/predict", files={"file": ("photo.jpg", photo, "image/jpeg")}).json()
    assert found["model"] == "image"


@pytest.mark.parametrize("wrap", ["instances", "inputs"])
def test_mlflow_and_sagemaker(client, media, numbers, wrap):
    assert client.get("/ping").status_code == 200
    by_numbers = client.post("/invocations", json={wrap: [numbers, numbers]}).json()
    assert [row["model"] for row in by_numbers["predictions"]] == ["gtzan", "gtzan"]
    text = (media.parent / "tracks.csv").read_text(encoding="utf-8")
    records = list(csv.DictReader(io.StringIO(text)))
    labels = [row["label"] for row in client.post("/invocations", json={wrap: records}).json()["predictions"]]
    split = {"columns": list(records[0]), "data": [list(record.values()) for record in records]}
    for body in ({"dataframe_split": split}, {"dataframe_records": records}):
        assert [
            row["label"] for row in client.post("/invocations", json=body).json()["predictions"]
        ] == labels
    by_csv = client.post("/invocations", content=text.encode(), headers={"Content-Type": "text/csv"})
    assert [row["label"] for row in by_csv.json()["predictions"]] == labels
    song = (media / "boom_bap.ogg").read_bytes()
    raw = client.post("/invocations", content=song, headers={"Content-Type": "audio/ogg"})
    assert raw.json()["predictions"][0]["label"]


def test_a_broken_file_is_an_error_and_not_silence(client):
    for path in ("/predict", "/api/predict", "/api/v1/analysis/predict", "/invocations"):
        response = client.post(path, files={"file": ("song.mp3", b"no sound" * 99)})
        assert response.status_code == 422
        assert json.loads(response.text)["detail"]
