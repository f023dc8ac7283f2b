"""Tempo, key and loudness of files: generated ones with known answers, and GTZAN's for plausibility."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf

from genrekit.analysis.analyse import MEASURES, Analysis, analyse_song, estimate_bpm
from genrekit.errors import MediaError, UsageError
from genrekit.features.spectral import mel_filters, power_to_db, stft
from genrekit.features.tempo import onset_strength

SR = 22050
Samples = npt.NDArray[np.float32]


def clicks(bpm: float, seconds: float = 20) -> Samples:
    """Short tones on the beat, fading within 30 ms."""
    y = np.zeros(round(seconds * SR) + SR, np.float32)
    t = np.arange(SR // 20) / SR
    click = 0.8 * np.sin(2 * np.pi * 1000 * t) * np.exp(-t / 0.007)
    for start in np.arange(0, seconds, 60 / bpm):
        i = round(start * SR)
        y[i : i + len(click)] += click
    return y[: round(seconds * SR)]


def octave_error(bpm: float, true: float) -> float:
    """Relative deviation from the tempo, its half or its double."""
    return min(abs(bpm / (octave * true) - 1) for octave in (0.5, 1, 2))


def chords(seconds: float = 12) -> Samples:
    """I IV V I in G major, a chord every half second: 120 BPM."""
    y = np.zeros(round(seconds * SR))
    t = np.arange(SR // 2) / SR
    for i in range(int(seconds * 2)):
        root, third, fifth = [(7, 11, 14), (12, 16, 19), (14, 18, 21), (7, 11, 14)][i % 4]
        hz = [440 * 2 ** ((note - 9) / 12) for note in (root, third, fifth)]
        chord = sum(np.sin(2 * np.pi * k * f * t) / k for f in hz for k in (1, 2, 3))
        y[i * SR // 2 :][: len(t)] += 0.1 * chord * np.exp(-6 * t)
    return y.astype(np.float32)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chords, louder on the left than on the right."""
    path = tmp_path_factory.mktemp("songs") / "chords.flac"
    y = chords()
    sf.write(path, np.stack([y, 0.5 * y], axis=1), SR)
    return path


@pytest.mark.parametrize("bpm", [*range(60, 181, 10), 87.5, 128, 174])
def test_tempo_of_clicks(bpm) -> None:
    magnitude = np.abs(stft(clicks(bpm)))
    onsets = onset_strength(power_to_db(magnitude**2 @ mel_filters(SR).T))
    assert octave_error(estimate_bpm(onsets, SR), bpm) < 0.003


@pytest.mark.parametrize(("length", "level"), [(100, 1), (171, 1), (1000, 0), (0, 0)])
def test_no_tempo_in_few_frames_or_without_onsets(length, level) -> None:
    assert estimate_bpm(np.full(length, level, np.float32), SR) is None


def test_everything_at_once(song) -> None:
    found = analyse_song(song)
    assert octave_error(found.bpm, 120) < 0.01
    assert (found.key.tonic, found.key.mode, found.key.camelot) == ("G", "major", "9B")
    assert -30 < found.loudness_lufs < -5
    json.dumps(asdict(found), allow_nan=False)


@pytest.mark.parametrize("wanted", [(), ("bpm",), {"key"}, ["loudness"], ("key", "bpm")])
def test_only_what_is_wanted(song, wanted) -> None:
    every = analyse_song(song)
    fields = {"bpm": "bpm", "key": "key", "loudness": "loudness_lufs"}
    expected = {fields[w]: getattr(every, fields[w]) for w in wanted}
    assert analyse_song(song, wanted) == Analysis(**expected)


def test_loudness_is_of_the_channels_and_not_of_their_mean(tmp_path) -> None:
    y = 0.1 * np.sin(2 * np.pi * 997 * np.arange(2 * 48000) / 48000)
    path = tmp_path / "opposed.wav"
    sf.write(path, np.stack([y, -y], axis=1), 48000, subtype="FLOAT")
    found = analyse_song(path)
    assert found.loudness_lufs == pytest.approx(-20, abs=0.1)
    assert found.key is not None  # of one channel: the mean of both is silent


@pytest.mark.parametrize(("codec", "container"), [("aac", "mp4"), ("libopus", "webm")])
def test_loudness_through_ffmpeg(tmp_path, codec, container) -> None:
    av = pytest.importorskip("av")
    sr = 48000
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(3 * sr) / sr)
    y = np.stack([tone, 0 * tone]).astype(np.float32)
    path = tmp_path / "song"
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=sr)
        stream.layout, stream.bit_rate = "stereo", 192_000
        frame = av.AudioFrame.from_ndarray(y, format="fltp", layout="stereo")
        frame.sample_rate = sr
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    assert analyse_song(path, ["loudness"]).loudness_lufs == pytest.approx(-23.01, abs=0.2)
    part = analyse_song(path, ["loudness"], offset_s=1, duration_s=1)
    assert part.loudness_lufs == pytest.approx(-23.01, abs=0.2)


