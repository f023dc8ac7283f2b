"""What is refused before it is read: hosts, origins, keys, rates; and what every response carries."""

import base64
import hashlib

import pytest
from support.serving import running

from genrekit.errors import UsageError
from genrekit.server import Settings, read_keys

KEY, OTHER, ADMIN = "correct-horse-battery", "another-key-for-somebody", "the-key-of-the-owner-1"


def digest(key):
    return hashlib.sha256(key.encode()).digest()


@pytest.fixture(scope="module")
def guarded():
    settings = {
        "models": ("gtzan",),
        "keys": {"alice": digest(KEY), "bob": digest(OTHER)},
        "admin_keys": {"owner": digest(ADMIN)},
        "allow_origins": ("https://good.example",),
        "allow_hosts": ("genre.example",),
    }
    with running(**settings) as found:
        yield found


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/ping"])
def test_health_needs_no_key(guarded, path):
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/docs", "/openapi.json", "/v1/models", "/nothing"])
def test_everything_else_needs_one(guarded, path):
    response = guarded.get(path)
    assert response.status_code == 401
    assert "Bearer" in response.headers["www-authenticate"]
    assert response.json()["type"] == "/problems/no-key"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"Authorization": f"Bearer {OTHER}"},
        {"Authorization": "Basic " + base64.b64encode(f"anyone:{KEY}".encode()).decode()},
        {"X-API-Key": ADMIN},
    ],
)
def test_a_key_opens_it_in_each_way_that_clients_send_it(guarded, headers):
    assert guarded.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": KEY + "x"},
        {"X-API-Key": "kéy".encode()},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": f"Digest {KEY}"},
        {"Authorization": KEY},
    ],
)
def test_a_wrong_key_does_not(guarded, headers):
    response = guarded.get("/v1/models", headers=headers)
    assert response.status_code == 401
    assert KEY not in response.text


def test_no_key_is_in_the_log(guarded, capfd):
    guarded.get(f"/v1/models?key={KEY}", headers={"X-API-Key": KEY})
    guarded.get("/v1/models", headers={"X-API-Key": OTHER + "x"})
    logged = capfd.readouterr().err
    assert "key=alice" in logged
    assert KEY not in logged
    assert OTHER not in logged


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "localhost.", "[::2]:80"]
)
def test_a_foreign_host_is_refused(client, host):
    response = client.get("/livez", headers={"Host": host})
    assert response.status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_loopback_names_are_not(client, host):
    assert client.get("/livez", headers={"Host": host}).status_code == 200


