"""Links, files of one's own, regions, and the command; nothing is asked."""

from __future__ import annotations

import json
import socket
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from genrekit.cli import app
from genrekit.errors import ConfigError, UsageError
from genrekit.playlists import Embed, Finder, Playlist, open_provider, read_regions
from genrekit.testing import check_provider

LISTS = """
jazz:
  original:
    - https://www.youtube.com/playlist?list=PL0123456789
    - {title: Blue hour, url: "https://radio.example/jazz.mp3"}
  khaleeji:
    - {title: عود, url: "https://open.spotify.com/playlist/37i9dQZF1DXbITWG1ZJKYt"}
hip_hop:
  original: [https://example.org/rap]
"""


@pytest.fixture
def lists(tmp_path):
    path = tmp_path / "lists.yaml"
    path.write_text(LISTS, encoding="utf-8")
    return path


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def run(*words):
    return CliRunner().invoke(app, ["playlists", *words])


def test_links_need_no_network(no_network):
    check_provider(open_provider("links", read_regions()))
    found = json.loads(run("jazz", "-f", "json").stdout)[0]
    assert [region["name"] for region in found["regions"]] == ["original", "khaleeji"]
    assert {item["source"] for item in found["items"]} == {"links"}
    assert any("جاز خليجي" in unquote(item["url"]) for item in found["items"] if item["region"] == "khaleeji")


@given(st.text(min_size=1, max_size=80))
def test_any_genre_makes_addresses(genre):
    try:
        found = Finder(open_provider("links", read_regions())).find(genre, read_regions().choose([]))
    except UsageError:
        return
    assert all(item.url.isascii() and item.url.startswith("https://") for item in found.items)


def test_a_file_of_ones_own(lists, no_network):
    regions = read_regions()
    provider = open_provider(str(lists), regions)
    check_provider(provider)
    assert provider.frames == ("https://open.spotify.com", "https://www.youtube-nocookie.com")
    assert provider.media == ("https://radio.example",)
    found = Finder(provider).find("jazz", regions.choose([]))
    assert [item.title for item in found.items][1:] == ["Blue hour", "عود"]
    assert found.notes == ()
    assert (
        Finder(provider).find("Hip-Hop", regions.choose(["original"])).items[0].url
        == "https://example.org/rap"
    )


def test_what_a_file_lacks_becomes_links(lists):
    result = run("hip-hop", "--provider", str(lists), "-f", "json")
    assert result.exit_code == 0
    assert "has nothing for 'hip-hop' in 'khaleeji'" in result.stderr
    by_region = {item["region"]: item["source"] for item in json.loads(result.stdout)[0]["items"]}
    assert by_region == {"original": "lists.yaml", "khaleeji": "links"}


@pytest.mark.parametrize(
    "text",
    [
        "jazz: {original: ['javascript:alert(1)']}",
        "jazz: {original: ['https://me:secret@host/']}",
        "jazz: {original: ['https://host/ a']}",
        "jazz: {original: ['//host/a']}",
        "jazz: {original: [{title: x}]}",
        "jazz: {original: [{url: 5}]}",
        "jazz: {original: [{url: 'https://h.example/', colour: red}]}",
        "jazz: {original: https://h.example}",
        "jazz: [https://h.example]",
        "jazz: {khaleji: [https://h.example]}",
        "- jazz",
        "jazz: {original: [",
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text):
    path = tmp_path / "lists.yml"
    path.write_text(text, encoding="utf-8")
    result = run("jazz", "--provider", str(path))
    assert result.exit_code == 2
    assert "lists.yml" in result.stderr
    assert "secret" not in result.stderr


def test_regions_of_ones_own(tmp_path):
    path = tmp_path / "regions.yaml"
    path.write_text(
        'regions: {levant: {title: {en: Levant}, words: {en: "levantine {genre}"}, search: en}}\n'
        "genres: {zydeco: {ar: زايديكو}}\n",
        encoding="utf-8",
    )
    result = run("Zydeco", "--regions-file", str(path), "--region", "levant,khaleeji", "--limit", "1")
    assert [line.split("\t")[2] for line in result.stdout.splitlines()] == [
        "YouTube: levantine Zydeco",
        "YouTube: زايديكو خليجي",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "regions: {a: {title: {en: A}, words: {en: no place}, search: en}}",
        "regions: {a: {title: {en: A}, words: {en: '{genre}'}, search: ar}}",
        "regions: {A b: {title: {en: A}, words: {en: '{genre}'}, search: en}}",
        "regions: {a: {title: {en: A}, words: {en: '{genre}'}, search: en, countries: [Kuwait]}}",
        "lands: {}",
        "regions: 5",
    ],
)
def test_a_table_of_regions_that_cannot_be_used(tmp_path, text):
    path = tmp_path / "regions.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_regions(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jazz", "--region", "khaleji"], "Did you mean 'khaleeji'?"),
        (["jazz", "--provider", "youtub"], "Did you mean 'youtube'?"),
        ([" "], "A genre has"),
        (["x" * 81], "A genre has"),
        (["jazz", "--provider", "none.yaml"], "none.yaml"),
    ],
)
def test_wrong_usage(words, said):
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_key_is_needed_and_named(monkeypatch):
    for name in ("GENREKIT_YOUTUBE_KEY", "GENREKIT_YOUTUBE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    result = run("jazz", "--provider", "youtube")
    assert result.exit_code == 2
    assert "GENREKIT_YOUTUBE_KEY" in result.stderr


class Careless:
    """A provider whose previews the policy of the page would refuse."""

    name, title, asks, frames, media = "careless", "Careless", False, (), ()

    def check(self):
        """Nothing is needed."""

    def find(self, genre, region, limit):
        embed = Embed("frame", "https://other.example/x")
        return [Playlist(region.name, "x", "https://careless.example/", self.name, embed)]


def test_a_preview_of_an_unnamed_host_is_left_out():
    found = Finder(Careless()).find("jazz", read_regions().choose(["original"]))
    assert found.items[0].embed is None
    with pytest.raises(AssertionError, match=r"other\.example"):
        check_provider(Careless())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "two words"},
        {"title": ""},
        {"asks": "no"},
        {"frames": ["https://a.example"]},
        {"media": ("https://a.example; script-src *",)},
        {"find": None},
    ],
)
def test_the_suite_finds_a_broken_provider(change):
    class Broken(Careless):
        def find(self, genre, region, limit):
            return [Playlist(region.name, "x", "https://careless.example/", self.name)] * (limit + 1)

    provider = type("Other", (Broken,), change)() if change.get("find", 1) else Broken()
    with pytest.raises(AssertionError):
        check_provider(provider)
