"""The page in a real browser: what a user does there with the mouse, with the keyboard, and in two languages."""

import json
import re
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.browser import ARGUMENTS, PATIENCE_MS, chromium, chromium_path
from support.serving import started

from genrekit.similarity import index

MEDIA = Path(__file__).parents[2] / "examples" / "media"
TRACKS = MEDIA.parent / "tracks.csv"
SONG, PICTURE = MEDIA / "swing_band.ogg", MEDIA / "blue_notes.png"
BROKEN = {"name": "broken أغنية.mp3", "mimeType": "audio/mpeg", "buffer": b"not a song"}
KEY = "correct-horse-battery"
MODELS = ("spectrogram", "image", "spotify")
YOUTUBE, RADIO = "https://www.youtube-nocookie.com", "https://radio.example"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        from playwright.sync_api import expect

        expect.set_options(timeout=PATIENCE_MS)
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    chromium_path()
    folder = tmp_path_factory.mktemp("server")
    index(MEDIA, folder / "songs.index", model="spectrogram", jobs=1)
    lists = folder / "lists.yaml"
    lists.write_text(
        "'*':\n  original:\n    - {title: Lists of ours, url: 'https://www.youtube.com/playlist?list=PL0123456789'}\n"
        f"    - {{title: On air, url: '{RADIO}/a.mp3'}}\n",
        encoding="utf-8",
    )
    words = ("--jobs", "1", "--index", str(folder / "songs.index"), "--playlists", str(lists))
    with started(folder, *MODELS, *words) as server:
        yield server.url


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    chromium_path()
    folder = tmp_path_factory.mktemp("guarded")
    with started(
        folder, "spotify", "--max-upload", "4MB", "--jobs", "1", GENREKIT_API_KEY=f"alice:{KEY}"
    ) as server:
        yield server.url


@contextmanager
def opened(browser, address, path="/", hosts=(), **settings):
    """Open the page; every request that leaves for an origin beside ``hosts``, and every fault of a script, fails the test."""
    from playwright.sync_api import expect

    context = browser.new_context(**{"locale": "en", "viewport": {"width": 1280, "height": 900}, **settings})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.requests, page.faults = [], []
    page.on("request", lambda request: page.requests.append(request))
    for host in hosts:  # answered here: nothing leaves the machine
        context.route(
            f"{host}/**", lambda route: route.fulfill(body="<p>a player</p>", content_type="text/html")
        )
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.expect = expect
    try:
        page.goto(address + path)
        expect(page.locator("#work, #login").locator("visible=true").first).to_be_visible()
        yield page
        assert page.faults == []
        foreign = [r.url for r in page.requests if not r.url.startswith((address + "/", "blob:", *hosts))]
        assert foreign == []
    finally:
        context.close()


def give(page, *files):
    page.set_input_files("#pick-files", [str(f) if isinstance(f, Path) else f for f in files])


def finished(page, done, failed=0):
    page.expect(page.locator("article.done")).to_have_count(done)
    page.expect(page.locator("article.failed")).to_have_count(failed)


def card(page, name):
    return page.locator("genre-card").filter(has=page.get_by_role("heading", name=name))


def plays(song, after_s):
    """Wait until the player of a card is beyond a time."""
    song.locator("audio").evaluate(
        """(audio, after) => new Promise((done) => {
          const look = () => (audio.currentTime > after ? done() : setTimeout(look, 50));
          look();
        })""",
        after_s,
    )


def violations(page, rules=("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": list(rules)})
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]
    ]


def violations_in_the_dark(page):
    """Look at the colours only: nothing else is different."""
    page.emulate_media(color_scheme="dark")
    return violations(page, ["color-contrast"])


