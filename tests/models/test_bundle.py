"""Models on disk: written whole or not at all, read verified or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import BundleError, OutputExistsError
from genrekit.models import bundle as module
from genrekit.models.bundle import Bundle, Manifest, dumps, load, loads, save
from genrekit.models.container import pack, unpack
from genrekit.types import Modality

MANIFEST = Manifest(
    name="mine",
    backend="gtzan",
    modality=Modality.AUDIO,
    labels=("blues", "jazz", "r&b"),
    config={"seed": 0, "window_s": 30.0},
    feature_version="1",
    input_shape=(57,),
    metrics={"split": "by artist", "metrics": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}},
    data={"layout": "folder", "counts": {"blues": 10, "jazz": 12, "r&b": 9}},
    versions={"python": "3.11.0"},
    genrekit="0.1.0",
)
PARTS: dict[str, Any] = {
    "onnx": bytes(range(256)),
    "native": {"model.safetensors": b"{i\x01}", "weights.safetensors": b"\x08\0\0\0\0\0\0\0{}      "},
    "card": "# mine\n\nBlues, jazz – r&b.\n",
}
DATA = dumps(MANIFEST, **PARTS)


def remade(change: Any = None, **members: bytes | None) -> bytes:
    """The bundle with other members, and a manifest that its maker changed to fit or not to fit."""
    parts = unpack(DATA)
    manifest = json.loads(parts["manifest.json"])
    for name, content in members.items():
        if content is None:
            del parts[name]
        else:
            parts[name] = content
    if change:
        change(manifest)
    return pack({**parts, "manifest.json": json.dumps(manifest).encode()})


def refusal(data: bytes) -> str:
    with pytest.raises(BundleError) as caught:
        loads(data)
    return caught.value.message


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def listing(name: str, content: bytes) -> Any:
    """A change of the manifest that lists a file as it is."""
    return lambda manifest: manifest["files"].update(
        {name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
    )


def test_gives_back_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "mine.genrekit"
    save(path, MANIFEST, **PARTS)
    bundle = load(path)
    assert bundle.path == path
    assert bundle.onnx == PARTS["onnx"]
    assert bundle.card == PARTS["card"]
    assert bundle.files["model.safetensors"] == PARTS["native"]["model.safetensors"]
    assert bundle.files["weights.safetensors"] == PARTS["native"]["weights.safetensors"]
    assert bundle.manifest.model_copy(update={"files": {}}) == MANIFEST
    assert bundle.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert names_in(tmp_path) == ["mine.genrekit"]


def test_an_older_format_is_not_written() -> None:
    with pytest.raises(BundleError, match="format 1 is read only"):
        dumps(MANIFEST.model_copy(update={"format": 1}), **PARTS)


def test_the_payload_of_format_1_is_listed_and_not_read() -> None:
    bundle = loads(
        remade(
            lambda m: (m.update(format=1), m.pop("outputs"), listing("model.ubj", b"x")(m)),
            **{"model.ubj": b"x"},
        )
    )
    assert bundle.onnx == PARTS["onnx"]
    assert "model.ubj" in bundle.files
    with pytest.raises(BundleError, match="'mine' is a bundle of format 1"):
        _ = bundle.payload


def test_is_the_same_file_for_the_same_content_everywhere() -> None:
    native = dict(reversed(PARTS["native"].items()))
    assert dumps(MANIFEST, **PARTS | {"native": native}) == DATA
    # From Python 3.11 on Linux; where another Python or system differs, models are not reproducible.
    assert (
        hashlib.sha256(DATA).hexdigest() == "b31be6351f1a55ae65381c4243dd42dccc49ad9511e6333364d264197e4bc14d"
    )


def test_says_what_is_in_it_to_any_zip_program_and_json_reader() -> None:
    archive = zipfile.ZipFile(io.BytesIO(DATA))
    assert archive.testzip() is None
    names = ["README.md", "manifest.json", "model.onnx", "model.safetensors", "weights.safetensors"]
    assert archive.namelist() == names
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["format"] == 2
    assert manifest["labels"] == ["blues", "jazz", "r&b"]
    assert manifest["files"]["model.onnx"] == {
        "sha256": hashlib.sha256(PARTS["onnx"]).hexdigest(),
        "size": 256,
    }
    assert sorted(manifest["files"]) == [name for name in names if name != "manifest.json"]


def test_writes_no_pickle_by_any_name() -> None:
    for name in ("model.pkl", "model.joblib", "weights.pt", "model.onnx", "../x.safetensors", "README.md"):
        with pytest.raises(BundleError, match="named"):
            dumps(MANIFEST, **PARTS | {"native": {name: b""}})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\udcff"])
def test_writes_only_what_json_can_hold(value: object, tmp_path: Path) -> None:
    manifest = MANIFEST.model_copy(update={"history": {"loss": [1.0, value]}})
    with pytest.raises(BundleError, match=r"mine\.genrekit cannot be saved: the manifest has a value"):
        save(tmp_path / "mine.genrekit", manifest, **PARTS)
    assert not names_in(tmp_path)


def test_writes_nothing_that_it_would_not_read() -> None:
    with pytest.raises(BundleError, match="control characters"):
        dumps(MANIFEST, **PARTS | {"card": "\x1b[2J"})


def test_overwrites_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "mine.genrekit"
    path.write_text("precious")
    with pytest.raises(OutputExistsError, match="exists"):
        save(path, MANIFEST, **PARTS)
    assert path.read_text() == "precious"
    save(path, MANIFEST, **PARTS, overwrite=True)
    assert path.read_bytes() == DATA
    assert names_in(tmp_path) == ["mine.genrekit"]


def test_does_not_overwrite_a_file_that_comes_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.genrekit"
    fsync = os.fsync

    def somebody_is_faster(descriptor: int) -> None:
        fsync(descriptor)
        path.write_text("precious")

    monkeypatch.setattr(os, "fsync", somebody_is_faster)
    with pytest.raises(OutputExistsError):
        save(path, MANIFEST, **PARTS)
    assert path.read_text() == "precious"
    assert names_in(tmp_path) == ["mine.genrekit"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("overwrite", [False, True])
def test_leaves_no_half_bundle_on_a_full_disk(tmp_path: Path, overwrite: bool) -> None:
    import resource

    path = tmp_path / "mine.genrekit"
    if overwrite:
        path.write_text("precious")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(BundleError, match=r"cannot be saved: .*No part of it was left behind"):
            save(path, MANIFEST, **PARTS | {"onnx": bytes(1 << 20)}, overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names_in(tmp_path) == (["mine.genrekit"] if overwrite else [])
    assert not overwrite or path.read_text() == "precious"


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_leaves_nothing_where_moving_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((BundleError, KeyboardInterrupt)):
        save(tmp_path / "mine.genrekit", MANIFEST, **PARTS)
    assert not names_in(tmp_path)


def test_says_why_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"cannot be saved: No such file or directory"):
        save(tmp_path / "missing" / "mine.genrekit", MANIFEST, **PARTS)
    with pytest.raises(BundleError, match=r"cannot be saved: .*directory"):
        save(tmp_path, MANIFEST, **PARTS, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match=r"cannot be saved: Not a directory"):
        save(tmp_path / "file" / "mine.genrekit", MANIFEST, **PARTS)
    with pytest.raises(BundleError, match=r"cannot be saved: embedded null byte"):
        save(tmp_path / "nul\0.genrekit", MANIFEST, **PARTS)
    assert names_in(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
def test_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    save(tmp_path / "mine.genrekit", MANIFEST, **PARTS)
    (tmp_path / "other").touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_names_the_file_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(BundleError, match=r"song\.wav cannot be used as a model: it is not a zip archive"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(BundleError, match="not a zip archive"):
        load(path)


def test_says_why_it_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match="cannot be read: No such file"):
        load(tmp_path / "missing.genrekit")
    with pytest.raises(BundleError, match="cannot be read"):
        load("nul\0.genrekit")
    with pytest.raises(BundleError, match="folder or a device"):
        load(tmp_path)
    (tmp_path / "large.genrekit").write_bytes(DATA)
    monkeypatch.setattr(module, "MAX_BYTES", len(DATA) - 1)
    with pytest.raises(BundleError, match=f"at most {len(DATA) - 1}"):
        load(tmp_path / "large.genrekit")
    assert "larger than" in refusal(DATA)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.genrekit")
    with pytest.raises(BundleError, match="folder or a device"):
        load(tmp_path / "pipe.genrekit")


def test_refuses_a_zip_that_is_no_bundle() -> None:
    assert "no manifest.json" in refusal(pack({"model.onnx": b"x"}))


def test_refuses_a_bundle_from_the_future() -> None:
    message = refusal(remade(lambda manifest: manifest.update(format=7, tokenizer={}, modality="video")))
    assert message == "it was written by a newer genrekit (format 7; this one reads up to 2)."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (remade(**{"model.onnx": b"other"}), "model.onnx has 5 bytes, not 256"),
        (remade(**{"model.onnx": bytes(256)}), "model.onnx does not have the SHA-256"),
        (remade(**{"README.md": None}), "it has no README.md"),
        (remade(**{"model.safetensors": None}), "it has no model.safetensors"),
        (remade(lambda m: m["files"].pop("model.onnx"), **{"model.onnx": None}), "it has no model.onnx"),
        (remade(lambda m: m["files"].pop("model.onnx")), "'model.onnx' that the manifest does not list"),
        (remade(**{"extra.safetensors": b""}), "'extra.safetensors' that the manifest does not list"),
        (remade(listing("evil.pkl", b"x"), **{"evil.pkl": b"x"}), "'evil.pkl'; its name must end in"),
        (remade(listing("model.ubj", b"x"), **{"model.ubj": b"x"}), "'model.ubj'; its name must end in"),
        (remade(listing("manifest.json", b"x")), "'manifest.json'; its name must end in"),
        (remade(listing("../x.safetensors", b"x")), "it has no ../x.safetensors"),
        (remade(listing("README.md", b"\xff"), **{"README.md": b"\xff"}), "not UTF-8"),
        (remade(listing("README.md", b"\x1b[2J"), **{"README.md": b"\x1b[2J"}), "control characters"),
        (remade(lambda m: m.update(format=1, colour="red")), "'colour': Extra inputs"),
        (remade(lambda m: m["outputs"].update(colour="red")), "'outputs.colour': Extra inputs"),
        (remade(lambda m: m.update(labels=7)), "'labels'"),
    ],
)
def test_refuses_a_bundle_that_its_manifest_does_not_account_for(data: bytes, said: str) -> None:
    assert said in refusal(data)


def same(bundle: Bundle) -> bool:
    original = loads(DATA)
    return bundle.manifest == original.manifest and bundle.files == original.files


def test_any_flipped_byte_is_refused_or_changes_nothing() -> None:
    survived = 0
    for position in range(len(DATA)):
        damaged = DATA[:position] + bytes([DATA[position] ^ 0xFF]) + DATA[position + 1 :]
        try:
            bundle = loads(damaged)
        except BundleError:
            continue
        assert same(bundle), position
        survived += 1
    # What does not matter: dates, versions, permissions, and what a zip says twice. Never a byte of content.
    assert survived < 40 * len(unpack(DATA))


edits = st.lists(
    st.tuples(st.integers(0, len(DATA)), st.integers(0, 40), st.binary(max_size=40)), min_size=1, max_size=4
)


@given(edits)
def test_no_damage_gives_other_content_or_another_error(edits: list[tuple[int, int, bytes]]) -> None:
    damaged = DATA
    for start, length, content in edits:
        damaged = damaged[:start] + content + damaged[start + length :]
    try:
        bundle = loads(damaged)
    except BundleError:
        return
    assert same(bundle)


@given(st.integers(0, len(DATA) - 1))
def test_a_part_of_a_bundle_is_none(length: int) -> None:
    assert refusal(DATA[:length])


@given(
    st.dictionaries(
        st.sampled_from([*(name for name in Manifest.model_fields if name != "outputs"), "other"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        min_size=1,
    )
)
def test_no_manifest_gives_another_error(changes: dict[str, Any]) -> None:
    try:
        bundle = loads(remade(lambda manifest: manifest.update(changes)))
    except BundleError:
        return
    facts = bundle.manifest.model_dump(mode="json")
    assert {key: facts[key] for key in changes if key != "other"} == {
        key: value for key, value in changes.items() if key != "other"
    }


def test_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys, genrekit.models.bundle, genrekit.models.card\n"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'pandas', 'scipy', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
