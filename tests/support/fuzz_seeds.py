"""Small valid files of every kind that genrekit reads, made in code: what mutants are made from."""

from __future__ import annotations

import base64
import csv
import importlib.util
import io
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import soundfile as sf

from genrekit.features.schema import GTZAN_COLUMNS
from support.track_tables import tracks

# A grey square of 16 x 16, baseline, as Pillow 13 writes it with quality=10, its tables of Huffman codes included.
_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAFA3PEY8MlBGQUZaVVBfeMiCeG5uePWvuZHI////////////////////////////////"
    "////////////////////wAALCAAQABABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF"
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW"
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi"
    "4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/ACiiiv/Z"
)

SONG = "song.wav"
"""What manifests among the seeds list; it must stand beside them."""


class Seed(NamedTuple):
    """A valid file."""

    suffix: str
    data: bytes


def seeds(models: Mapping[str, Path]) -> dict[str, list[Seed]]:
    """Make valid files of every kind.

    Parameters
    ----------
    models : Mapping of str to Path
        Bundles by name; they are the seeds of the kinds that are about models.

    Returns
    -------
    dict of str to list of Seed
        Kinds of sounds: wav, flac, ogg, mp3, aiff (with au, caf, w64, rf64), and mp4 (with adts, webm, wma)
        where PyAV is installed; pictures: png, jpeg; tables: csv, manifest, json, parquet; models: bundle (the
        bytes of the file), and facts, graph and payload (one member, with hashes made right again).
    """
    bundles = [Seed(".genrekit", path.read_bytes()) for path in models.values()]
    return {
        "wav": _wavs(),
        "flac": [
            sound("FLAC", "PCM_16"),
            sound("FLAC", "PCM_24", channels=2),
            sound("FLAC", "PCM_S8", sr=8000),
        ],
        "ogg": [sound("OGG", "VORBIS"), sound("OGG", "VORBIS", channels=2), sound("OGG", "OPUS", sr=48_000)],
        "mp3": [_ID3, sound("MP3", "MPEG_LAYER_III"), sound("MP3", "MPEG_LAYER_III", sr=44_100, channels=2)],
        "aiff": _other_sounds(),
        **({"mp4": _av_sounds()} if importlib.util.find_spec("av") else {}),
        "png": [_png()],
        "jpeg": [Seed(".jpg", _JPEG)],
        "csv": _tables_of_text(),
        "manifest": _manifests(),
        "json": _jsons(),
        "parquet": _parquets(),
        **{kind: bundles for kind in ("bundle", "facts", "graph", "payload") if bundles},
    }


def samples(sr: int = 22_050, channels: int = 1, seconds: float = 0.6) -> np.ndarray:
    """A chord with a beat and some noise [shape=(n, channels)]."""
    t = np.arange(int(seconds * sr)) / sr
    y = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6)) * (
        0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 4 * t))
    )
    noise = np.random.default_rng(0).normal(0, 0.02, (len(t), channels))
    return 0.2 * y[:, None] * np.linspace(1, 0.7, channels) + noise


def sound(
    form: str, subtype: str, *, sr: int = 22_050, channels: int = 1, suffix: str = "", endian: str = "FILE"
) -> Seed:
    """A sound as libsndfile writes it."""
    out = io.BytesIO()
    sf.write(out, samples(sr, channels), sr, format=form, subtype=subtype, endian=endian)
    return Seed(suffix or f".{form.lower()}", out.getvalue())


def _wavs() -> list[Seed]:
    subtypes = (
        "PCM_16 PCM_24 PCM_U8 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM GSM610 G721_32 NMS_ADPCM_16".split()
    )
    return [
        *(sound("WAV", subtype, sr=8000) for subtype in subtypes),
        sound("WAV", "PCM_16", channels=2),
        sound("WAVEX", "PCM_16", channels=2, suffix=".wav"),
        sound("WAV", "PCM_16", endian="BIG"),
    ]


def _other_sounds() -> list[Seed]:
    return [
        sound("AIFF", "PCM_16"),
        sound("AIFF", "IMA_ADPCM", suffix=".aifc"),
        sound("AU", "PCM_16"),
        sound("AU", "G723_24", sr=8000),
        sound("CAF", "ALAC_16"),
        sound("CAF", "PCM_16"),
        sound("W64", "PCM_16"),
        sound("RF64", "PCM_16", suffix=".wav"),
        sound("VOC", "PCM_16", suffix=".wav"),
        sound("SVX", "PCM_16", suffix=".aiff"),
        sound("NIST", "PCM_16", suffix=".wav"),
        sound("SDS", "PCM_16", suffix=".wav"),
        sound("XI", "DPCM_16", suffix=".wav"),
        sound("MAT5", "FLOAT", suffix=".wav"),
        sound("PAF", "PCM_24", suffix=".au"),
    ]


