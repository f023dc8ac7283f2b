"""Exported models: the references give the scores of the package, without it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import soundfile

import genrekit
from genrekit.errors import OutputExistsError, UsageError
from genrekit.models import export
from genrekit.models.edge import reference
from genrekit.prediction import find

MODELS = ("encoder", "spectrogram", "tags")
TOLERANCE = 1e-3
TO_FILE = """
import { prepare } from "./genrekit_model.js";
import fs from "node:fs";
const [samples, out] = process.argv.slice(2);
const bytes = fs.readFileSync(samples);
const y = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const { data, shape } = prepare(y, JSON.parse(fs.readFileSync("preparation.json")));
fs.writeFileSync(out, Buffer.from(data.buffer));
console.log(JSON.stringify(shape));
"""
WITH_RUNTIME = """
import { predict } from "./genrekit_model.js";
import { createRequire } from "node:module";
import fs from "node:fs";
const ort = createRequire(process.argv[3] + "/x.js")("onnxruntime-web");
const bytes = fs.readFileSync(process.argv[2]);
const y = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const session = await ort.InferenceSession.create(fs.readFileSync("model.onnx"));
const read = (name) => JSON.parse(fs.readFileSync(name));
console.log(JSON.stringify(await predict(ort, session, y, read("preparation.json"), read("labels.json"))));
"""


def tones(seconds, sr, seed=0):
    """Sound with changing tones, noise and a pause."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * sr)) / sr
    y = sum(np.sin(2 * np.pi * f * t * (1 + 0.1 * np.sin(t))) for f in (110, 440, 1760)) / 6
    y = y * (0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 2 * t))) + 0.02 * rng.standard_normal(len(t))
    y[int(0.4 * len(t)) : int(0.5 * len(t))] = 0
    return y.astype(np.float32)


@pytest.fixture(scope="module", params=MODELS)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge") / request.param
    export(find(request.param), folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return request.param, folder


@pytest.fixture(scope="module", params=[1.2, 41.3])
def song(request):
    return request.param


def wanted(name, folder, path):
    found = next(iter(genrekit.predict([path], model=name, options=genrekit.PredictOptions(top_k=50))))
    assert found.error is None
    return dict(found.scores)


def written(folder, seconds):
    """Write a WAV file at the rate of the model; return its path and its samples."""
    sr = json.loads((folder / "preparation.json").read_text())["sr"]
    path = folder / f"{seconds}.wav"
    soundfile.write(path, tones(seconds, sr), sr, subtype="PCM_16")
    return path, soundfile.read(path, dtype="float32")[0]


def test_python_alone_gives_the_same_scores(exported, song):
    name, folder = exported
    path, _ = written(folder, song)
    sr = json.loads((folder / "preparation.json").read_text())["sr"]
    given = dict(reference.predict(folder, reference.read_wav(str(path), sr)))
    scores = wanted(name, folder, path)
    assert given.keys() == scores.keys()
    assert max(abs(given[label] - scores[label]) for label in scores) < TOLERANCE


def test_the_reference_is_a_program(exported):
    _, folder = exported
    path, y = written(folder, 1.2)
    done = subprocess.run(
        [sys.executable, "genrekit_model.py", path.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    best = [f"{score:.6f} {label}" for label, score in reference.predict(folder, y)]
    assert done.stdout.splitlines() == best


def test_the_reference_imports_nothing_of_genrekit(exported):
    _, folder = exported
    assert "import genrekit" not in (folder / "genrekit_model.py").read_text()
    spec = importlib.util.spec_from_file_location("reference", folder / "genrekit_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ValueError, match="silent"):
        module.prepare(np.zeros(100_000, np.float32), json.loads((folder / "preparation.json").read_text()))


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_javascript_gives_the_same_scores(exported, song):
    name, folder = exported
    path, y = written(folder, song)
    (folder / "samples").write_bytes(y.tobytes())
    (folder / "run.mjs").write_text(TO_FILE)
    done = subprocess.run(
        ["node", "run.mjs", "samples", "out"], cwd=folder, capture_output=True, text=True, check=True
    )
    windows = np.fromfile(folder / "out", np.float32).reshape(json.loads(done.stdout))
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    means = session.run(["scores"], {"windows": windows})[0].mean(axis=0)
    labels = json.loads((folder / "labels.json").read_text())
    scores = wanted(name, folder, path)
    assert max(abs(mean - scores[label]) for label, mean in zip(labels, means, strict=True)) < TOLERANCE


@pytest.mark.skipif(
    not (shutil.which("node") and os.environ.get("GENREKIT_NODE_MODULES")),
    reason="GENREKIT_NODE_MODULES names no folder with onnxruntime-web",
)
def test_javascript_alone_gives_the_same_scores(exported, song):
    name, folder = exported
    path, y = written(folder, song)
    (folder / "samples").write_bytes(y.tobytes())
    (folder / "alone.mjs").write_text(WITH_RUNTIME)
    modules = os.environ["GENREKIT_NODE_MODULES"]
    done = subprocess.run(
        ["node", "alone.mjs", "samples", modules], cwd=folder, capture_output=True, text=True, check=True
    )
    given = {one["label"]: one["score"] for one in json.loads(done.stdout)}
    scores = wanted(name, folder, path)
    assert max(abs(given[label] - scores[label]) for label in scores) < TOLERANCE


@pytest.mark.parametrize("name", ["gtzan", "image", "spotify"])
def test_other_backends_are_refused(name, tmp_path):
    with pytest.raises(UsageError, match="cannot be exported"):
        export(find(name), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_nothing_is_overwritten_unless_asked(tmp_path):
    bundle = find("spectrogram")
    export(bundle, tmp_path)
    (tmp_path / "labels.json").write_text("mine")
    with pytest.raises(OutputExistsError):
        export(bundle, tmp_path)
    assert (tmp_path / "labels.json").read_text() == "mine"
    export(bundle, tmp_path, overwrite=True)
    assert json.loads((tmp_path / "labels.json").read_text()) == list(bundle.manifest.labels)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError):
        export(bundle, tmp_path / "file")
