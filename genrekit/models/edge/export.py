"""Writing a model for devices: the graph, the labels, the preparation as data, and its references."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.backends import make_config, registry
from genrekit.errors import OutputExistsError, UsageError
from genrekit.models.bundle import Bundle

REFERENCES = {"genrekit_model.js": "reference.js", "genrekit_model.py": "reference.py"}
NAMES = ("model.onnx", "labels.json", "preparation.json", "README.md", *REFERENCES)
_OF_MEL = "n_fft hop_length n_mels fmin pad_mode".split()


def export(bundle: Bundle, folder: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write a model as files that need nothing of genrekit.

    Parameters
    ----------
    bundle : Bundle
        A model of songs whose input is a spectrogram: one of the backends ``encoder`` and ``spectrogram``.
    folder : Path
        Made where it does not exist.
    overwrite : bool

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
        raise OutputExistsError(f"{folder} is a file.", "Give a folder: --to DIR")
    if not overwrite and (there := [name for name in NAMES if (folder / name).exists()]):
        raise OutputExistsError(
            f"{folder / there[0]} exists already.", "Choose another folder, or add --overwrite."
        )
    contents = {
        "model.onnx": bundle.onnx,
        "labels.json": _json(list(manifest.labels)),
        "preparation.json": _json(preparation),
        "README.md": _read_me(bundle, preparation).encode(),
        **{
            name: files("genrekit.models.edge").joinpath(source).read_bytes()
            for name, source in REFERENCES.items()
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
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
    if manifest.members or manifest.backend not in ("encoder", "spectrogram"):
        raise UsageError(
            f"The model {manifest.name!r} ({manifest.backend}) cannot be exported.",
            "Models of the backends encoder and spectrogram can.",
        )
    config: Any = make_config(registry.get(manifest.backend), manifest.config)
    found = _patches(config) if manifest.backend == "encoder" else _spectrograms(config)
    if found["n_fft"] & (found["n_fft"] - 1):
        raise UsageError(
            f"The model {manifest.name!r} has frames of {found['n_fft']} samples, which is not a power of two.",
            "The references take powers of two.",
        )
    return found


def _patches(config: Any) -> dict[str, Any]:
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


def _spectrograms(config: Any) -> dict[str, Any]:
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


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _read_me(bundle: Bundle, preparation: dict[str, Any]) -> str:
    manifest = bundle.manifest
    several = "each label has its own score" if manifest.multilabel else "scores sum to 1"
    return f"""# {manifest.name}

Written by genrekit {__version__} from the model with the SHA-256 {bundle.sha256}. Licence of the model: {manifest.licence or "not stated"}

- `model.onnx`: input `windows` (float32), output `scores` (windows x {len(manifest.labels)} labels); {several}. The score of a song is the mean
  over its windows.
- `labels.json`: the labels in the order of the scores.
- `preparation.json`: from mono samples at {preparation["sr"]} Hz to `windows`.
- `genrekit_model.py` (NumPy, onnxruntime) and `genrekit_model.js` (no dependencies) do it:

      python genrekit_model.py song.wav

  ```js
  import * as ort from "onnxruntime-web";
  import {{ predict, samples }} from "./genrekit_model.js";
  const load = async (name) => (await fetch(name)).json();
  const [preparation, labels] = await Promise.all([load("preparation.json"), load("labels.json")]);
  const session = await ort.InferenceSession.create("model.onnx");
  const audio = await new AudioContext().decodeAudioData(await file.arrayBuffer());
  console.log(await predict(ort, session, await samples(audio, preparation.sr), preparation, labels));
  ```

Not in them: recognising unfamiliar sound, and files whose channels cancel out.
"""
