"""A residual network in the form of torchvision's, with an eighth of the channels and one block per stage."""

from __future__ import annotations

from typing import Any

from torch import nn
from torchvision.models import resnet

SHARE = 8


class NarrowResNet(resnet.ResNet):
    """`torchvision.models.ResNet` whose stages have 8, 16, 32 and 64 channels, with the same names of layers."""

    def __init__(self, arch: str) -> None:
        block = resnet.Bottleneck if arch == "resnet50" else resnet.BasicBlock
        super().__init__(block, [1, 1, 1, 1])
        self.fc = nn.Linear(self.fc.in_features // SHARE, 1000)

    def _make_layer(self, block: Any, planes: int, *args: Any, **more: Any) -> nn.Sequential:
        return super()._make_layer(block, planes // SHARE, *args, **more)
