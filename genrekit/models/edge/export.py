"""Writing a model for devices: the graph, the labels, the preparation as data, and its references."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.backends import TEN_CROP_SCALE, make_config, registry
from genrekit.errors import OutputExistsError, UsageError
from genrekit.features import GTZAN_COLUMNS, SPOTIFY_COLUMNS
from genrekit.files import naming
from genrekit.media import images
from genrekit.models.bundle import Bundle
from genrekit.models.manifest import Manifest

SCRIPTS = {"patches": "sound.js", "spectrograms": "sound.js", "pictures": "pictures.js", "rows": "rows.js"}
"""The part of the JavaScript reference that reads a kind of preparation; the rest is common."""
NAMES = (
    "model.onnx",
    "labels.json",
    "preparation.json",
    "README.md",
    "genrekit_model.js",
    "genrekit_model.py",
)
SMALL = "model.int8.onnx"
_OF_MEL = "n_fft hop_length n_mels fmin pad_mode".split()


def export(bundle: Bundle, folder: Path, *, overwrite: bool = False, small: bytes = b"") -> tuple[Path, ...]:
    """Write a model as files that need nothing of genrekit.

    Parameters
    ----------
    bundle : Bundle
        A model whose preparation can be said as data: of the backends ``encoder`` and ``spectrogram``, of pictures, of rows.
    folder : Path
        Made where it does not exist.
    overwrite : bool
    small : bytes
        The graph with 8 bits, from `genrekit.models.quantise`; written as ``model.int8.onnx``.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    UsageError
        If the references do not have the preparation of the model.
    OutputExistsError
        If a file is there already.
    """
    manifest = bundle.manifest
    preparation = preparation_of(bundle)
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file.", "Pass a folder: --to DIR")
    if not overwrite and (there := [name for name in (*NAMES, SMALL) if (folder / name).exists()]):
        raise OutputExistsError(
            f"{folder / there[0]} exists already.", "Choose another folder, or add --overwrite."
        )
    contents = {
        "model.onnx": bundle.onnx,
        **({SMALL: small} if small else {}),
        "labels.json": _json(list(manifest.labels)),
        "preparation.json": _json(preparation),
        "README.md": _read_me(bundle, preparation).encode(),
        "genrekit_model.js": _source(SCRIPTS[preparation["kind"]]) + b"\n" + _source("common.js"),
        "genrekit_model.py": _source("reference.py"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        with naming(folder / name):
            (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)


def preparation_of(bundle: Bundle) -> dict[str, Any]:
    """Return the preparation of a model as data.

    Raises
    ------
    UsageError
        If it is not one that the references have.
    """
    manifest = bundle.manifest
    if manifest.members:
        raise UsageError(
            f"The model {manifest.name!r} is made of several, each with a preparation of its own.",
            "Export the models that it is made of.",
        )
    if manifest.backend not in _KINDS:
        raise UsageError(
            f"The model {manifest.name!r} ({manifest.backend}) cannot be exported: nothing says its preparation as data.",
            f"Models of the backends {', '.join(_KINDS)} can.",
        )
    config: Any = make_config(registry.get(manifest.backend), manifest.config)
    found = _KINDS[manifest.backend](config, manifest)
    if (size := found.get("n_fft", 1)) & (size - 1):
        raise UsageError(
            f"The model {manifest.name!r} has frames of {size} samples, which is not a power of two.",
            "The references take powers of two.",
        )
    return found


def _source(name: str) -> bytes:
    return files("genrekit.models.edge").joinpath(name).read_bytes()


def _pictures(config: Any, manifest: Manifest) -> dict[str, Any]:
    corners = [[0, 0], [0, 1], [1, 0], [1, 1]] if config.ten_crop else []
    return {
        "kind": "pictures",
        "size": round(config.image_size * TEN_CROP_SCALE) if config.ten_crop else config.image_size,
        "crop": config.image_size,
        "places": [[0.5, 0.5], *corners],
        "mirrored": config.ten_crop,
        "max_aspect": images.MAX_ASPECT,
        "reducing_gap": images.REDUCING_GAP,
    }


def _features(config: Any, manifest: Manifest) -> dict[str, Any]:
    """Return the preparation of a row of the 57 features; computing these from sound takes this package."""
    return {"kind": "rows", "columns": list(GTZAN_COLUMNS), "required": True, "derived": []}


def _audio_features(config: Any, manifest: Manifest) -> dict[str, Any]:
    derived = [
        {"name": "tempo_fraction", "as": "fraction", "of": ["tempo"]},
        {"name": "energy_over_loudness", "as": "over_level", "of": ["energy", "loudness"]},
    ]
    return {"kind": "rows", "columns": list(SPOTIFY_COLUMNS), "required": False, "derived": derived}


def _patches(config: Any, manifest: Manifest) -> dict[str, Any]:
    hearing = config.hearing
    if hearing.input != "mel" or hearing.axes != ("n", "frames", "mels"):
        raise UsageError("The encoder of the model takes no spectrograms; only those can be exported.")
    return {
        "kind": "patches",
        "sr": hearing.sr,
        **{key: getattr(hearing, key) for key in _OF_MEL},
        "fmax": hearing.fmax or hearing.sr / 2,
        "win_length": hearing.win_length or hearing.n_fft,
        **{
            key: getattr(hearing, key)
            for key in ("mel_scale", "equal_area", "power", "log", "gain", "offset", "patch", "level_dbfs")
        },
        **{key: getattr(config, key) for key in ("window_s", "patches", "reference_s", "max_windows")},
    }


def _spectrograms(config: Any, manifest: Manifest) -> dict[str, Any]:
    return {
        "kind": "spectrograms",
        "sr": config.sr,
        "pad_mode": "reflect",
        **{key: getattr(config, key) for key in _OF_MEL if key != "pad_mode"},
        "fmax": config.fmax or config.sr / 2,
        "win_length": config.n_fft,
        "mel_scale": "slaney",
        "equal_area": True,
        "power": 2,
        **{
            key: getattr(config, key)
            for key in ("top_db", "reference_s", "window_s", "overlap", "max_windows", "n_frames")
        },
    }


_KINDS: dict[str, Callable[[Any, Manifest], dict[str, Any]]] = {
    "encoder": _patches,
    "spectrogram": _spectrograms,
    "image": _pictures,
    "gtzan": _features,
    "spotify": _audio_features,
}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


_USES = {
    "sound": (
        "from mono samples at {sr} Hz",
        "python genrekit_model.py song.wav",
        "samples",
        """
  const audio = await new AudioContext().decodeAudioData(await file.arrayBuffer());
  const given = await samples(audio, preparation.sr);""",
        "Not in them: recognising unfamiliar sound, and files whose channels cancel out.",
    ),
    "pictures": (
        "from the pixels of a picture",
        "python genrekit_model.py cover.png",
        "pixels",
        """
  const given = await pixels(file);""",
        "From the same pixels the scores are the same. Decoders of JPEG differ by a step or two of 255, and genrekit reads a large JPEG at a reduced size.",
    ),
    "rows": (
        "from a row of numbers",
        "python genrekit_model.py row.json",
        "",
        """
  const given = await load("row.json");""",
        "The names and units of the numbers are those of `genrekit backends {backend} --columns`. What genrekit computes from sound, or reads from tables in\nother units, is not in them.",
    ),
}


def _read_me(bundle: Bundle, preparation: dict[str, Any]) -> str:
    manifest = bundle.manifest
    several = "each label has its own score" if manifest.multilabel else "scores sum to 1"
    what, command, helper, given, absent = _USES.get(preparation["kind"], _USES["sound"])
    needs = "NumPy, Pillow, onnxruntime" if preparation["kind"] == "pictures" else "NumPy, onnxruntime"
    return f"""# {manifest.name}

Written by genrekit {__version__} from the model with the SHA-256 {bundle.sha256}. Licence of the model: {manifest.licence or "not stated"}

- `model.onnx`: input `windows` (float32), output `scores` (windows x {len(manifest.labels)} labels); {several}. The score of an input is the mean
  over its windows.
- `labels.json`: the labels in the order of the scores.
- `preparation.json`: {what.format(**preparation)} to `windows`.
- `genrekit_model.py` ({needs}) and `genrekit_model.js` (no dependencies) do it:

      {command}

  ```js
  import * as ort from "onnxruntime-web";
  import {{ predict{", " + helper if helper else ""} }} from "./genrekit_model.js";
  const load = async (name) => (await fetch(name)).json();
  const [preparation, labels] = await Promise.all([load("preparation.json"), load("labels.json")]);
  const session = await ort.InferenceSession.create("model.onnx");{given}
  console.log(await predict(ort, session, given, preparation, labels));
  ```

{absent.format(backend=manifest.backend)}
"""
