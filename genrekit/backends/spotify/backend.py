"""The ``spotify`` backend: Spotify's 13 audio features of a track, and boosted trees of XGBoost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from genrekit.backends.base import BackendConfig, BackendInfo, Fitted, Prepared, Progress, tuned
from genrekit.backends.capabilities import Explainer, NativeScorer, TableReader, TableRows
from genrekit.errors import MediaError
from genrekit.features import MODEL_COLUMNS, SPOTIFY_COLUMNS, find_columns, recognises
from genrekit.types import Example, Modality, Windows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from genrekit.features import SpotifyTable

# Parameters of other libraries and the equivalent key. XGBoost accepts unknown parameters and ignores them.
_OF_OTHERS = {
    "max_features": "colsample_bynode",
    "feature_fraction": "colsample_bytree",
    "min_samples_leaf": "min_child_weight",
    "min_samples_split": "min_child_weight",
    "min_weight_fraction_leaf": "min_child_weight",
    "min_data_in_leaf": "min_child_weight",
    "max_leaf_nodes": "max_depth",
    "num_leaves": "max_depth",
    "max_samples": "subsample",
    "bagging_fraction": "subsample",
    "bootstrap": "subsample",
    "max_iter": "n_estimators",
    "n_iter_no_change": "early_stopping_rounds",
    "validation_fraction": "early_stopping_rounds",
    "min_impurity_decrease": "gamma",
    "ccp_alpha": "gamma",
    "l2_regularization": "reg_lambda",
}
_OTHER_SPELLINGS = {
    "num_boost_round": "n_estimators",
    "eta": "learning_rate",
    "min_split_loss": "gamma",
    "lambda": "reg_lambda",
    "alpha": "reg_alpha",
    "scale_pos_weight": "class_weight",
    "random_state": "seed",
}
_THREADS = ("n_jobs", "nthread", "n_threads", "num_threads")
_NO_SUCH = ("criterion", "oob_score", "warm_start", "max_leaves", "grow_policy", "booster", "tree_method")


class SpotifyConfig(BackendConfig):
    """Settings of the ``spotify`` backend: XGBoost's parameters under their own names.

    https://xgboost.readthedocs.io/en/stable/parameter.html
    """

    default_grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "max_depth": (4, 6, 8),
        "min_child_weight": (5.0, 20.0),
        "num_parallel_tree": (1, 3),
    }

    n_estimators: int = Field(
        2000,
        ge=1,
        le=20_000,
        description="Maximum number of rounds; early stopping determines the actual number.",
    )
    learning_rate: float = Field(
        0.04,
        gt=0,
        le=1,
        json_schema_extra=tuned(low=0.01, high=0.3, log=True),
        description="Weight of every added tree.",
    )
    max_depth: int = Field(
        6,
        ge=1,
        le=16,
        json_schema_extra=tuned(low=2, high=10),
        description="Maximum number of splits above a leaf.",
    )
    min_child_weight: float = Field(
        10.0,
        ge=0,
        le=1e6,
        json_schema_extra=tuned(low=1.0, high=100.0, log=True),
        description="Minimum weight (comparable to a number of rows) in a leaf.",
    )
    subsample: float = Field(
        0.6,
        gt=0,
        le=1,
        json_schema_extra=tuned(low=0.3, high=1.0),
        description="Share of the rows used per tree.",
    )
    colsample_bytree: float = Field(1.0, gt=0, le=1, description="Share of the features used per tree.")
    colsample_bynode: float = Field(
        0.4,
        gt=0,
        le=1,
        json_schema_extra=tuned(low=0.2, high=1.0),
        description="Share of the features of the tree considered per split.",
    )
    num_parallel_tree: int = Field(
        1, ge=1, le=100, description="Trees per round and label: above 1, small forests are boosted."
    )
    gamma: float = Field(0.0, ge=0, le=1e6, description="Minimum gain for splitting a leaf.")
    reg_lambda: float = Field(
        5.0,
        ge=0,
        le=1e6,
        json_schema_extra=tuned(low=0.1, high=100.0, log=True),
        description="L2 penalty on the values of leaves.",
    )
    reg_alpha: float = Field(0.0, ge=0, le=1e6, description="L1 penalty on the values of leaves.")
    max_bin: int = Field(256, ge=2, le=65_535, description="Number of bins per feature.")
    early_stopping_rounds: int = Field(
        40, ge=1, le=20_000, description="Rounds without a lower validation loss before training stops."
    )
    class_weight: Literal["none", "balanced"] = Field(
        "none",
        description="'balanced': all labels have the same weight, independent of their number of rows; scores then assume that "
        "all labels are equally frequent.",
    )
    gap_copies: int = Field(
        1,
        ge=0,
        le=10,
        description="Copies of every training row with values taken out (half of them lack one feature, half 10 to 40 % of all), "
        "so that scores stay calibrated for rows with missing values; 0: none.",
    )
    multilabel: bool = Field(False, description="One binary model per label: rows may have several labels.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device that trains the trees; 'auto' is CUDA if XGBoost finds a GPU."
    )

    @model_validator(mode="before")
    @classmethod
    def _keys_are_of_xgboost(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        wrong = [
            InitErrorDetails(type=PydanticCustomError("no_parameter", words), loc=(key,), input=values[key])
            for key in values
            if (words := _not_ours(key))
        ]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return values

    @model_validator(mode="after")
    def _trees_differ(self) -> SpotifyConfig:
        if (
            self.num_parallel_tree > 1
            and self.subsample == self.colsample_bytree == self.colsample_bynode == 1
        ):
            raise PydanticCustomError(
                "equal_trees",
                "num_parallel_tree above 1 would grow the same tree several times, for every tree would see all rows "
                "and all features; pass num_parallel_tree 1, or subsample, colsample_bytree or colsample_bynode below 1",
            )
        return self


def _not_ours(key: str) -> str:
    if key in _OF_OTHERS:
        return f"not a parameter of XGBoost, which would ignore it (did you mean {_OF_OTHERS[key]!r}?)"
    if key in _OTHER_SPELLINGS:
        return f"has another name here (did you mean {_OTHER_SPELLINGS[key]!r}?)"
    if key in _THREADS:
        return "the number of threads is not a setting of a model; the variable OMP_NUM_THREADS limits it"
    if key in _NO_SUCH:
        return "this cannot be set: trees are grown level by level from histograms (XGBoost's 'hist')"
    return ""


class SpotifyBackend:
    """A backend of Spotify's audio features and calibrated boosted trees.

    Besides the protocol it has every capability of `genrekit.backends.capabilities`.
    """

    info: ClassVar = BackendInfo(
        name="spotify",
        summary="Spotify's 13 audio features of a track, missing values allowed, and calibrated boosted trees (XGBoost).",
        modality=Modality.TABLE,
        feature_version="1",
        columns=SPOTIFY_COLUMNS,
        multilabel=True,
    )
    Config: ClassVar = SpotifyConfig

    def prepare(self, example: Example, config: SpotifyConfig) -> Windows:
        """Return one window of 15 numbers per row: the 13 features and two derived from them, NaN where unknown.

        Parameters
        ----------
        example : Example
        config : SpotifyConfig

        Returns
        -------
        Windows
            Values [shape=(1, 15), dtype=float32].

        Raises
        ------
        MediaError
            If the example is not a row, has no feature, or has infinite values.
        """
        import numpy as np

        from genrekit.features import model_input

        if example.row is None:
            raise MediaError("The example is not a row of features.")
        row = np.array([[example.row.get(name, np.nan) for name in SPOTIFY_COLUMNS]], dtype=np.float64)
        if np.isnan(row).all():
            raise MediaError("The row has no value in any of the 13 features.")
        with np.errstate(all="ignore"):
            values = model_input(row)
        endless = [name for name, value in zip(MODEL_COLUMNS, values[0], strict=True) if np.isinf(value)]
        if endless:
            raise MediaError(f"The row has no finite number in {', '.join(endless)}.")
        return Windows(values)

    def fit(
        self,
        train: Prepared,
        valid: Prepared | None,
        labels: tuple[str, ...],
        config: SpotifyConfig,
        progress: Progress,
    ) -> Fitted:
        """Boost until the validation loss no longer improves, train again on both splits, calibrate, and export."""
        from genrekit.backends.spotify import fit as spotify_fit

        return spotify_fit.fit(train, valid, labels, config, progress)

    def feature_columns(self, columns: Sequence[str]) -> frozenset[str]:
        """Return the columns of a table that are Spotify's features, in any spelling; none for other tables."""
        return frozenset(find_columns(columns).values()) if recognises(columns) else frozenset()

    def open_table(self, first: pa.Table) -> TableReader:
        """Infer the columns and units of a table from its first rows."""
        from genrekit.features import understand

        return _Reader(understand(first))

    def native_scorer(self, members: Mapping[str, bytes]) -> NativeScorer:
        """Return a scorer by XGBoost itself, several times as fast as the graph for many rows."""
        from genrekit.backends.spotify import native

        return native.scorer(members)

    def explainer(self, members: Mapping[str, bytes]) -> Explainer:
        """Return an explainer of predictions by SHAP values of the features."""
        from genrekit.backends.spotify import native

        return native.explainer(members)

    @property
    def window_columns(self) -> tuple[str, ...]:
        """Names of the 13 features and the two that are computed from them."""
        return MODEL_COLUMNS

    @property
    def n_features(self) -> int:
        """13."""
        return len(SPOTIFY_COLUMNS)

    def windows_of(self, features: np.ndarray) -> np.ndarray:
        """Return windows [shape=(n, 15), dtype=float32] of features [shape=(n, 13)]."""
        from genrekit.features import model_input

        return model_input(features)

    def contributions(self, members: Mapping[str, bytes], windows: np.ndarray) -> np.ndarray:
        """Return exact SHAP values [shape=(n, n_labels, 16)], in log odds; the last one is the bias."""
        from genrekit.backends.spotify import native

        return native.contributions(members, windows)

    def gain_shares(self, members: Mapping[str, bytes], config: SpotifyConfig) -> np.ndarray | None:
        """Return the share of the total gain per number of a window [shape=(15,)]; None with an L1 penalty."""
        from genrekit.backends.spotify import native

        return native.gain_shares(members, config.reg_lambda) if config.reg_alpha == 0 else None


@dataclass(frozen=True)
class _Reader:
    """A reader of tables of features as windows."""

    table: SpotifyTable

    @property
    def notes(self) -> tuple[str, ...]:
        """Interpretation of its columns and units."""
        return self.table.notes

    def read(self, table: pa.Table) -> TableRows:
        """Read rows of the table."""
        import numpy as np

        from genrekit.features import model_input

        rows = self.table.read(table, np.arange(table.num_rows))
        return TableRows(model_input(rows.values), rows.errors)
