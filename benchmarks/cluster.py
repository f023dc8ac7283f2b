"""What a Dask cluster of one and of two local worker processes makes of a preparation, against a plain loop.

    python benchmarks/cluster.py [--clips N] [--repeats N]

CPU seconds a clip, of all processes that take part, say what Dask costs also where others use the machine.

The job is that of ``train`` and ``predict``: the ``gtzan`` features of clips of 30 s, without the cache. The loop
and the clusters take turns on the same files; they are started and warm before anything is counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import distributed
import soundfile as sf

from genrekit.backends.gtzan.backend import GtzanBackend
from genrekit.execution import ordered_map
from genrekit.preparation import Cache, Preparer
from genrekit.types import Example

sys.path.insert(0, str(Path(__file__).parent))
from features import SR, generated_clip


def write_clips(folder: Path, n_clips: int) -> list[Example]:
    """Write different clips: one that is generated, begun at another place each time."""
    y = generated_clip()
    paths = [folder / f"clip{i:03d}.wav" for i in range(n_clips)]
    for i, path in enumerate(paths):
        start = i * len(y) // n_clips
        sf.write(path, [*y[start:], *y[:start]], SR)
    return [Example(id=path.name, path=path) for path in paths]


def measure(
    run: Callable[[list[Example]], None], cpu_s: Callable[[], float], clips: list[Example]
) -> tuple[float, float]:
    """Clips a second of one run, and CPU seconds a clip."""
    start, cpu_start_s = time.perf_counter(), cpu_s()
    run(clips)
    seconds = time.perf_counter() - start
    return len(clips) / seconds, (cpu_s() - cpu_start_s) / len(clips)


def start_cluster(n_workers: int) -> distributed.LocalCluster:
    return distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=40
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="One and two local Dask workers against a plain loop.")
    parser.add_argument("--clips", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: %(default)s)")
    arguments = parser.parse_args()
    preparer = Preparer(GtzanBackend(), GtzanBackend.Config(), Cache(enabled=False))
    with tempfile.TemporaryDirectory() as folder, start_cluster(1) as one, start_cluster(2) as two:
        clips = write_clips(Path(folder), arguments.clips)

        def loop(some: list[Example]) -> None:
            for clip in some:
                preparer(clip)

        def there(started: distributed.LocalCluster) -> Callable[[list[Example]], None]:
            address = started.scheduler_address.replace("tcp://", "dask://")

            def run(some: list[Example]) -> None:
                for outcome in ordered_map(preparer, some, cluster=address):
                    assert outcome.error is None, outcome.error

            return run

        def cpu_s(started: distributed.LocalCluster) -> Callable[[], float]:
            workers = distributed.Client(started, set_as_default=False)
            return lambda: time.process_time() + sum(workers.run(time.process_time).values())

        runs = ((loop, time.process_time), (there(one), cpu_s(one)), (there(two), cpu_s(two)))
        for run, _ in runs:
            run(clips[:6])
        load = os.getloadavg()[0]
        rounds = [[measure(*run, clips) for run in runs] for _ in range(arguments.repeats)]
    (alone, alone_s), (one_worker, one_s), (two_workers, two_s) = (
        [statistics.median(values) for values in zip(*column, strict=True)]
        for column in zip(*rounds, strict=True)
    )
    print(
        f"{arguments.clips} clips of 30 s, {os.cpu_count()} cores, load {load:.1f} at the start, "
        f"median of {arguments.repeats} rounds"
    )
    print(f"plain loop            {alone:6.2f} clips/s  {alone_s:.3f} CPU s a clip")
    print(
        f"cluster, 1 worker     {one_worker:6.2f} clips/s  {one_s:.3f} CPU s a clip  {one_worker / alone:4.0%} of the loop"
    )
    print(
        f"cluster, 2 workers    {two_workers:6.2f} clips/s  {two_s:.3f} CPU s a clip  {two_workers / alone / 2:4.0%} of twice the loop"
    )
    print(f"2 workers / 1 worker  {two_workers / one_worker:6.2f}")


if __name__ == "__main__":
    main()
