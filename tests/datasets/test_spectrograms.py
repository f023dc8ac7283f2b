"""Spectrograms in an ``.npz`` file: what is read, what is left out, what is refused; nothing hostile gets through."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.dataset_files import write_song, write_spectrograms

from genrekit.backends import registry
from genrekit.backends.config import make_config
from genrekit.datasets import open_dataset
from genrekit.datasets.check import check_dataset
from genrekit.datasets.export import manifest_table
from genrekit.datasets.npz import read_arrays
from genrekit.errors import DatasetError
from genrekit.training.opening import open_for
from genrekit.types import Modality

NAMES = ("blues/one.wav", "blues/two.wav", "jazz/one.wav")


def test_all_arrays(tmp_path: Path) -> None:
    path = write_spectrograms(
        tmp_path / "m.npz",
        NAMES,
        labels=np.array(["Blues", "blues|Hip  Hop", "jazz"]),
        groups=np.array(["x", "", "y"]),
        splits=np.array(["train", "val", ""]),
        sr=22050,
        hop_length=np.array([1977.5]),
        phase=np.zeros(3),
    )
    dataset = open_dataset(path)
    assert (dataset.layout, dataset.modality) == ("npz", Modality.AUDIO)
    assert [e.id for e in dataset.examples] == list(NAMES)
    assert [e.labels for e in dataset.examples] == [("blues",), ("blues", "hip hop"), ("jazz",)]
    assert [(e.group, e.split) for e in dataset.examples] == [("x", "train"), (None, "valid"), ("y", None)]
    assert {tuple(e.extra.items()) for e in dataset.examples} == {
        (("mel_sr", "22050"), ("mel_hop_length", "1977.5"))
    }
    mel = np.load(path)["mel"]
    for values, example in zip(mel, dataset.examples, strict=True):
        assert example.path is None
        assert example.row is None
        assert example.array is not None
        assert example.array.dtype == np.uint8
        np.testing.assert_array_equal(example.array, values)
    assert any("'phase' were not read" in note for note in dataset.notes)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_decibels_become_float32_and_what_is_no_level_is_left_out(tmp_path: Path, dtype: str) -> None:
    mel = np.linspace(-80, 0, 4 * 2 * 5).reshape(4, 2, 5).astype(dtype)
    mel[1, 0, 0], mel[2, 0, 0] = np.nan, -np.inf
    dataset = open_dataset(write_spectrograms(tmp_path / "m.npz", ["a/1", "a/2", "a/3", "a/4"], mel=mel))
    assert [e.id for e in dataset.examples] == ["a/1", "a/4"]
    assert [name for name, reason in dataset.left_out if "NaN, infinite" in reason] == ["a/2", "a/3"]
    values = dataset.examples[1].array
    assert values is not None
    assert values.dtype == np.float32
    assert values.dtype.isnative
    np.testing.assert_array_equal(values, mel[3].astype(np.float32))


def test_order_in_memory_does_not_matter(tmp_path: Path) -> None:
    mel = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    plain = open_dataset(write_spectrograms(tmp_path / "c.npz", ["a/1", "a/2"], mel=mel))
    other = open_dataset(write_spectrograms(tmp_path / "f.npz", ["a/1", "a/2"], mel=np.asfortranarray(mel)))
    np.testing.assert_array_equal(plain.examples[1].array, other.examples[1].array)
    assert plain.fingerprint == other.fingerprint


def test_the_fingerprint_hangs_on_every_value(tmp_path: Path) -> None:
    mel = np.zeros((1, 2, 3), np.uint8)
    one = open_dataset(write_spectrograms(tmp_path / "m.npz", ["a/1"], mel=mel)).fingerprint
    mel[0, 1, 2] = 1
    assert open_dataset(write_spectrograms(tmp_path / "m.npz", ["a/1"], mel=mel)).fingerprint != one
    flat = np.zeros((1, 3, 2), np.uint8)
    assert open_dataset(write_spectrograms(tmp_path / "m.npz", ["a/1"], mel=flat)).fingerprint != one


def test_labels_in_names(tmp_path: Path) -> None:
    names = ["Hip  Hop/a.wav", "blues.00012", "jazz.00001.wav", "song.wav", "song"]
    dataset = open_dataset(write_spectrograms(tmp_path / "m.npz", names))
    assert [e.labels for e in dataset.examples] == [("hip hop",), ("blues",), ("jazz",)]
    assert dataset.left_out == (("song.wav", "has no label"), ("song", "has no label"))
    everything = open_dataset(tmp_path / "m.npz", require_labels=False)
    assert [e.labels for e in everything.examples][3:] == [(), ()]


def test_slices_are_grouped_by_track(tmp_path: Path) -> None:
    names = ["blues.00000.0.wav", "blues.00000.1.wav", "blues.00001.0.wav"]
    dataset = open_dataset(write_spectrograms(tmp_path / "m.npz", names))
    assert [e.group for e in dataset.examples] == ["blues.00000", "blues.00000", "blues.00001"]
    assert any("gtzan:FOLDER" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mel": np.zeros((3, 4), np.uint8)}, r"has the shape \(3, 4\)"),
        ({"mel": np.zeros((3, 0, 4), np.uint8)}, r"has the shape \(3, 0, 4\)"),
        ({"mel": np.zeros((3, 4, 6), np.int16)}, "has the dtype int16"),
        ({"mel": np.zeros((3, 4, 6), np.complex64)}, "has the dtype complex64"),
        ({"mel": np.full((3, 4, 6), np.nan)}, "no usable spectrogram: .* NaN"),
        ({"mel": np.full((3, 4, 6), 1e300)}, "no usable spectrogram: .* beyond 400 dB"),
        ({"mel": np.zeros((2, 4, 6), np.uint8)}, r"'names' .* the shape \(3,\)"),
        ({"names": np.arange(3)}, "'names' has the dtype int64"),
        ({"names": np.array(["a/1", "a/2", "a/1"])}, "the names at 0 and 2 are both 'a/1'"),
        ({"names": np.array(["a/1", " ", "a/3"])}, "the name at 1 is empty"),
        ({"names": np.array(["a/1", "a/2", "x" * 1001])}, "'names' has the dtype <U1001"),
        ({"names": np.array(["a.wav", "b.wav", "c.wav"])}, "no usable spectrogram: a.wav has no label"),
        ({"labels": np.array(["a", "b"])}, r"'labels' .* the shape \(2,\)"),
        ({"splits": np.array(["train", "holdout", ""])}, "'holdout' in the split column is not a split"),
        ({"sr": np.array([1, 2])}, "'sr' has"),
        ({"fmax": np.nan}, "'fmax' has"),
        ({"labels": np.array([["a"], ["b"], {}], dtype=object)}, "Object arrays cannot be loaded"),
    ],
)
def test_what_is_refused(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        open_dataset(write_spectrograms(tmp_path / "m.npz", NAMES, **arrays))


def test_other_arrays_are_no_spectrograms(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", x=np.zeros(3))
    with pytest.raises(DatasetError, match="it has the arrays 'x', and no 'names', 'mel'"):
        open_dataset(tmp_path / "m.npz")


def test_names_that_no_text_can_hold(tmp_path: Path) -> None:
    dataset = open_dataset(write_spectrograms(tmp_path / "m.npz", ["a/\ud800", "a/2"]))
    assert dataset.examples[0].id == "a/\\ud800"
    names = np.array([0x110000, 65], "<u4").view("<U1")
    with pytest.raises(DatasetError, match="'names' holds numbers that are not characters"):
        open_dataset(write_spectrograms(tmp_path / "m.npz", ["a", "b"], names=names))


def test_backends_that_need_songs_refuse_them(tmp_path: Path) -> None:
    backend = registry.get("gtzan")
    path = write_spectrograms(tmp_path / "m.npz", NAMES)
    with pytest.raises(DatasetError, match="holds spectrograms, which the backend 'gtzan' cannot read"):
        open_for(backend, make_config(backend, {}), path)
    with pytest.raises(DatasetError, match="holds spectrograms; a table of features is needed"):
        open_dataset(path, modality=Modality.TABLE)


def test_the_check_and_the_manifest(tmp_path: Path) -> None:
    mel = np.random.default_rng(0).integers(0, 256, (4, 2, 3), dtype=np.uint8)
    mel[1], mel[3] = mel[0], 7
    path = write_spectrograms(tmp_path / "m.npz", ["a/1", "b/1", "a/2", "a/3"], mel=mel)
    dataset = open_dataset(path)
    report = check_dataset(dataset, jobs=2)
    assert [(f.kind, f.ids) for f in report.findings] == [
        ("silent", ("a/3",)),
        ("cross-labelled", ("a/1", "b/1")),
    ]
    assert report.notes[-1] == "spectrograms were compared by their values; their songs are not available"
    with pytest.raises(DatasetError, match="these examples are spectrograms"):
        manifest_table(dataset.examples, tmp_path)


def header_of(shape: str, descr: str = "'|u1'", order: str = "False") -> bytes:
    """The beginning of a ``.npy`` member that says what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read as .npz"),
        (b"PK\x03\x04" + bytes(100), "cannot be read as .npz: File is not a zip file"),
        (npz_of({"names.npy": b"", "mel.npy": b"no array"}), "cannot be read as .npz"),
        (npz_of({"../mel.npy": b""}), "it has the arrays 'mel', and no 'names', 'mel'"),
        (npz_of({"mel.txt": b""}), "it has the arrays 'mel.txt', and no"),
        (npz_of({f"a{i}.npy": b"" for i in range(65)}), "has 65 members; 64 are allowed"),
        (
            npz_of({"names.npy": b"", "mel.npy": header_of("(9999999, 9999, 9999)") + b"abc"}),
            "cannot be read as .npz",
        ),
        (
            npz_of({"names.npy": b"", "mel.npy": header_of("(-3, -4, 1)") + bytes(12)}),
            "cannot be read as .npz",
        ),
        (
            npz_of({"names.npy": b"", "mel.npy": header_of("(1, 1, 1)", "'|O'") + b"x"}),
            "cannot be read as .npz",
        ),
        (npz_of({"names.npy": b"", "mel.npy": header_of("(" * 2000)}), "cannot be read as .npz"),
        (npz_of({"names.npy": b"", "mel.npy": header_of("__import__('os')")}), "cannot be read as .npz"),
    ],
)
def test_hostile_files(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / "m.npz")