def test_a_part_of_a_file(tmp_path) -> None:
    path = tmp_path / "parts.wav"
    y = np.concatenate([clicks(90, 10), 0.1 * chords(10)])
    sf.write(path, y, SR)
    first, second = analyse_song(path, duration_s=10), analyse_song(path, offset_s=10)
    assert octave_error(first.bpm, 90) < 0.01
    assert octave_error(second.bpm, 120) < 0.01
    assert second.key.tonic == "G"
    whole = tmp_path / "second.wav"
    sf.write(whole, y[10 * SR :], SR)
    assert second.loudness_lufs == pytest.approx(analyse_song(whole).loudness_lufs, abs=1e-9)


def test_a_song_of_several_pieces_has_the_answers_of_its_beginning(tmp_path) -> None:
    """Longer than the minute that a spectrogram takes."""
    path = tmp_path / "long.wav"
    sf.write(path, np.tile(chords(20), 7), SR)
    long, short = analyse_song(path), analyse_song(path, duration_s=20)
    assert long.bpm == pytest.approx(short.bpm, rel=0.005)
    assert (long.key.tonic, long.key.mode) == (short.key.tonic, short.key.mode)
    assert long.key.confidence == pytest.approx(short.key.confidence, abs=0.05)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 12])
def test_silence_has_no_values(tmp_path, seconds) -> None:
    path = tmp_path / "silence.wav"
    sf.write(path, np.zeros((round(seconds * SR), 2)), SR)
    assert analyse_song(path) == Analysis()


@pytest.mark.parametrize("measure", MEASURES)
class TestErrors:
    def test_of_files(self, measure, tmp_path) -> None:
        text = tmp_path / "text.mp3"
        text.write_text("no sound")
        empty = tmp_path / "empty.wav"
        sf.write(empty, np.zeros((0, 2)), SR)
        for path in (tmp_path / "none.wav", tmp_path, text, empty):
            with pytest.raises(MediaError):
                analyse_song(path, [measure])

    def test_of_samples(self, measure, tmp_path) -> None:
        path = tmp_path / "nan.wav"
        y = chords(5)
        y[5000] = np.nan
        sf.write(path, y, SR, subtype="FLOAT")
        with pytest.raises(MediaError, match="not finite"):
            analyse_song(path, [measure])

    def test_of_damage(self, measure, song, tmp_path) -> None:
        path = tmp_path / "damaged.flac"
        content = bytearray(song.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 30000] = bytes(30000)
        path.write_bytes(content)
        fields = {"bpm": "bpm", "key": "key", "loudness": "loudness_lufs"}
        assert getattr(analyse_song(path, [measure]), fields[measure]) is not None  # of what can be decoded

    def test_of_an_offset_past_the_end(self, measure, song) -> None:
        with pytest.raises(MediaError):
            analyse_song(song, [measure], offset_s=100)

    @pytest.mark.parametrize("part", [{"offset_s": -1}, {"offset_s": float("nan")}, {"duration_s": 0}])
    def test_of_times(self, measure, song, part) -> None:
        with pytest.raises(UsageError, match="must be"):
            analyse_song(song, [measure], **part)


@pytest.mark.parametrize("wanted", ["bpm", ["tempo"], ["bpm", "Key"]])
def test_an_unknown_measure(song, wanted) -> None:
    with pytest.raises(UsageError, match="choose from bpm, key, loudness"):
        analyse_song(song, wanted)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.night)])
def test_gtzan_is_plausible(shared_data, step) -> None:
    """Real tracks: tempo that of the table, to the frame that it is rounded to, the rest in usual ranges."""
    folder = shared_data / "gtzan"
    paths = sorted((folder / "audio").glob("*/*.flac"))
    if not paths:
        pytest.skip(f"there are no tracks in {folder / 'audio'}")
    with (folder / "features_30_sec.csv").open(newline="") as file:
        table_bpm = {
            row["filename"].removesuffix(".wav"): float(row["tempo"]) for row in csv.DictReader(file)
        }
    found = {path.stem: analyse_song(path) for path in paths[::step]}
    near = [octave_error(song.bpm, table_bpm[name]) < 0.04 for name, song in found.items()]
    assert np.mean(near) > 0.95
    assert all(-35 < song.loudness_lufs < -5 for song in found.values())
    assert all(50 < song.bpm < 200 for song in found.values())
    assert len({song.key.camelot for song in found.values()}) >= 12 / step
    assert np.median([song.key.confidence for song in found.values()]) > 0.2
