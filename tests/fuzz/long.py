"""A long run of mutants: ``python tests/fuzz/long.py --count 10000 --seed 0 [--kinds wav,flac] [--keep FOLDER]``.

Mutants are judged in batches by a child process each, so that a crash or a hang in it is seen and its cause
is known: it is the first mutant without a verdict. `docs/fuzzing.md` has the counts of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

BATCH = 200
START_S = 60.0  # for the imports of a child, and its workers
KINDS = "wav flac ogg mp3 aiff mp4 png jpeg csv manifest json parquet bundle facts graph payload".split()


@dataclass
class Tally:
    """What became of the mutants of one kind."""

    mutants: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    offences: list[str] = field(default_factory=list)
    peak_mb: float = 0.0
    slowest_s: float = 0.0
    noise_bytes: int = 0
    noise: str = ""


def main() -> int:
    """Run it; exit status 1 where something happened that must not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--count", type=int, default=10_000, help="mutants in all, the same number of each kind"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", type=Path, help="where offending mutants go")
    parser.add_argument(
        "--reasons", type=int, default=6, help="how many reasons of refusal to list for a kind"
    )
    options = parser.parse_args()

    from support.fuzz_mutate import mutant
    from support.fuzz_seeds import SONG, seeds, sound

    kinds = options.kinds.split(",")
    started_s = time.monotonic()
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["GENREKIT_CACHE_DIR"] = str(folder / "cache")
        models = _train(folder)
        files = seeds(models)
        for number, kind in enumerate(kinds):
            count = options.count // len(kinds) + (number < options.count % len(kinds))
            tally = tallies[kind] = Tally()
            for start in range(0, count if kind in files else 0, BATCH):
                batch = folder / "batch"
                batch.mkdir()
                (batch / SONG).write_bytes(sound("WAV", "PCM_16").data)
                paths = []
                for k in range(start, min(start + BATCH, count)):
                    made = mutant(kind, files, k, seed=options.seed)
                    paths.append(batch / f"{kind}-{options.seed}-{k}{made.suffix}")
                    paths[-1].write_bytes(made.data)
                _judge_batch(kind, paths, models, tally, options.keep)
                shutil.rmtree(batch)
            print(f"{kind}: {_row(tally)}", file=sys.stderr, flush=True)
    _report(tallies, options.reasons, time.monotonic() - started_s)
    return 1 if any(tally.offences for tally in tallies.values()) else 0


def _train(folder: Path) -> dict[str, Path]:
    """The quickly trained models that the tests share."""
    from support.track_tables import tracks

    from genrekit.backends import registry
    from genrekit.backends.config import make_config
    from genrekit.training.train import train

    models = {"gtzan": folder / "gtzan.genrekit", "spotify": folder / "spotify.genrekit"}
    table = folder / "tracks.csv"
    tracks(240).to_csv(table, index=False)
    backend = registry.get("gtzan")
    settings = {"classifier": "logistic", "transform": "standard", "window_s": 2, "folds": 2}
    songs = "synthetic:?genres=3&songs=6&seconds=4&seed=1"
    train(songs, backend=backend, config=make_config(backend, settings), output=models["gtzan"])
    few = {"n_estimators": 30, "max_depth": 3, "min_child_weight": 1}
    train(table, backend="spotify", config=few, output=models["spotify"])
    return models


def _judge_batch(
    kind: str, paths: list[Path], models: dict[str, Path], tally: Tally, keep: Path | None
) -> None:
    """Judge mutants in children, one after the other where one is lost."""
    left = paths
    while left:
        judged, noise, problem = _child(kind, left, models, tally, keep)
        tally.noise_bytes += len(noise)
        tally.noise = tally.noise or noise[:300]
        tally.mutants += judged
        if "Traceback" in noise or "Warning" in noise:
            tally.offences.append(f"{left[0].name} or later: on stderr stands {noise[-300:]!r}")
        left = left[judged:]
        if left and problem:
            tally.mutants += 1
            tally.outcomes[problem] += 1
            _offend(tally, left[0], f"the main process: {problem}; {noise[-300:]!r}", keep)
            left = left[1:]


