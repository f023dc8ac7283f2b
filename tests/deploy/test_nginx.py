"""The server behind nginx, with a path prefix, by the file of the recipe."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import requests
from support.serving import started
from support.waiting import GIVE_UP_S, wait_until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
AS_CALLED = {"Host": "genre.example"}
MAIN = """
daemon off;
pid {folder}/pid;
error_log {folder}/errors;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/genrekit.conf;
}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of nginx in front of a server with --root-path."""
    folder = tmp_path_factory.mktemp("nginx")
    words = ["--root-path", "/genre", "--allow-host", "genre.example", "--trust-proxy", "127.0.0.1"]
    with started(folder / "server", "gtzan", "--jobs", "1", *words) as server:
        port = free_port()
        recipe = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        recipe = recipe.replace("listen 80;", f"listen 127.0.0.1:{port};")
        recipe = recipe.replace("http://127.0.0.1:8000", server.url)
        (folder / "genrekit.conf").write_text(recipe)
        (folder / "main.conf").write_text(MAIN.format(folder=folder))
        words = ["nginx", "-p", str(folder), "-e", str(folder / "errors"), "-c", str(folder / "main.conf")]
        subprocess.run([*words, "-t"], check=True, capture_output=True)
        nginx = subprocess.Popen(words)
        try:
            url = f"http://127.0.0.1:{port}"

            def answers():
                try:
                    return requests.get(f"{url}/genre/livez", headers=AS_CALLED, timeout=5).ok
                except requests.ConnectionError:
                    return False

            assert wait_until(answers)
            yield url, server
        finally:
            nginx.terminate()
            nginx.wait(GIVE_UP_S)


def test_the_server_answers_below_the_prefix(site):
    url, _ = site
    for path in ("livez", "readyz", "v1/models", "openapi.json", "docs", "metrics"):
        given = requests.get(f"{url}/genre/{path}", headers=AS_CALLED, timeout=GIVE_UP_S)
        assert given.status_code == 200, path
    song = (ROOT / "examples" / "media" / "boom_bap.ogg").read_bytes()
    sent = {"files": ("a.ogg", song)}
    given = requests.post(f"{url}/genre/v1/predict", files=sent, headers=AS_CALLED, timeout=GIVE_UP_S)
    assert given.json()["results"][0]["label"]


def test_links_stay_below_the_prefix(site):
    url, _ = site
    bare = requests.get(f"{url}/genre", headers=AS_CALLED, timeout=GIVE_UP_S, allow_redirects=False)
    assert bare.status_code == 308
    assert bare.headers["location"].endswith("/genre/")
    document = requests.get(f"{url}/genre/openapi.json", headers=AS_CALLED, timeout=GIVE_UP_S).json()
    assert document["servers"] == [{"url": "/genre"}]
    page = requests.get(f"{url}/genre/docs", headers=AS_CALLED, timeout=GIVE_UP_S).text
    links = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert links
    for link in links:
        full = requests.compat.urljoin(f"{url}/genre/docs", link)
        assert full.startswith(f"{url}/genre/"), link
        assert requests.get(full, headers=AS_CALLED, timeout=GIVE_UP_S).status_code == 200, link
    missing = requests.get(f"{url}/genre/none", headers=AS_CALLED, timeout=GIVE_UP_S)
    assert missing.status_code == 404
    assert missing.json()["type"].startswith("/genre/")


def test_the_address_of_the_client_and_the_name_of_the_site_arrive(site):
    url, server = site
    requests.get(f"{url}/genre/v1/models", headers=AS_CALLED, timeout=GIVE_UP_S)
    assert wait_until(lambda: "route=/v1/models" in server.said())
    foreign = requests.get(f"{url}/genre/v1/models", headers={"Host": "evil.example"}, timeout=GIVE_UP_S)
    assert foreign.status_code == 403


def test_large_bodies_end_at_the_limit_of_the_recipe(site):
    url, _ = site
    body = b"x" * 68_000_000
    given = requests.post(f"{url}/genre/v1/predict", data=body, headers=AS_CALLED, timeout=GIVE_UP_S)
    assert given.status_code == 413
