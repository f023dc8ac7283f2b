"""The page without a browser: its files, its languages, and the sessions of servers with keys."""

import asyncio
import hashlib
import json
import os
import re
from importlib.resources import files

import httpx2
import pytest
from support.serving import running, started
from support.waiting import GIVE_UP_S, wait_until

from genrekit.models import shipped_models
from genrekit.prediction import load_model
from genrekit.server import Settings
from genrekit.server.sessions import MAX_SESSIONS, Sessions

PAGE = files("genrekit.server").joinpath("page")
KEY, ADMIN = "correct-horse-battery", "the-key-of-the-owner-1"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LANGUAGES = sorted(file.name.removesuffix(".json") for file in PAGE.iterdir() if file.name.endswith(".json"))
# https://cldr.unicode.org/index/cldr-spec/plural-rules
PLURALS = {"en": {"one", "other"}, "ar": {"zero", "one", "two", "few", "many", "other"}}


def digest(key):
    return hashlib.sha256(key.encode()).digest()


@pytest.fixture(scope="module")
def guarded():
    with running(
        models=("spotify",),
        keys={"alice": digest(KEY)},
        admin_keys={"owner": digest(ADMIN)},
        allow_origins=("https://good.example",),
    ) as found:
        yield found


@pytest.fixture
def fresh(guarded):
    guarded.cookies.clear()
    yield guarded
    guarded.cookies.clear()


def test_a_browser_gets_the_page_and_a_program_the_index(fresh):
    page = fresh.get("/", headers=BROWSER)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"].startswith("Accept")
    assert 'data-languages="ar en"' in page.text
    assert ".mp3" in page.text
    assert "{" not in page.text
    index = fresh.get("/", headers={"X-API-Key": KEY, "Accept": "application/json"})
    assert index.json()["name"] == "genrekit"


