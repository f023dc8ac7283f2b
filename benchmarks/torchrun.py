"""Seconds per epoch of a network under torchrun, with one process and with two, on the CPU.

    python benchmarks/torchrun.py [--songs 20] [--epochs 4] [--width 16]

The songs are synthetic, and prepared before anything is counted. A training with one epoch is taken off one with more, so that
imports, the calibration and the test do not count. Every process has one thread and the same batch size: two processes make half the steps
per epoch, of twice the examples.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=20, help="per genre, of four (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--width", type=int, default=16, help="of the network (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="of each process (default: %(default)s)")
    args = parser.parse_args()
    source = f"synthetic:?genres=4&songs={args.songs}&seconds=12"
    with TemporaryDirectory() as name:
        environ = {**os.environ, "OMP_NUM_THREADS": "1", "GENREKIT_CACHE_DIR": f"{name}/cache"}

        def run(processes: int, epochs: int) -> tuple[float, float]:
            words = [
                "train",
                "--backend",
                "spectrogram",
                "--data",
                source,
                "-o",
                "net.genrekit",
                "--overwrite",
                "-j",
                "1",
            ]
            settings = {
                "window_s": 3, "arch": "plain", "width": args.width, "epochs": epochs, "batch_size": args.batch,
                "precision": "32", "device": "cpu",
            }  # fmt: skip
            words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
            runner = [
                "torch.distributed.run",
                "--standalone",
                "--nproc-per-node",
                str(processes),
                "--no-python",
            ]
            before, start_s = _children_s(), time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", *runner, sys.executable, "-m", "genrekit", *words],
                cwd=Path(name), env=environ, capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                sys.exit(done.stderr)
            return time.perf_counter() - start_s, _children_s() - before

        run(1, 1)  # fills the cache
        for processes in (1, 2):
            (short_s, short_cpu_s), (long_s, long_cpu_s) = run(processes, 1), run(processes, 1 + args.epochs)
            row = {
                "processes": processes,
                "seconds_per_epoch": round((long_s - short_s) / args.epochs, 2),
                "cpu_seconds_per_epoch": round((long_cpu_s - short_cpu_s) / args.epochs, 2),
                "seconds_around": round(short_s - (long_s - short_s) / args.epochs, 1),
                "load": round(os.getloadavg()[0], 1),
            }
            print(json.dumps(row), flush=True)


def _children_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
