"""The server as an application: starters of three systems, and one instance."""

import configparser
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from support.waiting import GIVE_UP_S, wait_until

from genrekit.cli import main
from genrekit.errors import UsageError
from genrekit.server.starters import MARK, starter_of

PROGRAMS = ["/usr/bin/python3", "/home/a b/py $HOME`x`/50%/p'y\"thon", "/Users/Zoë/bin\\python"]


def exec_words(content):
    """Read the key Exec as the specification of desktop entries says."""
    entry = configparser.RawConfigParser()
    entry.optionxform = str
    entry.read_string(content.decode())
    value = entry["Desktop Entry"]["Exec"].replace("\\\\", "\\")
    words = re.findall(r'"((?:\\.|[^"\\])*)"', value)
    return [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_linux_entry_starts_the_program_as_it_is_called(program, tmp_path):
    starter = starter_of("linux", tmp_path, {}, (program, "-m", "genrekit", "desktop"))
    assert starter.path == tmp_path / ".local/share/applications/genrekit.desktop"
    assert exec_words(starter.content) == [program, "-m", "genrekit", "desktop"]
    elsewhere = starter_of("linux", tmp_path, {"XDG_DATA_HOME": "/data"}, ("a",))
    assert elsewhere.path == Path("/data/applications/genrekit.desktop")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_mac_starter_runs_a_program_with_any_name(tmp_path):
    program = tmp_path / "a b $HOME `x` 50% 'y'"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    starter = starter_of("darwin", tmp_path, {}, (str(program), "-m", "genrekit", "desktop"))
    assert starter.executable
    path = tmp_path / "x.command"
    path.write_bytes(starter.content)
    path.chmod(0o755)
    assert subprocess.run([path], capture_output=True, text=True, check=True).stdout == "-m|genrekit|desktop|"


def test_a_windows_starter_is_a_batch_file(tmp_path):
    appdata = {"APPDATA": r"C:\Users\Zoë\AppData\Roaming"}
    starter = starter_of("win32", tmp_path, appdata, (r"C:\50% off\python.exe", "-m", "genrekit", "desktop"))
    assert starter.path.name == "genrekit.bat"
    assert b'"C:\\50%% off\\python.exe" "-m" "genrekit" "desktop"\r\n' in starter.content
    assert starter.content.replace(b"\r\n", b"").count(b"\n") == 0
    with pytest.raises(UsageError, match="quote"):
        starter_of("win32", tmp_path, appdata, ('a"b',))


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_words_of_an_entry_come_back(word):
    word = "/" + word
    assert exec_words(starter_of("linux", Path("/h"), {}, (word,)).content) == [word]


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_control_characters_are_refused(system, tmp_path):
    with pytest.raises(UsageError, match="control"):
        starter_of(system, tmp_path, {}, ("a\nExec=b",))


@pytest.fixture
def user(tmp_path):
    """The environment of a user, with a browser that writes what it is to open."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    browser.chmod(0o755)
    own = {"HOME": str(tmp_path), "BROWSER": f"{browser} %s", "XDG_STATE_HOME": str(tmp_path / "state")}
    own["XDG_DATA_HOME"] = str(tmp_path / "data")
    return {**os.environ, **own}, opened


def run(environment, *words):
    command = [sys.executable, "-m", "genrekit", "desktop", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=GIVE_UP_S)


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps starters")
def test_install_and_uninstall(user, tmp_path, monkeypatch, capsys):
    environment, _ = user
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, environment[name])

    def desktop(*options):
        with pytest.raises(SystemExit) as leave:
            main(["desktop", *options])
        return leave.value.code or 0

    path = tmp_path / "data/applications/genrekit.desktop"
    for _ in range(2):
        assert desktop("--install") == 0
        assert MARK in path.read_text()
    assert desktop("--uninstall") == 0
    assert not path.exists()
    capsys.readouterr()
    desktop("--uninstall")
    assert "no starter" in capsys.readouterr().err
    path.write_text("[Desktop Entry]\nName=mine\n")
    for option in ("--install", "--uninstall"):
        assert desktop(option) == 2
        assert path.read_text().endswith("mine\n")
    assert desktop("--install", "--uninstall") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="signals, and a browser that is a script")
def test_a_second_start_opens_the_first_instance(user, tmp_path):
    environment, opened = user
    place = tmp_path / "state/genrekit/desktop.json"
    first = subprocess.Popen(
        [sys.executable, "-m", "genrekit", "desktop"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        assert wait_until(lambda: place.exists() or first.poll() is not None)
        url = json.loads(place.read_text())["url"]
        assert requests.get(f"{url}/readyz", timeout=GIVE_UP_S).status_code == 200
        assert wait_until(opened.exists)
        assert run(environment).returncode == 0
        assert wait_until(lambda: len(opened.read_text().splitlines()) == 2)
        assert all(line.startswith(url) for line in opened.read_text().splitlines())
        first.send_signal(signal.SIGTERM)
        assert first.wait(GIVE_UP_S) == 0
        assert not place.exists()
    finally:
        first.kill()
        first.wait()
