"""The server as a process: signals, clients that leave, workers that die, bodies that do not end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
import soundfile
from support.serving import started
from support.waiting import GIVE_UP_S, wait_until

from genrekit.cli import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with started(folder, "spectrogram", "gtzan", "--jobs", "1", "--timeout", "30") as found:
        assert found.url, found.said()
        yield found


def uploads(server):
    """What lies in the folders of requests."""
    folder = server.log.parent / "tmp"
    return [path for path in folder.glob("genrekit-serve-*/*") if path.is_dir()]


def long_song(path, seconds=240):
    """Write noise that takes a while to prepare."""
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-0.3, 0.3, seconds * 44_100).astype(np.float32), 44_100, format="FLAC")
    return path.read_bytes()


def connect(server):
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=GIVE_UP_S)


def head(length, name="song.flac"):
    return (
        f"POST /v1/predict?model=gtzan HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: audio/flac\r\nX-Filename: {name}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def metric(server, name):
    text = requests.get(f"{server.url}/metrics", timeout=GIVE_UP_S).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def cpu_ticks(pid):
    """Return the processor time of a process in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.fixture
def genrekit_run(capsys, monkeypatch):
    """Run a command that ends by itself, in this process."""

    def run(*words, **environment):
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as leave:
                main(words)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, leave.value.code or 0, out, err)

    return run


def test_health_says_how_it_is(server, genrekit_run):
    run = genrekit_run("health", server.url)
    assert (run.returncode, json.loads(run.stdout)) == (0, {"status": "ok"})
    assert genrekit_run("health", "http://127.0.0.1:9").returncode == 1
    assert genrekit_run("health", "ftp://x").returncode == 2


def test_it_does_not_start_open_to_the_world(genrekit_run):
    refused = genrekit_run("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 2
    assert "--api-key-file" in refused.stderr
    by_environment = genrekit_run("serve", GENREKIT_HOST="0.0.0.0", PORT="0")
    assert by_environment.returncode == 2


def test_a_port_that_is_taken_is_said(server, genrekit_run):
    port = str(urlsplit(server.url).port)
    refused = genrekit_run("serve", "gtzan", PORT=port)
    assert refused.returncode == 2
    assert f"port {port}" in refused.stderr
    assert genrekit_run("serve", "no-such-model", "--port", "0").returncode == 2


def test_a_client_that_leaves_has_its_work_dropped(server, tmp_path):
    song = long_song(tmp_path / "long.flac")
    before = metric(server, "genrekit_clients_gone_total")
    for _ in range(3):
        with connect(server) as client:
            client.sendall(head(len(song)) + song)
            assert wait_until(lambda: metric(server, "genrekit_admitted_requests") >= 1)
    assert wait_until(lambda: metric(server, "genrekit_clients_gone_total") == before + 3)
    assert wait_until(lambda: not uploads(server))
    assert metric(server, "genrekit_admitted_requests") == 0


def test_a_body_that_breaks_off_leaves_nothing(server):
    for _ in range(3):
        with connect(server) as client:
            client.sendall(head(1_000_000) + b"f" * 1000)
            assert wait_until(lambda: uploads(server))
    assert wait_until(lambda: not uploads(server))


def buffered():
    """Return how many bytes the sockets of a connection may hold at both ends."""
    limits = [Path(f"/proc/sys/net/ipv4/tcp_{way}mem").read_text().split()[2] for way in "rw"]
    return sum(map(int, limits))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_refused_before_it_is_read(server, chunked):
    megabyte = b"x" * 1_000_000
    sent = 0
    with connect(server) as client:
        client.settimeout(5)
        if chunked:
            client.sendall(head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        else:
            client.sendall(head(200_000_000))
        try:
            for _ in range(200):
                client.sendall(b"F4240\r\n" + megabyte + b"\r\n" if chunked else megabyte)
                sent += len(megabyte)
        except OSError:
            pass
        answer = b""
        try:
            while part := client.recv(65536):
                answer += part
        except OSError:
            pass
    assert sent <= 65_000_000 + buffered()
    assert not answer or answer.startswith(b"HTTP/1.1 413")
    assert chunked or answer


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.night)])
def test_a_worker_that_is_killed_costs_one_row(server, tmp_path, times):
    long = ("long.flac", long_song(tmp_path / "long.flac", 600))
    short = ("short.flac", long_song(tmp_path / "short.flac", 4))
    url = f"{server.url}/v1/predict?model=gtzan"
    with ThreadPoolExecutor(1) as pool:
        for _ in range(times):
            alone = requests.post(url, files={"file": short}, timeout=GIVE_UP_S)
            assert alone.status_code == 200
            (worker,) = server.workers()
            before = cpu_ticks(worker)
            files = [("files", long), ("files", short)]
            asked = pool.submit(requests.post, url, files=files, timeout=GIVE_UP_S)
            assert wait_until(lambda worker=worker, before=before: cpu_ticks(worker) > before + 10)
            os.kill(worker, signal.SIGKILL)
            response = asked.result()
            assert response.status_code == 200
            first, second = response.json()["results"]
            assert "died" in first["error"]
            assert second["label"]
    assert requests.get(f"{server.url}/livez", timeout=GIVE_UP_S).status_code == 200


