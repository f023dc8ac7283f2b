"""Loading of models by name, path or value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrekit.errors import UnknownModelError, UsageError
from genrekit.models import SUFFIX, Bundle, combination_of, load, recipe_of, shipped_models
from genrekit.prediction.model import Model
from genrekit.text import nearest


def find(model: str | Path) -> Bundle:
    """Load and verify a bundle without its backend: by its path, or a shipped one by its name.

    Raises
    ------
    UnknownModelError
        If there is no such bundle.
    BundleError
        If it is damaged.
    """
    shipped = shipped_models()
    path = Path(model)
    name = str(model).removesuffix(SUFFIX)
    if not path.is_file() and name not in shipped:
        folder = path.parent if path.parent.is_dir() else Path()
        bundles = [str(folder / found.name) for found in folder.glob(f"*{SUFFIX}")]
        guess = nearest(name, shipped) or nearest(str(model), bundles)
        raise UnknownModelError(
            f"There is no model {str(model)!r}: {'it is a folder' if path.is_dir() else 'no such file'}, and the shipped models are {', '.join(shipped) or 'none'}.",
            (f"Did you mean {guess}? " if guess else "")
            + "Use a shipped name, or the path of a bundle that 'genrekit train' wrote.",
        )
    return load(path if path.is_file() else shipped[name])


def load_model(model: str | Path) -> Model:
    """Load a model by the path of its bundle, or a shipped one by its name.

    Parameters
    ----------
    model : str or Path
        A path, or a name in `genrekit.models.shipped_models`.

    Returns
    -------
    Model

    Raises
    ------
    BundleError
        If there is no such bundle, or it is damaged, or was prepared by another version of its backend.
    BackendError
        If its backend is not installed.
    """
    bundle = find(model)
    manifest = bundle.manifest
    backend, config = combination_of(bundle) if manifest.members else recipe_of(manifest, str(model))
    return Model(bundle, backend, config)


def load_shipped() -> tuple[Model, ...]:
    """Load the shipped models that predict by default: those with one label per example.

    Multi-label models, such as ``tags``, are used only by name.
    """
    models = map(load_model, shipped_models().values())
    return tuple(model for model in models if not model.bundle.manifest.multilabel)


def load_models(model: Model | str | Path | Sequence[Model | str | Path] | None) -> tuple[Model, ...]:
    """Load one or more models; None means the shipped models that `load_shipped` returns.

    Raises
    ------
    UsageError
        If it is not a model, a name, a path or a sequence of these.
    BundleError, BackendError
        As `load_model`.
    """
    if model is None:
        return load_shipped()
    if isinstance(model, Model | str | Path):
        return (model if isinstance(model, Model) else load_model(model),)
    if not isinstance(model, Sequence) or not all(isinstance(one, Model | str | Path) for one in model):
        raise UsageError(
            f"model={model!r} is not a model.",
            "Pass a name, a path, a model from load_model, or a list of these.",
        )
    return tuple(one if isinstance(one, Model) else load_model(one) for one in model)
