"""Genres from samples, pixels or a row of features: the preparation of an exported model, with NumPy and onnxruntime.

    python genrekit_model.py FILE

A model of songs takes a WAV file of integers at the rate in preparation.json; one of pictures, a picture that Pillow
reads; one of tables, a JSON file with an object of numbers. This file needs nothing of genrekit.
"""

import json
import sys
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

SILENT_BELOW = 2.0**-15  # one step of a 16-bit sample


def is_silent(y: np.ndarray) -> bool:
    """Return whether samples vary by less than one 16-bit step around a constant."""
    return not len(y) or not float(y.max()) - float(y.min()) > 2 * SILENT_BELOW


def spread(last: int, count: int) -> list[int]:
    """Return indices that are evenly spread from 0 to ``last``."""
    return [int(i) for i in np.linspace(0, last, count).round()]


def mel_filters(p: dict[str, Any]) -> np.ndarray:
    """Return triangular filters [shape=(n_fft // 2 + 1, n_mels)]."""

    def to_mel(hz: float) -> float:
        if p["mel_scale"] == "htk":
            return float(2595 * np.log10(1 + hz / 700))
        return float(hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4))

    def to_hz(mel: np.ndarray) -> np.ndarray:
        if p["mel_scale"] == "htk":
            return np.asarray(700 * (10 ** (mel / 2595) - 1))
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hz(np.linspace(to_mel(p["fmin"]), to_mel(p["fmax"]), p["n_mels"] + 2))
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    hz = np.fft.rfftfreq(p["n_fft"], 1 / p["sr"])[:, None]
    filters = np.maximum(np.minimum((hz - left) / (centre - left), (right - hz) / (right - centre)), 0)
    return np.asarray(filters * (2 / (right - left)) if p["equal_area"] else filters)


def mel(y: np.ndarray, p: dict[str, Any], hop: int) -> np.ndarray:
    """Return mel energies [shape=(n_frames, n_mels)] of centred frames."""
    half, n = p["n_fft"] // 2, p["win_length"]
    window = np.zeros(p["n_fft"])
    before = (p["n_fft"] - n) // 2
    window[before : before + n] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    padded = np.pad(y.astype(np.float64), half, mode=p["pad_mode"])
    frames = np.lib.stride_tricks.sliding_window_view(padded, p["n_fft"])[::hop]
    energy = np.abs(np.fft.rfft(frames * window)) ** p["power"]
    return np.asarray(energy @ mel_filters(p))


