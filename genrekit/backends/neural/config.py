"""Settings shared by all backends with networks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator

from genrekit.backends.base import BackendConfig, tuned

# Bounds and descriptions of the settings for which backends have their own defaults.
LabelSmoothing = Annotated[
    float, Field(ge=0, lt=1, description="Share of the target spread over all labels.")
]
Mixup = Annotated[
    float,
    Field(ge=0, le=10, description="Alpha of the Beta distribution that mixes pairs of examples; 0: off."),
]
Balance = Annotated[
    Literal["none", "weights", "sampler"],
    Field(
        description="Compensation for rare labels: weights in the loss, or a sampler that draws them more often."
    ),
]
BalancePower = Annotated[
    float,
    Field(gt=0, le=1, description="Exponent of the class weights: 1 balances fully, 0 disables."),
]
Half = Annotated[
    bool, Field(description="Round the weights to 16 bits after training: half the size of the model.")
]


class NeuralConfig(BackendConfig):
    """Settings of a backend that trains a network in epochs."""

    multilabel: bool = Field(
        False, description="Several labels per example: one sigmoid and threshold per label."
    )
    epochs: int = Field(60, ge=1, le=10_000, description="Number of passes over the training examples.")
    batch_size: int = Field(32, ge=1, le=4096, description="Examples per step.")
    learning_rate: float = Field(
        3e-3,
        gt=0,
        le=1,
        json_schema_extra=tuned(low=3e-4, high=3e-2, log=True),
        description="Highest learning rate of AdamW.",
    )
    weight_decay: float = Field(
        0.05,
        ge=0,
        le=1,
        json_schema_extra=tuned(low=1e-3, high=0.3, log=True),
        description="Weight decay of AdamW; not of biases and norms.",
    )
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="cosine: decreases to 0 at the last epoch; plateau: a fifth when the validation loss stops improving.",
    )
    warmup: float = Field(
        0.1, ge=0, le=0.9, description="Share of the training in which the learning rate rises from 0."
    )
    patience: int = Field(
        0,
        ge=0,
        le=1000,
        description="Stop after this number of epochs without a better validation loss; 0: never.",
    )
    keep: Literal["best", "last"] = Field(
        "best",
        description="Keep the weights of the epoch with the lowest validation loss, or of the last one.",
    )
    label_smoothing: LabelSmoothing = 0.0
    dropout: float = Field(
        0.3,
        ge=0,
        lt=1,
        json_schema_extra=tuned(low=0.0, high=0.6),
        description="Dropout rate before the last layer.",
    )
    mixup: Mixup = Field(0.3, json_schema_extra=tuned(low=0.0, high=1.0))
    balance: Balance = "none"
    balance_power: BalancePower = 1.0
    ema: float = Field(
        0.99, ge=0, lt=1, description="Decay per step of the moving average of the weights; 0: off."
    )
    gradient_clip: float = Field(5.0, ge=0, description="Largest norm of the gradient; 0: no limit.")
    precision: Literal["auto", "32", "bf16", "fp16"] = Field(
        "auto", description="auto: bf16 if the processor supports it, else 32. fp16 needs a GPU."
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$",
        description="auto: the GPU with the most free memory, else the CPU; or cpu, cuda, cuda:1, mps.",
    )
    members: int = Field(
        1,
        ge=1,
        le=20,
        description="Number of networks trained from different seeds, whose scores are averaged.",
    )
    join_valid: bool = Field(
        False,
        description="Train again on the train and validation splits together, for all epochs, and keep the calibration.",
    )
    kept_share: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="Share of the examples kept out of training, where no validation split is left, to tell what is unlike "
        "anything learnt; 0: the model cannot tell.",
    )
    half: Half = False
    temperature: float = Field(
        1.0,
        gt=0,
        le=100,
        description="Divisor of the log odds if there is no validation split to fit it on.",
    )

    @field_validator("precision", mode="before")
    @classmethod
    def _word_of_precision(cls, value: Any) -> Any:
        return "32" if value == 32 else value  # a number to YAML, and so to --set

    def without_valid(self) -> Self:
        """Return the same recipe for all epochs without a validation split: no early stopping, no plateau schedule."""
        schedule = "cosine" if self.schedule == "plateau" else self.schedule
        return self.model_copy(update={"schedule": schedule, "patience": 0})
