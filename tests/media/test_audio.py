"""Decoding: equal to librosa.load on good files, a MediaError with words on bad ones, quiet on stderr."""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
import soxr

from genrekit.errors import MediaError, UsageError
from genrekit.media import audio

Samples = npt.NDArray[np.float32]
SR = 44100


@pytest.fixture(scope="module")
def stereo() -> Samples:
    """Four seconds at 44.1 kHz [shape=(n, 2)]."""
    rng = np.random.default_rng(0)
    t = np.arange(4 * SR) / SR
    left = 0.4 * np.sin(2 * np.pi * 330 * t) * (1 + np.sin(2 * np.pi * 2 * t)) / 2
    y = np.stack([left, 0.3 * np.sin(2 * np.pi * 550 * t)], axis=1) + 0.01 * rng.standard_normal((len(t), 2))
    return y.astype(np.float32)


@pytest.fixture
def wav(tmp_path: Path, stereo: Samples) -> Path:
    path = tmp_path / "song.wav"
    sf.write(path, stereo, SR)
    return path


@pytest.fixture
def mp3(tmp_path: Path, stereo: Samples) -> Path:
    path = tmp_path / "song.mp3"
    sf.write(path, stereo, SR)
    return path


def librosa_load(path: Path, sr: int = 22050, **part: float) -> Samples:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # librosa imports audioread, which imports aifc
        return librosa.load(path, sr=sr, **part)[0]


