"""The ``image`` backend: squares of pictures, weights to start from, two phases, and where it looked."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from support import quick

from genrekit.backends import registry
from genrekit.backends.base import GRAPH_FILE, Prepared
from genrekit.backends.config import make_config
from genrekit.backends.image.backbones import load_weights
from genrekit.backends.image.recipe import ImageRecipe
from genrekit.backends.neural import native
from genrekit.errors import ConfigError, MediaError, TrainingError
from genrekit.models.runtime import Runtime
from genrekit.types import Example

IMAGE = registry.get("image")
LABELS = ("blues", "rock")
pytestmark = pytest.mark.usefixtures("small_resnet", "exported_once")


def config_of(**settings):
    return make_config(IMAGE, {**quick.IMAGE, **settings})


def picture(path, size=(60, 40), colour=(200, 30, 30)):
    Image.new("RGB", size, colour).save(path)
    return Example(id=str(path), path=path)


def side(n=12, seed=0):
    """Red squares and blue ones."""
    rng = np.random.default_rng(seed)
    targets = np.eye(2, dtype=np.float32)[np.arange(n) % 2]
    windows = [rng.integers(0, 60, (1, 3, 40, 40), dtype=np.uint8) for _ in range(n)]
    for i, values in enumerate(windows):
        values[:, 2 * (i % 2)] += 180
    names = tuple(f"{seed}-{i}" for i in range(n))
    return Prepared(windows, targets, np.array(names), names)


@pytest.fixture
def partial(tmp_path, small_resnet):
    """Weights of a network without its last stage, as a file."""
    torch.manual_seed(0)
    state = torchvision.models.get_model("resnet18").state_dict()
    kept = {
        name: values
        for name, values in state.items()
        if not name.startswith(("layer4.", "fc."))
        and not name.endswith("num_batches_tracked")  # as old files
    }
    path = tmp_path / "partial.safetensors"
    save_file(kept, path)
    return path


def test_a_picture_is_the_square_in_its_middle(tmp_path):
    path = tmp_path / "flag.png"
    flag = np.zeros((40, 120, 3), np.uint8)
    flag[:, :40, 0] = flag[:, 40:80, 1] = flag[:, 80:, 2] = 255
    Image.fromarray(flag).save(path)
    windows = IMAGE.prepare(Example(id="flag", path=path), config_of())
    assert windows.values.shape == (1, 3, 40, 40)
    assert windows.values.dtype == np.uint8
    assert windows.times_s == ()
    middle = windows.values[0, :, :, 4:36]
    assert middle[1].min() > 250
    assert middle[[0, 2]].max() < 5


def test_ten_crops_are_five_and_their_mirror_images(tmp_path):
    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)).save(path)
    values = IMAGE.prepare(Example(id="noise", path=path), config_of(ten_crop=True)).values
    assert values.shape == (10, 3, 40, 40)
    assert np.array_equal(values[5:], values[:5, :, :, ::-1])
    assert len({square.tobytes() for square in values}) == 10


def test_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(MediaError):
        IMAGE.prepare(Example(id="row", row={"a": 1.0}), config_of())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weights": "weights.bin"}, "safetensors"),
        ({"arch": "vgg16"}, "resnet18"),
        ({"image_size": 8}, "greater than or equal to 40"),
        ({"head_epoch": 3}, "head_epochs"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        config_of(**settings)


def test_weights_may_lack_the_last_layers_which_then_count_as_head(partial):
    recipe = ImageRecipe(config_of(weights=str(partial), head_epochs=2, epochs=3, learning_rate=0.01), 2)
    first, second = recipe.phases()
    assert (first.epochs, second.epochs) == (2, 3)
    assert first.rate("body.layer4.0.conv1.weight") == first.rate("body.fc.2.weight") == 0.01
    assert first.rate("body.layer3.0.conv1.weight") is None
    rates = [
        second.rate(f"body.{layer}.0.conv1.weight") for layer in ("layer4", "layer3", "layer2", "layer1")
    ]
    assert rates == pytest.approx([0.005, 0.0025, 0.00125, None])
    loaded = torchvision.models.get_model("resnet18")
    loaded.load_state_dict(recipe.weights, strict=False)
    assert torch.equal(recipe.network().body.conv1.weight, loaded.conv1.weight)


def test_the_head_sees_every_stage_and_a_batch_may_be_one_picture():
    network = ImageRecipe(config_of(), 2).network()
    shapes = []
    network.body.fc[0].register_forward_pre_hook(lambda module, given: shapes.append(given[0].shape))
    batch = torch.rand(3, 3, 40, 40) * 255
    assert network.train()(batch[:1]).shape == (1, 2)
    with torch.inference_mode():
        together = network.eval()(batch)
        apart = torch.cat([network(picture[None]) for picture in batch])
    torch.testing.assert_close(together, apart)
    assert {shape[1] for shape in shapes} == {2 * (8 + 16 + 32 + 64)}


def test_from_scratch_both_phases_are_one():
    (phase,) = ImageRecipe(config_of(head_epochs=2, epochs=3), 2).phases()
    assert phase.epochs == 5
    assert phase.rate("body.conv1.weight") == phase.rate("body.fc.2.weight")


def test_what_is_frozen_keeps_its_weights_and_statistics(partial, tmp_path):
    settings = {"weights": str(partial), "head_epochs": 1, "epochs": 1, "ema": 0, "half": False}
    config = config_of(**settings)
    fitted = IMAGE.fit_in(tmp_path / "run", side(), None, LABELS, config, lambda text: None, resume=False)
    start = ImageRecipe(config, 2).network().body.state_dict()
    members = {**fitted.native, GRAPH_FILE: fitted.onnx}
    now = {name.removeprefix("0.body."): value for name, value in native.tensors(members).items()}
    for name in ("conv1.weight", "bn1.running_mean", "bn1.running_var", "layer1.0.bn1.running_var"):
        assert torch.equal(now[name], start[name]), name
    for name in (
        "layer2.0.conv1.weight",
        "layer4.0.conv1.weight",
        "layer2.0.bn1.running_mean",
        "fc.2.weight",
    ):
        assert not torch.equal(now[name], start[name]), name
    assert [point["epoch"] for point in fitted.history["train"][0]] == [1, 2]


@pytest.mark.night
@pytest.mark.usefixtures("every_epoch")
def test_an_interrupted_training_goes_on_in_its_phase(partial, tmp_path, monkeypatch):
    monkeypatch.setattr("genrekit.backends.neural.fitting.to_onnx", lambda *arguments, **more: b"")
    config = config_of(weights=str(partial), head_epochs=1, epochs=2)

    def run(folder, stop=None, *, resume=False):
        said = []

        def say(text):
            said.append(text)
            if stop and text.startswith(stop):
                raise KeyboardInterrupt

        return IMAGE.fit_in(folder, side(), None, LABELS, config, say, resume=resume), said

    whole, _ = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", "all layers, epoch 2")
    again, said = run(tmp_path / "run", resume=True)
    assert again.native == whole.native
    assert again.history == whole.history
    assert any("resuming after epoch 1" in text for text in said)
    assert not any(text.startswith("the head") for text in said if "going on" not in text)


def test_red_and_blue_are_told_apart_and_the_graph_agrees():
    config = config_of(
        epochs=6,
        learning_rate=0.0003,
        ema=0,
        mixup=0,
        cutmix=0,
        erasing=0,
        randaugment=0,
        label_smoothing=0,
        kept_share=0,  # without a distance, so that it shares its graph with the test above
    )
    fitted = IMAGE.fit(side(24), side(12, seed=1), LABELS, config, lambda text: None)
    fresh = side(12, seed=2)
    scores = Runtime(fitted.onnx, n_labels=2).example_scores(fresh.windows)
    assert (scores.argmax(axis=1) == fresh.targets.argmax(axis=1)).mean() >= 0.9
    explain = IMAGE.gradient_map({**fitted.native, GRAPH_FILE: fitted.onnx}, config, LABELS)
    window = fresh.windows[0][0]
    assert explain(window, 0).shape == window.shape[1:]


@pytest.mark.parametrize("settings", [{"mixup": 0}, {"cutmix": 0}, {"mixup": 0, "cutmix": 0}, {}])
def test_mixing_keeps_shapes_and_sums_of_targets(settings):
    recipe = ImageRecipe(config_of(**settings), 2)
    pictures, targets = torch.rand(4, 3, 32, 32) * 255, torch.eye(2)[[0, 1, 0, 1]]
    for seed in range(4):
        first, again = (
            recipe.augment(pictures, targets, torch.Generator().manual_seed(seed)) for _ in range(2)
        )
        assert first[0].shape == pictures.shape
        assert torch.allclose(first[1].sum(dim=1), torch.ones(4))
        assert torch.equal(first[0], again[0])


def test_crops_depend_on_their_generator_alone():
    recipe = ImageRecipe(config_of(randaugment=9), 2)
    windows = side(1).windows[0]
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = recipe.crop(windows, np.random.default_rng(3))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert np.array_equal(recipe.crop(windows, np.random.default_rng(3)), first)
    assert not np.array_equal(recipe.crop(windows, np.random.default_rng(4)), first)
    assert first.shape == (3, 35, 35)
    assert first.dtype == np.uint8


class Hostile:
    def __reduce__(self):
        return os.system, ("touch /tmp/genrekit-was-here",)


def test_weights_that_are_no_state_dict_are_refused(tmp_path, partial):
    hostile = tmp_path / "hostile.pth"
    hostile.write_bytes(pickle.dumps(Hostile()))
    torch.save({"conv1.weight": Hostile()}, tmp_path / "zipped.pt")
    (tmp_path / "text.safetensors").write_text("no weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    torch.save([1, 2, 3], tmp_path / "list.pth")
    for name in ("hostile.pth", "zipped.pt", "text.safetensors", "empty.pth", "list.pth", "missing.pth"):
        with pytest.raises(ConfigError, match=r"cannot be read|not a state dict"):
            load_weights(str(tmp_path / name), "resnet18", lambda text: None)
    assert not Path("/tmp/genrekit-was-here").exists()
    with pytest.raises(ConfigError, match="not those of a resnet50"):
        load_weights(str(partial), "resnet50", lambda text: None)


def test_weights_that_torch_saved_are_read(tmp_path):
    path = tmp_path / "whole.pth"
    torch.save(torchvision.models.get_model("resnet18").state_dict(), path)
    weights = load_weights(str(path), "resnet18", lambda text: None)
    assert "layer4.0.bn2.weight" in weights
    assert not any(name.startswith("fc.") for name in weights)


def test_without_a_network_the_error_says_from_where(monkeypatch):
    from urllib.error import URLError

    def offline(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models.ResNet34_Weights, "get_state_dict", offline)
    with pytest.raises(TrainingError, match=r"cannot be downloaded.*https://.*--set weights=FILE"):
        load_weights("imagenet", "resnet34", lambda text: None)