def test_a_head_that_does_not_end_is_abandoned(server):
    """Neither endless headers nor endless trailers are collected."""
    line = b"X-Long: " + b"a" * 8000 + b"\r\n"
    start = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    chunked = b"Content-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    for first, piece in ((start, line), (start + b"X: ", b"a" * 8000), (start + chunked, line)):
        sent = 0
        with connect(server) as client:
            try:
                client.sendall(first)
                while sent < 50_000_000:
                    client.sendall(piece)
                    sent += len(piece)
            except OSError:
                pass
        assert sent < 1_000_000 + buffered()


def test_sigterm_answers_what_is_under_way_and_leaves_with_0(tmp_path):
    song = long_song(tmp_path / "song.flac", 8)
    with started(tmp_path, "spectrogram", "--jobs", "1", "--drain", "100") as server:

        def ask(number):
            files = {"file": (f"{number}.flac", song)}
            return requests.post(f"{server.url}/v1/predict", files=files, timeout=GIVE_UP_S)

        with ThreadPoolExecutor(32) as pool, connect(server) as other:
            asked = [pool.submit(ask, number) for number in range(32)]
            assert wait_until(lambda: metric(server, "genrekit_admitted_requests") >= 31)
            server.process.send_signal(signal.SIGTERM)
            assert wait_until(lambda: "draining" in server.said())
            other.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert other.recv(100).startswith((b"HTTP/1.1 503", b""))
            responses = [one.result() for one in asked]
        assert [response.status_code for response in responses] == [200] * 32
        assert server.wait() == 0
        assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.night
def test_what_a_killed_server_left_behind_is_swept_and_ctrl_c_ends_with_130(tmp_path):
    with started(tmp_path, "gtzan", "--jobs", "1") as server:
        assert list((tmp_path / "tmp").glob("genrekit-serve-*"))
        server.process.kill()
        server.wait()
    left = set((tmp_path / "tmp").glob("genrekit-serve-*"))
    assert left
    with started(tmp_path, "gtzan", "--jobs", "1") as server:
        assert not left & set((tmp_path / "tmp").glob("genrekit-serve-*"))
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 130
        assert "Traceback" not in server.said()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_https_and_options_from_the_environment_and_keys_from_a_file(tmp_path, genrekit_run):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    subprocess.run(["openssl", *words, *subject], check=True, capture_output=True)
    keys = tmp_path / "keys"
    keys.write_text("alice:correct-horse-battery\n")
    environment = {
        "GENREKIT_MODELS": "gtzan",
        "GENREKIT_JOBS": "1",
        "GENREKIT_API_KEY_FILE": str(keys),
        "GENREKIT_LOG": "json",
        "GENREKIT_ALLOW_HOST": "a.example b.example",
    }
    secure = ("--certfile", str(cert), "--keyfile", str(key))
    with started(tmp_path / "s", *secure, **environment) as server:
        line = json.loads(server.said().splitlines()[0])
        assert (line["event"], line["models"]) == ("ready", "gtzan")
        assert server.url.startswith("https://")
        response = requests.get(f"{server.url}/livez", verify=str(cert), timeout=GIVE_UP_S)
        assert "max-age" in response.headers["strict-transport-security"]
        for host, status in (("b.example", 401), ("c.example", 403)):
            asked = requests.get(
                f"{server.url}/v1/models", headers={"Host": host}, verify=str(cert), timeout=GIVE_UP_S
            )
            assert asked.status_code == status
        assert genrekit_run("health", server.url).returncode == 1
        assert genrekit_run("health", "--insecure", server.url).returncode == 0
    wrong = genrekit_run("serve", "--port", "0", "--certfile", str(key), "--keyfile", str(cert))
    assert wrong.returncode == 2
    assert "PEM" in wrong.stderr


def test_nothing_of_a_request_is_kept(server, tmp_path):
    folder = Path(server.log.parent / "tmp")
    before = {path for path in folder.rglob("*") if path.is_file()}
    song = long_song(tmp_path / "a.flac", 2)
    table = b"danceability\n0.5\n"
    for name, content in (("a.flac", song), ("t.csv", table), ("b.mp3", b"broken"), ("p.m3u", b"x")):
        requests.post(f"{server.url}/v1/predict", files={"file": (name, content)}, timeout=GIVE_UP_S)
    assert wait_until(lambda: not uploads(server))
    assert {path for path in folder.rglob("*") if path.is_file()} == before


def test_keys_close_what_the_environment_opened(tmp_path, genrekit_run):
    """An image sets GENREKIT_NO_KEY; --no-key beside keys stays an error, and so does a secret that did not arrive."""
    image = {"GENREKIT_HOST": "0.0.0.0", "GENREKIT_NO_KEY": "1", "GENREKIT_ALLOW_HOST": "*"}
    key = {"GENREKIT_API_KEY": "alice:correct-horse-battery"}
    with started(tmp_path / "s", "gtzan", "--jobs", "1", **image) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert requests.get(f"{url}/v1/models", timeout=GIVE_UP_S).status_code == 200
        assert wait_until(lambda: " warning " in server.said())
    with started(tmp_path / "t", "gtzan", "--jobs", "1", **image, **key) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert requests.get(f"{url}/v1/models", timeout=GIVE_UP_S).status_code == 401
        good = {"X-API-Key": "correct-horse-battery"}
        assert requests.get(f"{url}/v1/models", headers=good, timeout=GIVE_UP_S).status_code == 200
        assert " warning " not in server.said()
    assert genrekit_run("serve", "--no-key", **{**image, **key}).returncode == 2
    for empty in ("", "  "):
        assert genrekit_run("serve", "--port", "0", **image, GENREKIT_API_KEY=empty).returncode == 2