def test_an_allowed_host_is_added(guarded):
    assert guarded.get("/livez", headers={"Host": "Genre.Example:443"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9", "http://127.0.0.1.evil.example:8000"]
)
def test_a_page_of_another_site_may_not_post(client, numbers, origin):
    response = client.post("/v1/predict", json={"features": numbers}, headers={"Origin": origin})
    assert response.status_code == 403
    assert response.json()["type"] == "/problems/foreign-origin"
    assert "access-control-allow-origin" not in response.headers


def test_a_cross_site_request_without_an_origin_is_refused_too(client, numbers):
    response = client.post(
        "/v1/predict", json={"features": numbers}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 403


def test_the_page_of_the_server_itself_may_post(client, numbers):
    response = client.post(
        "/v1/predict", json={"features": numbers}, headers={"Origin": "http://127.0.0.1:8000"}
    )
    assert response.status_code == 200


def test_an_allowed_origin_gets_the_headers_and_others_do_not(guarded, numbers):
    headers = {"Origin": "https://good.example", "X-API-Key": KEY}
    response = guarded.post("/v1/predict", json={"features": numbers}, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://good.example"
    preflight = guarded.options(
        "/v1/predict", headers={"Origin": "https://good.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 204
    assert "X-API-Key" in preflight.headers["access-control-allow-headers"]
    evil = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert guarded.options("/v1/predict", headers=evil).status_code == 401


def test_every_response_carries_the_headers_of_security_and_an_id(client):
    for path in ("/livez", "/docs", "/nothing", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert len(headers["x-request-id"]) == 24
        assert "server" not in headers


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_3", True), ("a" * 65, False), ("a b", False), ("<script>", False)]
)
def test_a_sane_request_id_is_kept(client, given, kept):
    found = client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert (found == given) is kept


def test_rates_are_per_key_and_say_when_to_come_again():
    keys = {"alice": digest(KEY), "bob": digest(OTHER)}
    with running(models=("gtzan",), keys=keys, rate={"n": 2, "per_s": 3600}) as client:
        statuses = [client.get("/v1/labels", headers={"X-API-Key": KEY}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = client.get("/v1/labels", headers={"X-API-Key": KEY})
        assert 0 < int(refused.headers["retry-after"]) <= 1800
        assert client.get("/v1/labels", headers={"X-API-Key": OTHER}).status_code == 200
        assert client.get("/livez").status_code == 200


def test_a_path_is_read_only_below_the_allowed_folder(tmp_path, media):
    inside, outside = tmp_path / "in", tmp_path / "out.ogg"
    inside.mkdir()
    content = (media / "boom_bap.ogg").read_bytes()
    (inside / "song.ogg").write_bytes(content)
    outside.write_bytes(content)
    (inside / "link.ogg").symlink_to(outside)
    (inside / "list.m3u").write_text(str(outside))
    (inside / "list.csv").write_text(f"path\n{outside}\n")
    with running(models=("spectrogram",), allow_path=inside) as client:
        for good in ("song.ogg", str(inside / "song.ogg"), "./song.ogg"):
            assert client.post("/v1/predict", json={"path": good}).status_code == 200
        for bad in (
            "../out.ogg",
            str(outside),
            "link.ogg",
            ".",
            "",
            "nothing.ogg",
            "/etc/passwd",
            "song.ogg\0",
            7,
            None,
        ):
            response = client.post("/v1/predict", json={"path": bad})
            assert response.status_code in (400, 403), bad
        for names_others in ("list.m3u", "list.csv"):
            assert client.post("/v1/predict", json={"path": names_others}).status_code == 415
        (inside / "tracks.csv").write_text("danceability,energy\n0.5,0.5\n")
        before = sorted(path.name for path in inside.iterdir())
        client.post("/v1/predict", json={"path": "tracks.csv"})
        client.post("/v1/predict", json={"path": "song.ogg"})
        assert sorted(path.name for path in inside.iterdir()) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "0.0.0.0"}, "--api-key-file"),
        ({"host": "::"}, "--api-key-file"),
        ({"host": "0.0.0.0", "no_key": True}, "--allow-host"),
        ({"keys": {"a": b"x"}, "no_key": True}, "one of them"),
        ({"certfile": "cert.pem"}, "--keyfile"),
        ({"root_path": "genre/"}, "--root-path"),
        ({"trust_proxy": ("proxy",)}, "--trust-proxy"),
        ({"allow_origins": ("https://a.example/path",)}, "--allow-origin"),
        ({"allow_path": "nowhere"}, "--allow-path"),
    ],
)
def test_unsafe_settings_are_refused_in_words(settings, words):
    with pytest.raises(UsageError) as caught:
        Settings(**settings).check()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "::1"},
        {"host": "127.0.0.9"},
        {"host": "0.0.0.0", "keys": {"a": b"x"}},
        {"host": "0.0.0.0", "no_key": True, "allow_hosts": ("*",)},
    ],
)
def test_safe_ones_are_not(settings):
    Settings(**settings).check()


def test_with_a_key_another_host_than_loopback_has_every_name_unless_some_are_allowed():
    assert "*" in Settings(host="0.0.0.0", keys={"a": b"x"}).hosts
    assert Settings(host="0.0.0.0", keys={"a": b"x"}, allow_hosts=("B.example",)).hosts == {"b.example"}
    assert "evil.example" not in Settings().hosts


def test_keys_are_read_by_name_as_they_are_or_as_hashes(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# users\nalice:{KEY}\n\nbob:sha256:{digest(OTHER).hex()}\n")
    assert read_keys(path, option="--api-key-file") == {"alice": digest(KEY), "bob": digest(OTHER)}
    assert read_keys(None, KEY, option="--api-key-file") == {"default": digest(KEY)}
    assert read_keys(None, None, option="--api-key-file") == {}


@pytest.mark.parametrize(
    "text",
    [
        "alice:short",
        "alice:sha256:12",
        "al ice:" + KEY,
        f"a:{KEY}\na:{OTHER}",
        "alice: two words of a key",
        "# none\n",
    ],
)
def test_a_file_of_bad_keys_is_refused_without_showing_them(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_keys(path, option="--api-key-file")
    assert KEY not in str(caught.value)
    assert "short" not in str(caught.value)
