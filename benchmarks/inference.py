"""How fast a bundle's graph is in ONNX Runtime on the CPU, against the same networks in eager PyTorch.

    python benchmarks/inference.py [--model NAME] [--repeats N]

Random windows of the model's own shape, one at a time and in batches; the two in turn, in one process with the same
number of threads; the networks in the memory layout of PyTorch's default and in channels_last, which is the faster
one for most. The scores of both are compared first.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from genrekit.backends.neural import native
from genrekit.prediction import load_model
from genrekit.types import Modality


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
    recipe = model.backend.recipe(model.config, len(model.labels))
    scorers = [
        native.restore(
            model.bundle.files, recipe.bare_network, multilabel=model.bundle.manifest.multilabel
        ).to(memory_format=layout)
        for layout in (torch.contiguous_format, torch.channels_last)
    ]
    rng = np.random.default_rng(0)
    print(f"{torch.get_num_threads()} threads")
    print("batch\tgraph ms/window\teager ms/window\tchannels_last\tratio to the faster\tlargest difference")
    for batch in (1, 8, 32):
        windows = a_few(model, batch, rng)
        tensor = torch.from_numpy(windows)
        with torch.inference_mode():
            difference = max(
                float(np.abs(model.runtime.scores(windows) - scorer(tensor).numpy()).max())
                for scorer in scorers
            )
            runs = [
                lambda w=windows: model.runtime.scores(w),
                *(lambda t=tensor, s=scorer: s(t) for scorer in scorers),
            ]
            rounds = [[seconds(run) for run in runs] for _ in range(arguments.repeats)]
        graph, plain, last = (1000 / batch * statistics.median(side) for side in zip(*rounds, strict=True))
        ratio = statistics.median(min(p, c) / g for g, p, c in rounds)
        print(f"{batch}\t{graph:.2f}\t{plain:.2f}\t{last:.2f}\t{ratio:.2f}\t{difference:.1e}")


def a_few(model, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise in the input range of the model."""
    if model.backend.info.modality is Modality.IMAGE:
        return rng.integers(0, 256, (batch, *model.runtime.input_shape)).astype(np.float32)
    shape = (batch, model.config.n_mels, model.config.n_frames)
    return rng.uniform(-model.config.top_db, 0, shape).astype(np.float32)


if __name__ == "__main__":
    main()
