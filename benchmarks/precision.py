"""What fewer bits buy: an image model's graph in 32 and in 8 bits, and its networks in bfloat16, on the same pictures.

    python benchmarks/precision.py MANIFEST [--model NAME] [--side valid]

MANIFEST has the columns path, label and split. The 8-bit graph is quantised by ONNX Runtime (weights a channel,
activations by their range on 64 pictures of the training split). Everything runs in turn, in one process, single and in
batches of 32.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from inference import seconds
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from genrekit.backends import INPUT
from genrekit.backends.neural import native
from genrekit.datasets import open_dataset
from genrekit.models import Runtime
from genrekit.prediction import load_model
from genrekit.types import Modality

N_CALIBRATION, BATCH = 64, 32


class Pictures(CalibrationDataReader):
    """Pictures, one at a time."""

    def __init__(self, windows: np.ndarray) -> None:
        self._left = iter(windows)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next one."""
        window = next(self._left, None)
        return None if window is None else {INPUT: window[None].astype(np.float32)}


def eight_bits(graph: bytes, windows: np.ndarray) -> bytes:
    """A graph quantised."""
    with tempfile.TemporaryDirectory() as folder:
        folded, quantised = Path(folder) / "folded.onnx", Path(folder) / "quantised.onnx"
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(folded)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
        quantize_static(
            folded,
            quantised,
            Pictures(windows),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Add", "MaxPool"],
        )
        return quantised.read_bytes()


def main() -> None:
    """Print accuracy, the largest difference of a probability, size, and milliseconds a picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest")
    parser.add_argument("--model", default="image")
    parser.add_argument("--side", default="valid")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    dataset = open_dataset(arguments.manifest, modality=Modality.IMAGE)
    sides = {side: [e for e in dataset.examples if e.split == side] for side in ("train", arguments.side)}
    known = [e for e in sides[arguments.side] if e.labels[0] in model.labels]
    windows = np.concatenate([model.backend.prepare(e, model.config).values for e in known])
    right = np.array([model.labels.index(e.labels[0]) for e in known])
    rng = np.random.default_rng(0)
    some = [sides["train"][i] for i in rng.choice(len(sides["train"]), N_CALIBRATION, replace=False)]
    calibration = np.concatenate([model.backend.prepare(e, model.config).values for e in some])

    small = eight_bits(model.bundle.onnx, calibration)
    runtimes = {"graph": model.runtime, "graph, 8 bits": Runtime(small, n_labels=len(model.labels))}
    recipe = model.backend.recipe(model.config, len(model.labels))
    scorer = native.restore(model.bundle.files, recipe.bare_network, multilabel=False)

    def eager(windows: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            batches = torch.from_numpy(windows.astype(np.float32)).split(BATCH)
            return torch.cat([scorer(batch).float() for batch in batches]).numpy()

    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        **{name: runtime.scores for name, runtime in runtimes.items()},
        "eager, bfloat16": eager,
    }
    print(
        f"{len(known)} pictures, {torch.get_num_threads()} threads; graph {len(model.bundle.onnx) / 1e6:.1f} MB,"
    )
    print(f"in 8 bits {len(small) / 1e6:.1f} MB")
    print("\taccuracy\tlargest difference\tms/picture alone\tin batches")
    reference = runtimes["graph"].scores(windows)
    one, many = (windows[:n].astype(np.float32) for n in (1, BATCH))
    rounds = [
        [[seconds(lambda w=w, way=way: way(w)) / len(w) for w in (one, many)] for way in ways.values()]
        for _ in range(arguments.repeats)
    ]
    for place, (name, way) in enumerate(ways.items()):
        scores = way(windows)
        accuracy = (scores.argmax(axis=1) == right).mean()
        alone, together = (1000 * statistics.median(r[place][k] for r in rounds) for k in (0, 1))
        difference = np.abs(scores - reference).max()
        print(f"{name}\t{accuracy:.1%}\t{difference:.1e}\t{alone:.1f}\t{together:.1f}")


if __name__ == "__main__":
    main()