def patches(y: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """Return windows of an encoder [shape=(n, n_patches, patch, n_mels)]: patches of absolute levels."""
    sr = p["sr"]
    count = max(1, round(len(y) / (p["window_s"] * sr)))
    ends = [round(i * len(y) / count) for i in range(count + 1)]
    found = [(a, b) for a, b in pairwise(ends) if not is_silent(y[a:b])]
    if not found:
        raise ValueError("The song is silent.")
    if len(found) > p["max_windows"]:
        found = [found[i] for i in spread(len(found) - 1, p["max_windows"])]
    patch_s = p["patch"] * p["hop_length"] / sr
    n_patches = max(1, min(p["patches"], int((found[0][1] - found[0][0]) / sr / patch_s)))
    return np.stack([patches_of(y[a:b] * gain(y, a, b, p), p, n_patches) for a, b in found])


def gain(y: np.ndarray, start: int, stop: int, p: dict[str, Any]) -> np.float32:
    """Return the gain that brings the sound around a window to the level of the encoder."""
    if p["level_dbfs"] is None:
        return np.float32(1)
    half = round(p["reference_s"] * p["sr"] / 2)
    middle = (start + stop) // 2
    around = y[max(0, min(start, middle - half)) : max(stop, middle + half)].astype(np.float64)
    return np.float32(min(1e6, 10 ** (p["level_dbfs"] / 20) / np.sqrt(np.mean(around**2))))


def patches_of(y: np.ndarray, p: dict[str, Any], count: int) -> np.ndarray:
    """Return patches that are evenly spread over what sounds of a window."""
    hop, patch = p["hop_length"], p["patch"]
    if len(y) < patch * hop:
        y = np.resize(y, patch * hop)
    levels = p["gain"] * mel(y, p, hop) + p["offset"]
    logarithms: dict[str, Any] = {
        "log10": np.log10,
        "ln": np.log,
        "db": lambda x: 10 * np.log10(x),
        "none": lambda x: x,
    }
    long = logarithms[p["log"]](levels)
    starts = spread(len(long) - patch, max(count, 4 * len(long) // patch))
    heard = [s for s in starts if not is_silent(y[s * hop : (s + patch) * hop])] or starts
    return np.stack([long[heard[i] : heard[i] + patch] for i in spread(len(heard) - 1, count)])


def spectrograms(y: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """Return windows of a spectrogram model [shape=(n, n_mels, n_frames)]: dB below the loudest value of a block."""
    sr, hop, found = p["sr"], p["hop_length"], []
    for start, stop in blocks(len(y), p):
        part = y[start:stop]
        if len(part) < 2 or is_silent(part):
            continue
        power = mel(part, p, hop)
        loudest = (power if hop <= p["n_fft"] // 4 else mel(part, p, p["n_fft"] // 4)).max()
        db = 10 * np.log10(np.maximum(power, 1e-10)) - 10 * np.log10(max(loudest, 1e-10))
        levels = np.clip(db, -p["top_db"], 0).T
        for a, b in spans(levels.shape[1], p["n_frames"], p["overlap"]):
            window = levels[:, a:b]
            begin = start / sr + a * hop / sr
            end = start / sr + min(b * hop / sr, len(part) / sr)
            if window.min() < window.max() and not is_silent(y[round(begin * sr) : round(end * sr)]):
                repeats = -(-p["n_frames"] // window.shape[1])
                found.append(np.tile(window, (1, repeats))[:, : p["n_frames"]])
    if not found:
        raise ValueError("The song is silent.")
    if len(found) > p["max_windows"]:
        found = [found[i] for i in spread(len(found) - 1, p["max_windows"])]
    return np.stack(found)


def blocks(n: int, p: dict[str, Any]) -> list[tuple[int, int]]:
    """Return pieces with one reference level each."""
    size = max(1, round(max(p["reference_s"], p["window_s"]) * p["sr"]))
    starts = list(range(0, max(n, 1), size))
    if len(starts) > 1 and n - starts[-1] < p["window_s"] * p["sr"] / 2:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True))


def spans(n: int, size: int, overlap: float) -> list[tuple[int, int]]:
    """Return the positions of windows; a long enough remainder is a shorter window."""
    if n < size:
        return [(0, n)]
    step = max(1, round(size * (1 - overlap)))
    cuts = [(start, start + size) for start in range(0, n - size + 1, step)]
    start, stop = cuts[-1]
    if n - stop >= step / 2:
        cuts.append((start + step, n))
    elif n - stop < size / 20:
        cuts[-1] = (start, n)
    return cuts


def pictures(pixels: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """Return squares of a picture [shape=(n, 3, crop, crop)], 0 to 255, from its pixels [shape=(height, width, 4)]."""
    from PIL import Image

    sides = pixels.shape[1], pixels.shape[0]
    short = min(sides)
    kept = [min(side, p["max_aspect"] * short) for side in sides]
    start = [(side - part) / 2 for side, part in zip(sides, kept, strict=True)]
    box = (start[0], start[1], start[0] + kept[0], start[1] + kept[1])
    most = p["max_aspect"] * p["size"]
    wide, high = (max(p["size"], min(most, round(p["size"] * part / short))) for part in kept)
    whole = Image.fromarray(pixels).convert("RGBa")
    if (wide, high) != sides:
        whole = whole.resize((wide, high), Image.Resampling.BICUBIC, box, p["reducing_gap"])
    layers = np.asarray(whole).astype(np.uint16)
    on_white = np.minimum(layers[..., :3] + (255 - layers[..., 3:]), 255).astype(np.uint8)
    crop, squares = p["crop"], []
    for down, right in p["places"]:
        top, left = round((high - crop) * down), round((wide - crop) * right)
        squares.append(on_white[top : top + crop, left : left + crop])
    if p["mirrored"]:
        squares += [square[:, ::-1] for square in squares]
    return np.asarray(np.stack(squares).transpose(0, 3, 1, 2), np.float32)


def rows(row: dict[str, float], p: dict[str, Any]) -> np.ndarray:
    """Return a row of features as the graph takes it [shape=(1, n), dtype=float32]."""
    missing = [name for name in p["columns"] if not np.isfinite(row.get(name, np.nan))]
    if missing if p["required"] else len(missing) == len(p["columns"]):
        raise ValueError(f"The row has no number in {', '.join(missing)}.")
    derived: dict[str, Any] = {
        "fraction": lambda x: x - np.floor(x),
        "over_level": lambda x, db: x / 10 ** (db / 20),
    }
    values = [float(row.get(name, np.nan)) for name in p["columns"]]
    more = [derived[one["as"]](*(row.get(name, np.nan) for name in one["of"])) for one in p["derived"]]
    return np.asarray([values + more], np.float32)


def prepare(given: Any, preparation: dict[str, Any]) -> np.ndarray:
    """Return the input of the graph: for mono samples at ``preparation["sr"]``, RGBA pixels, or a row of numbers."""
    kind = preparation["kind"]
    if kind == "rows":
        return rows(given, preparation)
    if kind == "pictures":
        return pictures(given, preparation)
    make = {"patches": patches, "spectrograms": spectrograms}[kind]
    return np.asarray(make(given.astype(np.float32), preparation), np.float32)


def read(path: str, preparation: dict[str, Any]) -> Any:
    """Return what `prepare` takes of a file."""
    if preparation["kind"] == "rows":
        return json.loads(Path(path).read_text(encoding="utf-8"))
    if preparation["kind"] == "pictures":
        from PIL import Image, ImageOps

        return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGBA"))
    return read_wav(path, preparation["sr"])


def read_wav(path: str, sr: int) -> np.ndarray:
    """Return the mono samples of a WAV file of integers."""
    with wave.open(path, "rb") as file:
        if file.getframerate() != sr:
            raise ValueError(f"{path} has {file.getframerate()} samples per second; {sr} are needed.")
        width, channels = file.getsampwidth(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width)
    if width == 1:
        values = raw[:, 0].astype(np.float64) / 128 - 1
    else:
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 4 - width :] = raw
        values = wide.view("<i4")[:, 0] / 2.0**31
    return np.asarray(values.reshape(-1, channels).mean(axis=1), np.float32)


def predict(folder: Path, path: str, graph: str = "model.onnx") -> list[tuple[str, float]]:
    """Return the labels of a file with their scores, the best first."""
    import onnxruntime

    preparation = json.loads((folder / "preparation.json").read_text(encoding="utf-8"))
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(str(folder / graph), providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], {"windows": prepare(read(path, preparation), preparation)})
    return sorted(zip(labels, scores.mean(axis=0).tolist(), strict=True), key=lambda pair: -pair[1])


if __name__ == "__main__":
    for label, score in predict(Path(__file__).parent, *sys.argv[1:]):
        print(f"{score:.6f} {label}")
