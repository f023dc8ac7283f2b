"""Models swapped while the server runs, A/B tests, and shadows."""

import hashlib
import json
import threading
from collections import Counter

import pytest
from support.bundles_again import write_again
from support.serving import running
from support.waiting import wait_until

from genrekit.errors import UsageError
from genrekit.server import Settings, create_app, parse_ab
from genrekit.server.experiments import chosen

ADMIN = {"X-API-Key": "the-key-of-the-owner-1"}
KEYS = {"owner": hashlib.sha256(b"the-key-of-the-owner-1").digest()}


def test_reloading_needs_an_admin_key(client):
    response = client.post("/v1/models/reload")
    assert response.status_code == 403
    assert "--admin-key-file" in response.json()["hint"]


def test_a_reload_changes_the_hash_of_the_answers_and_a_damaged_file_changes_nothing(tmp_path, numbers):
    path = tmp_path / "m.genrekit"
    first = write_again(path, "mine", about="first")
    with running(models=(str(path),), admin_keys=KEYS) as client:

        def served():
            return client.post("/v1/predict", json={"features": numbers}).json()["results"][0]["model_sha256"]

        assert served() == first
        second = write_again(path, "mine", about="second")
        assert served() == first
        found = client.post("/v1/models/reload", headers=ADMIN).json()["models"]
        assert found == [{"name": "mine", "sha256": second, "changed": True}]
        assert served() == second
        table = client.post("/v1/predict", json={"rows": [{"a": 1}]})
        assert table.status_code == 422
        path.write_bytes(path.read_bytes()[:-100])
        refused = client.post("/v1/models/reload", headers=ADMIN)
        assert refused.status_code == 422
        assert served() == second
        assert 'genrekit_reloads_total{outcome="failed"} 1.0' in client.get("/metrics").text


def test_a_file_that_changes_is_loaded_by_itself(tmp_path, numbers):
    path = tmp_path / "m.genrekit"
    write_again(path, "mine", about="first")
    with running(models=(str(path),), watch_s=0.05) as client:
        second = write_again(path, "mine", about="second")
        assert wait_until(lambda: client.get("/v1/models").json()["models"][0]["sha256"] == second)


@pytest.mark.night
def test_every_answer_of_requests_during_reloads_names_one_model(tmp_path, numbers):
    path = tmp_path / "m.genrekit"
    hashes = {write_again(path, "mine", about="0")}
    with running(models=(str(path),), admin_keys=KEYS) as client:
        stop = threading.Event()
        seen, wrong = set(), []

        def ask():
            while not stop.is_set():
                response = client.post("/v1/predict", json={"features": [numbers] * 5})
                named = {row["model_sha256"] for row in response.json().get("results", [])}
                if response.status_code != 200 or len(named) != 1:
                    wrong.append(response.text)
                seen.update(named)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(1, 4):
            hashes.add(write_again(path, "mine", about=str(number)))
            assert client.post("/v1/models/reload", headers=ADMIN).status_code == 200
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong
        assert seen <= hashes
        assert len(seen) > 1


def test_an_ab_test_gives_every_key_its_variant_and_divides_the_others(tmp_path, numbers):
    old, new = tmp_path / "old.genrekit", tmp_path / "new.genrekit"
    write_again(old, "old")
    write_again(new, "new")
    with running(models=("image", str(old)), ab=parse_ab(f"{old}=70,{new}=30")) as client:
        counts = Counter()
        for number in range(100):
            response = client.post(
                "/v1/predict", json={"features": numbers}, headers={"X-Request-ID": f"request-{number}"}
            )
            counts[response.json()["results"][0]["model"]] += 1
        assert counts["old"] + counts["new"] == 100
        assert 12 <= counts["new"] <= 48  # 30 % of 100, within 4 standard deviations
        again = {
            client.post("/predict", json={"features": numbers}, headers={"X-Request-ID": "one"}).json()[
                "model"
            ]
            for _ in range(5)
        }
        assert len(again) == 1
        named = client.post("/v1/predict?model=new", json={"features": numbers}).json()
        assert named["results"][0]["model"] == "new"
        assert 'genrekit_variant_requests_total{model="new"}' in client.get("/metrics").text