def test_the_page_is_small_and_asks_nothing_of_others():
    names = [file for file in PAGE.iterdir() if not file.name.endswith(".json") or file.name == "en.json"]
    assert sum(len(file.read_bytes()) for file in names) <= 150_000
    for file in names:
        addresses = set(re.findall(r"https?://[\w./-]+", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg", "https://en.wikipedia.org/wiki/M3U"}


@pytest.mark.parametrize("name", ["page.js", "style.css", "en.json", "icon.svg"])
def test_files_are_sent_again_only_when_they_changed(fresh, name):
    first = fresh.get(f"/page/{name}")
    assert first.status_code == 200
    assert first.headers["x-content-type-options"] == "nosniff"
    again = fresh.get(f"/page/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_policy_allows_no_inline_script_and_no_other_host(fresh):
    policy = dict(
        part.strip().split(" ", 1)
        for part in fresh.get("/", headers=BROWSER).headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("name", ["nothing.js", "..%2fapp.py", "%2e%2e/app.py", "index.html%00"])
def test_there_are_no_other_files(fresh, name):
    assert fresh.get(f"/page/{name}").status_code in (401, 404)


def test_a_key_opens_a_session_that_scripts_cannot_read(fresh):
    assert fresh.get("/v1/models").status_code == 401
    response = fresh.post("/page/session", json={"key": KEY})
    assert response.status_code == 204
    cookie = response.headers["set-cookie"]
    assert KEY not in cookie
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert fresh.get("/v1/models").status_code == 200
    assert fresh.delete("/page/session").status_code == 204
    assert fresh.get("/v1/models").status_code == 401


def test_the_end_of_a_session_is_the_end_of_its_cookie(fresh):
    fresh.post("/page/session", json={"key": KEY})
    kept = "; ".join(f"{name}={value}" for name, value in fresh.cookies.items())
    fresh.delete("/page/session")
    fresh.cookies.clear()
    assert fresh.get("/v1/models", headers={"Cookie": kept}).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": KEY + "x"}, 401),
        ({"key": ""}, 401),
        ({"key": "\ud800".encode("utf-8", "replace").decode()}, 401),
        ({"key": 5}, 400),
        ({}, 400),
        ([], 400),
    ],
)
def test_a_wrong_key_opens_none(fresh, body, status):
    response = fresh.post("/page/session", json=body)
    assert response.status_code == status
    assert "set-cookie" not in response.headers


def test_the_page_of_another_origin_has_no_session(fresh):
    fresh.post("/page/session", json={"key": KEY})
    allowed = {"Origin": "https://good.example"}
    assert fresh.post("/v1/predict", headers=allowed).status_code == 401
    assert (
        fresh.post("/page/session", json={"key": KEY}, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
    assert fresh.get("/v1/models", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    "cookie", ["genrekit-8000=", "genrekit-8000=x", "a=b;;=;\x7f", "genrekit-8000=" + "x" * 9000]
)
def test_strange_cookies_open_nothing(fresh, cookie):
    assert fresh.get("/v1/models", headers={"Cookie": cookie}).status_code == 401


def test_the_page_gets_no_login_window_of_the_browser(fresh):
    plain = fresh.get("/v1/models").headers["www-authenticate"]
    page = fresh.get("/v1/models", headers={"X-Genrekit-Page": "1"}).headers["www-authenticate"]
    assert "Basic" in plain
    assert "Basic" not in page


def test_a_ticket_opens_one_session(monkeypatch):
    sessions = Sessions(Settings(keys={"alice": digest(KEY)}))
    ticket = sessions.ticket()
    token = sessions.open(ticket)
    assert sessions.open(ticket) is None
    found = sessions.find({"cookie": f"genrekit={token}", "host": "genre.example"})
    assert found is not None
    assert not found.admin


def test_old_tickets_and_sessions_end(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("genrekit.server.sessions.time.monotonic", lambda: now)
    sessions = Sessions(Settings(keys={"alice": digest(KEY)}))
    ticket, token = sessions.ticket(), sessions.open(KEY)
    headers = {"cookie": f"genrekit={token}", "host": "genre.example"}
    now += 3600
    assert sessions.open(ticket) is None
    assert sessions.find(headers).owner == "alice"
    now += 13 * 3600
    assert sessions.find(headers) is None


def test_sessions_are_bounded():
    sessions = Sessions(Settings(keys={"alice": digest(KEY)}))
    first = sessions.open(KEY)
    for _ in range(MAX_SESSIONS):
        sessions.open(KEY)
    assert sessions.find({"cookie": f"genrekit={first}", "host": "x"}) is None


def test_open_passes_a_ticket_and_no_key_to_a_secure_address(tmp_path):
    said = tmp_path / "address"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {said}.part && mv {said}.part {said}\n')
    browser.chmod(0o755)
    environment = {"GENREKIT_API_KEY": f"alice:{KEY}", "BROWSER": os.fspath(browser)}
    options = ("--open", "--jobs", "1", "--host", "0.0.0.0")
    with started(tmp_path / "server", "spotify", *options, **environment) as server:
        address = server.url.replace("0.0.0.0", "127.0.0.1")  # only there may the page hear a microphone
        assert wait_until(said.exists)
        opened = said.read_text().strip()
        ticket = opened.removeprefix(f"{address}/#key=")
        assert ticket != opened
        assert KEY not in opened
        with httpx2.Client(base_url=address) as client:
            assert client.post("/page/session", json={"key": ticket}).status_code == 204
            assert client.get("/v1/models").status_code == 200


def words(language):
    return json.loads(PAGE.joinpath(f"{language}.json").read_text(encoding="utf-8"))


def forms(value):
    return list(value.values()) if isinstance(value, dict) else [value]


def placeholders(text):
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language):
    english, other = words("en"), words(language)
    assert list(other) == list(english)
    for key, value in other.items():
        assert all(forms(value)), key
        assert isinstance(value, dict) == isinstance(english[key], dict), key
        if not isinstance(value, dict):
            assert placeholders(value) == placeholders(english[key]), key
            continue
        assert set(value) == PLURALS[language], key
        wanted = placeholders(english[key]["other"])
        for category, text in value.items():
            spelt_out = {"n"} if category in ("zero", "one", "two") else set()
            assert wanted - spelt_out <= placeholders(text) <= wanted, (key, category)


def test_the_page_asks_for_no_other_words():
    known = set(words("en"))
    sources = [file.read_text() for file in PAGE.iterdir() if file.name.endswith((".js", ".html"))]
    asked = {
        key for text in sources for key in re.findall(r'\bt\("([^"]+)"|data-(?:text|label)="([^"]+)"', text)
    }
    assert {one or other for one, other in asked} <= known


def test_every_genre_of_a_shipped_model_has_a_name_in_every_language():
    labels = {label for name in shipped_models() for label in load_model(name).labels}
    for language in LANGUAGES:
        known = words(language)
        assert {label for label in labels if f"genre.{label}" not in known} == set()


def test_the_application_ends_when_no_page_was_open_for_a_while(monkeypatch):
    from starlette.websockets import WebSocketDisconnect

    from genrekit.server import presence

    now, left = [0.0], []
    monkeypatch.setattr(presence.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(presence, "LOOK_S", 0)

    class Page:
        scope = {}  # noqa: RUF012

        def __init__(self):
            self.closed = asyncio.Event()

        async def accept(self, protocol):
            pass

        async def receive_text(self):
            await self.closed.wait()
            raise WebSocketDisconnect

    async def pass_time(seconds):
        for step in (0, seconds):
            now[0] += step
            for _ in range(10):
                await asyncio.sleep(0)

    async def run():
        pages = presence.Presence()
        watching = asyncio.create_task(pages.watch(lambda: left.append(now[0])))
        await pass_time(1000)  # the browser is slow to start
        first, second, third = Page(), Page(), Page()
        held = [asyncio.create_task(pages.hold(page)) for page in (first, second)]
        await pass_time(1)
        first.closed.set()
        await pass_time(1000)  # the second is open
        second.closed.set()
        await pass_time(presence.GRACE_S - 1)
        held.append(asyncio.create_task(pages.hold(third)))  # it was loaded again
        await pass_time(1000)
        assert not left
        third.closed.set()
        await pass_time(0)
        assert not left
        await pass_time(presence.GRACE_S)
        await asyncio.wait_for(asyncio.gather(watching, *held), GIVE_UP_S)

    asyncio.run(run())
    assert left == [1000 + 1 + 1000 + presence.GRACE_S - 1 + 1000 + presence.GRACE_S]
