"""The root of an image, built and run as a container would: another user, read-only, no home, process 1.

``GENREKIT_ROOT=FOLDER`` takes a root that ``deploy/build-root.sh`` built before.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from support.waiting import GIVE_UP_S, wait_until

ROOT = Path(__file__).parents[2]
MEDIA = ROOT / "examples" / "media"
MOST_MB = 750
MOST_RSS_MIB = 400
KEY = "only-for-this-test-1234"
IMAGE = {"GENREKIT_HOST": "0.0.0.0", "GENREKIT_NO_KEY": "1", "GENREKIT_ALLOW_HOST": "*"}
HEAVY = ("torch", "torchvision", "lightning", "sklearn", "onnx", "pandas", "pip")

can_isolate = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("setpriv") is not None
pytestmark = [
    pytest.mark.night,
    pytest.mark.skipif(not can_isolate, reason="needs root of Linux and setpriv"),
]

# A private view of the file system: everything read-only but /dev/shm, which stands for the /tmp of a container.
ISOLATE = """
mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount -o remount,ro,bind / && cd /dev/shm || exit 99
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs env -i "$@"
"""


@pytest.fixture(scope="module")
def root():
    if given := os.environ.get("GENREKIT_ROOT"):
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        subprocess.run([ROOT / "deploy" / "build-root.sh", f"{folder}/root", "/usr/bin/python3"], check=True)
        yield Path(folder) / "root"


def command(root, *words, **environment):
    settings = {"PATH": f"{root}/bin:/usr/bin:/bin", "TMPDIR": "/dev/shm", **environment}
    return [
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ISOLATE, "sh"),
        *(f"{key}={value}" for key, value in settings.items()),
        *("genrekit", *words),
    ]


def run(root, *words, **environment):
    return subprocess.run(
        command(root, *words, **environment), capture_output=True, text=True, timeout=GIVE_UP_S
    )


def first_child(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextmanager
def serving(root, folder, *words, **environment):
    log = folder / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command(root, "serve", *words, PORT="0", **IMAGE, **environment), stderr=stderr
        )
    try:
        assert wait_until(lambda: " ready " in log.read_text() or process.poll() is not None)
        port = re.search(r"address=\S+:(\d+)", log.read_text())
        assert port, log.read_text()
        yield process, f"http://127.0.0.1:{port[1]}", log
    finally:
        if process.poll() is None:
            os.kill(first_child(process.pid), signal.SIGKILL)
        process.wait()


def test_it_is_small_and_has_no_torch(root):
    size = sum(path.lstat().st_blocks * 512 for path in root.rglob("*"))
    assert size <= MOST_MB * 1e6
    (packages,) = root.glob("lib/python3*/site-packages")
    assert not [name for name in HEAVY if (packages / name).exists()]


def test_the_command_line_predicts_as_another_user(root):
    paths = [MEDIA / "boom_bap.ogg", MEDIA / "night_drive.jpg", ROOT / "examples" / "tracks.csv"]
    done = run(root, "predict", *map(str, paths), "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert {",encoder,", ",image,", ",spotify,"} <= set(
        re.findall(r",(?:encoder|image|spotify),", done.stdout)
    )


@pytest.mark.parametrize("words", [["train", "synthetic:"], ["evaluate", "gtzan", "synthetic:"]])
def test_training_ends_with_one_sentence(root, words):
    done = run(root, *words)
    assert done.returncode == 2
    assert "this installation leaves out" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(root, words[0], "--help").returncode == 0


def test_it_serves_everything_and_leaves_on_sigterm(root, tmp_path):
    with serving(root, tmp_path, "-j", "1") as (process, url, log):
        assert " warning " in log.read_text()
        for name in ("boom_bap.ogg", "night_drive.jpg"):
            sent = {"files": (name, (MEDIA / name).read_bytes())}
            given = requests.post(f"{url}/v1/predict?with=bpm,key,loudness", files=sent, timeout=GIVE_UP_S)
            assert given.status_code == 200, given.text
            assert given.json()["results"][0]["label"]
        one = {"file": ("a.jpg", (MEDIA / "night_drive.jpg").read_bytes())}
        for accept in ("image/png", "application/json"):
            given = requests.post(
                f"{url}/v1/explain", files=one, headers={"Accept": accept}, timeout=GIVE_UP_S
            )
            assert given.status_code == 200, given.text
        table = {"file": ("t.csv", (ROOT / "examples" / "tracks.csv").read_bytes())}
        assert requests.post(f"{url}/v1/explain", files=table, timeout=GIVE_UP_S).status_code == 200
        for path in ("/docs", "/openapi.json", "/metrics", "/v1/models", "/readyz"):
            assert requests.get(url + path, timeout=GIVE_UP_S).status_code == 200
        curves = requests.get(
            f"{url}/v1/models/encoder/confusion", headers={"Accept": "image/png"}, timeout=GIVE_UP_S
        )
        assert curves.content.startswith(b"\x89PNG")
        inside = first_child(process.pid)
        status = Path(f"/proc/{inside}/status").read_text()
        assert re.search(r"^NSpid:.*\b1$", status, re.MULTILINE)
        assert re.search(r"^Uid:\s+10001", status, re.MULTILINE)
        os.kill(inside, signal.SIGTERM)
        assert process.wait(GIVE_UP_S) == 0
        assert "Traceback" not in log.read_text()


def test_it_keeps_the_contract_of_sagemaker(root, tmp_path):
    """``docker run IMAGE serve``, /ping, /invocations; its memory once it is ready."""
    with serving(root, tmp_path, "-j", "1") as (process, url, _):
        rss = re.search(
            r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{first_child(process.pid)}/status").read_text(), re.M
        )
        assert int(rss[1]) / 1024 <= MOST_RSS_MIB
        assert requests.get(f"{url}/ping", timeout=GIVE_UP_S).status_code == 200
        bodies = {
            "application/json": json.dumps({"instances": [[0.5] * 57]}),
            "audio/ogg": (MEDIA / "boom_bap.ogg").read_bytes(),
            "text/csv": (ROOT / "examples" / "tracks.csv").read_bytes(),
        }
        for kind, body in bodies.items():
            given = requests.post(
                f"{url}/invocations", data=body, headers={"Content-Type": kind}, timeout=GIVE_UP_S
            )
            assert given.status_code == 200, given.text
            assert given.json()["predictions"]


def test_a_key_closes_it(root, tmp_path):
    with serving(root, tmp_path, "gtzan", "-j", "1", GENREKIT_API_KEY=f"me:{KEY}") as (_, url, log):
        assert " warning " not in log.read_text()
        assert requests.get(f"{url}/v1/models", timeout=GIVE_UP_S).status_code == 401
        good = requests.get(f"{url}/v1/models", headers={"X-API-Key": KEY}, timeout=GIVE_UP_S)
        assert good.status_code == 200
    empty = run(root, "serve", **IMAGE, GENREKIT_API_KEY="")
    assert empty.returncode == 2
    assert "GENREKIT_API_KEY is empty" in empty.stderr