def test_the_same_key_has_the_same_variant_whatever_the_request():
    assert {chosen([50, 50], "alice") for _ in range(3)} == {chosen([50, 50], "alice")}
    shares = Counter(chosen([90, 10], f"key {n}") for n in range(5000))
    assert 380 <= shares[1] <= 620


@pytest.mark.parametrize("text", ["A", "A=1", "A=0,B=1", "A=x,B=1", "=1,B=2", ""])
def test_an_ab_test_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="A=90,B=10"):
        parse_ab(text)


def test_variants_must_take_the_same_kind_of_input():
    with pytest.raises(UsageError, match="kinds of input"):
        create_app(Settings(ab=parse_ab("image=50,spectrogram=50")))


def test_a_shadow_is_not_shown_and_its_differences_are_counted_and_written(tmp_path, media):
    path = tmp_path / "differences.jsonl"
    with running(models=("spectrogram",), shadow="gtzan", shadow_file=path) as client:
        songs = sorted(media.glob("*.ogg"))[:4]
        for song in songs:
            response = client.post("/v1/predict", files={"file": (song.name, song.read_bytes())})
            assert [row["model"] for row in response.json()["results"]] == ["spectrogram"]

        def counts():
            lines = client.get("/metrics").text.splitlines()
            found = {
                line.split('outcome="')[1].split('"')[0]: float(line.split()[-1])
                for line in lines
                if line.startswith("genrekit_shadow_total{")
            }
            return Counter(found)

        assert wait_until(lambda: counts().total() == len(songs))
        assert counts()["same"] + counts()["different"] == len(songs)
        assert counts()["different"]
        written = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(written) == counts()["different"]
        assert all(line["label"] != line["shadow_label"] for line in written)
        assert all(line["shadow_model"] == "gtzan" for line in written)
        assert not any(song.name in path.read_text() for song in songs)
        assert (
            "gtzan" not in client.post("/v1/predict", files={"file": ("a.ogg", songs[0].read_bytes())}).text
        )


def test_the_shadow_compares_the_rows_of_tables(tmp_path, media):
    path = tmp_path / "differences.jsonl"
    other = tmp_path / "other.genrekit"
    write_again(other, "other", of="spotify")
    with running(models=("spotify",), shadow=str(other), shadow_file=path) as client:
        table = (media.parent / "tracks.csv").read_bytes()
        rows = client.post("/v1/predict", files={"file": ("t.csv", table)}).json()["answered"]
        wanted = f'genrekit_shadow_total{{model="spotify",outcome="same",shadow="other"}} {rows}.0'
        assert wait_until(lambda: wanted in client.get("/metrics").text)
        assert path.read_text() == ""


def test_the_shadow_compares_what_was_asked_for_as_csv(tmp_path, media):
    path = tmp_path / "differences.jsonl"
    other = tmp_path / "other.genrekit"
    write_again(other, "other", of="spotify")
    with running(models=("spotify", "spectrogram"), shadow=str(other), shadow_file=path) as client:
        table = (media.parent / "tracks.csv").read_bytes()
        n_rows = len(table.splitlines()) - 1
        response = client.post(
            "/v1/predict", files={"file": ("t.csv", table)}, headers={"Accept": "text/csv"}
        )
        assert response.status_code == 200
        wanted = f'genrekit_shadow_total{{model="spotify",outcome="same",shadow="other"}} {n_rows}.0'
        assert wait_until(lambda: wanted in client.get("/metrics").text)


def test_the_shadow_compares_songs_as_csv_with_windows_once(tmp_path, media):
    path = tmp_path / "differences.jsonl"
    with running(models=("spectrogram",), shadow="gtzan", shadow_file=path) as client:
        song = (media / "swing_band.ogg").read_bytes()
        client.post("/v1/predict?windows", files={"file": ("a.ogg", song)}, headers={"Accept": "text/csv"})

        def counts():
            lines = client.get("/metrics").text.splitlines()
            return [line for line in lines if line.startswith("genrekit_shadow_total{")]

        assert wait_until(counts)
        (line,) = counts()
        assert line.endswith(" 1.0")
        assert 'outcome="error"' not in line
