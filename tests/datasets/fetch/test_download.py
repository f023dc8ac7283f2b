"""Fetching one file from servers that cut, stall, lie, change, and ask for patience."""

from __future__ import annotations

import errno
import hashlib
import random
import shutil
from pathlib import Path

import pytest
from support.loopback import Host, serving
from support.night import day_and_night

from genrekit.datasets.fetch import checks
from genrekit.datasets.fetch import download as module
from genrekit.datasets.fetch.download import download
from genrekit.errors import DatasetError
from genrekit.remote import http

SIZE = 3_000_000
DATA = random.Random(5).randbytes(SIZE)
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA1 = f"sha1:{hashlib.sha1(DATA, usedforsecurity=False).hexdigest()}"


@pytest.fixture(autouse=True)
def impatient(clock):
    """What is tried again is tried at once."""


def fetch(host: Host, folder: Path, **more: object) -> str:
    return download(f"{host.base}a.bin", folder / "a.bin", **more)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("digest", [SHA1, f"sha256:{SHA256}", ""])
def test_a_file_arrives_whole_and_nothing_else_stays(tmp_path, digest):
    with serving(Host({"a.bin": DATA})) as host:
        reported = []
        assert fetch(host, tmp_path, digest=digest, report=lambda *at: reported.append(at)) == SHA256
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert left(tmp_path) == ["a.bin"]
    assert host.sent == SIZE
    assert reported[-1] == (SIZE, SIZE)


