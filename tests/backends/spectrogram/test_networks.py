from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from genrekit.backends.spectrogram.networks import Arch, Recurrence, build
from genrekit.errors import ConfigError

ARCHS: tuple[Arch, ...] = ("resnet", "plain", "crnn")


def small(arch: Arch, n_labels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return build(n_labels, arch=arch, width=4, depth=1, dropout=0.2)


def windows(n: int = 3, n_mels: int = 32, n_frames: int = 20, seed: int = 0) -> Tensor:
    return torch.rand(n, n_mels, n_frames, generator=torch.Generator().manual_seed(seed)) * 40 - 40


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(("n_mels", "n_frames"), [(32, 8), (33, 9), (64, 13), (128, 334)])
def test_any_size_is_scored(arch: Arch, n_mels: int, n_frames: int) -> None:
    logits = small(arch, 7).eval()(windows(2, n_mels, n_frames))
    assert logits.shape == (2, 7)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@pytest.mark.parametrize("arch", ARCHS)
def test_silence_gives_finite_logits_and_gradients(arch: Arch) -> None:
    net = small(arch)
    for level_db in (-40.0, 0.0):
        net.train()(torch.full((4, 32, 16), level_db)).sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
        assert net.eval()(torch.full((1, 32, 16), level_db)).isfinite().all()


@pytest.mark.parametrize("arch", ARCHS)
def test_a_window_is_scored_by_itself_whatever_its_level(arch: Arch) -> None:
    net, batch = small(arch).eval(), windows() / 2
    with torch.inference_mode():
        together = net(batch)
        alone = torch.cat([net(window[None]) for window in batch])
        softer = net(batch - 15)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together, softer, rtol=1e-3, atol=1e-4)


def test_position_along_the_bands_is_seen() -> None:
    net = small("resnet").eval()
    low = torch.full((1, 64, 32), -40.0)
    high = low.clone()
    low[:, 8:12], high[:, 40:44] = 0.0, 0.0
    with torch.inference_mode():
        assert (net(low) - net(high)).abs().max() > 1e-3


@pytest.mark.parametrize("arch", ARCHS)
def test_equal_seeds_learn_equal_weights(arch: Arch) -> None:
    def trained() -> list[Tensor]:
        net = small(arch).train()
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
        for step in range(3):
            optimizer.zero_grad()
            net(windows(4, seed=step)).square().mean().backward()
            optimizer.step()
        return [*net.state_dict().values()]

    assert all(torch.equal(a, b) for a, b in zip(trained(), trained(), strict=True))


@pytest.mark.parametrize("arch", ARCHS)
def test_labels_are_learned(arch: Arch) -> None:
    net = small(arch, 2).train()
    batch, targets = windows(16, seed=1), torch.arange(16) % 2
    batch[targets == 1, :10] = 0.0
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(batch), targets).backward()
        optimizer.step()
    assert (net.eval()(batch).argmax(dim=1) == targets).all()


@pytest.mark.filterwarnings("ignore")  # of the exporter, about itself
def test_the_recurrence_is_one_operator_that_scores_the_same() -> None:
    torch.manual_seed(0)
    recurrence = Recurrence(3, 2).eval()
    n, n_frames = torch.export.Dim("n"), torch.export.Dim("n_frames", min=2)
    frames = torch.rand(2, 5, 3)
    program = torch.onnx.export(
        recurrence,
        (frames,),
        dynamo=True,
        dynamic_shapes=({0: n, 1: n_frames},),
        optimize=False,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    assert "GRU" in {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch in (frames, torch.rand(1, 9, 3)):
        (found,) = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(found, recurrence(batch).numpy(), atol=1e-5)


@pytest.mark.night  # by day, `tests/backends/neural/test_export.py` holds the graphs of both against the networks
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_graph_takes_any_number_and_length(arch: Arch, tmp_path: Path) -> None:
    net, path = small(arch).eval(), tmp_path / "net.onnx"
    n, n_frames = torch.export.Dim("n"), torch.export.Dim("n_frames", min=8)
    program = torch.onnx.export(
        net,
        (windows(),),
        dynamo=True,
        dynamic_shapes=({0: n, 2: n_frames},),
        input_names=["windows"],
        verbose=False,
    )
    assert program is not None
    program.save(path)
    session = onnxruntime.InferenceSession(path)
    for batch in (windows(1, n_frames=8), windows(5, n_frames=77), torch.full((2, 32, 9), -40.0)):
        (logits,) = session.run(None, {"windows": batch.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(logits, net(batch).numpy(), rtol=1e-3, atol=1e-4)


def test_width_and_depth_make_it_larger() -> None:
    def size(arch: Arch = "resnet", width: int = 4, depth: int = 1) -> int:
        net = build(3, arch=arch, width=width, depth=depth, dropout=0)
        return sum(p.numel() for p in net.parameters())

    assert size() < size(depth=2) < size(width=8, depth=2)
    assert size("plain") < size("plain", width=8) < size(width=8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_labels": 0}, "n_labels is 0"),
        ({"width": 3}, "width is 3"),
        ({"depth": 0}, "depth is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"arch": "vgg"}, "no architecture 'vgg'"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, object], message: str) -> None:
    settings: dict[str, object] = {"arch": "resnet", "n_labels": 3, "width": 4, "depth": 1, "dropout": 0.0}
    with pytest.raises(ConfigError, match=message):
        build(**{**settings, **changes})  # type: ignore[arg-type]
