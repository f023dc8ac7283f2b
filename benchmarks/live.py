"""Lag and memory of live streams: ``python benchmarks/live.py [CLIENTS] [SECONDS] [SPEED] [MODEL]``.

It starts ``genrekit serve`` with two workers and sends the example songs at SPEED times their speed over CLIENTS
connections. Printed are the processor time per window, the 50th, 95th and 100th percentile of ``lag_s``, the seconds dropped, and the resident memory of the server and its
workers after the first fifth and at the end.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import soundfile
from websockets.sync.client import connect

MEDIA = Path(__file__).parent.parent / "examples" / "media"
SR = 22050
PIECE = SR // 10


def resident_mb(pid: int) -> float:
    """Return the memory of a process and its children (Linux)."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if pid in (int(facts["Pid"]), int(facts["PPid"])) and "VmRSS" in facts:
            total += int(facts["VmRSS"].split()[0]) / 1000
    return total


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and its children (Linux)."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if pid in (int(path.parent.name), int(words[1])):
            total += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return total


def client(
    address: str, song: np.ndarray, seconds: float, speed: float, lags: list[float], dropped: list[float]
) -> None:
    """Send one song again and again, and note the lag of every window."""
    with connect(address) as socket:
        socket.send(json.dumps({"type": "start", "encoding": "s16le", "sample_rate": SR}))

        def hear() -> None:
            last = 0.0
            for text in socket:
                event = json.loads(text)
                if event["type"] in ("window", "silence"):
                    lags.append(event["lag_s"])
                    last = event["dropped_s"]
                elif event["type"] == "final":
                    dropped.append(last)

        hearing = threading.Thread(target=hear)
        hearing.start()
        started, n = time.monotonic(), 0
        while time.monotonic() - started < seconds:
            at = n * PIECE % (len(song) - PIECE)
            socket.send(song[at : at + PIECE].tobytes())
            n += 1
            time.sleep(max(0.0, started + n * PIECE / SR / speed - time.monotonic()))
        socket.send(json.dumps({"type": "stop"}))
        hearing.join()


def main() -> None:
    """Run the clients, and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    speed = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
    model = sys.argv[4] if len(sys.argv) > 4 else "spectrogram"
    command = [sys.executable, "-m", "genrekit", "serve", model, "--port", "0", "--jobs", "2"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next(
            found[1]
            for line in server.stderr
            if (found := re.search(r"ready address=\"?http://([\w.:]+)", line))
        )
        threading.Thread(target=lambda: [None for _ in server.stderr], daemon=True).start()
        songs = [soundfile.read(path, dtype="int16")[0] for path in sorted(MEDIA.glob("*.ogg"))]
        lags: list[float] = []
        dropped: list[float] = []
        clients = [
            threading.Thread(
                target=client,
                args=(f"ws://{address}/v1/stream", songs[i % len(songs)], seconds, speed, lags, dropped),
            )
            for i in range(n)
        ]
        before = cpu_s(server.pid)
        for one in clients:
            one.start()
        time.sleep(seconds / 5)
        early = resident_mb(server.pid)
        time.sleep(seconds * 0.75)
        late = resident_mb(server.pid)
        for one in clients:
            one.join()
        used = cpu_s(server.pid) - before
        half, most, worst = np.percentile(lags, [50, 95, 100])
        print(f"{n} clients, {seconds:g} s at {speed:g}x, {model}: {len(lags)} windows")
        print(f"lag: median {half:.3f} s, 95th percentile {most:.3f} s, most {worst:.3f} s")
        print(f"processor: {used / len(lags):.3f} s per window")
        print(f"dropped: {sum(dropped):.1f} s of {n * seconds * speed:g} s")
        print(f"memory: {early:.0f} MB after a fifth, {late:.0f} MB at the end")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
