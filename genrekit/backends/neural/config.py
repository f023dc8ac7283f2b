"""The settings that every network shares, whatever it looks at."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator

from genrekit.backends.base import BackendConfig

# Bounds and words of the settings to which a backend gives a default of its own.
LabelSmoothing = Annotated[
    float, Field(ge=0, lt=1, description="Share of the target spread over all labels.")
]
Mixup = Annotated[
    float,
    Field(ge=0, le=10, description="Alpha of the Beta distribution that mixes pairs of examples; 0: off."),
]
Balance = Annotated[
    Literal["none", "weights", "sampler"],
    Field(description="Against rare labels: weights in the loss, or a sampler that draws them more often."),
]
BalancePower = Annotated[
    float,
    Field(gt=0, le=1, description="Of these weights: 1 lets every label count the same, 0 would be none."),
]
Half = Annotated[
    bool, Field(description="Round the weights to 16 bits when training is over: half the size of the model.")
]


class NeuralConfig(BackendConfig):
    """Settings of a backend that trains a network by epochs."""

    multilabel: bool = Field(
        False, description="Several labels an example: a sigmoid and a threshold for every label."
    )
    epochs: int = Field(60, ge=1, le=10_000, description="Times that training sees every example.")
    batch_size: int = Field(32, ge=1, le=4096, description="Examples a step.")
    learning_rate: float = Field(3e-3, gt=0, le=1, description="The highest rate of AdamW.")
    weight_decay: float = Field(0.05, ge=0, le=1, description="Of AdamW; not on biases and norms.")
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="cosine: down to nothing at the last epoch; plateau: a fifth where validation stands still.",
    )
    warmup: float = Field(
        0.1, ge=0, le=0.9, description="Share of the training in which the rate rises from nothing."
    )
    patience: int = Field(
        0, ge=0, le=1000, description="Stop after so many epochs without a better validation loss; 0: never."
    )
    keep: Literal["best", "last"] = Field(
        "best", description="Weights of the epoch with the lowest validation loss, or of the last one."
    )
    label_smoothing: LabelSmoothing = 0.0
    dropout: float = Field(0.3, ge=0, lt=1, description="Before the last layer.")
    mixup: Mixup = 0.3
    balance: Balance = "none"
    balance_power: BalancePower = 1.0
    ema: float = Field(
        0.99, ge=0, lt=1, description="Decay a step of the moving average of weights that is kept; 0: off."
    )
    gradient_clip: float = Field(5.0, ge=0, description="Largest norm of the gradient; 0: no limit.")
    precision: Literal["auto", "32", "bf16", "fp16"] = Field(
        "auto", description="auto: bf16 where the processor has it, else 32. fp16 needs a GPU."
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$",
        description="auto: the GPU with the most free memory, else the CPU; or cpu, cuda, cuda:1, mps.",
    )
    members: int = Field(
        1, ge=1, le=20, description="Networks trained from different seeds, whose answers are averaged."
    )
    join_valid: bool = Field(
        False,
        description="Train again on train and validation sides together, for all epochs, and keep the calibration.",
    )
    half: Half = False
    temperature: float = Field(
        1.0,
        gt=0,
        le=100,
        description="Divides the log odds where there is no validation side to fit it on.",
    )

    @field_validator("precision", mode="before")
    @classmethod
    def _word_of_precision(cls, value: Any) -> Any:
        return "32" if value == 32 else value  # a number to YAML, and so to --set

    def without_valid(self) -> Self:
        """The same recipe for all epochs where no validation side is left: nothing stops it, nothing is watched."""
        schedule = "cosine" if self.schedule == "plateau" else self.schedule
        return self.model_copy(update={"schedule": schedule, "patience": 0})