def _child(
    kind: str, paths: list[Path], models: dict[str, Path], tally: Tally, keep: Path | None
) -> tuple[int, str, str]:
    """How many mutants a child judged, what it wrote to stderr, and how it ended where it did not get through."""
    command = [sys.executable, __file__, "child", kind, *map(str, models.values())]
    with tempfile.TemporaryFile("w+", errors="replace") as stderr:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        assert child.stdin
        child.stdin.write("\n".join(map(str, paths)))
        child.stdin.close()
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=lambda: [*map(lines.put, child.stdout), lines.put(None)], daemon=True).start()
        judged, problem, patience_s = 0, "", START_S
        while judged < len(paths):
            since_s = time.monotonic()
            try:
                line = lines.get(timeout=patience_s)
            except queue.Empty:
                child.kill()
                problem = "hang"
                break
            if line is None:
                problem = f"crash ({child.wait()})"
                break
            verdict = json.loads(line)
            if patience_s != START_S:
                tally.slowest_s = max(tally.slowest_s, time.monotonic() - since_s)
            # Predictions come in order and in batches: one may wait for those before it.
            patience_s = 10.0 if verdict["in_process"] else 40.0
            judged += 1
            path = Path(verdict["path"])
            tally.outcomes[verdict["outcome"]] += 1
            tally.peak_mb = max(tally.peak_mb, verdict["peak_mb"])
            if verdict["reason"]:
                tally.reasons[verdict["reason"]] += 1
            if verdict["complaint"] or verdict["outcome"] == "late":
                _offend(tally, path, verdict["complaint"] or "over the time limit", keep)
            elif verdict["outcome"] == "died" and keep:
                _save(path, keep)
        child.wait(30)
        stderr.seek(0)
        return judged, stderr.read(), problem


def _offend(tally: Tally, path: Path, why: str, keep: Path | None) -> None:
    tally.offences.append(f"{path.name}: {why}")
    if keep:
        _save(path, keep)


def _save(path: Path, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, keep)


def _row(tally: Tally) -> str:
    crashes = sum(n for what, n in tally.outcomes.items() if what.startswith("crash"))
    counts = [tally.outcomes[what] for what in ("answered", "refused", "died", "late", "hang")]
    return (
        f"| {tally.mutants} | " + " | ".join(map(str, counts)) + f" | {crashes} | {len(tally.offences)} | "
        f"{tally.peak_mb:.0f} | {tally.slowest_s:.1f} | {tally.noise_bytes} |"
    )


def _report(tallies: dict[str, Tally], n_reasons: int, seconds: float) -> None:
    print(
        "| kind | mutants | answered | refused | worker died | worker late | hang | crash | offences | peak MB | slowest s | stderr bytes |"
    )
    print("|---|" + "---:|" * 11)
    for kind, tally in tallies.items():
        print(f"| {kind} {_row(tally)}")
    for kind, tally in tallies.items():
        print(f"\n{kind}: {len(tally.reasons)} reasons")
        for reason, count in tally.reasons.most_common(n_reasons):
            print(f"  {count:5d} {reason}")
        if tally.noise:
            print(f"  stderr begins with {tally.noise!r}")
        for offence in tally.offences:
            print(f"  OFFENCE {offence}")
    print(f"\n{sum(tally.mutants for tally in tallies.values())} mutants in {seconds:.0f} s")


def _judge_from_stdin(kind: str, *models: str) -> None:
    """The child: paths in, verdicts out, a line each."""
    from support.fuzz_judge import BUNDLES, TABLES, judge

    from genrekit.prediction import load_model

    paths = [Path(line) for line in sys.stdin.read().splitlines()]
    for verdict in judge(kind, paths, [load_model(path) for path in (*models, "image")]):
        print(json.dumps({**asdict(verdict), "in_process": kind in (*TABLES, *BUNDLES)}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        _judge_from_stdin(*sys.argv[2:])
    else:
        sys.exit(main())