def test_songs_pictures_tables_and_what_cannot_be_read(browser, address, tmp_path):
    with opened(browser, address, color_scheme="light") as page:
        loaded = [r for r in page.requests if urlsplit(r.url).path != "/v1/models"]
        assert len(loaded) <= 12
        assert sum(len(r.response().body()) for r in loaded) <= 150_000
        broken = tmp_path / BROKEN["name"]
        broken.write_bytes(BROKEN["buffer"])
        give(page, SONG, PICTURE, TRACKS, broken)
        finished(page, 3, 1)
        page.expect(page.locator("#status")).to_have_text("3 of 4 done. 1 file could not be read.")

        song = card(page, SONG.name)
        page.expect(song.locator(".verdict")).to_have_text("jazz")
        page.expect(song.locator(".bars li")).to_have_count(3)
        page.expect(song).to_contain_text(re.compile(r"right for \d\d of 100 test songs \(\d\d to \d\d\)"))
        page.expect(song).to_contain_text("It knows 10 genres.")
        page.expect(song.locator("audio")).to_have_attribute("src", re.compile("^blob:"))

        picture = card(page, PICTURE.name)
        picture.get_by_text("Why", exact=True).click()
        shown = picture.locator("img.heat")
        page.expect(shown).to_be_visible()
        assert "electronic" in shown.get_attribute("alt")

        table = card(page, TRACKS.name)
        page.expect(table.locator(".verdict")).to_contain_text("6 rows have a genre")
        page.expect(table.locator("tbody tr")).to_have_count(6)
        table.get_by_text("Why", exact=True).click()
        page.expect(table.locator("table.contributions").first).to_contain_text("instrumentalness")

        error = card(page, BROKEN["name"])
        page.expect(error).to_contain_text("This could not be read")
        page.expect(error).to_contain_text("not a known sound format")

        saved = {}
        for name in ("CSV", "JSON Lines", "Playlist"):
            with page.expect_download() as download:
                page.get_by_role("group", name="Save the results").get_by_role("button", name=name).click()
            saved[name] = Path(download.value.path()).read_text(encoding="utf-8")
        rows = [json.loads(line) for line in saved["JSON Lines"].splitlines()]
        assert [row["input"] for row in rows[:2]] == [SONG.name, PICTURE.name]
        assert len(rows) == 9
        assert rows[-1]["error"]
        assert (
            saved["CSV"]
            .splitlines()[0]
            .startswith("input,label,score,model,error,note,familiar,label_1,score_1")
        )
        assert len(saved["CSV"].splitlines()) == 10
        assert saved["Playlist"].splitlines() == [
            "#EXTM3U",
            f"#EXTINF:-1,{SONG.name}",
            "#EXTGENRE:jazz",
            SONG.name,
        ]

        page.get_by_label("Show").select_option(label="jazz")
        page.expect(page.locator("genre-card")).to_have_count(2)
        page.get_by_label("Show").select_option(label="not read")
        page.expect(page.locator("genre-card")).to_have_count(1)
        page.get_by_label("Show").select_option(index=0)
        page.expect(page.locator("genre-card")).to_have_count(4)

        song.get_by_text("Similar in the library").click()
        page.expect(song.locator("genre-similar tbody tr")).to_have_count(5)
        page.route("**/v1/predict*", lambda route: None)
        give(page, BROKEN)
        page.expect(page.locator("article.working")).to_have_count(1)
        page.expect(page.locator("article.failed")).to_have_count(1)
        assert violations(page) == []
        page.get_by_role("button", name="Clear").click()
        page.expect(page.locator("genre-card")).to_have_count(0)


@pytest.mark.night
def test_axe_finds_nothing_in_the_dark_nor_in_arabic(browser, address):
    with opened(browser, address, color_scheme="light") as page:
        give(page, SONG, PICTURE, TRACKS)
        finished(page, 3)
        give(page, BROKEN)
        finished(page, 3, 1)
        for name in (SONG.name, PICTURE.name, TRACKS.name):
            card(page, name).get_by_text("Why", exact=True).click()
        page.expect(card(page, PICTURE.name).locator("img.heat")).to_be_visible()
        page.expect(card(page, TRACKS.name).locator("table.contributions").first).to_be_visible()
        card(page, SONG.name).get_by_text("Similar in the library").click()
        page.expect(page.locator("genre-similar tbody tr")).to_have_count(5)
        page.route("**/v1/predict*", lambda route: None)
        give(page, BROKEN)
        page.expect(page.locator("article.working")).to_have_count(1)
        assert violations_in_the_dark(page) == []
        page.emulate_media(color_scheme="light")
        page.locator("#language").select_option("ar")
        page.expect(page.locator("html")).to_have_attribute("dir", "rtl")
        page.set_viewport_size({"width": 360, "height": 800})
        assert violations(page) == []


