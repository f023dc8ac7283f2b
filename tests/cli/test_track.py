"""Runs in MLflow: what is logged, that its model answers like the bundle, and what is said where nothing can be logged."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx2
import pandas as pd
import pytest
from support import quick
from support.waiting import wait_until

import genrekit as package
from genrekit.models import load
from genrekit.tracking import of_training, open_tracker
from genrekit.tracking.serving import Served

pytestmark = pytest.mark.filterwarnings("ignore::Warning:mlflow.*")

SMALL = quick.as_words({**quick.SPOTIFY, "n_estimators": 4})


def client_of(uri):
    """Importing MLflow takes a second: only the process that needs it does."""
    return pytest.importorskip("mlflow").MlflowClient(uri)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """A SQLite database without runs: MLflow takes a second of work and many waits for the disk to make one."""
    path = tmp_path_factory.mktemp("mlflow") / "runs.db"
    client_of(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="module")
def store(empty_database, tmp_path_factory):
    """A local SQLite store, whose experiment keeps files beside it."""
    folder = tmp_path_factory.mktemp("mlflow")
    shutil.copy(empty_database, folder)
    uri = f"sqlite:///{folder / 'runs.db'}"
    client = client_of(uri)
    client.create_experiment("genrekit", artifact_location=(folder / "files").as_uri())
    return client, uri


def newest(client):
    experiment = client.get_experiment_by_name("genrekit")
    return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0]


def artifacts(client, run, folder):
    return {one.path.rpartition("/")[2] for one in client.list_artifacts(run.info.run_id, folder)}


def logged_model(client, run):
    import mlflow

    (output,) = run.outputs.model_outputs
    return mlflow.pyfunc.load_model(client.get_logged_model(output.model_id).artifact_location)


def test_a_training_is_logged_with_a_model_that_answers_like_the_bundle(
    genrekit, store, tracks_csv, tmp_path
):
    client, uri = store
    path = tmp_path / "tracked.genrekit"
    words = [
        "train",
        tracks_csv,
        "--backend",
        "spotify",
        *SMALL,
        "--learning-curve",
        "2",
        "-o",
        path,
        "-f",
        "json",
    ]
    ran = genrekit(*words, "--track", f"mlflow:{uri}")
    assert ran.status == 0, ran.err
    report = json.loads(ran.out)
    run = newest(client)
    assert f"logged as run {run.info.run_id}" in ran.err
    manifest = load(path).manifest
    assert run.info.run_name == "tracked"
    assert (run.data.params["backend"], run.data.params["n_estimators"]) == ("spotify", "4")
    for suffix, end in (("", "value"), ("_low", "low"), ("_high", "high")):
        assert run.data.metrics[f"accuracy{suffix}"] == report["metrics"]["accuracy"][end]
    assert run.data.tags["genrekit.sha256"] == load(path).sha256
    assert run.data.tags["genrekit.data_fingerprint"] == manifest.data_fingerprint
    assert {"report.json", "confusion.png", "reliability.png"} <= artifacts(client, run, "report")
    assert {"tracked.learning.csv", "tracked.learning.png"} <= artifacts(client, run, "files")
    curve = client.get_metric_history(run.info.run_id, "learning_curve/accuracy_low")
    assert len(curve) == 2
    served = logged_model(client, run)
    frame = pd.read_csv(tracks_csv)[list(manifest.columns)].head(7)
    frame["key"] = frame["key"].astype("int64")
    found = served.predict(frame)
    assert list(found.label) == list(package.predict_frame(frame, model=path).label)
    scores = found[[f"score:{label}" for label in manifest.labels]].astype(float)
    assert scores.sum(axis=1).to_list() == pytest.approx([1] * 7, abs=1e-5)


def test_a_served_table_reads_no_files(tracks_model, songs):
    served = Served(package.load_model(tracks_model))
    frame = pd.DataFrame({"path": [str(songs.examples[0].path)] * 3, "energy": [0.5] * 3}, index=[4, 5, 6])
    found = served.predict(frame)
    assert list(found.index) == [4, 5, 6]
    assert found.label.isna().all()
    assert found.error.str.contains("not a table of features").all()
    assert served.predict(frame.head(0)).empty


def test_nothing_of_a_logged_model_is_pickled(store, model_path, songs, tmp_path):
    import mlflow

    client, uri = store
    run_id = open_tracker(f"mlflow:{uri}").log(of_training(model_path, None))
    (output,) = client.get_run(run_id).outputs.model_outputs
    place = mlflow.artifacts.download_artifacts(
        client.get_logged_model(output.model_id).artifact_location, dst_path=str(tmp_path)
    )
    files = {path.relative_to(place).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert f"data/{model_path.name}" in files
    assert not [name for name in files if name.endswith((".pkl", ".cloudpickle"))]


def test_a_model_of_songs_is_served(store, model_path, songs):
    """Requests as ``mlflow models serve`` takes them: JSON, with bytes in Base64."""
    from mlflow.pyfunc import scoring_server

    client, uri = store
    run_id = open_tracker(f"mlflow:{uri}").log(of_training(model_path, None))
    served = logged_model(client, client.get_run(run_id))
    path = songs.examples[0].path
    content = [base64.b64encode(data).decode() for data in (path.read_bytes(), b"no song")]
    body = json.dumps({"dataframe_records": [{"content": one} for one in content]})
    response = scoring_server.invocations(
        body, "application/json", served, served.metadata.get_input_schema()
    )
    song, broken = json.loads(response.response)["predictions"]
    expected = package.load_model(model_path).predict(path)[0]
    assert (song["label"], song["error"]) == (expected.label, None)
    assert song["score"] == pytest.approx(expected.score, abs=1e-6)
    assert broken["label"] is None
    assert broken["error"]


def test_epochs_are_curves(store, network):
    client, uri = store
    run_id = open_tracker(f"mlflow:{uri}").log(of_training(network.path, None))
    history = load(network.path).manifest.history
    (name,) = [key for key in history if isinstance(history[key], list)]
    points = client.get_metric_history(run_id, f"{name}/valid_loss")
    assert [(one.step, one.value) for one in points] == [
        (one["epoch"], pytest.approx(one["valid_loss"])) for one in history[name][0]
    ]
    run = client.get_run(run_id)
    assert {"curves.png", "history.json", "config.yaml"} <= artifacts(client, run, "files")


def test_evaluations_and_comparisons_are_logged(genrekit, store, tracks_csv, tracks_model):
    client, uri = store
    ran = genrekit(
        "evaluate", tracks_model, tracks_csv, "--split", "test", "-f", "json", "--track", f"mlflow:{uri}"
    )
    assert ran.status == 0, ran.err
    run = newest(client)
    assert run.data.metrics["macro_f1_high"] == json.loads(ran.out)["metrics"]["macro_f1"]["high"]
    assert (run.data.params["split"], run.data.params["sha256"]) == ("test", load(tracks_model).sha256)
    ran = genrekit(
        *(
            "compare",
            tracks_model,
            tracks_model,
            "--data",
            tracks_csv,
            "--no-cost",
            "--track",
            f"mlflow:{uri}",
        )
    )
    assert ran.status == 0, ran.err
    whole = client.get_run(ran.err.split("logged as run ")[1].split()[0])
    assert {"comparison.html", "comparison.csv"} <= artifacts(client, whole, "files")
    parts = client.search_runs([whole.info.experiment_id], f"tags.mlflow.parentRunId = '{whole.info.run_id}'")
    assert [(one.data.metrics["rank"], one.data.metrics["accuracy_minus_best"]) for one in parts] == [
        (1, 0)
    ] * 2


def test_a_search_is_logged(genrekit, store, tracks_csv, tmp_path):
    client, uri = store
    words = ["tune", tracks_csv, "--backend", "spotify", *SMALL, "--trials", "3", "--space", "max_depth=1..3"]
    ran = genrekit(*words, "-o", tmp_path / "best.genrekit", "--jobs", "1", "--track", f"mlflow:{uri}")
    assert ran.status == 0, ran.err
    run = newest(client)
    assert run.data.tags["genrekit.task"] == "tune"
    assert client.get_metric_history(run.info.run_id, "trials/log_loss")[0].step == 0
    assert {"trials.csv", "report.html", "progress.png", "study.journal"} <= artifacts(client, run, "files")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("wandb", "'wandb' is not a place to log to; there is mlflow."),
        ("mlflow:nosuch://x", "MLflow at nosuch://x does not work"),
        ("mlflow:sqlite:////dev/null/runs.db", "does not work"),
    ],
)
def test_a_place_that_does_not_answer_is_said_before_the_work(genrekit, tracks_csv, tmp_path, target, said):
    ran = genrekit(
        *("train", tracks_csv, "--backend", "spotify", "-o", tmp_path / "a.genrekit", "--track", target)
    )
    assert ran.status == 2
    assert said in ran.err
    assert not list(tmp_path.iterdir())


class _Leaving(BaseHTTPRequestHandler):
    """An MLflow server that answers once."""

    def do_POST(self):
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.socket.close()

    do_GET = do_POST

    def log_message(self, *args):
        """Say nothing."""


@pytest.mark.parametrize("kind", ["the server leaves", "the files cannot be written", "the disk is full"])
def test_a_store_that_fails_after_the_work_takes_nothing_of_it(
    genrekit, tracks_csv, tmp_path, monkeypatch, empty_database, kind
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    shutil.copy(empty_database, tmp_path)
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    if kind == "the server leaves":
        server = HTTPServer(("127.0.0.1", 0), _Leaving)
        Thread(target=server.handle_request, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
    elif kind == "the files cannot be written":
        client_of(uri).create_experiment("genrekit", artifact_location="file:///dev/full/files")
    else:
        client = client_of(uri)
        client.create_experiment("genrekit", artifact_location=(tmp_path / "files").as_uri())

        def full(*args, **more):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("shutil.copy2", full)
        monkeypatch.setattr("shutil.copyfile", full)
    path = tmp_path / "a.genrekit"
    ran = genrekit(
        "train", tracks_csv, "--backend", "spotify", *SMALL, "-o", path, "--track", f"mlflow:{uri}"
    )
    assert ran.status == 1
    assert f"MLflow at {uri} does not work" in ran.err
    assert "The results are kept" in ran.err
    assert "accuracy" in ran.out
    assert load(path).manifest.metrics


@pytest.mark.night
def test_mlflow_serves_a_logged_model(store, tracks_csv, tracks_model, tmp_path):
    client, uri = store
    run_id = open_tracker(f"mlflow:{uri}").log(of_training(tracks_model, None))
    (output,) = client.get_run(run_id).outputs.model_outputs
    place = client.get_logged_model(output.model_id).artifact_location
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["models", "serve", "-m", place, "--env-manager", "local", "-h", "127.0.0.1", "-p", str(port)]
    log = (tmp_path / "serve.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *words], stdout=log, stderr=log, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: process.poll() is not None or _answers(f"{url}/ping"))
        frame = pd.read_csv(tracks_csv)[list(load(tracks_model).manifest.columns)].head(3)
        response = httpx2.post(
            f"{url}/invocations", json={"dataframe_records": frame.to_dict("records")}, timeout=60
        )
        found = [one["label"] for one in response.json()["predictions"]]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        log.close()
    assert found == list(package.predict_frame(frame, model=tracks_model).label)


def _answers(url):
    try:
        return httpx2.get(url, timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


def test_without_mlflow_one_sentence_says_what_to_install(genrekit, tracks_csv, tracks_model, monkeypatch):
    monkeypatch.setattr("genrekit.tracking.tracker.find_spec", lambda name: None)
    ran = genrekit("evaluate", tracks_model, tracks_csv, "--track", "mlflow")
    assert ran.status == 2
    assert 'pip install "genrekit[mlflow]"' in ran.err
