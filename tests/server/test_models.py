"""The models over HTTP: facts, cards, reports, labels, embeddings, explanations, tensors."""

import base64

import numpy as np
import pytest
from support.serving import running

from genrekit.prediction import load_model


def test_the_list_has_the_facts_of_every_model(client):
    models = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
    assert list(models) == ["encoder", "spectrogram", "gtzan", "image", "spotify"]
    gtzan = models["gtzan"]
    assert gtzan["sha256"] == load_model("gtzan").bundle.sha256
    assert gtzan["metrics"]["accuracy"]["low"] < gtzan["metrics"]["accuracy"]["value"]
    assert client.get("/v1/models/gtzan").json()["input_shape"] == [57]


def test_cards_reports_histories_and_matrices(client):
    card = client.get("/v1/models/spotify/card")
    assert card.headers["content-type"].startswith("text/markdown")
    assert card.text == load_model("spotify").card
    assert client.get("/v1/models/gtzan/report").json()["n_examples"] == 290
    assert "train" in client.get("/v1/models/spectrogram/history").json()
    matrix = client.get("/v1/models/image/confusion").json()
    assert len(matrix["confusion"]) == len(matrix["labels"])
    png = client.get("/v1/models/image/confusion", headers={"Accept": "image/png"})
    assert png.content.startswith(b"\x89PNG")
    assert client.get("/v1/models/image/confusion", headers={"Accept": "text/csv"}).status_code == 406
    for part in ("", "/card", "/report", "/history", "/confusion"):
        missing = client.get(f"/v1/models/imagge{part}")
        assert missing.status_code == 404
        assert "image?" in missing.json()["hint"]


def test_labels_of_one_model_and_of_all(client):
    assert client.get("/v1/labels?model=gtzan").json()["labels"] == list(load_model("gtzan").labels)
    every = client.get("/v1/labels").json()
    assert {"anime", "disco"} <= set(every["labels"])
    assert client.get("/v1/labels?model=none").status_code == 404


def test_embeddings_are_means_over_windows(client, media):
    files = [("files", (n, (media / n).read_bytes())) for n in ("boom_bap.ogg", "night_drive.jpg")]
    response = client.post("/v1/embed?windows", files=[*files, ("files", ("a.mp3", b"none"))])
    song, picture, broken = response.json()["results"]
    windows = np.array([window["embedding"] for window in song["windows"]])
    assert windows.mean(axis=0) == pytest.approx(np.array(song["embedding"]), abs=1e-4)
    assert len(song["embedding"]) == 200
    assert len(picture["embedding"]) == 1920
    assert broken["error"]
    assert response.json()["failed"] == 1


def test_what_has_no_embedding_says_so(client, media, numbers):
    table = client.post("/v1/embed", files={"file": ("t.csv", (media.parent / "tracks.csv").read_bytes())})
    assert table.status_code == 422
    assert "Tables" in table.json()["detail"]
    assert client.post("/v1/embed", json={"features": numbers}).status_code == 422
    song = client.post(
        "/v1/embed?model=gtzan", files={"file": ("a.ogg", (media / "boom_bap.ogg").read_bytes())}
    )
    assert "no embeddings" in song.json()["detail"]


@pytest.mark.usefixtures("coarse_heat_maps")
@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("spectrogram", "boom_bap.ogg"),
        pytest.param("encoder", "boom_bap.ogg", marks=pytest.mark.night),  # by occlusion: 7 s
        ("image", "night_drive.jpg"),
    ],
)
def test_heat_maps_of_songs_and_pictures_with_words(client, media, model, name):
    song = (media / name).read_bytes()
    response = client.post(f"/v1/explain?model={model}", files={"file": (name, song)})
    found = response.json()
    assert base64.b64decode(found["image"]["base64"]).startswith(b"\x89PNG")
    assert found["row"]["label"] in found["words"]


def test_a_heat_map_alone(client, media):
    song = {"file": ("a.ogg", (media / "boom_bap.ogg").read_bytes())}
    png = client.post("/v1/explain?model=spectrogram", files=song, headers={"Accept": "image/png"})
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")


def test_reasons_of_rows_are_words(client, media):
    table = (media.parent / "tracks.csv").read_bytes()
    found = client.post("/v1/explain", files={"file": ("t.csv", table)}).json()
    assert found["results"][0]["words"].count("(") >= 3
    one = client.post("/v1/explain", files={"file": ("t.csv", b"\n".join(table.splitlines()[:2]))}).json()
    assert one["words"] == found["results"][0]["words"]
    assert one["image"] is None


