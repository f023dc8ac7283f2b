"""One small file of every kind whose tags are written, with a cover, a title and other things to lose."""

from __future__ import annotations

import base64
from pathlib import Path

import mutagen
import numpy as np
import soundfile as sf
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, CHAP, COMM, ID3, TIT2, TPE1, TXXX, TYER, UFID
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from genrekit.media.audio import load

COVER = bytes(range(256)) * 20
KINDS = (
    "bare.mp3", "v23.mp3", "v24.mp3", "v1.mp3", "v23_v1.mp3", "ape.mp3", "bare.wav", "tagged.wav", "bare.aiff",
    "tagged.aiff", "bare.flac", "tagged.flac", "tagged.ogg", "tagged.opus", "tagged.m4a", "bare.m4a", "tagged.wv",
    "bare.wv",
)  # fmt: skip
_SF_FORMATS = {"mp3": "MP3", "wav": "WAV", "aiff": "AIFF", "flac": "FLAC", "ogg": "OGG", "opus": "OGG"}


def make(folder: Path, kind: str) -> Path:
    """Write a file of a kind of `KINDS`, without a genre."""
    path = folder / kind
    suffix = path.suffix[1:]
    rng = np.random.default_rng(7)
    y = (0.3 * rng.standard_normal((24000, 2))).clip(-1, 1)
    if suffix in ("m4a", "wv"):
        _encode(path, y)
    else:
        subtype = "OPUS" if suffix == "opus" else None
        sf.write(path, y, 24000, format=_SF_FORMATS[suffix], subtype=subtype)
    if not kind.startswith("bare"):
        _TAGGERS.get(kind, _TAGGERS.get(suffix, _id3))(path)
    return path


def _encode(path: Path, y: np.ndarray) -> None:
    import av

    codec, container = ("aac", "ipod") if path.suffix == ".m4a" else ("wavpack", "wv")
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=24000)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, dtype=np.float32), "fltp", "stereo")
        frame.sample_rate = 24000
        resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=24000, frame_size=1024)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))


def frames() -> list[object]:
    return [
        TIT2(encoding=1, text=["Título"]),
        TPE1(encoding=1, text=["One", "Two"]),
        COMM(encoding=0, lang="eng", desc="d", text=["x"]),
        TXXX(encoding=1, desc="MOOD", text=["calm"]),
        UFID(owner="me", data=b"\x00\xff"),
        APIC(encoding=0, mime="image/png", type=3, desc="c", data=COVER),
        CHAP(element_id="a", start_time=0, end_time=9, sub_frames=[TIT2(encoding=1, text=["part"])]),
    ]


def _id3(path: Path) -> None:
    tags = ID3()
    for frame in frames():
        tags.add(frame)
    v1 = 2 if path.stem == "v23_v1" else 0
    if path.stem.startswith("v23"):
        tags.add(TYER(encoding=0, text=["1999"]))
        tags.save(path, v2_version=3, v23_sep=None, v1=v1)
    else:
        tags.save(path, v2_version=4, v1=v1)


def _chunk(kind):
    def add(path: Path) -> None:
        sound = kind(path)
        sound.add_tags()
        for frame in frames():
            sound.tags.add(frame)
        sound.tags.save(path, v2_version=3, v23_sep=None)

    return add


def _v1(path: Path) -> None:
    tag = b"TAG" + b"Title".ljust(30, b"\0") + b"Artist".ljust(30, b"\0") + bytes(30) + b"1999" + bytes(30)
    path.write_bytes(path.read_bytes() + tag + b"\xff")


def _ape(path: Path) -> None:
    tags = APEv2() if path.suffix == ".mp3" else WavPack(path)
    if path.suffix != ".mp3" and tags.tags is None:
        tags.add_tags()
    tags["Title"] = ["Título", "b"]
    tags["Cover Art (Front)"] = COVER
    tags.save(path)
    if path.suffix == ".mp3":
        _v1(path)


def _comments(sound) -> None:
    sound["title"] = ["Título"]
    sound["ARTIST"] = ["One", "Two"]
    sound["replaygain_track_gain"] = ["-1 dB"]


def _flac(path: Path) -> None:
    sound = FLAC(path)
    _comments(sound)
    sound.add_picture(_picture())
    sound.save()


def _picture() -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", COVER
    return picture


def _ogg(kind):
    def add(path: Path) -> None:
        sound = kind(path)
        _comments(sound)
        sound["metadata_block_picture"] = [base64.b64encode(_picture().write()).decode()]
        sound.save()

    return add


def _mp4(path: Path) -> None:
    sound = MP4(path)
    sound["\xa9nam"] = ["Título"]
    sound["trkn"] = [(1, 2)]
    sound["covr"] = [MP4Cover(COVER, imageformat=MP4Cover.FORMAT_PNG)]
    sound["----:com.apple.iTunes:MOOD"] = [MP4FreeForm(b"calm")]
    sound.save()


_TAGGERS = {
    "v1.mp3": _v1, "ape.mp3": _ape, "wav": _chunk(WAVE), "aiff": _chunk(AIFF), "flac": _flac,
    "ogg": _ogg(OggVorbis), "opus": _ogg(OggOpus), "m4a": _mp4, "wv": _ape,
}  # fmt: skip


def samples(path):
    if path.suffix == ".wv":
        import av

        with av.open(str(path)) as file:
            return np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)
    return load(path, sr=24000) if path.suffix == ".m4a" else sf.read(path)[0]


def untranslated(path):
    """The ID3 frames of a file as they are in it."""
    return type(mutagen.File(path))(path, translate=False).tags or {}
