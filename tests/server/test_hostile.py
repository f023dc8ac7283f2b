"""What attackers send: no fault of the server, nothing left on the disk, no memory kept."""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from support.fuzz_seeds import seeds
from support.hostile import pieces_of, send
from support.serving import started
from support.waiting import GIVE_UP_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc")

CLIENTS = 4
WARM = 100
MAY_GROW_KB = 30_000
ROUNDS = 3
"""What is kept grows in every round; what a busy machine loads late is loaded in one of them."""
MODELS = ("spectrogram", "image", "gtzan", "spotify")
FINE = {None, 501, 503, 504}


@pytest.mark.parametrize("n", [60, pytest.param(10_000, marks=pytest.mark.night)])
def test_no_body_makes_the_server_fail_or_grow(tmp_path, n):
    files = seeds({})
    with (
        started(tmp_path, *MODELS, "--jobs", "2", "--timeout", "10") as server,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):

        def one(number):
            name, pieces = pieces_of(number, files)
            return number, name, send(server.url, name, pieces)

        list(pool.map(one, range(-WARM, 0)))
        for round_ in range(ROUNDS):
            before = resident_kb(server)
            results = list(pool.map(one, range(round_ * n, (round_ + 1) * n)))
            bad = [found for found in results if found[2] not in FINE and found[2] >= 500]
            assert not bad, bad[:20]
            assert "fault" not in server.said()
            statuses = Counter(status for _, _, status in results)
            assert statuses[200] >= max(1, n // 100), statuses
            assert statuses[422] >= max(1, n // 100), statuses

            assert wait_until(lambda: not left(server)), left(server)
            grown = resident_kb(server) - before
            if grown <= MAY_GROW_KB:
                break
        else:
            pytest.fail(f"The server grew in each of {ROUNDS} rounds, in the last by {grown} kB.")
        text = requests.get(f"{server.url}/metrics", timeout=GIVE_UP_S).text
        assert "genrekit_admitted_requests 0.0" in text
        good = requests.post(f"{server.url}/v1/predict", json={"features": [0.5] * 57}, timeout=GIVE_UP_S)
        assert good.status_code == 200


def left(server):
    """List what requests left in the folder of the server."""
    return [
        path for path in (server.log.parent / "tmp").glob("genrekit-serve-*/*") if path.suffix != ".genrekit"
    ]


def resident_kb(server):
    """Return the memory of the server process."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
