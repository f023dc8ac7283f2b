"""Playlists over HTTP, and what the page's policy allows for them; services are on loopback."""

from __future__ import annotations

import pytest
from support.loopback import Host, serving
from support.serving import running

from genrekit.errors import UsageError
from genrekit.playlists import youtube
from genrekit.server import Settings, create_app

BROWSER = {"Accept": "text/html"}


def policy(client):
    found = client.get("/", headers=BROWSER).headers["content-security-policy"]
    return dict(part.strip().partition(" ")[::2] for part in found.split(";"))


def test_links_are_the_default_and_open_nothing(client):
    found = client.get("/v1/playlists", params={"genre": "jazz", "region": "khaleeji", "limit": 2})
    assert found.status_code == 200
    items = found.json()["items"]
    assert [(item["region"], item["source"], item["embed"]) for item in items] == [
        ("khaleeji", "links", None)
    ] * 2
    assert found.json()["regions"] == [{"name": "khaleeji", "title": {"en": "Khaleeji", "ar": "خليجي"}}]
    assert policy(client)["media-src"] == "blob:"
    assert "frame-src" not in policy(client)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"genre": ""},
        {"genre": "x" * 81},
        {"genre": " "},
        {"genre": "jazz", "region": "mars"},
        {"genre": "jazz", "limit": 26},
        {"genre": "jazz", "limit": "many"},
    ],
)
def test_wrong_questions_are_problems(client, query):
    response = client.get("/v1/playlists", params=query)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


def test_the_policy_opens_for_one_provider(tmp_path):
    lists = tmp_path / "lists.yaml"
    lists.write_text(
        "jazz: {original: ['https://www.youtube.com/playlist?list=PL0123456789', 'https://radio.example/a.mp3']}"
    )
    with running(models=("spotify",), playlists=str(lists)) as client:
        assert policy(client)["frame-src"] == "https://www.youtube-nocookie.com"
        assert policy(client)["media-src"] == "blob: https://radio.example"
        assert policy(client)["connect-src"] == "'self'"
        items = client.get("/v1/playlists?genre=jazz&region=original,khaleeji").json()["items"]
        assert items[0]["embed"]["host"] == "www.youtube-nocookie.com"


def test_strangers_do_not_use_up_a_quota(monkeypatch, tmp_path):
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("GENREKIT_YOUTUBE_KEY", "a-key")
    answer = {"items": [{"id": {"playlistId": "PL0123456789"}, "snippet": {"title": "A list"}}]}
    with serving(Host(api={"search": lambda query: answer})) as host:
        monkeypatch.setattr(youtube, "BASE", host.base)
        with running(models=("spotify",), playlists="youtube") as client:
            made_up = client.get("/v1/playlists?genre=a-genre-nobody-knows").json()
            assert {item["source"] for item in made_up["items"]} == {"links"}
            assert "is not asked" in made_up["notes"][0]
            assert host.seen == []
            genre = client.get("/v1/labels").json()["labels"][0]
            known = [client.get("/v1/playlists", params={"genre": genre}).json() for _ in range(2)]
            assert {item["source"] for item in known[0]["items"]} == {"youtube"}
            assert known[0] == known[1]
            assert len(host.seen) == 2


@pytest.mark.parametrize("name", ["youtube", "nobody", "none.yaml"])
def test_a_provider_that_cannot_work_is_said_at_the_start(monkeypatch, name):
    monkeypatch.delenv("GENREKIT_YOUTUBE_KEY", raising=False)
    with pytest.raises(UsageError):
        create_app(Settings(models=("spotify",), jobs=1, playlists=name))
