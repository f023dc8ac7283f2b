"""How fast a bundle's graph is in ONNX Runtime on the CPU, against the same networks in eager PyTorch.

    python benchmarks/inference.py [--model NAME] [--repeats N]

Random windows of the model's own shape, one at a time and in batches; the two in turn, in one process with the same
number of threads. The scores of both are compared first.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from genrekit.backends.neural import native
from genrekit.backends.spectrogram_fit import SpectrogramRecipe
from genrekit.model import load_model


def seconds(run: Callable[[], object], at_least_s: float = 1.0) -> float:
    """Seconds a call, over as many calls as fill the time."""
    run()
    start, calls = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < at_least_s:
        run()
        calls += 1
    return spent / calls


def main() -> None:
    """Print milliseconds a window and the ratio, single and in batches."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="spectrogram")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    recipe = SpectrogramRecipe(model.config, len(model.labels))
    multilabel = model.bundle.manifest.multilabel
    scorer = native.restore(model.bundle.members, recipe.network, multilabel=multilabel)
    shape = (model.config.n_mels, model.config.n_frames)
    rng = np.random.default_rng(0)
    print(f"{torch.get_num_threads()} threads")
    print("batch\tgraph ms/window\teager ms/window\tratio\tlargest difference")
    for batch in (1, 8, 32):
        windows = rng.uniform(-model.config.top_db, 0, (batch, *shape)).astype(np.float32)
        tensor = torch.from_numpy(windows)
        with torch.inference_mode():
            difference = float(np.abs(model.runtime.scores(windows) - scorer(tensor).numpy()).max())
            pairs = [
                (seconds(lambda w=windows: model.runtime.scores(w)), seconds(lambda t=tensor: scorer(t)))
                for _ in range(arguments.repeats)
            ]
        graph, eager = (1000 / batch * statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(e / g for g, e in pairs)
        print(f"{batch}\t{graph:.2f}\t{eager:.2f}\t{ratio:.2f}\t{difference:.1e}")


if __name__ == "__main__":
    main()