def test_the_whole_flow_by_keyboard(browser, address):
    with opened(browser, address) as page:

        def tab_to(locator):
            for _ in range(40):
                page.keyboard.press("Tab")
                if locator.evaluate("element => element === document.activeElement"):
                    return
            pytest.fail(f"Tab does not lead to {locator}.")

        # Playwright asks the browser for choosers without waiting for its consent; a key pressed at once may be sooner.
        page.on("filechooser", lambda chooser: None)
        tab_to(page.get_by_role("button", name="Choose files"))
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(str(SONG))
        finished(page, 1)

        song = card(page, SONG.name)
        pieces = song.locator("genre-timeline svg[role=group] [role=button]")
        tab_to(pieces.first)
        page.keyboard.press("Enter")
        plays(song, after_s=0)
        table = song.get_by_text("Genre over time, as a table")
        tab_to(table)
        page.keyboard.press("Enter")
        seek = song.get_by_role("button", name=re.compile("Play from")).first
        page.expect(seek).to_be_visible()
        tab_to(seek)
        tab_to(song.get_by_text("Why", exact=True))
        page.keyboard.press("Enter")
        page.expect(song.locator("img.heat")).to_be_visible()

        page.get_by_role("button", name="About the models").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        page.expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        page.expect(dialog).to_be_hidden()
        page.expect(page.get_by_role("button", name="About the models")).to_be_focused()

        remove = song.get_by_role("button", name="Remove")
        remove.focus()
        page.keyboard.press("Enter")
        page.expect(page.locator("genre-card")).to_have_count(0)
        page.expect(page.locator("#files")).to_be_focused()


def test_what_is_similar_in_the_library(browser, address):
    with opened(browser, address) as page:
        give(page, SONG, PICTURE)
        finished(page, 2)
        page.expect(card(page, PICTURE.name).get_by_text("Similar in the library")).to_have_count(0)
        song = card(page, SONG.name)
        song.get_by_text("Similar in the library").focus()
        page.keyboard.press("Enter")
        rows = song.locator("genre-similar tbody tr")
        page.expect(rows).to_have_count(5)
        page.expect(song.locator("genre-similar")).not_to_contain_text(f"More like {SONG.name}")
        first = rows.first.locator("th bdi").first.text_content()
        rows.first.get_by_role("button").focus()
        page.keyboard.press("Enter")
        page.expect(song.locator("genre-similar > p").first).to_have_text(f"Most similar to {first}")
        page.expect(song.locator("genre-similar > p").first).to_be_focused()
        page.expect(rows.filter(has_text=SONG.name)).to_have_count(1)
        song.get_by_role("button", name=f"Back to {SONG.name}").click()
        page.expect(rows.filter(has_text=SONG.name)).to_have_count(0)
        song.get_by_label("Only other artists").check()
        page.expect(song.locator("genre-similar")).to_contain_text("artist of the song is not known")


def test_a_click_on_the_timeline_seeks_the_player(browser, address):
    windows = [(0, 10, "rock"), (10, 20, "jazz"), (20, 30, "jazz"), (30, 31, "pop")]
    row = {
        "input": SONG.name, "label": "jazz", "labels": ["jazz"], "score": 0.5, "model": "spectrogram", "error": None,
        "note": "cut", "familiar": False, "scores": [{"label": "jazz", "score": 0.5}],
        "windows": [{"start_s": a, "end_s": b, "label": label, "score": 0.5} for a, b, label in windows],
    }  # fmt: skip
    with opened(browser, address) as page:
        page.route(
            "**/v1/predict*", lambda route: route.fulfill(json={"results": [row], "answered": 1, "failed": 0})
        )
        give(page, SONG)
        finished(page, 1)
        song = card(page, SONG.name)
        pieces = song.locator("genre-timeline svg[role=group] [role=button]")
        page.expect(pieces).to_have_count(3)
        page.expect(song).to_contain_text("Unlike anything this model learnt")
        pieces.nth(1).click()
        plays(song, after_s=10)
        pieces.nth(0).focus()
        page.keyboard.press("ArrowRight")
        page.expect(pieces.nth(1)).to_be_focused()
        assert pieces.nth(1).get_attribute("aria-label") == "jazz, 0:10 to 0:30, 50%"
        fills = {pieces.nth(i).get_attribute("fill") for i in range(3)}
        assert len(fills) == 3


