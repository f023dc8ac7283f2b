"""Providers that ask a service.

The answers are written by hand after the documentation of the services, none was recorded:
https://developers.google.com/youtube/v3/docs/search/list and .../docs/errors, https://developer.jamendo.com/v3.0/tracks,
https://listenbrainz.readthedocs.io/en/latest/users/api/playlist.html, https://docs.radio-browser.info.
"""

from __future__ import annotations

import json

import pytest

from genrekit.playlists import Finder, QuotaError, open_provider, read_regions
from genrekit.remote import QUICK
from genrekit.testing import check_provider

LIST = "PL0123456789abcdef"


def youtube_answer(query):
    items = [
        {
            "kind": "youtube#searchResult",
            "id": {"kind": "youtube#playlist", "playlistId": f"{LIST}{number}"},
            "snippet": {"title": f"{query['q']} &amp; more &#39;{number}&#39;", "channelTitle": "somebody"},
        }
        for number in range(int(query["maxResults"]))
    ]
    broken = [{"id": {}}, {"id": {"playlistId": 'a" onload="'}, "snippet": {"title": "x"}}, None]
    return {"kind": "youtube#searchListResponse", "items": items[:-1] + broken[: len(items) and 1]}


def jamendo_answer(query):
    tracks = [
        {
            "id": str(number),
            "name": "Blue hour",
            "artist_name": "A band",
            "license_ccurl": "http://creativecommons.org/licenses/by-sa/3.0/",
            "audio": f"https://prod-1.storage.jamendo.com/?trackid={number}&format=mp32",
            "shareurl": f"https://www.jamendo.com/track/{number}",
        }
        for number in range(int(query["limit"]))
    ]
    return {"headers": {"status": "success", "code": 0, "error_message": ""}, "results": tracks}


def listenbrainz_answer(query):
    playlists = [
        {
            "playlist": {
                "identifier": f"https://listenbrainz.org/playlist/00000000-0000-0000-0000-00000000000{number}",
                "title": query["query"],
                "track": [],
            }
        }
        for number in range(min(3, int(query["count"])))
    ]
    return {"count": 3, "offset": 0, "playlist_count": 3, "playlists": playlists}


def radio_answer(query):
    stations = [
        {
            "stationuuid": f"{query.get('countrycode', 'XX')}-{number}",
            "name": "  Radio Jazz\u202e ",
            "url": "http://stream.example/x",
            "url_resolved": f"https://stream{number}.example/{query.get('countrycode', '')}",
            "homepage": "",
            "codec": "MP3",
            "hls": 0,
        }
        for number in range(min(2, int(query["limit"])))
    ]
    return [*stations, {"name": "no address"}, 5][: int(query["limit"])]


ANSWERS = {
    "youtube": ("search", youtube_answer),
    "jamendo": ("tracks/", jamendo_answer),
    "listenbrainz": ("1/playlist/search", listenbrainz_answer),
    "radio-browser": ("json/stations/search", radio_answer),
}


@pytest.fixture(params=sorted(ANSWERS))
def name(request, service):
    path, answer = ANSWERS[request.param]
    service.api[path] = answer
    return request.param


@pytest.fixture
def regions():
    return read_regions()


def test_a_provider_keeps_what_the_protocol_promises(service, name, regions):
    check_provider(open_provider(name, regions))
    assert all(seen.headers["User-Agent"].startswith("genrekit/") for seen in service.seen)


def test_a_service_is_asked_once_a_day(service, name, regions):
    first = Finder(open_provider(name, regions)).find("jazz", regions.choose(["khaleeji"]), 5)
    asked = len(service.seen)
    assert asked
    again = Finder(open_provider(name, regions)).find("Jazz", regions.choose(["khaleeji"]), 5)
    assert again == first
    assert len(service.seen) == asked
    assert {item.source for item in first.items} == {name}


