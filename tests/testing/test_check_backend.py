"""The conformance suites: every built-in passes, and every broken promise is caught."""

import time
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load, save
from support import quick
from support.linear_backend import LinearBackend, LinearConfig

from genrekit.backends import PictureAxes, registry
from genrekit.backends.base import BackendConfig
from genrekit.backends.gtzan.backend import GtzanBackend
from genrekit.backends.image.backend import ImageBackend
from genrekit.datasets.base import Dataset
from genrekit.errors import MediaError
from genrekit.media import images
from genrekit.testing.backend import check_backend, check_loader
from genrekit.types import Example, Modality, Windows


class OneLabel(ImageBackend):
    """The ``image`` backend; several labels are learned by code that it shares with ``spectrogram``."""

    info = replace(ImageBackend.info, multilabel=False)


@pytest.mark.parametrize(
    ("backend", "settings"),
    [
        (registry.get("gtzan"), quick.GTZAN),
        (OneLabel(), quick.IMAGE),
        (registry.get("spectrogram"), quick.SPECTROGRAM),
        (registry.get("spotify"), {**quick.SPOTIFY, "n_estimators": 5}),
    ],
    ids=["gtzan", "image", "spectrogram", "spotify"],
)
@pytest.mark.usefixtures("small_resnet", "exported_once")
def test_built_in_backends_conform(backend, settings):
    check_backend(backend, settings=settings)


@pytest.mark.night
def test_the_image_backend_conforms_with_several_labels():
    check_backend(registry.get("image"), settings=quick.IMAGE)


def with_outputs(onnx_bytes, *nodes):
    """The graph with more nodes, and what they give as outputs."""
    model = onnx.load_model_from_string(onnx_bytes)
    model.graph.node.extend(nodes)
    for node in nodes:
        if node.output[0] not in ("embeddings", "distance"):
            continue
        shape = ("n", 2) if node.output[0] == "embeddings" else ("n",)
        model.graph.output.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, shape))
    return model.SerializeToString()


EMBEDDINGS = helper.make_node("Identity", ["windows"], ["embeddings"])
DISTANCE = helper.make_node("ReduceL2", ["windows"], ["distance"], axes=[1], keepdims=0)


class Rich(LinearBackend):
    nodes = (EMBEDDINGS, DISTANCE)
    threshold = 1e9

    def fit(self, *arguments):
        fitted = super().fit(*arguments)
        return replace(fitted, onnx=with_outputs(fitted.onnx, *self.nodes), distance_threshold=self.threshold)


class Crowd(Rich):
    threshold = None
    nodes = (
        helper.make_node("Constant", [], ["axis"], value_int=0),
        helper.make_node("CumSum", ["windows", "axis"], ["embeddings"]),
    )


class Nowhere(Rich):
    nodes = (EMBEDDINGS,)


class Strangers(Rich):
    threshold = 0.0


class FewOnly(LinearBackend):
    def fit(self, *arguments):
        return replace(super().fit(*arguments), distance_thresholds_of_few=(1.0,))


class Infinite(Rich):
    threshold = float("inf")


class Flat(LinearBackend):
    def picture_axes(self, config):
        return PictureAxes(height=0, width=0)


class Foreign(LinearBackend):
    def fit(self, *arguments):
        return replace(super().fit(*arguments), native={"model.ubj": b""})


class Keyed(LinearBackend):
    def fit(self, *arguments):
        return replace(super().fit(*arguments), native={"keys.safetensors": b""})


def test_a_backend_may_give_embeddings_and_distances():
    check_backend(Rich())


@pytest.mark.parametrize(
    ("backend", "promise"),
    [
        (Crowd, "embeddings of a window does not depend on the others"),
        (Nowhere, "distance_threshold goes with"),
        (Strangers, "most of the examples that were learnt from are within"),
        (FewOnly, "go with a distance_threshold"),
        (Infinite, "finite"),
        (Flat, "picture_axes are different axes"),
        (Foreign, "safetensors files"),
        (Keyed, "and not keys.safetensors"),
    ],
)
def test_broken_promises_about_outputs_and_payloads_are_caught(backend, promise):
    with pytest.raises(AssertionError, match=promise):
        check_backend(backend())


class Named(LinearBackend):
    """Names the two numbers of its windows, and decomposes its scores."""

    window_columns = ("x", "y")
    n_features = 2
    gains = (0.25, 0.75)
    bias = 0.0

    def windows_of(self, features):
        return features

    def fit(self, *arguments):
        fitted = super().fit(*arguments)
        weights = dict(zip(("w", "b"), map(numpy_helper.to_array, self.initializers(fitted)), strict=True))
        return replace(fitted, native={"linear.safetensors": save(weights)})

    @staticmethod
    def initializers(fitted):
        return onnx.load_model_from_string(fitted.onnx).graph.initializer

    def contributions(self, members, windows):
        weights = load(members["linear.safetensors"])
        own = windows[:, None, :] * weights["w"].T[None]
        bias = np.broadcast_to(weights["b"][None, :, None] + self.bias, (*own.shape[:2], 1))
        return np.concatenate([own, bias * (1 + np.arange(own.shape[1])[None, :, None] * self.bias)], axis=-1)

    def gain_shares(self, members, config):
        return np.array(self.gains)


