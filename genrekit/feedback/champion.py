"""The champion: the bundle that is served and retrained."""

from __future__ import annotations

from pathlib import Path

from genrekit.errors import UsageError
from genrekit.feedback.store import SERVED, Store
from genrekit.hashing import hash_bytes
from genrekit.models import SUFFIX, shipped_models
from genrekit.prediction import Model, find, load_model


def champion_path(store: Store, model: str | Path | None) -> Path:
    """Return the bundle that is served and retrained.

    Raises
    ------
    UsageError
        If it is not a file, or the store does not say which it is.
    """
    if model is not None:
        path = Path(model)
        if not path.is_file() and str(model).removesuffix(SUFFIX) in shipped_models():
            raise UsageError(
                f"{model} is a shipped model, which is not replaced.",
                "Train your own: genrekit train DATA -o mine.genrekit",
            )
        find(path)
        return path
    served = (store.read_json(SERVED) or {}).get("models")
    named = [one for one in served if isinstance(one, dict)] if isinstance(served, list) else []
    shipped = {path.resolve() for path in shipped_models().values()}
    paths = [Path(str(one.get("path", ""))) for one in named]
    own = [path for path in paths if path.is_file() and path.resolve() not in shipped]
    if len(own) != 1:
        names = ", ".join(str(one.get("name")) for one in named) or "none"
        raise UsageError(
            f"The store does not say which model is to be retrained (served are: {names}).",
            "Name its bundle: --model FILE.genrekit",
        )
    return own[0]


def load_champion(path: Path) -> tuple[Model, bytes]:
    """Return a model that can be retrained, and its bundle.

    Raises
    ------
    UsageError
        If it is a combination, or no test split is left that it did not learn.
    """
    content = path.read_bytes()
    champion = load_model(path)
    if hash_bytes(content) != champion.bundle.sha256:
        raise UsageError(f"{path} changed while it was read.", "Try again.")
    manifest = champion.bundle.manifest
    if manifest.members:
        raise UsageError(
            f"{manifest.name!r} is a combination, which is not retrained.",
            "Retrain its members, and combine them.",
        )
    if str(manifest.data.get("fitted_on", "")).startswith("all s"):
        raise UsageError(
            f"{manifest.name!r} was fitted again on all splits: no test split is left that it did not learn.",
            "Train it without --refit.",
        )
    return champion, content
