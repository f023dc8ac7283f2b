"""The ``image`` backend: pictures and album covers, and a pretrained residual network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from genrekit.backends.base import BackendInfo, Progress, tuned
from genrekit.backends.capabilities import PictureAxes
from genrekit.backends.neural.backend import NeuralBackend
from genrekit.backends.neural.config import Balance, BalancePower, Half, LabelSmoothing, Mixup, NeuralConfig
from genrekit.errors import MediaError
from genrekit.types import Example, Modality, Windows, silent

if TYPE_CHECKING:
    import numpy as np

    from genrekit.backends.image.recipe import ImageRecipe

WEIGHT_FILES = (".safetensors", ".pth", ".pt")
# Size of a picture relative to the square, before ten squares are cut out of it: torchvision's 256 for 224.
TEN_CROP_SCALE = 256 / 224


class ImageConfig(NeuralConfig):
    """Settings of the ``image`` backend."""

    image_size: int = Field(
        224, ge=40, le=1024, description="Side of the square input of the network, in pixels."
    )
    ten_crop: bool = Field(
        False, description="Average over the centre, the four corners, and all five mirrored."
    )
    learning_rate: float = Field(
        2e-3,
        gt=0,
        le=1,
        json_schema_extra=tuned(low=2e-4, high=2e-2, log=True),
        description="Highest learning rate of AdamW, of the head.",
    )
    label_smoothing: LabelSmoothing = 0.1
    arch: Literal["resnet18", "resnet34", "resnet50"] = Field("resnet34", description="The network.")
    weights: str = Field(
        "imagenet",
        min_length=1,
        max_length=4096,
        description="imagenet (downloaded once), none, or a file: .safetensors, .pth or .pt.",
    )
    head_epochs: int = Field(
        2, ge=0, le=1000, description="Epochs in which only the head is trained, before other layers."
    )
    epochs: int = Field(
        6,
        ge=1,
        le=10_000,
        description="Epochs in which layers 2 to 4 are trained too; without weights, all layers.",
    )
    fine_rate: float = Field(0.5, gt=0, le=1, description="Factor of the learning rates of the second phase.")
    layer_decay: float = Field(
        0.5, gt=0, le=1, description="Learning-rate factor from each layer to the one before it."
    )
    crop_scale: float = Field(
        0.7, gt=0, le=1, description="Smallest share of a picture that training crops and enlarges."
    )
    randaugment: int = Field(
        0, ge=0, le=30, description="Strength of two random changes per picture; 0: off."
    )
    erasing: float = Field(0.0, ge=0, le=1, description="Probability of erasing a random rectangle.")
    cutmix: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Alpha of the Beta distribution for pasting pictures into others (CutMix); 0: off.",
    )
    mixup: Mixup = 0.2
    balance: Balance = "weights"
    balance_power: BalancePower = 0.25
    half: Half = True

    @model_validator(mode="after")
    def _known_weights(self) -> ImageConfig:
        if self.weights not in ("imagenet", "none") and Path(self.weights).suffix not in WEIGHT_FILES:
            raise PydanticCustomError(
                "weights", "weights are imagenet, none, or a .safetensors, .pth or .pt file"
            )
        return self


class ImageBackend(NeuralBackend):
    """A residual network of torchvision, trained in two phases: first the head, then also the later layers."""

    info: ClassVar = BackendInfo(
        name="image",
        summary="Pictures and album covers, and a residual network pretrained on ImageNet.",
        modality=Modality.IMAGE,
        feature_version="1",
        prepare_keys=("image_size", "ten_crop"),
        multilabel=True,
    )
    Config: ClassVar = ImageConfig

    def prepare(self, example: Example, config: ImageConfig) -> Windows:
        """Decode a picture and crop the square in its middle, or ten squares.

        Parameters
        ----------
        example : Example
        config : ImageConfig

        Returns
        -------
        Windows
            Values [shape=(1 or 10, 3, image_size, image_size), dtype=uint8]: red, green, blue.
        """
        import numpy as np

        from genrekit.media import images

        if example.path is None:
            raise MediaError("The example is not a picture.")
        size = config.image_size
        if not config.ten_crop:
            square = _square(images.load(example.path, size=size), size, 0.5, 0.5)
            return Windows(np.ascontiguousarray(square.transpose(2, 0, 1))[None])
        picture = images.load(example.path, size=round(size * TEN_CROP_SCALE))
        places = ((0.5, 0.5), (0, 0), (0, 1), (1, 0), (1, 1))
        five = [_square(picture, size, down, right) for down, right in places]
        ten = np.stack([*five, *(square[:, ::-1] for square in five)])
        return Windows(np.ascontiguousarray(ten.transpose(0, 3, 1, 2)))

    def picture_axes(self, config: ImageConfig) -> PictureAxes:
        """Return how a window is a picture."""
        return PictureAxes(height=1, width=2)

    def recipe(self, config: ImageConfig, n_labels: int, progress: Progress = silent) -> ImageRecipe:
        """Return the networks of a config and their training inputs."""
        from genrekit.backends.image.recipe import ImageRecipe

        return ImageRecipe(config, n_labels, progress)


def _square(picture: np.ndarray, size: int, down: float, right: float) -> np.ndarray:
    """Crop a square of a picture [shape=(height, width, 3)], at positions from 0 (top, left) to 1 (bottom, right)."""
    top = round((picture.shape[0] - size) * down)
    left = round((picture.shape[1] - size) * right)
    return picture[top : top + size, left : left + size]
