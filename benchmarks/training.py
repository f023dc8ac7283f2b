"""How much slower an epoch under Lightning's trainer is than in a bare PyTorch loop: same network, same batches.

    python benchmarks/training.py [--examples N] [--repeats N] [--set key=value ...]

Both train the network of the ``spectrogram`` backend from the same seed on random windows, with the same optimiser,
augmentation, precision and clipping; the two in turn, in one process. The first epoch of either warms up and is not
counted. The product also writes a checkpoint an epoch; the moving average of weights, which the loop lacks, is off.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from genrekit.backends import Prepared, make_config, parse_settings, registry
from genrekit.backends.neural.batches import Batches, training_loader
from genrekit.backends.neural.device import choose
from genrekit.backends.neural.ensemble import quiet, train_ensemble
from genrekit.backends.spectrogram.recipe import SpectrogramRecipe

N_LABELS = 10


def examples(n: int, config) -> Prepared:
    """Random windows of the shape that songs have."""
    rng = np.random.default_rng(0)
    windows = [
        rng.uniform(-config.top_db, 0, (1, config.n_mels, config.n_frames)).astype(np.float32)
        for _ in range(n)
    ]
    targets = np.eye(N_LABELS, dtype=np.float32)[np.arange(n) % N_LABELS]
    names = tuple(map(str, range(n)))
    return Prepared(windows, targets, np.array(names), names)


def lightning_s(recipe, train: Prepared, config) -> list[float]:
    """Seconds of every epoch under the product's own training."""
    ends = []

    class Clock:
        def __call__(self, text: str) -> None:
            if "epoch" in text:
                ends.append(time.perf_counter())

    from genrekit.backends.neural import watching

    watching.REPORT_S = 0.0
    with tempfile.TemporaryDirectory() as folder, quiet():
        train_ensemble(recipe, Path(folder), train, None, config, choose(config), Clock(), resume=False)
    return list(np.diff(ends))


def bare_s(recipe, train: Prepared, config) -> list[float]:
    """Seconds of every epoch in the loop that somebody would write by hand."""
    device = choose(config)
    torch.manual_seed(config.seed)
    network = recipe.network().to(device.torch).train()
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    batches = Batches(len(train), config.batch_size, config.seed)
    loader = training_loader(train, recipe.crop, batches, on_gpu=device.kind == "cuda")
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs * len(loader))
    generator = torch.Generator().manual_seed(config.seed)
    half = device.precision == "bf16-mixed"
    ends = []
    for epoch in range(config.epochs):
        batches.set_epoch(epoch)
        for windows, targets in loader:
            windows, targets = windows.to(device.torch), targets.to(device.torch)
            windows, targets = recipe.augment(windows.float(), targets, generator)
            with torch.autocast(device.kind, torch.bfloat16, enabled=half):
                logits = network(windows)
                loss = torch.nn.functional.cross_entropy(
                    logits, targets, label_smoothing=config.label_smoothing
                )
            optimizer.zero_grad()
            loss.backward()
            if config.gradient_clip:
                torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
            optimizer.step()
            schedule.step()
        ends.append(time.perf_counter())
    return list(np.diff(ends))


def main() -> None:
    """Print the medians and the ratio of each pair."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    values = {"epochs": 4, "ema": 0, **parse_settings(arguments.settings)}
    config = make_config(registry.get("spectrogram"), values)
    recipe = SpectrogramRecipe(config, N_LABELS)
    train = examples(arguments.examples, config)
    ratios = []
    print("lightning s/epoch\tbare s/epoch\tratio\twindows/s")
    for repeat in range(arguments.repeats):
        both = [lightning_s, bare_s]
        found = {
            run.__name__: statistics.median(run(recipe, train, config))
            for run in both[:: 1 - 2 * (repeat % 2)]
        }
        ratio = found["lightning_s"] / found["bare_s"]
        ratios.append(ratio)
        rate = arguments.examples / found["lightning_s"]
        print(f"{found['lightning_s']:.3f}\t{found['bare_s']:.3f}\t{ratio:.3f}\t{rate:.1f}")
    print(f"median ratio of {len(ratios)} pairs: {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