def test_two_at_a_time_and_each_can_be_stopped(browser, address):
    held = []
    with opened(browser, address) as page:
        page.route("**/v1/predict*", lambda route: held.append(route))
        give(page, *({"name": f"{i}.mp3", "mimeType": "audio/mpeg", "buffer": b"x"} for i in range(5)))
        page.expect(page.locator("article.working")).to_have_count(2)
        page.expect(page.locator("article.waiting")).to_have_count(3)
        assert len(held) == 2
        page.get_by_role("button", name="Stop 0.mp3").click()
        page.expect(page.locator("article.stopped")).to_have_count(1)
        page.expect(page.locator("article.working")).to_have_count(2)
        page.get_by_role("button", name="Try 0.mp3 again").click()
        page.expect(page.locator("article.waiting")).to_have_count(3)
        page.get_by_role("button", name="Stop all").click()
        page.expect(page.locator("article.stopped")).to_have_count(5)


@pytest.mark.night
def test_many_files_leave_fifty_cards(browser, address):
    row = {
        "label": "jazz",
        "labels": ["jazz"],
        "score": 1,
        "model": "spectrogram",
        "error": None,
        "scores": [],
    }
    with opened(browser, address) as page:
        page.route(
            "**/v1/predict*", lambda route: route.fulfill(json={"results": [row], "answered": 1, "failed": 0})
        )
        give(page, *({"name": f"{i}.mp3", "mimeType": "audio/mpeg", "buffer": b"x"} for i in range(105)))
        page.expect(page.locator("genre-card")).to_have_count(50)
        page.get_by_label("Colours").select_option("dark")  # it still does what it is told
        page.expect(page.locator("#status")).to_have_text("105 of 105 done.")
        page.expect(page.locator("genre-card")).to_have_count(50)
        page.get_by_role("button", name="Show more (55 files are left)").click()
        page.expect(page.locator("genre-card")).to_have_count(100)


def test_a_busy_server_is_asked_again(browser, address):
    answers = [503, 200]
    row = {
        "label": "jazz",
        "labels": ["jazz"],
        "score": 1,
        "model": "spectrogram",
        "error": None,
        "scores": [],
    }

    def answer(route):
        status = answers.pop(0)
        problem = {"type": "/problems/busy", "detail": "Busy."}
        body = {"results": [row]} if status == 200 else problem
        route.fulfill(status=status, json=body, headers={"Retry-After": "0.01"})

    with opened(browser, address) as page:
        page.route("**/v1/predict*", answer)
        give(page, SONG)
        finished(page, 1)


def test_a_file_that_is_too_large_is_not_sent(browser, guarded):
    with opened(browser, guarded, f"/#key={KEY}") as page:
        page.expect(page.locator("#work")).to_be_visible()
        page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(5e6)], "long.mp3"));
              document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
            }"""
        )
        page.expect(card(page, "long.mp3")).to_contain_text("The server takes 4 MB at most")
        assert not [r for r in page.requests if "/v1/predict" in r.url]


def test_a_dropped_file_is_taken(browser, address):
    with opened(browser, address) as page:
        page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.items.add(new File(["x"], "dropped.mp3"));
              for (const type of ["dragenter", "drop"])
                document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
            }"""
        )
        finished(page, 0, 1)
        page.expect(card(page, "dropped.mp3")).to_be_visible()