def encode(path: Path, y: Samples, sr: int, *, codec: str, container: str) -> Path:
    """Write ``y`` [shape=(n, 2)] with FFmpeg."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=sr)
        stream.layout = "stereo"
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T), format="fltp", layout="stereo")
        frame.sample_rate = sr
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return path


CONTAINERS = [
    ("aac", "mp4", 44100),
    ("aac", "adts", 44100),
    ("aac", "matroska", 44100),
    ("wmav2", "asf", 44100),
    ("libopus", "webm", 48000),
]


class TestLoad:
    @pytest.mark.parametrize(
        ("suffix", "subtype"),
        [
            *[("wav", subtype) for subtype in ("PCM_16", "PCM_24", "PCM_U8", "FLOAT", "DOUBLE")],
            *[(suffix, None) for suffix in ("flac", "ogg", "mp3", "au", "aiff")],
        ],
    )
    @pytest.mark.parametrize(
        "part", [{}, {"offset": 0.7, "duration": 1.3}, {"offset": 3.5}, {"duration": 9.0}]
    )
    def test_equals_librosa(self, tmp_path: Path, stereo: Samples, suffix: str, subtype, part) -> None:
        path = tmp_path / f"song.{suffix}"
        sf.write(path, stereo, SR, subtype=subtype)
        expected = librosa_load(path, **part)
        actual = audio.load(path, **{f"{name}_s": value for name, value in part.items()})
        assert actual.dtype == np.float32
        np.testing.assert_array_equal(actual, expected)

    @pytest.mark.parametrize("sr", [8000, 11025, 22050, 32000, 48000, 96000])
    @pytest.mark.parametrize("channels", [1, 2, 6, 9])
    def test_any_rate_and_channel_count_equals_librosa(self, tmp_path: Path, sr: int, channels: int) -> None:
        y = np.random.default_rng(sr).uniform(-0.5, 0.5, (sr * 2 + 7, channels))
        path = tmp_path / "song.wav"
        sf.write(path, y, sr)
        np.testing.assert_array_equal(audio.load(path), librosa_load(path))

    def test_other_target_rates_equal_librosa(self, wav: Path) -> None:
        np.testing.assert_array_equal(audio.load(wav, sr=16000), librosa_load(wav, sr=16000))
        np.testing.assert_array_equal(audio.load(wav, sr=SR), librosa_load(wav, sr=SR))

    def test_opus_in_ogg_needs_no_ffmpeg(self, tmp_path: Path, stereo: Samples, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "av", None)
        path = tmp_path / "song.opus"
        sf.write(path, soxr.resample(stereo, SR, 48000), 48000, format="OGG", subtype="OPUS")
        assert len(audio.load(path)) == 4 * 22050

    @pytest.mark.parametrize(("codec", "container", "sr"), CONTAINERS)
    def test_ffmpegs_formats(
        self, tmp_path: Path, stereo: Samples, codec: str, container: str, sr: int
    ) -> None:
        path = encode(tmp_path / "song", soxr.resample(stereo, SR, sr), sr, codec=codec, container=container)
        y = audio.load(path)
        assert len(y) / 22050 == pytest.approx(4, abs=0.1)
        expected = soxr.resample(stereo.mean(axis=1), SR, 22050, quality="HQ")
        # encoders delay by up to two frames of 2048 samples and flip no signs
        lag = np.argmax(np.correlate(y[:24500], expected[2000:22000]))
        assert np.corrcoef(y[lag : lag + 20000], expected[2000:22000])[0, 1] > 0.95

    @pytest.mark.parametrize(("codec", "container", "sr"), CONTAINERS)
    def test_a_part_of_ffmpegs_formats(
        self, tmp_path: Path, stereo: Samples, codec: str, container: str, sr: int
    ) -> None:
        path = encode(tmp_path / "song", soxr.resample(stereo, SR, sr), sr, codec=codec, container=container)
        whole, part = audio.load(path), audio.load(path, offset_s=1.0, duration_s=1.5)
        assert len(part) == round(1.5 * 22050)
        inner = slice(500, -500)  # resampling sees the ends of the part
        np.testing.assert_allclose(part[inner], whole[22050:][: len(part)][inner], atol=1e-4)

    @pytest.mark.parametrize("name", ["song.txt", "song.jpg", "song.raw", "song", "song.mp3"])
    def test_the_name_does_not_matter(self, wav: Path, name: str) -> None:
        expected = audio.load(wav)
        np.testing.assert_array_equal(audio.load(wav.rename(wav.with_name(name))), expected)

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
    def test_names_that_are_not_utf8(self, wav: Path) -> None:
        name = os.fsencode(wav.parent) + b"/caf\xe9 \xff.wav"
        os.rename(wav, name)  # noqa: PTH104 - pathlib has no bytes
        expected = len(audio.load(name))
        assert expected == 4 * 22050
        assert len(audio.load(os.fsdecode(name))) == len(audio.load(Path(os.fsdecode(name)))) == expected

    def test_nothing_beyond_the_limit_is_decoded(self, wav: Path) -> None:
        assert len(audio.load(wav, max_duration_s=1.5)) == round(1.5 * 22050)
        assert len(audio.load(wav, duration_s=3, max_duration_s=1.5)) == round(1.5 * 22050)
        assert len(audio.load(wav, duration_s=1, max_duration_s=1.5)) == 22050

    def test_a_truncated_wav_gives_what_is_there(self, wav: Path) -> None:
        wav.write_bytes(wav.read_bytes()[: 44 + 2 * 2 * SR])
        assert len(audio.load(wav)) == 22050

    def test_a_truncated_mp3_gives_what_is_there(self, mp3: Path, capfd) -> None:
        mp3.write_bytes(mp3.read_bytes()[: mp3.stat().st_size // 2])
        assert 1.5 < len(audio.load(mp3)) / 22050 < 2.5
        assert capfd.readouterr().err == ""

    def test_a_truncated_aac_gives_what_is_there(self, tmp_path: Path, stereo: Samples) -> None:
        path = encode(tmp_path / "song.aac", stereo, SR, codec="aac", container="adts")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert 1.5 < len(audio.load(path)) / 22050 < 2.5

    @pytest.mark.parametrize("seed", range(5))
    def test_a_flawed_mp3_prints_nothing(self, mp3: Path, seed: int, capfd) -> None:
        rng = np.random.default_rng(seed)
        data = bytearray(mp3.read_bytes())
        for i in rng.integers(2000, len(data), 40):
            data[i] = rng.integers(256)
        mp3.write_bytes(data)
        try:
            assert len(audio.load(mp3)) > 0
        except MediaError as error:
            assert "damaged" in error.message  # noqa: PT017 - either outcome is right, silence is the point
        os.write(2, b"still here")
        assert capfd.readouterr().err == "still here"

    def test_threads_share_the_silence_and_get_stderr_back(self, mp3: Path, capfd) -> None:
        mp3.write_bytes(mp3.read_bytes()[: mp3.stat().st_size // 2])
        with ThreadPoolExecutor(4) as pool:
            lengths = set(pool.map(lambda _: len(audio.load(mp3)), range(24)))
        assert len(lengths) == 1
        os.write(2, b"still here")
        assert capfd.readouterr().err == "still here"


class TestBadFiles:
    def refused(self, path: Path, words: str, **options: float) -> MediaError:
        with pytest.raises(MediaError, match=words) as caught:
            audio.load(path, **options)
        return caught.value

    @pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.m4a"])
    def test_empty(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).touch()
        self.refused(tmp_path / name, r"empty \(0 bytes\)")

    def test_missing(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "none.wav", "no such file")
        self.refused(tmp_path / "null\0byte.wav", "cannot be opened")

    def test_directory(self, tmp_path: Path) -> None:
        (tmp_path / "x.wav").mkdir()
        self.refused(tmp_path / "x.wav", "is a directory")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
    def test_named_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "x.wav")
        self.refused(tmp_path / "x.wav", "not a regular file")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_unreadable(self, wav: Path) -> None:
        wav.chmod(0)
        self.refused(wav, "no permission")

    @pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.m4a", "x.raw"])
    @pytest.mark.parametrize(
        "content",
        [b"just a text\n" * 1000, bytes(5000), b"\x01", b"x" + np.random.default_rng(1).bytes(50_000)],
    )
    def test_no_sound(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        error = self.refused(tmp_path / name, "not a known sound format; known formats are wav, flac")
        assert "beginning is damaged" in error.hint

    def test_samples_without_a_header(self, wav: Path) -> None:
        wav.write_bytes(wav.read_bytes()[44:])
        self.refused(wav, "not a known sound format")

    def test_a_playlist_is_not_followed(self, wav: Path) -> None:
        playlist = wav.with_suffix(".m3u8")
        playlist.write_text(f"#EXTM3U\n#EXTINF:4,\n{wav.name}\n")
        self.refused(playlist, "not a known sound format")
        playlist.write_text(f"ffconcat version 1.0\nfile {wav.name}\n")
        self.refused(playlist, "not a known sound format")

    def test_no_samples(self, tmp_path: Path) -> None:
        sf.write(tmp_path / "x.wav", np.zeros((0, 2)), SR)
        self.refused(tmp_path / "x.wav", "no samples")
        self.refused(tmp_path / "x.wav", "no samples", offset_s=1)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
    def test_samples_that_are_not_finite(self, tmp_path: Path, stereo: Samples, value: float) -> None:
        y = stereo.copy()
        y[5000:5100] = value
        sf.write(tmp_path / "x.wav", y, SR, subtype="FLOAT")
        self.refused(tmp_path / "x.wav", "not finite")

    def test_offset_past_the_end(self, wav: Path, mp3: Path) -> None:
        self.refused(wav, r"offset of 40 s is past the end of the file, which is 4\.000 s long", offset_s=40)
        self.refused(mp3, "past the end", offset_s=4.5)
        self.refused(wav, "past the end", offset_s=1e300)

    def test_offset_past_the_end_of_ffmpegs_formats(self, tmp_path: Path, stereo: Samples) -> None:
        path = encode(tmp_path / "x.m4a", stereo, SR, codec="aac", container="mp4")
        self.refused(path, "past the end", offset_s=40)

    @pytest.mark.parametrize("options", [{"offset_s": -1}, {"offset_s": np.nan}, {"duration_s": 0}])
    def test_times_out_of_range(self, wav: Path, options: dict[str, float]) -> None:
        with pytest.raises(UsageError, match="must be"):
            audio.load(wav, **options)

    @pytest.mark.parametrize("size", [30, 200, 500])
    def test_an_mp3_without_a_whole_frame(self, mp3: Path, size: int, capfd) -> None:
        mp3.write_bytes(mp3.read_bytes()[:size])
        self.refused(mp3, "damaged or cut off|not a known sound format")
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize(("codec", "container", "sr"), CONTAINERS)
    @pytest.mark.parametrize("size", [20, 100])
    def test_beginnings_of_ffmpegs_formats(
        self, tmp_path: Path, stereo: Samples, codec: str, container: str, sr: int, size: int, capfd
    ) -> None:
        path = encode(tmp_path / "song", stereo, sr, codec=codec, container=container)
        path.write_bytes(path.read_bytes()[:size])
        self.refused(path, "damaged")
        path.write_bytes(path.read_bytes()[:16] + np.random.default_rng(0).bytes(50_000))
        self.refused(path, "damaged")
        assert capfd.readouterr().err == ""

    def test_a_film_without_sound(self, tmp_path: Path) -> None:
        av = pytest.importorskip("av")
        path = tmp_path / "x.mp4"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("mpeg4", rate=25)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                output.mux(packet)
        self.refused(path, "no sound in it")

    @pytest.mark.parametrize(
        ("at", "value", "words"),
        [
            (22, (200).to_bytes(2, "little"), "200 channels; 1 to 64"),
            (24, (7).to_bytes(4, "little"), "sampling rate of 7 Hz; 1000 to 768000"),
            (24, (2_000_000_000).to_bytes(4, "little"), "sampling rate of 2000000000 Hz"),
        ],
    )
    def test_absurd_headers(self, wav: Path, at: int, value: bytes, words: str) -> None:
        data = bytearray(wav.read_bytes())
        data[at : at + len(value)] = value
        wav.write_bytes(data)
        self.refused(wav, words)


class TestInfo:
    @pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
    def test_libsndfiles_formats(self, tmp_path: Path, stereo: Samples, suffix: str) -> None:
        sf.write(tmp_path / f"x.{suffix}", stereo, SR)
        assert audio.info(tmp_path / f"x.{suffix}") == audio.AudioInfo(4.0, SR, 2)

    def test_ffmpegs_formats(self, tmp_path: Path, stereo: Samples) -> None:
        info = audio.info(encode(tmp_path / "x", stereo, SR, codec="aac", container="mp4"))
        assert (info.sr, info.channels) == (SR, 2)
        assert info.duration_s == pytest.approx(4, abs=0.1)

    def test_bad_files(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="no such file"):
            audio.info(tmp_path / "none.wav")


class TestWindows:
    def edges(self, n: int, window_s: float, sr: int = 100) -> list[tuple[float, float]]:
        y = np.arange(n, dtype=np.float32)
        parts = audio.windows(y, sr, window_s)
        for start_s, end_s, part in parts:
            np.testing.assert_array_equal(part, y[round(start_s * sr) : round(end_s * sr)])
        return [(start_s, end_s) for start_s, end_s, _ in parts]

    @pytest.mark.parametrize(
        ("n", "expected"),
        [
            (1, [(0, 0.01)]),
            (299, [(0, 2.99)]),
            (300, [(0, 3)]),
            (314, [(0, 3.14)]),
            (315, [(0, 3)]),
            (449, [(0, 3)]),
            (450, [(0, 3), (3, 4.5)]),
            (599, [(0, 3), (3, 5.99)]),
            (600, [(0, 3), (3, 6)]),
            (610, [(0, 3), (3, 6.1)]),
            (1050, [(0, 3), (3, 6), (6, 9), (9, 10.5)]),
        ],
    )
    def test_edges(self, n: int, expected: list[tuple[float, float]]) -> None:
        assert self.edges(n, 3.0) == expected

    @pytest.mark.parametrize("n", [660_000, 661_794, 675_808])
    def test_a_gtzan_clip_is_one_window_of_30_s(self, n: int) -> None:
        ((start_s, end_s, y),) = audio.windows(np.zeros(n, np.float32), 22050, 30.0)
        assert (start_s, end_s, len(y)) == (0, n / 22050, n)


def test_a_codec_that_nobody_knows(wav: Path) -> None:
    pytest.importorskip("av")
    data = bytearray(wav.read_bytes())
    data[20:22] = b"\x16\xd3"  # the tag of the codec
    wav.write_bytes(data)
    with pytest.raises(MediaError, match="nothing in it can be decoded"):
        audio.load(wav)


def test_a_midi_sample_dump_is_refused_before_libsndfile_prints_about_it(
    tmp_path: Path, stereo: Samples, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "song.wav"
    sf.write(path, stereo[:, 0], SR, format="SDS")
    path.write_bytes(path.read_bytes()[:-500] + bytes(500))
    with pytest.raises(MediaError, match="MIDI sample dump"):
        audio.load(path)
    assert capfd.readouterr() == ("", "")