class Twice(Named):
    window_columns = ("x", "x")


class TooMany(Named):
    n_features = 3


class Wide(Named):
    window_columns = ("x", "y", "z")


class Elsewhere(Named):
    def windows_of(self, features):
        return features + np.float32(1)


class Neighbours(Named):
    def windows_of(self, features):
        return features + np.float32(1e-7) * len(features)


class Unsummed(Named):
    bias = 1.0


class Halves(Named):
    gains = (0.25, 0.25)


class Losses(Named):
    gains = (-0.5, 1.5)


class Short(Named):
    gains = (1.0,)


class NoBias(Named):
    def contributions(self, *arguments):
        return super().contributions(*arguments)[..., :-1]


def test_a_backend_may_name_features_and_decompose_scores():
    check_backend(Named())


@pytest.mark.parametrize(
    ("backend", "promise"),
    [
        (Twice, "window_columns are different names"),
        (TooMany, "n_features is from 1 to 2, not 3"),
        (Wide, "a window holds its window_columns"),
        (Elsewhere, "windows_of returns the windows of prepare"),
        (Neighbours, "does not depend on the others"),
        (Unsummed, "sum to the log odds of the scores"),
        (Halves, "sum to 1, not to 0.5"),
        (Losses, "at least 0"),
        (Short, "gain_shares have the shape"),
        (NoBias, "contributions have the shape"),
    ],
)
def test_broken_promises_about_features_and_trees_are_caught(backend, promise):
    with pytest.raises(AssertionError, match=promise):
        check_backend(backend())


class Unstable(GtzanBackend):
    calls = 0

    def prepare(self, example, config):
        Unstable.calls += 1
        return Windows(np.full((1, 57), Unstable.calls, np.float32))


class Credulous(GtzanBackend):
    def prepare(self, example, config):
        return Windows(np.zeros((1, 57), np.float32))


class Brittle(GtzanBackend):
    def prepare(self, example, config):
        try:
            return super().prepare(example, config)
        except MediaError as error:
            raise ValueError("surprise") from error


class Doubles(GtzanBackend):
    def prepare(self, example, config):
        return Windows(np.zeros((1, 57), np.float64))


class Misnamed(GtzanBackend):
    info = replace(GtzanBackend.info, name="Not A Name")


class Silent(GtzanBackend):
    info = replace(GtzanBackend.info, summary=" ")


class Keyless(GtzanBackend):
    info = replace(GtzanBackend.info, prepare_keys=("nothing",))


class Unsendable(GtzanBackend):
    def __init__(self):
        self.handle = lambda: None


class Overconfident(GtzanBackend):
    def fit(self, *arguments):
        fitted = super().fit(*arguments)
        return replace(fitted, check_scores=fitted.check_scores + 0.1)


class Lenient(GtzanBackend):
    def fit(self, *arguments):
        return replace(super().fit(*arguments), tolerance=0.5)


class Clocked(GtzanBackend):
    def fit(self, *arguments):
        return replace(super().fit(*arguments), history={"seconds": time.perf_counter()})


@pytest.mark.parametrize(
    ("backend", "promise"),
    [
        (Misnamed, "info.name"),
        (Silent, "info.summary"),
        (Keyless, "prepare_keys"),
        (Unsendable, "sent to another process"),
        (Unstable, "depends on the content only"),
        (Doubles, "float32 or uint8, not float64"),
        (Credulous, "refuses a file of empty"),
        (Brittle, "MediaError for a file of empty, not ValueError"),
        (Overconfident, "graph and native model agree"),
        (Lenient, "tolerance is at most 0.001, not 0.5"),
        (Clocked, "no times"),
    ],
)
def test_broken_promises_are_caught(backend, promise, songs):
    with pytest.raises(AssertionError, match=promise):
        check_backend(backend(), examples=songs.examples[::2], settings=quick.GTZAN)


class EagerConfig(BackendConfig):
    multilabel: bool = True


class Untold(LinearBackend):
    Config = EagerConfig


class Stubborn(LinearBackend):
    def fit(self, train, valid, labels, config, progress):
        return super().fit(train, valid, labels, LinearConfig(), progress)


