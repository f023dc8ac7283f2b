"""Queues, times, paces, proxies: what happens when there is too much, or it takes too long."""

import asyncio
import hashlib
import io
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from importlib.resources import files

import numpy as np
import pytest
import soundfile
from support.serving import running
from support.waiting import wait_until

from genrekit.server import Settings, create_app, limits
from genrekit.server.admission import Admission
from genrekit.server.limits import LimitedBody, RateLimit
from genrekit.server.metrics import Metrics
from genrekit.server.problems import Problem
from genrekit.server.settings import Rate

VENDORED = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}


def song(seconds, sr=44_100):
    stream = io.BytesIO()
    y = np.random.default_rng(0).uniform(-0.3, 0.3, seconds * sr).astype(np.float32)
    soundfile.write(stream, y, sr, format="FLAC")
    return stream.getvalue()


@contextmanager
def held(**settings):
    """Run a server whose worker does nothing; give its client, and what lets the worker go on."""
    others = set(multiprocessing.active_children())
    with running(models=("gtzan",), **settings) as client:
        assert client.post("/v1/predict", files={"f": ("a.flac", song(4))}).status_code == 200
        (worker,) = set(multiprocessing.active_children()) - others
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            yield client, lambda: os.kill(worker.pid, signal.SIGCONT)
        finally:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGCONT)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_full_queue_says_when_to_come_again():
    with held(queue=0) as (client, go_on):
        long = threading.Thread(
            target=client.post, args=("/v1/predict",), kwargs={"files": {"f": ("a.flac", song(4))}}
        )
        long.start()
        assert wait_until(lambda: "genrekit_admitted_requests 1.0" in client.get("/metrics").text)
        refused = client.post("/v1/predict", json={"features": [0.5] * 57})
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"] == "/problems/busy"
        assert "genrekit_refused_busy_total 1.0" in client.get("/metrics").text
        assert client.get("/readyz").status_code == 200
        go_on()
        long.join()
        assert client.post("/v1/predict", json={"features": [0.5] * 57}).status_code == 200


def test_what_takes_too_long_is_504_and_costs_the_others_nothing():
    with running(models=("gtzan",), timeout_s=0.5) as client:
        late = client.post("/v1/predict", files={"f": ("a.flac", song(600, sr=8000))})
        assert late.status_code == 504
        assert "Took longer than" in late.json()["detail"]
        assert client.post("/v1/predict", json={"features": [0.5] * 57}).status_code == 200


def test_a_server_that_ends_takes_nothing_new():
    admission = Admission(1, 1, Metrics())
    with admission.place():
        admission.draining = True
        with pytest.raises(Problem) as caught:
            admission.check()
    assert caught.value.headers["Retry-After"]
    assert admission.inside == 0


def test_very_many_bodies_on_their_way_are_refused():
    admission = Admission(1, 0, Metrics())
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(admission.reading())
        with pytest.raises(Problem, match="uploads"):
            stack.enter_context(admission.reading())
    with admission.reading():
        pass


def test_a_body_that_stalls_is_abandoned(monkeypatch):
    monkeypatch.setattr(limits, "PATIENCE_S", 0.05)

    async def receive():
        await asyncio.Event().wait()

    async def run():
        body = LimitedBody(receive, 1000)
        body.start({"content-length": "10"})
        await body.receive()

    with pytest.raises(Problem) as caught:
        asyncio.run(run())
    assert caught.value.status == 408


def test_a_body_that_trickles_is_abandoned(monkeypatch):
    monkeypatch.setattr(limits, "PATIENCE_S", 0.2)

    async def receive():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def run():
        body = LimitedBody(receive, 1000)
        body.start({"transfer-encoding": "chunked"})
        while True:
            await body.receive()

    with pytest.raises(Problem) as caught:
        asyncio.run(run())
    assert caught.value.status == 408


@pytest.mark.parametrize("lengths", [(60, 60), (101,), (1,) * 101])
def test_a_body_is_counted_while_it_comes(lengths):
    parts = list(lengths)

    async def receive():
        return {"type": "http.request", "body": b"x" * parts.pop(), "more_body": bool(parts)}

    async def run():
        body = LimitedBody(receive, 100)
        body.start({"transfer-encoding": "chunked"})
        while True:
            await body.receive()

    with pytest.raises(Problem) as caught:
        asyncio.run(run())
    assert caught.value.status == 413


@pytest.mark.parametrize("declared", [True, False])
def test_of_200_mb_at_most_65_are_read(declared):
    """The pieces are as large as uvicorn makes them."""
    app = create_app(Settings(models=("gtzan",), jobs=1, watch_s=0))
    piece, n_bytes, sent = b"x" * (256 << 10), 0, []

    async def receive():
        nonlocal n_bytes
        n_bytes += len(piece)
        return {"type": "http.request", "body": piece, "more_body": n_bytes < 200 * 10**6}

    async def send(message):
        sent.append(message)

    length = b"200000000" if declared else None
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"audio/mpeg")]
    headers += [(b"content-length", length) if declared else (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"", "headers": headers}
    asyncio.run(app({**scope, "root_path": "", "client": ("127.0.0.1", 1)}, receive, send))
    assert sent[0]["status"] == 413
    assert n_bytes <= (10**6 if declared else 65 * 10**6)


def test_a_rate_refills_and_forgets_the_oldest(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(limits, "MAX_KNOWN", 2)
    rate = RateLimit(Rate(n=2, per_s=10))
    rate.take("a")
    rate.take("a")
    with pytest.raises(Problem) as caught:
        rate.take("a")
    assert caught.value.headers["Retry-After"] == "5"
    now[0] = 5.0
    rate.take("a")
    for caller in ("b", "c"):
        rate.take(caller)
    rate.take("a")  # forgotten, so full again


def test_only_a_trusted_proxy_says_for_whom_it_speaks():
    settings = {"models": ("gtzan",), "rate": {"n": 1, "per_s": 3600}}
    with running(**settings) as client:
        statuses = [
            client.get("/v1/labels", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in (1, 2)
        ]
        assert statuses == [200, 429]


def test_behind_a_prefix_both_paths_work_and_links_have_it():
    with running(models=("gtzan",), root_path="/genre") as client:
        for prefix in ("", "/genre"):
            assert client.get(f"{prefix}/livez").status_code == 200
            assert client.post(f"{prefix}/v1/predict", json={"features": [0.5] * 57}).status_code == 200
            assert client.get(f"{prefix}/docs/swagger-ui.css").status_code == 200
        assert 'src="/genre/docs/' in client.get("/genre/docs").text
        assert client.get("/genre/openapi.json").json()["servers"] == [{"url": "/genre"}]
        assert client.get("/genre/nothing").json()["type"] == "/genre/problems/not-found"


def test_the_files_of_the_documentation_are_those_of_swagger_ui_dist_5_35_0():
    for name, sha256 in VENDORED.items():
        content = files("genrekit.server").joinpath("swagger", name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256


def test_settings_are_plain_data():
    settings = Settings(models=("gtzan",), rate=Rate(n=1, per_s=60))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert "secret" not in repr(Settings(keys={"a": b"secret"}))
