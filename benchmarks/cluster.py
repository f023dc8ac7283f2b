"""What a Dask cluster of one and of two local worker processes makes of a preparation, against a plain loop; or of folds and trials.

    python benchmarks/cluster.py [--clips N] [--repeats N]
    python benchmarks/cluster.py --table tracks.csv [--trees 300] [--trials 9] [--repeats N]

With a table the work is the cross-validation of ``spotify`` on five folds, and the trials of a search in batches of four.

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
from genrekit.evaluation import cross_validate
from genrekit.execution import ordered_map
from genrekit.preparation import Cache, Preparer
from genrekit.tuning import tune
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


def measure_fits(table: str, trees: int, n_trials: int, repeats: int) -> None:
    """Print seconds and CPU seconds of folds and trials here, on one worker and on two, and what is sent to each worker."""
    config = {"n_estimators": trees, "early_stopping_rounds": trees, "device": "cpu"}

    def folds(cluster: str | None) -> None:
        cross_validate(table, backend="spotify", config=config, k=5, cluster=cluster)

    def trials(cluster: str | None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            tune(
                table, backend="spotify", config=config, output=Path(folder) / "a.genrekit",
                space=["learning_rate=0.02..0.2:log", "max_depth=3..6"], trials=n_trials, batch=4, prune="no", cluster=cluster,
            )  # fmt: skip

    with start_cluster(1) as one, start_cluster(2) as two:
        for name, work in (("folds", folds), ("trials", trials)):
            rows = []
            for _ in range(repeats):
                for words, cluster in (("here", None), ("1 worker", one), ("2 workers", two)):
                    workers = distributed.Client(cluster, set_as_default=False) if cluster else None

                    def there_s(workers: distributed.Client | None = workers) -> list[float]:
                        return list(workers.run(time.process_time).values()) if workers else [0.0]

                    address = cluster.scheduler_address.replace("tcp://", "dask://") if cluster else None
                    start_s, here_s, before_s = time.perf_counter(), time.process_time(), there_s()
                    work(address)
                    after_s = there_s()
                    spent_s = [b - a for a, b in zip(before_s, after_s, strict=True)]
                    rows.append((words, time.perf_counter() - start_s, time.process_time() - here_s, spent_s))
                    if workers:
                        workers.close()
            for words in ("here", "1 worker", "2 workers"):
                its = [row for row in rows if row[0] == words]
                wall_s, here_s = (statistics.median(row[k] for row in its) for k in (1, 2))
                there = [statistics.median(row[3][k] for row in its) for k in range(len(its[0][3]))]
                shares = ", ".join(f"{one_s:.1f}" for one_s in there)
                print(
                    f"{name:7} {words:10} {wall_s:6.1f} s, CPU s: client and scheduler {here_s:5.1f}, workers {shares}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description="One and two local Dask workers against a plain loop.")
    parser.add_argument("--clips", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--table", help="measure folds and trials on this table instead")
    parser.add_argument("--trees", type=int, default=300, help="with --table (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=9, help="with --table (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.table:
        measure_fits(arguments.table, arguments.trees, arguments.trials, arguments.repeats)
        return
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