def test_declared_sizes_are_checked_before_anything_is_unpacked(tmp_path: Path) -> None:
    data = bytearray(npz_of({"mel.npy": bytes(100), "names.npy": bytes(100)}))
    for at in range(len(data) - 46):
        if data[at : at + 4] == b"PK\x01\x02":  # an entry of the directory: its size when unpacked
            data[at + 24 : at + 28] = struct.pack("<I", 2**32 - 2)
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(DatasetError, match=r"decompresses to 8,589,934,588 bytes; 4,294,967,296 are allowed"):
        open_dataset(tmp_path / "m.npz")


def test_a_damaged_array_is_noticed(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", x=np.arange(1000))
    data = bytearray((tmp_path / "m.npz").read_bytes())
    data[600] ^= 1
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(DatasetError, match="Bad CRC-32"):
        read_arrays(tmp_path / "m.npz", ("x",))


@settings(
    max_examples=2 * settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4)
)
def test_mutants_are_read_or_refused(tmp_path: Path, cuts: list[tuple[int, bytes]]) -> None:
    path = write_spectrograms(tmp_path / "m.npz", NAMES, splits=np.array(["train", "", "test"]))
    data = bytearray(path.read_bytes())
    for at, put in cuts:
        at %= len(data)
        data[at : at + len(put)] = put
    path.write_bytes(data)
    try:
        dataset = open_dataset(path)
    except DatasetError:
        return
    assert len(dataset.examples) + len(dataset.left_out) == 3


