"""Encoders by name, from other packages and from files; what is wrong with them is said before anything is learnt."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from support.night import day_and_night
from support.own_encoder import HEARS, linear

from genrekit.backends import registry
from genrekit.backends.config import make_config
from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.facts import EncoderFacts, Hearing
from genrekit.errors import BackendError, ConfigError
from genrekit.testing.backend import check_backend

SAMPLES = {"input": "samples", "sr": 8000, "patch": 4000, "axes": ["n", 1, "samples"]}


def write(folder, model, hears=HEARS, *, size=5, output="z", **more):
    path = folder / "own.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    facts = {"hears": dict(hears), "layers": {"embedding": {"output": output, "size": size}}, **more}
    path.with_suffix(".yaml").write_text(yaml.safe_dump(facts))
    return path


@pytest.mark.parametrize("opset", day_and_night([13, 21, 17, 18], day=2))
@pytest.mark.parametrize("axes", [["n", "frames", "mels"], ["n", 1, "mels", "frames"]])
def test_a_user_s_own_encoder_conforms(tmp_path, axes, opset):
    shape = [40, 16] if axes[1] == "frames" else [1, 16, 40]
    path = write(tmp_path, linear(shape, opset=opset), {**HEARS, "axes": axes})
    settings = {"encoder": str(path), "folds": 2, "patches": 3, "head": "lda"}
    check_backend(registry.get("encoder"), settings=settings)


def test_one_that_hears_samples_conforms(tmp_path):
    path = write(tmp_path, linear([1, 4000]), SAMPLES)
    check_backend(
        registry.get("encoder"), settings={"encoder": str(path), "folds": 2, "head": "lda", "patches": 2}
    )


def with_two_inputs():
    """The encoder with an input that it does not use."""
    model = linear([40, 16])
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["n"]))
    return model


def followed_by(op, *inputs):
    """The encoder with another operation behind it, which may take an axis."""
    model = linear([40, 16], output="before")
    model.graph.node.append(helper.make_node(op, ["before", *inputs], ["z"]))
    model.graph.initializer.append(numpy_helper.from_array(np.int64(0), "axis"))
    model.graph.output[0].name = "z"
    return model


WRONG = {
    "two inputs": (with_two_inputs(), {}, "has 2 inputs"),
    "float64": (linear([40, 16], kind=TensorProto.DOUBLE), {}, "input 'x' is not float32"),
    "not finite": (followed_by("Log"), {}, "is not finite"),
    "over the batch": (followed_by("CumSum", "axis"), {}, "depends on the other patches"),
    "no graph": (b"this is no graph", {}, "not an ONNX graph"),
    "empty": (b"", {}, "cannot be used"),
    "size": (linear([40, 16]), {"size": 6}, r"is of shape \[2, 5\] for 2 patches, not \[2, 6\]"),
    "output": (linear([40, 16]), {"output": "y"}, "has no output 'y'; it has 'z'"),
    "frames": (linear([39, 16]), {}, "does not run on patches of shape"),
    "opset": (linear([40, 16], opset=11), {}, "opset 11; 13 to"),
    "names": (
        linear([40, 16]),
        {"layers": {"tags": {"output": "z", "size": 5, "names": list("abcde")}}},
        "must be from 0 to 1",
    ),
    "hash": (linear([40, 16]), {"sha256": "0" * 64}, "does not have the sha256"),
}


@pytest.mark.parametrize(("model", "more", "words"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_something_else_is_refused(tmp_path, model, more, words):
    path = write(tmp_path, model, **more)
    with pytest.raises(ConfigError, match=words):
        encoders.get(str(path)).graph()


def test_weights_in_other_files_are_refused(tmp_path):
    model = linear([40, 16])
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    tensor.ClearField("raw_data")
    path = write(tmp_path, model)
    with pytest.raises(ConfigError, match="cannot be used"):
        encoders.get(str(path)).graph()


def test_a_batch_that_mixes_patches_is_refused(tmp_path):
    model = linear([40, 16])
    model.graph.node.append(helper.make_node("ReduceMax", ["z"], ["top"], axes=[0], keepdims=1))
    model.graph.node.append(helper.make_node("Sub", ["z", "top"], ["mixed"]))
    model.graph.output[0].name = "mixed"
    with pytest.raises(ConfigError, match="depends on the other patches"):
        encoders.get(str(write(tmp_path, model, output="mixed"))).graph()


LIES = {
    "no yaml": (None, "needs a YAML beside it"),
    "nothing in it": ("a: 1", "hears is missing; layers is missing; a is not a known key"),
    "no mapping": ("- 1", "must map keys to values"),
    "broken": ("{", "is not YAML"),
    "unknown key": (
        "hears: {sr: 8000, patch: 40, colour: 1}\nlayers: {e: {output: z, size: 5}}",
        "hears.colour is not a known key",
    ),
    "no layers": ("hears: {sr: 8000, patch: 40}\nlayers: {}", "layers"),
    "axes": (
        "hears: {sr: 8000, patch: 40, axes: [n, mels]}\nlayers: {e: {output: z, size: 5}}",
        "axes must be n first",
    ),
    "fmax": ("hears: {sr: 8000, patch: 40, fmax: 9000}\nlayers: {e: {output: z, size: 5}}", "must rise"),
    "hours": ("hears: {sr: 8000, patch: 9000000}\nlayers: {e: {output: z, size: 5}}", "a patch lasts"),
    "embedding": (
        "hears: {sr: 8000, patch: 40}\nlayers: {e: {output: z, size: 5}}\nembedding: f",
        "one of e",
    ),
    "nan": ("hears: {sr: 8000, patch: 40, gain: .nan}\nlayers: {e: {output: z, size: 5}}", "hears.gain"),
    "escape": ('hears: {sr: 8000, patch: 40}\nlayers: {e: {output: z, size: 5}}\nname: "\\e[31m"', "name"),
}


@pytest.mark.parametrize(("text", "words"), LIES.values(), ids=LIES)
def test_a_yaml_that_lies_is_refused_with_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "own.onnx"
    path.write_bytes(linear([40, 16]).SerializeToString())
    if text is not None:
        path.with_suffix(".yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        make_config(registry.get("encoder"), {"encoder": str(path)})


def test_unknown_names_and_layers_are_refused_with_the_known_ones():
    with pytest.raises(BackendError, match="Did you mean 'musicnn'"):
        encoders.get("musicn")
    with pytest.raises(ConfigError, match="it has penultimate, tags"):
        make_config(registry.get("encoder"), {"layer": "tag"})
    with pytest.raises(
        ConfigError, match="encoder = 'vggish': there is no encoder 'vggish'; available: musicnn"
    ):
        make_config(registry.get("encoder"), {"encoder": "vggish"})


class Own:
    facts = EncoderFacts(name="own", hears=Hearing(**HEARS), layers={"e": {"output": "z", "size": 5}})

    def graph(self):
        return linear([40, 16]).SerializeToString()


class Broken(Own):
    def graph(self):
        return linear([40, 15]).SerializeToString()


@pytest.fixture
def registered(monkeypatch):
    def register(*claims):
        module = ModuleType("somebody")
        module.Own, module.Broken, module.nothing = Own, Broken, 3
        monkeypatch.setitem(sys.modules, "somebody", module)
        points = tuple(EntryPoint(name, f"somebody:{what}", encoders.GROUP) for name, what in claims)
        found = {name: tuple(p for p in points if p.name == name) for name, _ in claims}
        monkeypatch.setattr(encoders, "_entry_points", lambda: found)
        encoders._registered.cache_clear()
        encoders.graph.cache_clear()

    yield register
    encoders._registered.cache_clear()
    encoders.graph.cache_clear()


def test_another_package_registers_one(registered):
    registered(("own", "Own"))
    assert encoders.names() == ("musicnn", "own")
    config = make_config(registry.get("encoder"), {"encoder": "own"})
    assert config.hearing.sr == 8000
    assert encoders.graph("own")


def test_broken_ones_break_nothing_else(registered):
    registered(
        ("own", "Own"), ("own", "Broken"), ("musicnn", "Own"), ("three", "nothing"), ("gone", "absent")
    )
    for name, words in (
        ("own", "several packages"),
        ("three", "must have facts|cannot be loaded"),
        ("gone", "cannot be loaded"),
    ):
        with pytest.raises(BackendError, match=words):
            encoders.get(name)
    assert encoders.get("musicnn").facts.hears.sr == 16000
    registered(("own", "Broken"))
    with pytest.raises(BackendError, match="not what its facts say"):
        encoders.graph("own")


def test_a_bundle_needs_no_file_of_the_encoder(tmp_path):
    config = make_config(registry.get("encoder"), {"encoder": str(write(tmp_path, linear([40, 16])))})
    kept = config.model_dump(mode="json")
    (tmp_path / "own.onnx").unlink()
    (tmp_path / "own.yaml").unlink()
    assert make_config(registry.get("encoder"), kept) == config


def test_the_test_encoder_is_valid():
    onnx.checker.check_model(linear([40, 16]))


def test_a_file_that_is_not_there_is_not_asked_for_its_yaml(tmp_path):
    with pytest.raises(ConfigError, match="is not there"):
        make_config(registry.get("encoder"), {"encoder": str(tmp_path / "own.onnx")})
