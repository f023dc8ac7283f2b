"""Time per part of predicting a folder of pictures.

    python benchmarks/folder.py [--model NAME] FOLDER

In one process, without the cache, after a warm-up: seconds in the decoder (Pillow and the scaling down), in the graph,
and in everything else, which is Python. Then the same with a process a core, which is what ``genrekit predict`` does.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

from genrekit.media import images
from genrekit.models import Runtime
from genrekit.prediction import load_model, predict
from genrekit.preparation import Cache

spent: dict[str, float] = {}


def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its seconds added up."""

    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - start

    return timed


def main() -> None:
    """Print pictures a second, and the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--model", default="image")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    images.load = watched("decoder", images.load)
    Runtime._run = watched("graph", Runtime._run)
    cores = os.cpu_count() or 1
    for jobs in (1, cores):
        for _ in range(2):  # the first one warms up
            spent.clear()
            start = time.perf_counter()
            n = sum(1 for _ in predict(arguments.folder, model=model, jobs=jobs, cache=Cache(enabled=False)))
            total = time.perf_counter() - start
        print(f"{n} pictures, {jobs} process(es): {n / total:.1f} a second")
        if jobs == 1:
            spent["everything else"] = total - sum(spent.values())
            for name, seconds in spent.items():
                print(f"  {name:16}{1000 * seconds / n:7.2f} ms a picture, {seconds / total:.0%}")


if __name__ == "__main__":
    main()
