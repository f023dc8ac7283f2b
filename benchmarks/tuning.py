"""What a search over settings gives, over several seeds: gain on the test split, trials to reach the best of a grid, overhead.

    python benchmarks/tuning.py SOURCE BACKEND [--set KEY=VALUE ...] [--space ...] [--grid KEY=A,B ...] [--seeds 5] [--first-seed 0] [--trials 30]

Each seed is the seed of the split, of the folds and of the search. Per seed it prints a line of JSON: accuracy and log loss of
the defaults and of the winner on the test split, and, with --grid, after how many trials the search was within 0.002 of the
best log loss of the grid on the same folds; the defaults count as a trial where they are not in the space. Without --space, the
space of the search is the grid. The last line has the means.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from genrekit.backends import make_config, parse_grid, parse_settings, registry
from genrekit.training import train, trials
from genrekit.tuning import make_space, search, tune
from genrekit.tuning.study import Study

spent = {"search": 0.0, "trials": 0.0, "tuned": 0.0}


def timed(key: str, function: Any) -> Any:
    """Return a function that adds its processor time to ``spent``."""

    def run(*args: Any, **kwargs: Any) -> Any:
        start_s = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[key] += time.process_time() - start_s

    return run


def main() -> None:
    """Measure, and print lines of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("backend")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--space", action="append", default=[])
    parser.add_argument("--grid", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--prune", default="folds")
    args = parser.parse_args()
    search.search_batches = timed("search", search.search_batches)
    trials.run_trial = timed("trials", trials.run_trial)
    backend = registry.get(args.backend)
    rows = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        config = make_config(backend, {**parse_settings(args.set), "seed": seed})
        with TemporaryDirectory() as name:
            folder = Path(name)
            default = train(args.source, backend=backend, config=config, output=folder / "default.genrekit")
            best_of_grid = None
            if args.grid:
                grid = parse_grid(backend, args.grid)
                found = train(
                    args.source, backend=backend, config=config, output=folder / "grid.genrekit", grid=grid
                )
                tried = found.bundle.manifest.history["grid"]
                best_of_grid = min(one["log_loss"] for one in tried)
            told: list[float] = []
            tell = Study.tell

            def telling(
                self: Study, number: int, result: Any, tell: Any = tell, told: list[float] = told
            ) -> None:
                tell(self, number, result)
                reason = result.error or result.stopped
                told.append(np.inf if reason else result.metrics["log_loss"])

            Study.tell = telling  # type: ignore[method-assign]
            before_s = spent["trials"]
            tuned = tune(
                args.source,
                backend=backend,
                config=config,
                output=folder / "tuned.genrekit",
                space=args.space or args.grid,
                trials=args.trials,
                seed=seed,
                prune=args.prune,
            )
            Study.tell = tell  # type: ignore[method-assign]
            spent["tuned"] += spent["trials"] - before_s  # without the grid's
        row: dict[str, Any] = {
            "seed": seed,
            "is_default": tuned.is_default,
            "gain_on_folds": round(tuned.gain.value, 4),
        }
        for metric in ("accuracy", "log_loss"):
            before, after = (
                one.measured.report.metrics[metric].value for one in (default, tuned.trained) if one.measured
            )
            row[metric] = [round(before, 4), round(after, 4)]
        if best_of_grid is not None:
            space = make_space(backend, config, args.space or args.grid)
            in_space = all(one.has(getattr(config, one.key)) for one in space)
            best = np.minimum.accumulate([*[np.inf] * (not in_space), *told])
            reached = np.flatnonzero(best <= best_of_grid + 0.002)
            row["grid"] = {
                "combinations": len(tried),
                "best_log_loss": best_of_grid,
                "best_of_search": round(float(best[-1]), 4),
                "reached_after": int(reached[0]) + 1 if len(reached) else None,
            }
        rows.append(row)
        print(json.dumps(row), flush=True)
    points = 100 * np.array([row["accuracy"][1] - row["accuracy"][0] for row in rows])
    losses = np.array([row["log_loss"][1] - row["log_loss"][0] for row in rows])
    # Student's t with n - 1 degrees of freedom, over the seeds.
    from scipy.stats import t

    half = t.ppf(0.975, len(rows) - 1) / np.sqrt(len(rows)) if len(rows) > 1 else np.nan
    print(
        json.dumps(
            {
                "mean_points": [round(float(points.mean()), 2), round(float(half * points.std(ddof=1)), 2)],
                "mean_log_loss": [round(float(losses.mean()), 4), round(float(half * losses.std(ddof=1)), 4)],
                "overhead": round((spent["search"] - spent["tuned"]) / spent["tuned"], 4),
                "overhead_ms_per_trial": round(
                    1000 * (spent["search"] - spent["tuned"]) / (args.seeds * args.trials), 1
                ),
                "cpu_seconds_per_trial": round(spent["tuned"] / (args.seeds * args.trials), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
