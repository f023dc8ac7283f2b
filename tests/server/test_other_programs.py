"""Clients and proxies that nobody here wrote: curl, httpx, a browser's fetch, nginx with a prefix."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from support.browser import chromium
from support.serving import started
from support.waiting import GIVE_UP_S, wait_until

MEDIA = Path(__file__).parents[2] / "examples" / "media"
SONG, PICTURE, TRACKS = MEDIA / "boom_bap.ogg", MEDIA / "night_drive.jpg", MEDIA.parent / "tracks.csv"
NUMBERS = {"features": [0.5] * 57}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    words = ("spectrogram", "image", "gtzan", "spotify", "--jobs", "1", "--root-path", "/genre")
    with started(folder, *words, "--trust-proxy", "127.0.0.1", "--log-names") as found:
        yield found


def curl(*words):
    """Run curl; return the status and the body."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed.")
    run = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            str(GIVE_UP_S),
            "--write-out",
            "\n%{http_code}",
            *words,
        ],
        capture_output=True,
        check=True,
        cwd=MEDIA,
    )
    body, _, status = run.stdout.rpartition(b"\n")
    return int(status), body


def rows(body):
    return json.loads(body)["results"]


def test_curl_sends_files_numbers_tables_and_bytes(server):
    url = f"{server.url}/v1/predict"
    status, body = curl(
        "-F", "files=@boom_bap.ogg", "-F", "files=@night_drive.jpg", "-F", f"files=@{TRACKS}", url
    )
    assert status == 200
    assert {row["model"] for row in rows(body)} == {"spectrogram", "image", "spotify"}
    assert rows(curl("--json", json.dumps(NUMBERS), url)[1])[0]["model"] == "gtzan"
    words = ("--data-binary", "@boom_bap.ogg", "-H", "Content-Type: audio/ogg", "-H", "X-Filename: a.ogg")
    assert rows(curl(*words, f"{url}?top_k=2")[1])[0]["input"] == "a.ogg"
    status, body = curl(
        "--data-binary", f"@{TRACKS}", "-H", "Content-Type: text/csv", "-H", "Accept: text/csv", url
    )
    assert body.startswith(b"input,label,")


@pytest.mark.parametrize(
    "more", [["--http1.0"], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"]]
)
def test_curl_in_other_ways(server, more):
    status, body = curl(*more, "-F", "files=@boom_bap.ogg", f"{server.url}/v1/predict")
    assert status == 200
    assert rows(body)[0]["label"]


def test_curl_asks_for_heads_and_pictures(server):
    assert curl("--head", f"{server.url}/v1/models/gtzan/card")[0] == 200
    status, body = curl("-H", "Accept: image/png", f"{server.url}/v1/models/gtzan/confusion")
    assert (status, body[:4]) == (200, b"\x89PNG")
    assert curl("--head", f"{server.url}/v1/predict")[0] == 405


def test_curl_sends_two_requests_over_one_connection_after_an_error(server):
    url = f"{server.url}/v1/predict"
    words = (
        "--json",
        "{",
        url,
        "--next",
        "--silent",
        "--json",
        json.dumps(NUMBERS),
        "--write-out",
        "\n%{http_code}",
        url,
    )
    status, body = curl(*words)
    assert status == 200
    assert b"\n400" in body


def test_httpx_sends_files_and_reads_rows_as_they_finish(server):
    httpx = pytest.importorskip("httpx2", reason="httpx is not installed (extra dev).")
    with httpx.Client(base_url=server.url, timeout=GIVE_UP_S) as client:
        files = [("files", (path.name, path.read_bytes())) for path in (SONG, PICTURE)]
        with client.stream(
            "POST", "/v1/predict", files=files, headers={"Accept": "application/x-ndjson"}
        ) as response:
            found = [json.loads(line) for line in response.iter_lines()]
        assert {row["input"] for row in found} == {SONG.name, PICTURE.name}
        assert client.post("/predict", json=NUMBERS).json()["genre"]
        assert client.head("/livez").status_code == 200


@pytest.mark.night  # by day the headers in test_security.py
def test_a_browser_fetches_from_its_own_page_and_from_no_other(server):
    script = """async ([url, body]) => {
        try {
            const sent = await fetch(url, {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"}});
            return (await sent.json()).results[0].model;
        } catch (error) { return error.name; }
    }"""
    upload = """async (url) => {
        const form = new FormData();
        form.append("files", new Blob(["danceability\\n0.5\\n"], {type: "text/csv"}), "t.csv");
        return (await fetch(url, {method: "POST", body: form})).status;
    }"""
    url = f"{server.url}/v1/predict"
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{server.url}/docs")
        assert page.evaluate(script, [url, NUMBERS]) == "gtzan"
        assert page.evaluate(upload, url) in (200, 422)
        page.goto(f"{server.url.replace('127.0.0.1', 'localhost')}/docs")  # another origin
        assert page.evaluate(script, [url, NUMBERS]) == "TypeError"


@pytest.fixture
def proxied(server, tmp_path):
    """The address of the server behind nginx."""
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed.")
    listening = tmp_path / "nginx.sock"
    settings = f"""
        daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; worker_processes 1;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;
            fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
            server {{
                listen unix:{listening};
                location /genre/ {{
                    proxy_pass {server.url};
                    proxy_set_header Host $host;
                    proxy_set_header X-Forwarded-For 203.0.113.7;
                    proxy_request_buffering off;
                    client_max_body_size 64m;
                }}
            }}
        }}"""
    (tmp_path / "conf").write_text(settings)
    process = subprocess.Popen(
        ["nginx", "-c", str(tmp_path / "conf"), "-e", str(tmp_path / "error.log")], stderr=subprocess.DEVNULL
    )
    try:
        assert wait_until(lambda: listening.exists() or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "error.log").read_text()
        yield listening
    finally:
        process.terminate()
        process.wait()


def test_behind_nginx_with_a_prefix(server, proxied):
    def through(*words):
        return curl("--unix-socket", str(proxied), *words)

    base = "http://127.0.0.1/genre"
    assert json.loads(through(f"{base}/readyz")[1]) == {"status": "ok"}
    status, body = through("-F", "files=@boom_bap.ogg", f"{base}/v1/predict")
    assert (status, rows(body)[0]["model"]) == (200, "spectrogram")
    assert json.loads(through(f"{base}/openapi.json")[1])["servers"] == [{"url": "/genre"}]
    assert b'"/genre/docs/swagger-ui.css"' in through(f"{base}/docs")[1]
    assert through(f"{base}/docs/swagger-ui.css")[0] == 200
    assert json.loads(through(f"{base}/nothing")[1])["type"] == "/genre/problems/not-found"
    assert through(f"{base}/problems/not-found")[0] == 200
    assert through("-H", "Host: evil.example", f"{base}/v1/models")[0] == 403
    assert "address=203.0.113.7" in server.said()
    assert requests.get(f"{server.url}/v1/models", timeout=GIVE_UP_S).status_code == 200