@pytest.fixture
def computed(gtzan: Path) -> Path:
    """The miniature GTZAN with spectrograms of all its tracks but one."""
    names = ["blues.00000", "blues.00001", "metal.00058", "metal.00059", "rock.00016"]
    write_spectrograms(gtzan / "mel128.npz", names)
    write_spectrograms(gtzan / "another.npz", names[:1])
    return gtzan


def test_gtzan_knows_its_spectrograms(computed: Path) -> None:
    dataset = open_dataset(f"gtzan:{computed}", prefer="spectrogram")
    assert (dataset.layout, dataset.modality) == ("gtzan", Modality.AUDIO)
    assert {e.id: (e.group, e.split) for e in dataset.examples} == {
        "blues.00000": ("john lee hooker", "train"),
        "blues.00001": ("blues.00001", "valid"),
        "metal.00059": ("dio", "train"),
        "rock.00016": ("queen", "test"),
    }
    assert dataset.left_out == (("metal.00058", "repeats rock.00016 (Sturm 2013)"),)
    assert dataset.notes[0] == (
        "the spectrograms in mel128.npz were read; the table features_30_sec.csv was not; "
        "the audio in genres_original was not"
    )
    named = open_dataset(f"gtzan:{computed / 'mel128.npz'}")
    assert named.fingerprint == dataset.fingerprint