def test_a_server_with_a_key(browser, guarded):
    with opened(browser, guarded) as page:
        page.expect(page.locator("#login")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("Key", exact=True).fill("wrong" * 4)
        page.get_by_role("button", name="Log in").click()
        page.expect(page.get_by_role("alert")).to_have_text("The key is wrong.")
        page.get_by_label("Key", exact=True).fill(KEY)
        page.keyboard.press("Enter")
        page.expect(page.locator("#work")).to_be_visible()
        (cookie,) = page.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        page.reload()
        page.expect(page.locator("#work")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        page.expect(page.locator("#login")).to_be_visible()
        page.reload()
        page.expect(page.locator("#login")).to_be_visible()


def test_a_key_in_the_address_is_taken_and_removed(browser, guarded):
    with opened(browser, guarded, f"/#key={KEY}") as page:
        page.expect(page.locator("#work")).to_be_visible()
        assert page.url == f"{guarded}/"
    with opened(browser, guarded, "/#key=wrong") as page:
        page.expect(page.locator("#login")).to_be_visible()
        assert page.url == f"{guarded}/"


def test_arabic_is_whole(browser, address):
    with opened(browser, address, locale="ar", viewport={"width": 360, "height": 800}) as page:
        root = page.locator("html")
        page.expect(root).to_have_attribute("dir", "rtl")
        give(page, SONG)
        finished(page, 1)
        page.expect(card(page, SONG.name).locator(".verdict")).to_have_text("جاز")
        page.expect(page.locator("#status")).to_have_text("اكتمل ملف واحد من 1.")
        page.expect(page.locator("genre-timeline .strip")).to_have_attribute("dir", "ltr")
        foreign = page.locator("body").evaluate(
            """body => {
              const found = [];
              const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) {
                const parent = walker.currentNode.parentElement;
                if (parent.closest("bdi, [lang]:not([lang=ar]), [translate=no], option, noscript, [hidden]")) continue;
                const text = walker.currentNode.textContent.replace(/CSV|JSON Lines|genrekit|encoder|spectrogram/g, "");
                if (/[a-z]{2,}/i.test(text)) found.push(text);
              }
              return found;
            }"""
        )
        assert foreign == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.locator("#language").select_option("en")
        page.expect(root).to_have_attribute("dir", "ltr")
        page.expect(card(page, SONG.name).locator(".verdict")).to_have_text("jazz")
        page.reload()
        page.expect(root).to_have_attribute("lang", "en")


def test_playlists_load_a_preview_on_a_click_only(browser, address):
    with opened(browser, address, hosts=(YOUTUBE, RADIO)) as page:
        give(page, SONG)
        finished(page, 1)
        song = card(page, SONG.name)
        song.get_by_text("Listen to this genre: jazz").click()
        page.expect(song.get_by_role("heading", name="Original")).to_be_visible()
        page.expect(song.get_by_role("heading", name="Khaleeji")).to_be_visible()
        link = song.get_by_role("link", name="Lists of ours")
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert [r.url for r in page.requests if not r.url.startswith((address, "blob:"))] == []

        song.get_by_role("button", name="Play here, from www.youtube-nocookie.com").click()
        page.expect(song.frame_locator("iframe.player").get_by_text("a player")).to_be_visible()
        page.expect(song).to_contain_text("Your browser now talks to www.youtube-nocookie.com.")
        asked = [r for r in page.requests if r.url.startswith(YOUTUBE)]
        assert [r.url for r in asked] == [f"{YOUTUBE}/embed/videoseries?list=PL0123456789"]
        assert asked[0].all_headers()["referer"] == f"{address}/"
        assert not [r for r in page.requests if r.url.startswith(RADIO)]

        with page.expect_request(f"{RADIO}/**"):
            song.get_by_role("button", name="Play here, from radio.example").click()
        page.evaluate("fetch('https://elsewhere.example/').catch(() => {})")
        assert violations(page) == []


@pytest.mark.night
def test_axe_finds_nothing_before_a_file_is_given(browser, address):
    with opened(browser, address, color_scheme="light") as page:
        assert violations(page) == []
        page.get_by_role("button", name="About the models").click()
        dialog = page.get_by_role("dialog")
        for name in ("Model card", "Which genres it confuses", "Learning curves and history of training"):
            dialog.get_by_text(name).click()
        page.expect(dialog.locator("figure, .confusion, h4").first).to_be_visible()
        page.expect(dialog.locator("details > [role=status]")).to_have_count(0)
        assert violations(page) == []
        assert violations_in_the_dark(page) == []


@pytest.fixture(scope="module")
def listening_browser(browser, tmp_path_factory):
    """A browser whose microphone hears a song, again and again."""
    import soundfile

    path = tmp_path_factory.mktemp("microphone") / "song.wav"
    samples, sr = soundfile.read(MEDIA / "string_arpeggios.ogg")
    soundfile.write(path, samples, sr, subtype="PCM_16")
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    fake += (f"--use-file-for-fake-audio-capture={path}",)
    found = browser.browser_type.launch(executable_path=chromium_path(), args=[*ARGUMENTS, *fake])
    yield found
    found.close()


@pytest.mark.night  # listens in real time
def test_the_microphone_is_heard(listening_browser, address):
    with opened(listening_browser, address, permissions=["microphone"]) as page:
        page.get_by_role("button", name="Listen", exact=True).click()
        live = page.locator("#live")
        page.expect(live.locator(".verdict strong")).to_have_text("classical")
        page.expect(live.get_by_role("log")).to_contain_text("classical")
        page.expect(live.locator(".strip svg > rect").first).to_be_visible()
        assert live.locator("meter").evaluate("meter => meter.value") > -60
        assert violations(page) == []
        stop = live.get_by_role("button", name="Stop listening")
        stop.focus()
        page.keyboard.press("Enter")
        page.expect(live.locator(".verdict")).to_have_text("This was heard:")
        page.expect(live.get_by_role("log")).to_contain_text(re.compile(r"0:00 to \d+:\d\d: classical"))
        page.expect(stop).to_have_count(0)
        page.expect(page.get_by_role("button", name="Listen", exact=True)).to_be_focused()


def test_without_a_microphone_the_page_says_why(browser, address):
    with opened(browser, address) as page:
        page.evaluate(
            """() => {
              const refuse = () => Promise.reject(new DOMException("", "NotAllowedError"));
              navigator.mediaDevices.getUserMedia = refuse;
            }"""
        )
        page.get_by_role("button", name="Listen", exact=True).click()
        page.expect(page.locator("#live").get_by_role("alert")).to_contain_text("may not use the microphone")
        page.expect(page.get_by_role("button", name="Stop listening")).to_have_count(0)


@pytest.fixture(scope="module")
def keeping(tmp_path_factory):
    chromium_path()
    folder = tmp_path_factory.mktemp("keeping")
    words = ("image", "--jobs", "1", "--keep", "asked", "--store", str(folder / "store"))
    with started(folder, *words, GENREKIT_SPOOL=str(folder / "spool")) as server:
        yield server.url, folder / "store"


def test_a_correction_with_the_keyboard_and_the_deletion_of_the_upload(browser, keeping):
    address, store = keeping
    with opened(browser, address) as page:
        assert not page.locator("#keep").is_checked()
        page.locator("#keep").focus()
        page.keyboard.press("Space")
        give(page, PICTURE)
        finished(page, 1)
        choice = page.get_by_label("No, it is")
        choice.focus()
        page.keyboard.press("ArrowDown")
        page.get_by_role("button", name="Send").press("Enter")
        page.expect(page.get_by_text("Thank you.")).to_be_focused()
        receipt = page.locator("code").inner_text()
        assert violations(page) == []
        page.get_by_text("Delete an upload").click()
        page.expect(
            page.get_by_text("keep the weights and the key until the next retraining")
        ).to_be_visible()
        page.get_by_label("Receipt", exact=True).fill(receipt)
        page.get_by_label("Receipt", exact=True).press("Enter")
        page.expect(page.locator("#deleted")).to_have_text("Deleted.")
        assert not list(store.rglob("objects/*/*"))


@pytest.mark.night
def test_corrections_in_arabic(browser, keeping):
    address, _ = keeping
    with opened(browser, address, locale="ar") as page:
        give(page, PICTURE)
        finished(page, 1)
        page.expect(page.get_by_text("هل هذا صحيح؟")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="نعم").click()
        page.expect(page.get_by_text("شكرًا لك.")).to_be_visible()
        page.get_by_role("button", name=re.compile("^حذف ما أُرسل")).click()
        page.expect(page.locator("article").get_by_text("حُذف.")).to_be_visible()


@pytest.mark.night  # by day in test_page.py, without a browser and without waiting
def test_a_server_ends_with_its_last_page(browser, tmp_path):
    with started(tmp_path, "spotify", "--jobs", "1", "--exit-with-page") as server:
        with opened(browser, server.url) as page:
            with opened(browser, server.url):
                pass
            page.reload()
            page.expect(page.locator("#work")).to_be_visible()
            assert server.process.poll() is None
        assert server.wait() == 0
        assert "draining" in server.said()