def test_what_cannot_be_explained_says_so(client, media, numbers):
    assert "does not say why" in client.post("/v1/explain", json={"features": numbers}).json()["detail"]
    two = [("files", (n, (media / n).read_bytes())) for n in ("boom_bap.ogg", "night_drive.jpg")]
    assert client.post("/v1/explain", files=two).status_code == 400
    assert client.post("/v1/explain", files={"file": ("a.mp3", b"none")}).status_code == 422


def test_the_open_inference_protocol(client, numbers):
    assert client.get("/v2").json()["name"] == "genrekit"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").status_code == 200
    meta = client.get("/v2/models/gtzan").json()
    assert meta["inputs"] == [{"name": "windows", "datatype": "FP32", "shape": [-1, 57]}]
    version = meta["versions"][0]
    assert client.get(f"/v2/models/gtzan/versions/{version}/ready").json()["ready"] is True
    windows = {"name": "windows", "shape": [2, 57], "datatype": "FP32", "data": [numbers, numbers]}
    found = client.post("/v2/models/gtzan/infer", json={"id": "7", "inputs": [windows]}).json()
    assert found["id"] == "7"
    assert found["model_version"] == version
    (scores,) = found["outputs"]
    expected = load_model("gtzan").scores(np.array([numbers, numbers], np.float32))
    assert np.array(scores["data"]).reshape(scores["shape"]) == pytest.approx(expected, abs=1e-6)
    flat = {**windows, "data": numbers + numbers}
    again = client.post(f"/v2/models/gtzan/versions/{version}/infer", json={"inputs": [flat]}).json()
    assert again["outputs"] == found["outputs"]
    assert "id" not in again


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"shape": [1, 56]},
        {"shape": [1, -57]},
        {"shape": []},
        {"datatype": "BYTES"},
        {"data": ["a"] * 57},
        {"data": [[1, 2], [3]]},
        {"data": None},
        {"shape": [57], "data": [0.5] * 57},
    ],
)
def test_tensors_that_do_not_fit_are_refused_in_the_words_of_the_protocol(client, change):
    tensor = {"name": "windows", "shape": [1, 57], "datatype": "FP32", "data": [0.5] * 57} | change
    response = client.post("/v2/models/gtzan/infer", json={"inputs": [tensor]})
    assert response.status_code == 400
    assert response.json()["error"] == response.json()["detail"]
    assert client.post("/v2/models/none/infer", json={"inputs": [tensor]}).status_code == 404


def test_an_output_that_is_not_there_is_named(client, numbers):
    tensor = {"name": "windows", "shape": [1, 57], "datatype": "FP32", "data": numbers}
    response = client.post(
        "/v2/models/gtzan/infer", json={"inputs": [tensor], "outputs": [{"name": "embeddings"}]}
    )
    assert "embeddings" in response.json()["error"]


def test_the_documentation_works_offline_and_the_description_is_whole(client):
    page = client.get("/docs")
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert client.get(f"/docs/{name}").status_code == 200
        assert f"/docs/{name}" in page.text
    assert client.get("/docs/LICENSE").status_code == 404
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/v1/predict", "/v1/models", "/predict", "/v2/models/{name}/infer"} <= document["paths"].keys()
    assert "top_k" in [p["name"] for p in document["paths"]["/v1/predict"]["post"]["parameters"]]


def test_metrics_count_requests_rows_and_batches(client, numbers):
    client.post("/v1/predict", json={"features": numbers})
    text = client.get("/metrics").text
    assert 'genrekit_requests_total{route="/v1/predict",status="200"}' in text
    assert 'genrekit_inputs_total{model="gtzan",outcome="label"}' in text
    assert 'genrekit_batch_windows_count{model="gtzan"}' in text
    assert "genrekit_temp_bytes" in text
    assert 'genrekit_model_info{model="gtzan",sha256=' in text


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/", "/metrics", "/v1/models", "/v1/models/gtzan/card", "/docs", "/nothing"]
)
def test_head_is_get_without_the_body(client, path):
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert "HEAD" in client.post("/livez").headers["allow"]


def test_a_pool_that_failed_makes_livez_say_so(monkeypatch):
    from genrekit.errors import GenrekitError
    from genrekit.execution import Pool

    with running(models=("gtzan",)) as found:
        monkeypatch.setattr(
            Pool, "failure", property(lambda pool: GenrekitError("Workers cannot be started."))
        )
        for path in ("/livez", "/readyz", "/ping", "/v2/health/live", "/v2/health/ready"):
            response = found.get(path)
            assert response.status_code == 503
            assert response.json()["type"] == "/problems/broken"
            assert "Workers" in response.json()["detail"]
