"""Ratios of ``genrekit serve``: ``python benchmarks/serving.py [SECONDS] [PART ...]``, on loopback only.

Parts: numbers, songs, photos, idle, overload, ready; all by default, each bounded by SECONDS (10) per measurement.
Every ratio is given by the wall clock and by processor time (user and system, server and workers), because other
work on the machine falsifies the first more than the second. The client is a process of its own with bare sockets.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

MEDIA = Path(__file__).parents[1] / "examples" / "media"
CONNECTIONS, SONG_CONNECTIONS = 32, 8
ROUNDS = 3
"""Turns of what is measured alternately: the machine is shared."""
NUMBERS = json.dumps({"features": [0.5] * 57}).encode()
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What a client saw: responses by status, seconds of each, and the whole time."""

    statuses: dict[str, int]
    took_s: dict[str, list[float]]
    wall_s: float
    cpu_s: float = 0.0

    @property
    def good(self) -> int:
        return self.statuses.get("200", 0)

    @property
    def per_s(self) -> float:
        return self.good / self.wall_s

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu_s / max(self.good, 1)


# -- the client: python benchmarks/serving.py --client URL SECONDS CONNECTIONS FILE


async def _client(
    url: str, seconds: float, connections: int, request: bytes, per_s: float
) -> dict[str, object]:
    """Send a request over and over on each connection, or ``per_s`` requests on all of them, at fixed times."""
    parts = urlsplit(url)
    took: dict[str, list[float]] = {}
    start = time.perf_counter()

    async def one(number: int) -> None:
        reader = writer = None
        turn = number
        while time.perf_counter() - start < seconds:
            if per_s:
                await asyncio.sleep(start + turn / per_s - time.perf_counter())
                turn += connections
            if writer is None or writer.is_closing():
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            began = time.perf_counter()
            writer.write(request)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                writer = None
                continue
            took.setdefault(head[9:12].decode(), []).append(time.perf_counter() - began)
            if b"connection: close" in head:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    return {"took_s": took, "wall_s": time.perf_counter() - start}


def load(
    url: str,
    seconds: float,
    connections: int,
    body: bytes,
    kind: str,
    pid: int,
    name: str = "x",
    per_s: float = 0.0,
) -> Load:
    """Load a server with one request over and over, or ``per_s`` times a second, in another process."""
    parts = urlsplit(url)
    head = f"{'POST' if body else 'GET'} {parts.path}?{parts.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nX-Filename: {name}\r\nContent-Length: {len(body)}\r\n"
    request = f"{head}\r\n".encode() + body
    with tempfile.NamedTemporaryFile() as file:
        file.write(request)
        file.flush()
        before = cpu_s(pid)
        words = [
            sys.executable,
            __file__,
            "--client",
            url,
            str(seconds),
            str(connections),
            file.name,
            str(per_s),
        ]
        seen = json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout)
    statuses = {status: len(times) for status, times in seen["took_s"].items()}
    return Load(statuses, seen["took_s"], seen["wall_s"], cpu_s(pid) - before)


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(child for path in tasks for child in map(int, path.read_text().split()))]


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and its children."""
    total = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(pid: int) -> dict[str, float]:
    """Return the proportional memory (PSS) of the server and of its largest worker."""
    found = [
        int(re.search(r"Pss: +(\d+)", Path(f"/proc/{one}/smaps_rollup").read_text())[1]) / 1000
        for one in family(pid)
    ]
    return {"server": found[0], "worker": max(found[1:], default=0.0)}


@contextmanager
def served(*words: str) -> Iterator[tuple[str, int, float]]:
    """Start a command that says its address; give the address, its process id and the seconds until it was ready."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        found = next(
            found for line in process.stderr if (found := re.search(r"(http://127\.0\.0\.1:\d+)", line))
        )
        ready_s = time.perf_counter() - start
        with open(os.devnull, "w") as sink:
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=sink)
            time.sleep(3)  # batches are measured and workers warm up
            yield found[1], process.pid, ready_s
            process.terminate()
            drain.wait()
    finally:
        process.terminate()
        process.wait()


def genrekit(*words: str) -> list[str]:
    return [sys.executable, "-m", "genrekit", "serve", "--port", "0", *words]


# -- numbers


def naive() -> None:
    """Serve the numbers as most would: FastAPI, a model of the body, the graph at batch 1, behind the same gate."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    from genrekit.prediction import load_model
    from genrekit.server import Settings
    from genrekit.server.access_log import AccessLog
    from genrekit.server.admission import Admission
    from genrekit.server.gate import Gate
    from genrekit.server.metrics import Metrics
    from genrekit.server.sessions import Sessions

    class Body(BaseModel):
        features: list[float]

    model = load_model("gtzan")
    app = FastAPI()

    @app.post("/predict")
    def predict(body: Body) -> dict[str, object]:
        scores = model.runtime.scores(np.array([body.features], dtype=np.float32))[0]
        ranked = sorted(zip(model.labels, scores.tolist(), strict=True), key=lambda one: -one[1])
        return {"label": ranked[0][0], "score": ranked[0][1], "scores": dict(ranked)}

    settings, metrics = Settings(), Metrics()
    gate = Gate(app, settings, metrics, Admission(1, 64, metrics), AccessLog("text"), Sessions(settings))
    config = uvicorn.Config(
        gate, port=0, log_level="critical", log_config=None, access_log=False, server_header=False
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup(sockets)
            print(
                f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", file=sys.stderr, flush=True
            )

    Server(config).run()


def loop(work: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Repeat work; return how often per second, and the processor ms of each."""
    work()
    start, cpu, n = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        work()
        n += 1
    return n / (time.perf_counter() - start), 1000 * (time.process_time() - cpu) / n