def test_gtzan_gives_spectrograms_only_to_who_takes_them(computed: Path) -> None:
    """Without the table there are 4 songs and 5 spectrograms."""
    assert open_dataset(f"gtzan:{computed}", schemas={}).examples[0].path is not None
    chosen = open_dataset(f"gtzan:{computed}", schemas={}, spectrograms=True)
    assert chosen.notes[0] == "the spectrograms in mel128.npz were read; it has more tracks than the audio"
    audio = open_dataset(f"gtzan:{computed}", schemas={}, spectrograms=True, prefer="audio")
    assert audio.examples[0].path is not None
    write_song(computed / "genres_original" / "rock" / "rock.00016.wav", seed=9)
    even = open_dataset(f"gtzan:{computed}", schemas={}, spectrograms=True)
    assert even.notes[0] == "the audio was read; the spectrograms were not, with as many tracks"
    assert open_dataset(f"gtzan:{computed}", spectrograms=True).modality is Modality.TABLE


def test_gtzan_without_what_is_asked_for(computed: Path) -> None:
    (computed / "genres_original").rename(computed / "elsewhere")
    with pytest.raises(DatasetError, match="has the table and the spectrograms of GTZAN but no audio"):
        open_dataset(f"gtzan:{computed}", prefer="audio", spectrograms=True)
    with pytest.raises(DatasetError, match="holds no songs of GTZAN, only its spectrograms"):
        open_dataset(f"gtzan:{computed}", schemas={})
    (computed / "mel128.npz").unlink()
    (computed / "another.npz").unlink()
    with pytest.raises(DatasetError, match="has the table of GTZAN but no spectrograms"):
        open_dataset(f"gtzan:{computed}", prefer="spectrogram")


def test_the_real_one(shared_data: Path) -> None:
    dataset = open_dataset(f"gtzan:{shared_data / 'gtzan'}", prefer="spectrogram")
    sides = [e.split for e in dataset.examples]
    # jazz.00054 of the train list could not be decoded, and has no spectrogram.
    assert [sides.count(side) for side in ("train", "valid", "test", None)] == [442, 197, 290, 20]
    assert len(dataset.left_out) == 50
    artists: dict[str | None, set[str | None]] = {}
    for example in dataset.examples:
        assert example.array is not None
        assert example.array.shape == (128, 334)
        if example.split:
            artists.setdefault(example.group, set()).add(example.split)
    assert all(len(found) == 1 for found in artists.values()), "no artist is on two sides"
    assert check_dataset(dataset).ok