class Forgetful(LinearBackend):
    def fit(self, *arguments):
        fitted = super().fit(*arguments)
        return replace(fitted, thresholds=dict(list(fitted.thresholds.items())[:1]))


class Eager(LinearBackend):
    def fit(self, *arguments):
        return replace(super().fit(*arguments), thresholds=dict.fromkeys("abc", 0.5))


class Unreachable(LinearBackend):
    def fit(self, *arguments):
        fitted = super().fit(*arguments)
        return replace(fitted, thresholds=dict.fromkeys(fitted.thresholds, 1.5))


def test_a_backend_of_several_labels_conforms():
    check_backend(LinearBackend())
    examples = [
        Example(id=str(i), row={"x": float(i % 2), "y": i / 9}, labels=("rock", "pop", "jazz")[: i % 3 + 1])
        for i in range(24)
    ]
    examples += [replace(e, id=f"other {e.id}", labels=e.labels[::-1]) for e in examples]
    check_backend(LinearBackend(), examples=examples)


class Colours(LinearBackend):
    """Red and green of the middle of a picture."""

    info = replace(LinearBackend.info, modality=Modality.IMAGE, columns=())

    def prepare(self, example, config):
        picture = images.load(example.path, size=32)
        return Windows(picture[8:24, 8:24, :2].mean(axis=(0, 1), dtype=np.float32)[None] / 255)


class Blind(Colours):
    def prepare(self, example, config):
        return Windows(np.zeros((1, 2), np.float32))


def test_a_backend_for_pictures_gets_pictures():
    check_backend(Colours())
    with pytest.raises(AssertionError, match="refuses a file of empty"):
        check_backend(Blind())


@pytest.mark.parametrize(
    ("backend", "promise"),
    [
        (Untold, "the Config key 'multilabel' is off"),
        (Stubborn, "a threshold for every label"),
        (Forgetful, "a threshold for every label"),
        (Eager, "one label per example: no thresholds"),
        (Unreachable, "thresholds are from 0 to 1"),
    ],
)
def test_broken_promises_about_several_labels_are_caught(backend, promise):
    with pytest.raises(AssertionError, match=promise):
        check_backend(backend())


def test_parts_of_songs_are_prepared_again_as_the_same_parts(songs):
    parts = tuple(replace(e, offset_s=1.0, duration_s=2.0) for e in songs.examples)
    check_backend(GtzanBackend(), examples=parts, settings=quick.GTZAN)


ROW = Example(id="a", row={"x": 1.0}, labels=("rock",))


@pytest.mark.parametrize(
    ("examples", "promise"),
    [
        ((), "at least one example"),
        ((ROW, ROW), "ids are unique"),
        ((replace(ROW, labels=()),), "has a label"),
        ((replace(ROW, labels=("Rock",)),), "normalised"),
        ((replace(ROW, split="exam"),), "in a split that exists"),
        ((replace(ROW, group=""),), "a group or None"),
        ((replace(ROW, row=None),), "a file, an address, a row or an array"),
        ((replace(ROW, array=np.zeros((2, 3), np.float32)),), "a file, an address, a row or an array"),
        ((Example(id="a", array=np.zeros(3), labels=("rock",)),), "has a kind if it has an array"),
        ((replace(ROW, kind="spectrogram"),), "has a kind if it has an array"),
        ((replace(ROW, row={"x": "1"}),), "numbers in its row"),
        ((replace(ROW, labels=("rock", "rock")),), "every label once"),
        ((ROW, replace(ROW, id="b", row={"y": 1.0})), "the same columns"),
    ],
)
def test_loaders_that_break_a_promise_are_caught(examples, promise):
    with pytest.raises(AssertionError, match=promise):
        check_loader(lambda: Dataset("x", "table", Modality.TABLE, examples))


@pytest.mark.parametrize(
    ("mel", "modality", "promise"),
    [
        (np.zeros((2, 3), np.float32), Modality.IMAGE, "is a song"),
        (np.zeros((2, 3)), Modality.AUDIO, "uint8 or float32"),
        (np.zeros((2, 0), np.uint8), Modality.AUDIO, "mel bands and frames"),
        (np.zeros(6, np.uint8), Modality.AUDIO, "mel bands and frames"),
    ],
)
def test_spectrograms_that_break_a_promise_are_caught(mel, modality, promise):
    example = Example(id="a", array=mel, kind="spectrogram", labels=("rock",))
    with pytest.raises(AssertionError, match=promise):
        check_loader(lambda: Dataset("x", "npz", modality, (example,)))


def test_loaders_that_change_their_mind_are_caught():
    orders = iter([(ROW, replace(ROW, id="b")), (replace(ROW, id="b"), ROW)])
    with pytest.raises(AssertionError, match="in the same order"):
        check_loader(lambda: Dataset("x", "table", Modality.TABLE, next(orders)))