def numbers(seconds: float) -> None:
    """32 connections against a naive endpoint and a bare loop; then what each layer costs."""
    from genrekit.prediction import load_model

    model = load_model("gtzan")
    row = np.full((1, 57), 0.5, np.float32)
    model.runtime.scores(row)
    bare = loop(lambda: model.runtime.scores(row), seconds)
    found: dict[str, list[Load]] = {"ours": [], "naive": [], "ready": []}
    with (
        served(*genrekit("gtzan", "--jobs", "1", "--queue", "256")) as (url, pid, _),
        served(sys.executable, __file__, "--naive") as (other, other_pid, _),
    ):
        for _ in range(3):  # alternately: the machine is shared
            found["ours"].append(
                load(f"{url}/v1/predict", seconds / 3, CONNECTIONS, NUMBERS, "application/json", pid)
            )
            found["naive"].append(
                load(f"{other}/predict", seconds / 3, CONNECTIONS, NUMBERS, "application/json", other_pid)
            )
        gate = load(f"{url}/livez", seconds / 3, CONNECTIONS, b"", "", pid)
    per_s = {name: statistics.median(one.per_s for one in loads) for name, loads in found.items() if loads}
    cpu_ms = {name: statistics.median(one.cpu_ms for one in loads) for name, loads in found.items() if loads}
    say("numbers, requests per s", ours=per_s["ours"], naive=per_s["naive"], bare=bare[0])
    say(
        "numbers, CPU ms per request",
        ours=cpu_ms["ours"],
        naive=cpu_ms["naive"],
        bare=bare[1],
        livez=gate.cpu_ms,
    )
    say(
        "numbers, ours / naive (1.5 wanted)",
        wall=per_s["ours"] / per_s["naive"],
        cpu=cpu_ms["naive"] / cpu_ms["ours"],
    )
    say("numbers, ours / bare (0.6 wanted)", wall=per_s["ours"] / bare[0], cpu=bare[1] / cpu_ms["ours"])


# -- songs and photos


def as_mp3(path: Path, folder: Path) -> Path:
    """Return a song as mp3."""
    import soundfile

    y, sr = soundfile.read(path, dtype="float32")
    out = folder / f"{path.stem}.mp3"
    soundfile.write(out, y, sr, format="MP3")
    return out


