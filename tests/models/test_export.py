"""Exported models: the references give the scores of the package, without it."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile
from PIL import Image
from support.browser import chromium
from support.night import day_and_night

import genrekit
from genrekit.backends import make_config, registry
from genrekit.errors import OutputExistsError, UsageError
from genrekit.features import GTZAN_COLUMNS
from genrekit.models import export
from genrekit.models.edge import reference
from genrekit.prediction import find
from genrekit.types import Example

MODELS = ("encoder", "spectrogram", "tags")
TOLERANCE = 1e-3
MEDIA = Path(__file__).parents[2] / "examples" / "media"
SIZES = [(224, 224), (300, 260), (640, 300), (900, 1400), (60, 500), (1201, 777)]  # of pictures
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
    given = dict(reference.predict(folder, str(path)))
    scores = wanted(name, folder, path)
    assert given.keys() == scores.keys()
    assert max(abs(given[label] - scores[label]) for label in scores) < TOLERANCE


def test_the_reference_is_a_program(exported):
    _, folder = exported
    path, _ = written(folder, 1.2)
    done = subprocess.run(
        [sys.executable, "genrekit_model.py", path.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    best = [f"{score:.6f} {label}" for label, score in reference.predict(folder, str(path))]
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


ROW = {
    "gtzan": {name: 0.1 * place for place, name in enumerate(GTZAN_COLUMNS)},
    "spotify": {
        "danceability": 0.7,
        "energy": 0.8,
        "loudness": -5.2,
        "tempo": 124.03,
        "key": 5,
        "mode": 1,
        "valence": 0.5,
    },
}
PREPARED = """
import { prepare } from "./genrekit_model.js";
import fs from "node:fs";
const [kind, given, width, height] = process.argv.slice(2);
const bytes = fs.readFileSync(given);
const input = kind === "rows" ? JSON.parse(bytes) : { data: new Uint8ClampedArray(bytes), width: +width, height: +height };
const { data, shape } = prepare(input, JSON.parse(fs.readFileSync("preparation.json")));
fs.writeFileSync("out", Buffer.from(data.buffer));
console.log(JSON.stringify(shape));
"""


def of_reference(folder):
    """Return the Python reference of a folder as a module."""
    spec = importlib.util.spec_from_file_location(f"reference_of_{folder.name}", folder / "genrekit_model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_node(folder, *words):
    """Return what the JavaScript reference prepares."""
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "prepare.mjs").write_text(PREPARED)
    done = subprocess.run(
        ["node", "prepare.mjs", *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return np.fromfile(folder / "out", np.float32).reshape(json.loads(done.stdout))


@pytest.mark.parametrize("name", sorted(ROW))
def test_rows_of_features(name, tmp_path):
    folder = tmp_path / name
    export(find(name), folder)
    (folder / "row.json").write_text(json.dumps(ROW[name]))
    model = genrekit.load_model(name)
    found = next(
        iter(
            genrekit.predict(
                [Example(id="row", path=None, labels=(), row=ROW[name])],
                model=model,
                options=genrekit.PredictOptions(top_k=50),
            )
        )
    )
    given = dict(of_reference(folder).predict(folder, str(folder / "row.json")))
    assert max(abs(given[label] - score) for label, score in found.scores) < TOLERANCE
    preparation = json.loads((folder / "preparation.json").read_text())
    with pytest.raises(ValueError, match="no number"):
        of_reference(folder).prepare({}, preparation)
    if shutil.which("node"):
        np.testing.assert_array_equal(
            in_node(folder, "rows", "row.json"), of_reference(folder).prepare(ROW[name], preparation)
        )


@pytest.mark.parametrize(
    ("size", "alpha"),
    day_and_night(
        [((224, 224), False), ((300, 260), True), ((60, 500), False), *product(SIZES, [False, True])], day=3
    ),
)
def test_pixels_of_a_picture(pictures, size, alpha):
    rng = np.random.default_rng(size[0])
    small = Image.fromarray(rng.integers(0, 256, (16, 16, 4 if alpha else 3), np.uint8))
    path = pictures / "picture.png"
    small.resize(size, Image.Resampling.BICUBIC).save(path)
    scores = wanted("image", pictures, path)
    reference = of_reference(pictures)
    given = dict(reference.predict(pictures, str(path)))
    assert max(abs(given[label] - scores[label]) for label in scores) < TOLERANCE
    if shutil.which("node"):
        preparation = json.loads((pictures / "preparation.json").read_text())
        pixels = reference.read(str(path), preparation)
        (pictures / "pixels").write_bytes(pixels.tobytes())
        made = in_node(pictures, "pictures", "pixels", str(size[0]), str(size[1]))
        difference = np.abs(made - reference.prepare(pixels, preparation))
        # Pillow 13 resizes rows before columns where that is less work; the pixels between are rounded otherwise then.
        assert difference.max() <= 3
        assert difference.mean() < 0.2


def test_ten_crops(pictures):
    preparation = {
        **json.loads((pictures / "preparation.json").read_text()),
        "size": 256,
        "places": [[0.5, 0.5], [0, 0], [0, 1], [1, 0], [1, 1]],
        "mirrored": True,
    }
    model = genrekit.load_model("image")
    config = model.bundle.manifest.config | {"ten_crop": True}
    picture = MEDIA / "blue_notes.png"
    backend = registry.get("image")
    example = Example(id="x", path=picture, labels=())
    reference = of_reference(pictures)
    made = reference.prepare(reference.read(str(picture), preparation), preparation)
    np.testing.assert_array_equal(made, backend.prepare(example, make_config(backend, config)).values)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge") / "image"
    export(find("image"), folder)
    return folder


BY_BROWSER = """
import * as ort from "/ort/ort.wasm.min.mjs";
ort.env.wasm.wasmPaths = "/ort/";
ort.env.wasm.numThreads = 1;
window.answer = async (model, path, decoded) => {
  const { predict, samples, pixels } = await import(`/${model}/genrekit_model.js`);
  const load = async (name) => (await fetch(`/${model}/${name}`)).json();
  const [preparation, labels] = await Promise.all([load("preparation.json"), load("labels.json")]);
  const session = await ort.InferenceSession.create(`/${model}/model.onnx`);
  const file = await (await fetch(path)).blob();
  let given;
  if (preparation.kind === "rows") given = JSON.parse(await file.text());
  else if (preparation.kind === "pictures") given = await pixels(file);
  else if (decoded) given = await samples(await new AudioContext().decodeAudioData(await file.arrayBuffer()), preparation.sr);
  else given = Float32Array.from(new Int16Array((await file.arrayBuffer()).slice(44)), (value) => value / 32768);
  return predict(ort, session, given, preparation, labels);
};
window.ready = true;
"""


@pytest.mark.skipif(
    not os.environ.get("GENREKIT_NODE_MODULES"),
    reason="GENREKIT_NODE_MODULES names no folder with onnxruntime-web",
)
def test_a_browser_gives_the_same_answers(tmp_path):
    """From samples, pixels and rows the same scores; through the decoders of the browser the same labels."""
    modules = Path(os.environ["GENREKIT_NODE_MODULES"])
    (tmp_path / "ort").symlink_to(modules / "onnxruntime-web" / "dist")
    (tmp_path / "page.html").write_text("<!doctype html><script type=module src=page.js></script>")
    (tmp_path / "page.js").write_text(BY_BROWSER)
    (tmp_path / "media").symlink_to(MEDIA)
    (tmp_path / "gtzan.json").write_text(json.dumps(ROW["gtzan"]))
    (tmp_path / "spotify.json").write_text(json.dumps(ROW["spotify"]))
    models = (*MODELS, "image", "gtzan", "spotify")
    for name in models:
        export(find(name), tmp_path / name)
    exact = {"image": "media/blue_notes.png", "gtzan": "gtzan.json", "spotify": "spotify.json"}
    for name in MODELS:
        path, _ = written(tmp_path / name, 12.3)
        exact[name] = f"{name}/{path.name}"
    options = genrekit.PredictOptions(top_k=50)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words):
            super().__init__(*words, directory=str(tmp_path))

        def log_message(self, *words):
            """Say nothing."""

    Handler.extensions_map = {".html": "text/html", ".wasm": "application/wasm"} | dict.fromkeys(
        (".js", ".mjs"), "text/javascript"
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with chromium() as browser:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/page.html")
            page.wait_for_function("window.ready")

            def by_browser(name, path, *, decoded):
                found = page.evaluate("(words) => answer(...words)", [name, f"/{path}", decoded])
                return {one["label"]: one["score"] for one in found}

            for name in models:
                given = by_browser(name, exact[name], decoded=False)
                row = ROW.get(name)
                source = Example(id="row", path=None, labels=(), row=row) if row else tmp_path / exact[name]
                found = next(iter(genrekit.predict([source], model=name, options=options)))
                assert max(abs(given[label] - score) for label, score in found.scores) < TOLERANCE, name
            songs, covers = sorted(MEDIA.glob("*.ogg")), sorted(MEDIA.glob("*.jpg"))
            for name, files in {**dict.fromkeys(MODELS, songs), "image": covers}.items():
                for file in files:
                    given = by_browser(name, f"media/{file.name}", decoded=True)
                    found = next(iter(genrekit.predict([file], model=name, options=options)))
                    scores = dict(found.scores)
                    # Resamplers differ: of two tags as good as equal, either may come first.
                    best, first = max(given, key=given.get), found.scores[0][0]
                    slack = 0.02 if name == "tags" else 0.0
                    assert scores[first] - scores[best] <= slack, (name, file.name)
    finally:
        server.shutdown()
        server.server_close()


def test_a_model_made_of_several_is_refused(tmp_path):
    bundle = find("spectrogram")
    several = replace(bundle, manifest=bundle.manifest.model_copy(update={"members": ("one", "two")}))
    with pytest.raises(UsageError, match="made of several"):
        export(several, tmp_path / "x")
    other = replace(bundle, manifest=bundle.manifest.model_copy(update={"backend": "elsewhere"}))
    with pytest.raises(UsageError, match="cannot be exported"):
        export(other, tmp_path / "x")
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