def test_the_words_of_a_region_are_searched(service, name, regions):
    Finder(open_provider(name, regions)).find("hip hop", regions.choose(["khaleeji"]))
    asked = service.seen[0].query
    assert {
        "youtube": lambda: (asked["q"], asked["relevanceLanguage"]) == ("هيب هوب خليجي", "ar"),
        "jamendo": lambda: asked["tags"] == "hiphop khaleeji",
        "listenbrainz": lambda: asked["query"] == "هيب هوب خليجي",
        "radio-browser": lambda: (asked["tag"], asked["countrycode"]) == ("hip-hop", "SA"),
    }[name]()


@pytest.mark.parametrize("status", [500, 404, 302])
def test_links_take_the_place_of_a_service_that_fails(service, name, regions, status):
    service.statuses = [(status, {"Location": "https://elsewhere.example/"})] * (QUICK.tries + 1)
    if status == 302:
        service.statuses = [(302, {})]
    found = Finder(open_provider(name, regions)).find("jazz", regions.choose(["original"]))
    assert {item.source for item in found.items} == {"links"}
    assert "Links instead" in found.notes[0]
    assert "id-of-ours" not in found.notes[0]
    assert "AIza" not in found.notes[0]


@pytest.mark.parametrize("answer", [[], {}, b"no JSON", {"items": 5}, {"error": {}}, "words"])
def test_other_answers_become_links(service, name, regions, answer, tmp_path):
    service.api[ANSWERS[name][0]] = lambda query: answer
    found = Finder(open_provider(name, regions)).find("jazz", regions.choose(["original"]))
    assert {item.source for item in found.items} == {"links"}
    assert "answer" in found.notes[0] or "refuses" in found.notes[0] or "nothing" in found.notes[0]
    assert not list(tmp_path.glob("cache/playlists/*")) or answer == []


def test_a_used_up_quota_gives_links_and_no_more_questions(service, regions):
    reason = {"error": {"code": 403, "errors": [{"domain": "youtube.quota", "reason": "quotaExceeded"}]}}
    service.refusals["search"] = (403, json.dumps(reason).encode())
    finder = Finder(open_provider("youtube", regions))
    with pytest.raises(QuotaError):
        finder.provider.find("jazz", regions["original"], 5)
    found = finder.find("jazz", regions.choose([]))
    assert {item.source for item in found.items} == {"links"}
    assert "used up" in found.notes[0]
    assert len(service.seen) == 2
    assert service.seen[0].headers["X-Goog-Api-Key"] == "AIza-not-a-key"
    assert "AIza" not in json.dumps([seen.query for seen in service.seen])


def test_a_wrong_key_is_said_and_not_shown(service, regions):
    reason = {"error": {"code": 400, "errors": [{"domain": "usageLimits", "reason": "keyInvalid"}]}}
    service.refusals["search"] = (400, json.dumps(reason).encode())
    found = Finder(open_provider("youtube", regions)).find("jazz", regions.choose(["original"]))
    assert "keyInvalid" in found.notes[0]
    assert "AIza" not in found.notes[0]


def test_titles_are_unescaped_and_clean(service, regions):
    for provider in ("youtube", "radio-browser"):
        path, answer = ANSWERS[provider]
        service.api[path] = answer
    one = open_provider("youtube", regions).find("rock", regions["original"], 2)[0]
    assert one.title == "Rock music & more '0'"
    assert one.embed.url == f"https://www.youtube-nocookie.com/embed/videoseries?list={LIST}0"
    assert (
        open_provider("radio-browser", regions).find("rock", regions["original"], 2)[0].title == "Radio Jazz"
    )


def test_a_secret_may_lie_in_a_file(service, regions, monkeypatch, tmp_path):
    service.api["search"] = youtube_answer
    monkeypatch.delenv("GENREKIT_YOUTUBE_KEY")
    (tmp_path / "key").write_text("from-a-file\n")
    monkeypatch.setenv("GENREKIT_YOUTUBE_KEY_FILE", str(tmp_path / "key"))
    open_provider("youtube", regions).find("jazz", regions["original"], 1)
    assert service.seen[0].headers["X-Goog-Api-Key"] == "from-a-file"