def songs(seconds: float) -> None:
    """8 connections with one mp3 and one ogg, against ``predict -j 2`` over as many files; both without a cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ogg = MEDIA / "boom_bap.ogg"
        for song in (as_mp3(ogg, folder), ogg):
            many = folder / song.suffix[1:]
            many.mkdir()
            for number in range(24):
                (many / f"{number}{song.suffix}").write_bytes(song.read_bytes() + bytes([number]))
            words = [sys.executable, "-m", "genrekit", "predict", "-j", "2", "--no-cache", "-m", "gtzan"]
            start, before = time.perf_counter(), os.times()
            subprocess.run([*words, str(many)], check=True, capture_output=True)
            batch_s = time.perf_counter() - start
            after = os.times()
            batch_cpu_s = (
                after.children_user + after.children_system - before.children_user - before.children_system
            )
            with served(*genrekit("gtzan", "--jobs", "2")) as (url, pid, _):
                seen = load(
                    f"{url}/v1/predict",
                    seconds,
                    SONG_CONNECTIONS,
                    song.read_bytes(),
                    "application/octet-stream",
                    pid,
                    song.name,
                )
                memory = memory_mb(pid)
            label = f"songs {song.suffix}"
            say(f"{label}, per s", ours=seen.per_s, predict=24 / batch_s)
            say(f"{label}, CPU ms", ours=seen.cpu_ms, predict=1000 * batch_cpu_s / 24)
            say(
                f"{label}, ours / predict -j 2 (0.9 wanted)",
                wall=seen.per_s * batch_s / 24,
                cpu=1000 * batch_cpu_s / 24 / seen.cpu_ms,
            )
            say(f"{label}, memory MB (PSS)", **memory)


def alternately(
    work: Callable[[], object], serve: Callable[[float], Load], seconds: float
) -> tuple[tuple[float, float], list[Load]]:
    """Measure a loop in this process and a loaded server in turns; return medians of the loop, and all loads."""
    loops, loads = [], []
    for _ in range(ROUNDS):
        loops.append(loop(work, seconds / ROUNDS))
        loads.append(serve(seconds / ROUNDS))
    return (
        statistics.median(per_s for per_s, _ in loops),
        statistics.median(cpu_ms for _, cpu_ms in loops),
    ), loads


def photos(seconds: float) -> None:
    """8 connections with one photo against a loop that decodes it and runs the graph."""
    from genrekit.prediction import load_model
    from genrekit.types import Example

    path = MEDIA / "night_drive.jpg"
    photo = path.read_bytes()
    model = load_model("image")

    def bare_work() -> object:
        return model.runtime.scores(model.backend.prepare(Example("p", path), model.config).values)

    with served(*genrekit("image", "--jobs", "2")) as (url, pid, _):
        bare, seen = alternately(
            bare_work,
            lambda s: load(f"{url}/v1/predict", s, SONG_CONNECTIONS, photo, "image/jpeg", pid, path.name),
            2 * seconds,
        )
    per_s, cpu_ms = (statistics.median(getattr(one, name) for one in seen) for name in ("per_s", "cpu_ms"))
    say("photos, per s", ours=per_s, bare=bare[0])
    say("photos, CPU ms", ours=cpu_ms, bare=bare[1])
    say("photos, ours / bare (0.9 wanted)", wall=per_s / bare[0], cpu=bare[1] / cpu_ms)


def idle(seconds: float) -> None:
    """One song at a time, against prepare and score in this process, both warm."""
    from genrekit.prediction import load_model
    from genrekit.types import Example

    path = MEDIA / "boom_bap.ogg"
    song = path.read_bytes()
    model = load_model("gtzan")
    with served(*genrekit("gtzan", "--jobs", "2")) as (url, pid, _):
        bare, seen = alternately(
            lambda: model.runtime.scores(model.backend.prepare(Example("s", path), model.config).values),
            lambda s: load(f"{url}/v1/predict", s, 1, song, "audio/ogg", pid, path.name),
            2 * seconds,
        )
    ours_ms = statistics.median(1000 * statistics.median(one.took_s["200"]) for one in seen)
    cpu_ms = statistics.median(one.cpu_ms for one in seen)
    say(
        "one song, idle server, ms (15 more wanted)",
        ours=ours_ms,
        bare=1000 / bare[0],
        more=ours_ms - 1000 / bare[0],
    )
    say("one song, CPU ms", ours=cpu_ms, bare=bare[1], more=cpu_ms - bare[1])


def overload(seconds: float) -> None:
    """Four times the songs per second that the server reaches, at fixed times whatever it responds."""
    path = MEDIA / "boom_bap.ogg"
    song, kind = path.read_bytes(), "audio/ogg"
    found: dict[str, list[Load]] = {"peak": [], "four": []}
    with served(*genrekit("gtzan", "--jobs", "2", "--queue", "6")) as (url, pid, _):
        before = 0.0
        for _ in range(ROUNDS):
            found["peak"].append(load(f"{url}/v1/predict", seconds, 8, song, kind, pid, path.name))
            before = before or memory_mb(pid)["server"]
            offered = 4 * found["peak"][-1].per_s
            found["four"].append(load(f"{url}/v1/predict", seconds, 64, song, kind, pid, path.name, offered))
        grown = memory_mb(pid)["server"] - before
    peak, four = (statistics.median(one.per_s for one in loads) for loads in found.values())
    refused = [took for one in found["four"] for took in one.took_s.get("503", [])]
    say("overload, songs per s", peak=peak, served=four)
    say("overload, served / peak (0.9 wanted)", wall=four / peak)
    say(
        "overload, refused (within 50 ms wanted)",
        n=len(refused),
        median_ms=1000 * statistics.median(refused or [0.0]),
        p99_ms=1000 * float(np.percentile(refused or [0.0], 99)),
    )
    others = sum(sum(one.statuses.values()) - one.good for one in found["four"]) - len(refused)
    say("overload, other statuses than 200 and 503", n=others)
    say("overload, memory MB", grown=grown)


def ready(seconds: float) -> None:
    """From the start of the command with all shipped models to its first response."""
    took, memory = [], {}
    for _ in range(3):
        with served(*genrekit()) as (_, pid, ready_s):
            took.append(ready_s)
            memory = memory_mb(pid)
    say("ready, s (3 wanted)", median=statistics.median(took), least=min(took))
    say("ready, memory MB (PSS)", **memory)


def say(name: str, **values: float) -> None:
    print(f"{name:46}" + "  ".join(f"{key} {value:9.3f}" for key, value in values.items()), flush=True)


PARTS = {one.__name__: one for one in (numbers, songs, photos, idle, overload, ready)}


def main() -> None:
    words = sys.argv[1:]
    if words[:1] == ["--naive"]:
        naive()
    elif words[:1] == ["--client"]:
        url, seconds, connections, path, per_s = words[1:]
        client = _client(url, float(seconds), int(connections), Path(path).read_bytes(), float(per_s))
        print(json.dumps(asyncio.run(client)))
    else:
        os.environ["GENREKIT_CACHE"] = "off"  # of this process, and of the servers
        seconds = float(words[0]) if words else 10.0
        print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for name in words[1:] or PARTS:
            PARTS[name](seconds)


if __name__ == "__main__":
    main()
