"""Sound files as tests need them: small, generated, and flawed in the ways in which files in use are."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

SR = 22050

Samples = npt.NDArray[np.float32]


def song(seconds: float = 6.0, sr: int = SR, channels: int = 1, seed: int = 0) -> Samples:
    """A melody with some noise [shape=(n, channels)]; every half second sounds different."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sr)) / sr
    pitch_hz = 220 * 2 ** (rng.integers(0, 24, len(t) * 2 // sr + 1) / 12)[(2 * t).astype(int)]
    y = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / sr)
    return (y[:, None] + 0.02 * rng.standard_normal((len(t), channels))).astype(np.float32)


def written(y: Samples, sr: int = SR, format: str = "WAV", subtype: str | None = None) -> bytes:
    """The samples as a file by libsndfile."""
    stream = io.BytesIO()
    sf.write(stream, y, sr, format=format, subtype=subtype)
    return stream.getvalue()


def encoded(
    y: Samples,
    sr: int = SR,
    *,
    codec: str = "libmp3lame",
    container: str = "mp3",
    quality: int | None = None,
    **options: str,
) -> bytes:
    """The samples as a file by FFmpeg, of a constant bit rate unless a quality is given."""
    return _encoded(y.tobytes(), y.shape, sr, codec, container, quality, tuple(options.items()))


@cache
def _encoded(
    samples: bytes,
    shape: tuple[int, int],
    sr: int,
    codec: str,
    container: str,
    quality: int | None,
    options: tuple[tuple[str, str], ...],
) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"  # some muxers go back to the file by its name
        y = np.frombuffer(samples, np.float32).reshape(shape)
        _encode(path, y, sr, codec, container, quality, dict(options))
        return path.read_bytes()


def _encode(
    path: Path, y: Samples, sr: int, codec: str, container: str, quality: int | None, options: dict[str, str]
) -> None:
    layout = "mono" if y.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=container, options=options) as output:
        track = output.add_stream(codec, rate=sr)
        track.layout = layout
        track.bit_rate = 64_000
        if quality is not None:
            track.codec_context.flags |= av.codec.context.Flags.qscale
            track.codec_context.global_quality = quality * 118  # FF_QP2LAMBDA
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T), format="fltp", layout=layout)
        frame.sample_rate = sr
        for packet in [*track.encode(frame), *track.encode(None)]:
            output.mux(packet)


def mp3(
    y: Samples, sr: int = SR, *, quality: int | None = None, xing: bool = False, id3: bool = False
) -> bytes:
    """An mp3; without the header that counts its frames unless ``xing``."""
    return encoded(y, sr, quality=quality, write_xing=str(int(xing)), id3v2_version="3" if id3 else "0")


def vbr_mp3(sr: int = SR) -> bytes:
    """Six seconds of variable bit rate without any count: its first third is quiet, so that a guess is wrong."""
    y = song(6, sr)
    y[: len(y) // 3] *= 0.001
    return mp3(y, sr, quality=4)


def counted(data: bytes, frames: int) -> bytes:
    """The mp3 with another number of frames in its Xing header."""
    at = max(data.find(b"Xing"), data.find(b"Info"))
    assert data[at + 7] & 1
    return data[: at + 8] + frames.to_bytes(4, "big") + data[at + 12 :]


def with_vbri(data: bytes, frames: int) -> bytes:
    """The mp3 with a VBRI header in place of its Xing header."""
    assert data.startswith(b"\xff\xf3")
    header = b"VBRI" + (1).to_bytes(2, "big") + bytes(4) + len(data).to_bytes(4, "big")
    header += frames.to_bytes(4, "big") + bytes(8)
    return data[:4] + bytes(32) + header + data[36 + len(header) :]


def patched(data: bytes, at: int, value: bytes) -> bytes:
    """The bytes with some of them replaced."""
    return data[:at] + value + data[at + len(value) :]


def resampled(y: Samples, sr: int, to: int) -> Samples:
    """The song at another rate."""
    return soxr.resample(y, sr, to).astype(np.float32)