_ID3 = Seed(
    ".mp3",
    b"ID3\x03\0\0\0\0\0\x15TIT2\0\0\0\x0b\0\0\0a song\0\0\0\0"
    + sound("MP3", "MPEG_LAYER_III", sr=16_000).data,
)


def _av_sounds() -> list[Seed]:
    """Sounds that only FFmpeg reads."""
    import av

    written = []
    for suffix, form, codec, sr in (
        (".m4a", "mp4", "aac", 48_000),
        (".aac", "adts", "aac", 22_050),
        (".webm", "webm", "libopus", 48_000),
        (".wma", "asf", "wmav2", 44_100),
    ):
        out = io.BytesIO()
        with av.open(out, "w", format=form) as container:
            stream = container.add_stream(codec, rate=sr, layout="mono")
            stream.bit_rate = 64_000
            y = np.ascontiguousarray(samples(sr).T, dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(y, format="fltp", layout="mono")
            frame.sample_rate = sr
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
        written.append(Seed(suffix, out.getvalue()))
    return written


def _png() -> Seed:
    """16 x 16 grey pixels: https://www.w3.org/TR/png-3/#5Chunk-layout."""
    chunks = {
        b"IHDR": struct.pack(">2I5B", 16, 16, 8, 0, 0, 0, 0),
        b"tEXt": b"Title\0a cover",
        b"IDAT": zlib.compress(b"".join(b"\0" + bytes(range(k, k + 16)) for k in range(16))),
        b"IEND": b"",
    }
    body = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks.items()
    )
    return Seed(".png", b"\x89PNG\r\n\x1a\n" + body)


def _text(header: list[str], rows: list[list[object]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue().encode()


def _features() -> tuple[list[str], list[list[object]]]:
    """A table as Kaggle's of GTZAN, with made-up numbers."""
    numbers = np.random.default_rng(0).normal(size=(4, len(GTZAN_COLUMNS))).round(5)
    rows = [[f"blues.0000{k}.0.wav", 66_149, *row.tolist(), "blues"] for k, row in enumerate(numbers)]
    return ["filename", "length", *GTZAN_COLUMNS, "label"], rows


def _tables_of_text() -> list[Seed]:
    frame = tracks(6)
    text = frame.to_csv(index=False)
    header, rows = _features()
    return [
        Seed(".csv", text.encode()),
        Seed(".csv", frame.to_csv(index=False, sep=";").encode("utf-16")),
        Seed(".tsv", frame.to_csv(index=True, sep="\t").encode("utf-8-sig")),
        Seed(".csv", _text(header, rows)),
        Seed(".csv", _text(header, rows, ";")),
    ]


def _manifests() -> list[Seed]:
    rows = [
        [SONG, "jazz", "a", "train"],
        [f"./{SONG}", "rock|pop", "b", "test"],
        ["no-such.wav", "jazz", "a", "valid"],
    ]
    return [
        Seed(".csv", _text(["path", "label", "group", "split"], rows)),
        Seed(".tsv", _text(["file", "genre", "artist", "split"], rows, "\t")),
        Seed(
            ".parquet",
            _parquet(pa_csv.read_csv(io.BytesIO(_text(["path", "label", "group", "split"], rows)))),
        ),
    ]


def _jsons() -> list[Seed]:
    records = tracks(5).to_dict("records")
    lines = "".join(json.dumps(record) + "\n" for record in records)
    return [
        Seed(".json", json.dumps(records, indent=1).encode()),
        Seed(".jsonl", lines.encode()),
        Seed(".json", json.dumps(records[0]).encode()),
        Seed(".json", json.dumps({"audio_features": [*records[:3], None]}).encode("utf-16")),
    ]


def _parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def _parquets() -> list[Seed]:
    table = pa.Table.from_pandas(tracks(40), preserve_index=False)
    nested = table.append_column("lists", pa.array([[k, None] for k in range(40)]))
    header, rows = _features()
    features = pa_csv.read_csv(io.BytesIO(_text(header, rows)))
    return [
        Seed(".parquet", _parquet(table)),
        Seed(".parquet", _parquet(nested, compression="zstd", row_group_size=16, version="1.0")),
        Seed(".parquet", _parquet(table, compression="none", use_dictionary=False, data_page_version="2.0")),
        Seed(
            ".parquet", _parquet(features, compression="gzip", column_encoding="PLAIN", use_dictionary=False)
        ),
    ]
