"""A bundle as a model of MLflow: the module that ``loader_module`` of its MLmodel file names.

*Conventions.* Files come as bytes in a column ``content``, never as paths: a server that read the paths of its callers would
read its own disk for them. JSON holds bytes in Base64.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.models import load
from genrekit.prediction import Model, PredictOptions, load_model
from genrekit.types import Modality, Prediction

if TYPE_CHECKING:
    import pandas as pd

CONTENT = "content"


class Served:
    """A model with the method that MLflow calls.

    Parameters
    ----------
    model : Model
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predict the genre of every row.

        Parameters
        ----------
        model_input : pd.DataFrame
            A column ``content`` with the bytes of a song or a picture each, or the columns of a table of features.
        params : dict, optional
            Not used.

        Returns
        -------
        pd.DataFrame
            Columns ``label``, ``score`` (in [0, 1]), ``error`` (None where there is a label), ``note``, and ``score:LABEL`` per
            label of the model.
        """
        import pandas as pd

        if CONTENT in model_input and self._model.backend.info.modality is not Modality.TABLE:
            inputs: Any = [bytes(one) for one in model_input[CONTENT]]
        else:
            inputs = model_input[
                [name for name in model_input if name in self._model.bundle.manifest.columns]
            ]
        every_score = PredictOptions(top_k=len(self._model.labels))
        found = self._model.predict(inputs, every_score) if len(model_input) else []
        found += found[-1:] * (len(model_input) - len(found))  # a table without the columns has one error
        rows = [self._row(one) for one in found]
        return pd.DataFrame(rows, index=model_input.index, dtype=object)

    def _row(self, one: Prediction) -> dict[str, Any]:
        scores = dict(one.scores)
        label = one.label if not self._model.bundle.manifest.multilabel else "|".join(one.labels)
        return {
            "label": label,
            "score": one.score,
            "error": one.error,
            "note": one.note,
            **{f"score:{name}": scores.get(name) for name in self._model.labels},
        }


def _load_pyfunc(path: str) -> Served:
    """Load the bundle of a logged model; MLflow calls this."""
    return Served(load_model(_bundle_of(Path(path))))


def _bundle_of(path: Path) -> Path:
    return next(path.glob("*.genrekit")) if path.is_dir() else path


def signature(bundle: Path) -> Any:
    """Return the columns that a bundle takes, as MLflow's ``ModelSignature``.

    Parameters
    ----------
    bundle : Path
    """
    from mlflow.models import ModelSignature
    from mlflow.types import DataType
    from mlflow.types.schema import AnyType, ColSpec, Schema, TensorSpec

    manifest = load(bundle).manifest
    anything = AnyType()  # type: ignore[no-untyped-call]
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(anything, name, required=False) for name in manifest.columns
    ]
    if manifest.modality is not Modality.TABLE:
        columns.insert(0, ColSpec(DataType.binary, CONTENT, required=not manifest.columns))
    return ModelSignature(inputs=Schema(columns))