@pytest.mark.parametrize("seed", day_and_night(range(3), day=1))
@pytest.mark.parametrize("how", ["etag", "date", "hash only", "reset"])
def test_thirty_cuts_cost_no_more_than_two_percent(tmp_path, seed, how):
    cuts = sorted(random.Random(seed).sample(range(1, SIZE), 30))
    host = Host(
        {"a.bin": DATA}, cuts=cuts, etag='"one"' if how in ("etag", "reset") else "", reset=how == "reset"
    )
    host.last_modified = "Tue, 09 May 2017 00:00:00 GMT" if how == "date" else ""
    with serving(host):
        assert fetch(host, tmp_path, digest=SHA1) == SHA256
    assert not host.cuts
    assert host.sent <= 1.02 * SIZE
    assert left(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("seed", day_and_night(range(3), day=1))
def test_a_run_that_ends_is_taken_up_by_the_next(tmp_path, seed, monkeypatch):
    """As after a kill: a new process knows only what is on the disk."""
    rng = random.Random(seed)
    stops = sorted(rng.sample(range(SIZE), 6))

    class Stopped(BaseException):
        pass

    def stop(at):
        def report(done, total):
            if done > at:
                raise Stopped

        return report

    with serving(Host({"a.bin": DATA}, pause_s=0.0005)) as host:
        for at in stops:
            with pytest.raises(Stopped):
                fetch(host, tmp_path, digest=SHA1, report=stop(at))
            assert (tmp_path / "a.bin.part").stat().st_size > at
        assert fetch(host, tmp_path, digest=SHA1) == SHA256
    ranges = [one.headers.get("Range") for one in host.seen]
    assert ranges[0] is None
    assert all(ranges[1:])


def test_another_etag_begins_anew(tmp_path):
    other = random.Random(6).randbytes(SIZE)
    host = Host({"a.bin": DATA}, cuts=[SIZE // 2])

    def change(sent):
        if sent >= SIZE // 2:
            host.etag, host.files["a.bin"] = '"two"', other

    host.on_bytes = change
    with serving(host):
        assert fetch(host, tmp_path) == hashlib.sha256(other).hexdigest()
    assert (tmp_path / "a.bin").read_bytes() == other


def test_another_file_without_any_sign_is_found_by_its_hash_and_fetched_again(tmp_path):
    host = Host({"a.bin": bytes(SIZE)}, cuts=[SIZE // 2], etag="")
    host.on_bytes = lambda sent: host.statuses.extend([(404, {})] if sent >= SIZE // 2 else [])
    with serving(host):
        with pytest.raises(DatasetError, match="no such file"):
            fetch(host, tmp_path, digest=SHA1)
        assert (tmp_path / "a.bin.part").exists()
        host.files["a.bin"], host.on_bytes, host.statuses = DATA, lambda sent: None, []
        assert fetch(host, tmp_path, digest=SHA1) == SHA256


def test_a_server_without_ranges_begins_anew(tmp_path):
    with serving(Host({"a.bin": DATA}, ranges=False, cuts=[SIZE // 3, SIZE // 2])) as host:
        assert fetch(host, tmp_path, digest=SHA1) == SHA256


def test_a_length_that_is_not_told_is_no_obstacle(tmp_path):
    with serving(Host({"a.bin": DATA}, chunked=True, cuts=[SIZE // 2])) as host:
        assert fetch(host, tmp_path, digest=SHA1) == SHA256


def test_a_length_that_is_too_small_is_no_file(tmp_path):
    with (
        serving(Host({"a.bin": DATA}, claim=SIZE - 1000)) as host,
        pytest.raises(DatasetError, match="hashes to"),
    ):
        fetch(host, tmp_path, digest=SHA1)
    assert left(tmp_path) == []


def test_a_length_that_is_too_large_is_asked_about(tmp_path):
    """The server then says what it has: 416 with the true length."""
    with serving(Host({"a.bin": DATA}, claim=SIZE + 1000)) as host:
        assert fetch(host, tmp_path, digest=SHA1) == SHA256


def test_a_length_that_is_never_reached_is_abandoned(tmp_path):
    host = Host({"a.bin": DATA}, claim=SIZE + 1000, ranges=False)
    with serving(host), pytest.raises(DatasetError, match="given up"):
        fetch(host, tmp_path, digest=SHA1)
    assert not (tmp_path / "a.bin").exists()


def test_a_wrong_hash_leaves_nothing_behind(tmp_path):
    with (
        serving(Host({"a.bin": DATA[:-1] + b"?"})) as host,
        pytest.raises(DatasetError, match=r"hashes to sha1 .* expected"),
    ):
        fetch(host, tmp_path, digest=SHA1)
    assert left(tmp_path) == []


def test_a_stall_is_a_break(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "READ_S", 0.5)
    with serving(Host({"a.bin": DATA}, stall_at=SIZE // 2)) as host:
        assert fetch(host, tmp_path, digest=SHA1) == SHA256
    assert host.sent <= 1.02 * SIZE


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(tmp_path, status, clock):
    with serving(Host({"a.bin": DATA}, statuses=[(status, {"Retry-After": "1"})])) as host:
        fetch(host, tmp_path, digest=SHA1)
    assert len(host.seen) == 2
    assert clock.slept == [1]


def test_a_long_wait_is_said_and_not_waited_for(tmp_path):
    with (
        serving(Host({"a.bin": DATA}, statuses=[(429, {"Retry-After": "86400"})])) as host,
        pytest.raises(DatasetError, match="asks to wait"),
    ):
        fetch(host, tmp_path)
    assert len(host.seen) == 1
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "match"), [(404, "no such file"), (403, "refuses access"), (500, "given up after 9")]
)
def test_other_answers_are_said_in_words_and_leave_nothing(tmp_path, status, match):
    with (
        serving(Host({"a.bin": DATA}, statuses=[(status, {})] * 20)) as host,
        pytest.raises(DatasetError, match=match),
    ):
        fetch(host, tmp_path)
    assert left(tmp_path) == []


def test_nobody_there_is_said(tmp_path):
    with serving(Host()) as host:
        pass
    with pytest.raises(DatasetError, match="cannot be reached"):
        fetch(host, tmp_path)


def test_a_secret_in_an_address_is_not_shown(tmp_path):
    with serving(Host()) as host, pytest.raises(DatasetError) as caught:
        download(f"{host.base}a.bin?token=hunter2secret", tmp_path / "a.bin")
    assert "hunter2" not in str(caught.value)


def test_a_full_disk_is_said_before_the_download(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=SIZE + checks.RESERVE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with serving(Host({"a.bin": DATA})) as host, pytest.raises(DatasetError, match=f"needs {SIZE:,} bytes"):
        fetch(host, tmp_path)
    assert left(tmp_path) == []


def test_a_disk_that_fills_up_keeps_what_has_arrived(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2**16)
    full = {"after": SIZE // 2}

    class Full:
        def __init__(self, file):
            self._file, self._written = file, 0

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, data):
            if self._written > full["after"]:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._written += len(data)
            return self._file.write(data)

    enter = module._Transfer.__enter__

    def entering(self):
        enter(self)
        self.file = Full(self.file)
        return self

    monkeypatch.setattr(module._Transfer, "__enter__", entering)
    with serving(Host({"a.bin": DATA})) as host:
        with pytest.raises(DatasetError, match="disk is full"):
            fetch(host, tmp_path, digest=SHA1)
        assert (tmp_path / "a.bin.part").stat().st_size > SIZE // 3
        full["after"] = SIZE
        assert fetch(host, tmp_path, digest=SHA1) == SHA256
    assert host.seen[1].headers["Range"].startswith("bytes=")


@pytest.mark.parametrize(
    "state", ["", "[]", "{", '{"address": 5}', '{"address": "x", "validator": "", "total": "a"}']
)
def test_a_damaged_state_begins_anew(tmp_path, state):
    (tmp_path / "a.bin.part").write_bytes(b"rubbish")
    (tmp_path / "a.bin.part.json").write_text(state)
    with serving(Host({"a.bin": DATA})) as host:
        assert fetch(host, tmp_path, digest=SHA1) == SHA256


def test_no_redirect_from_https_to_http():
    with pytest.raises(DatasetError, match="without encryption"):
        http.check_scheme("https://host/a", "http://host/a")
