"""Pack the models in the box anew, from an older format to the present one, without training.

    python benchmarks/repack.py --data DATA --out FOLDER [NAME ...]

DATA holds what they learnt, for their content keys: ``gtzan/``, ``covers/labels.csv`` and ``spotify/`` as the pages of the
backends name them. The scores stay what they were, to 1e-6, or nothing is written. Networks get the output
``embeddings``, the trees of XGBoost become safetensors, and what nothing reads is dropped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import xgboost as xgb
from onnx import TensorProto, helper

from genrekit import __version__
from genrekit.backends import EMBEDDINGS, make_config, registry
from genrekit.backends.spotify.native import TREES
from genrekit.backends.trees import tensors, xgboost_json
from genrekit.datasets import make_split
from genrekit.models import Bundle, Runtime, keys, load, save, shipped_models, write_card
from genrekit.models.bundle import Manifest
from genrekit.models.manifest import FORMAT, Outputs
from genrekit.preparation import Cache
from genrekit.training import gather, learnt_keys, open_for

ROOT = Path(__file__).parents[1]
TOLERANCE = 1e-6
_WIDE = ".float32"  # of the name of a parameter that is stored in 16 bits, after its cast


def source_of(name: str, data: Path, work: Path) -> str:
    """What a model learnt, made again as its page says."""
    if name == "image":
        table = work / "covers.csv"
        command = "datasets split labels.csv --test-size 0.15 --valid-size 0.15 --seed 0 --overwrite -o"
        call = [sys.executable, "-m", "genrekit", *command.split(), str(table)]
        subprocess.run(call, cwd=data / "covers", check=True)
        return str(table)
    if name == "spotify":
        merged = work / "merged.csv"
        tables = [str(data / "spotify" / table) for table in ("spotify_songs.csv", "music_genre.csv")]
        subprocess.run(
            [sys.executable, str(ROOT / "examples" / "merge_tables.py"), *tables, str(merged)], check=True
        )
        return str(merged)
    return f"gtzan:{data / 'gtzan'}"


def add_embeddings(graph: onnx.GraphProto) -> None:
    """Make what goes into the last layer of each network the output ``embeddings``, one network after the other.

    Parameters
    ----------
    graph : onnx.GraphProto
        As `to_onnx` makes it; changed in place. The last layer of a network is its last ``Gemm``.

    Raises
    ------
    ValueError
        If it has no such layer.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    before: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for node in graph.node:
        weight = node.input[1].removesuffix(_WIDE) if len(node.input) > 1 else ""
        if node.op_type != "Gemm" or not weight.startswith("networks."):
            continue
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        network = weight.split(".")[1]
        before[network] = node.input[0]
        sizes[network] = shapes[weight][1 if transposed else 0]
    if not before:
        raise ValueError("the graph has no last layer of a network")
    inputs = [before[network] for network in sorted(before, key=int)]
    if len(inputs) == 1:
        graph.node.append(helper.make_node("Identity", inputs, [EMBEDDINGS]))
    else:
        graph.node.append(helper.make_node("Concat", inputs, [EMBEDDINGS], axis=1))
    shape: list[str | int | None] = ["n", sum(sizes.values())]
    graph.output.append(helper.make_tensor_value_info(EMBEDDINGS, TensorProto.FLOAT, shape))


def learnt_by(bundle: Bundle, source: str) -> keys.LearntKeys:
    """The keys of what the training fitted on, as `genrekit.training.train.train` makes them."""
    manifest = bundle.manifest
    backend = registry.get(manifest.backend)
    config = make_config(backend, manifest.config)
    dataset = open_for(backend, config, source)
    facts: Any = manifest.data
    if dataset.fingerprint != facts["fingerprint"]:
        print(
            f"{manifest.name}: {source} is not byte for byte what was learnt; paths or sizes of files differ"
        )
    made = facts["split"]
    split = make_split(
        dataset.examples,
        test_size=made["test_size"],
        valid_size=made["valid_size"],
        seed=made["seed"],
        by=made["by"],
    )
    sides = {side: len(getattr(split, side)) for side in ("train", "valid", "test")}
    if sides != {side: made[side] for side in sides}:
        raise SystemExit(f"{manifest.name}: {source} gives {sides}, not the split of the training")
    indices = [*split.train, *split.valid]
    if str(facts["fitted_on"]).startswith("all"):
        indices += split.test
    material = gather(backend, config, dataset, indices, jobs=2, cache=Cache(), keys=True, say=print)
    return learnt_keys(material, indices, backend.info)


def repack(bundle: Bundle, learnt: keys.LearntKeys, out: Path) -> None:
    """Write a bundle anew, after its scores were compared."""
    manifest = bundle.manifest
    graph = onnx.load_from_string(bundle.onnx)
    native = {}
    if manifest.backend in ("spectrogram", "image"):
        add_embeddings(graph.graph)
        native = {"networks.safetensors": bundle.files["networks.safetensors"]}
    if manifest.backend == "spotify":
        booster = xgb.Booster()
        booster.load_model(bytearray(bundle.files["model.ubj"]))
        native = {TREES: tensors.dumps([xgboost_json.from_booster(booster)])}
        compare(
            manifest.name,
            booster.inplace_predict,
            registry.get("spotify").native_scorer(native),
            manifest,
        )
    content = graph.SerializeToString() if len(graph.graph.output) > 1 else bundle.onnx
    old = Runtime(bundle.onnx, n_labels=len(manifest.labels), declared=Outputs())
    new = Runtime(content, n_labels=len(manifest.labels))
    compare(manifest.name, old.scores, new.scores, manifest)
    again = Manifest.model_validate(
        manifest.model_dump()
        | {
            "format": FORMAT,
            "outputs": new.declaration(),
            "data": {**manifest.data, "keys": learnt.counts},
            "genrekit": __version__,
            "files": {},
        }
    )
    native[keys.KEYS] = keys.dump_keys(learnt)
    save(out, again, onnx=content, native=native, card=write_card(again), overwrite=True)
    print(
        f"{out}: {out.stat().st_size:,} bytes (was {sum(map(len, bundle.files.values())):,}), {learnt.counts}"
    )


def compare(name: str, old: Any, new: Any, manifest: Manifest) -> None:
    """Stop where two scorers differ by more than 1e-6 on made-up windows."""
    rng = np.random.default_rng(0)
    shape = tuple(size or 100 for size in manifest.input_shape)
    low, high = (
        (0, 255)
        if manifest.backend == "image"
        else (-40, 0)
        if manifest.backend == "spectrogram"
        else (-2, 2)
    )
    windows = rng.uniform(low, high, (64, *shape)).astype(np.float32)
    difference = float(np.abs(old(windows) - new(windows)).max())
    print(f"{name}: scores differ by {difference:.2g}")
    if not difference <= TOLERANCE:
        raise SystemExit(f"{name}: more than {TOLERANCE:g}")


def main() -> None:
    """Pack them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", type=Path, help="a folder of bundles instead of those in the box")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    known = (
        {path.stem: path for path in sorted(arguments.models.glob("*.genrekit"))}
        if arguments.models
        else shipped_models()
    )
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.names or known:
            bundle = load(known[name])
            learnt = learnt_by(bundle, source_of(name, arguments.data.resolve(), Path(work)))
            repack(bundle, learnt, arguments.out / f"{name}.genrekit")


if __name__ == "__main__":
    main()
