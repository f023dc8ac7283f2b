"""The installation: versions, and the optional extras that are complete."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from packaging.markers import default_environment
from packaging.requirements import Requirement

from genrekit import __version__
from genrekit.errors import UsageError

_NAME = "genrekit"
_SHOWN = (
    "numpy scipy scikit-learn xgboost onnx onnxruntime torch torchvision lightning soundfile av pillow pyarrow mutagen"
).split()
_FOR_DEVELOPERS = "dev"
OF_TRAINING = (
    "joblib",
    "librosa",
    "lightning",
    "onnx",
    "onnxscript",
    "optuna",
    "pandas",
    "sklearn",
    "threadpoolctl",
    "torch",
    "torchvision",
)
"""Modules that predicting and serving never import; `deploy/requirements-serve.in` has all others."""


@dataclass(frozen=True)
class Extra:
    """An optional extra.

    Attributes
    ----------
    name : str
    missing : tuple of str
        Requirements that are not installed, or too old; empty if the extra is complete.
    """

    name: str
    missing: tuple[str, ...]


def versions() -> dict[str, str]:
    """Return the versions of genrekit, Python, the system and the main libraries; '' for one that is missing."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}".strip()
    found = {"genrekit": __version__, "python": platform.python_version(), "system": system}
    return found | {name: _version(name) for name in _SHOWN}


def extras() -> list[Extra]:
    """Return the optional extras, sorted by name; empty ones and the developers' are left out."""
    try:
        about = metadata.metadata(_NAME)
    except metadata.PackageNotFoundError:  # run from a folder
        return []
    required = [Requirement(line) for line in metadata.requires(_NAME) or ()]
    found = []
    for name in sorted(about.get_all("Provides-Extra") or ()):
        needs = _needs(name, required, set())
        if needs and name != _FOR_DEVELOPERS:
            found.append(Extra(name, tuple(str(one) for one in needs if not _is_there(one))))
    return found


def check_training(task: str) -> None:
    """Refuse a task that needs packages which an installation for serving lacks, before any work is done.

    Raises
    ------
    UsageError
    """
    missing = [name for name in OF_TRAINING if find_spec(name) is None]
    if missing:
        raise without_training(task, *missing)


def without_training(task: str, *missing: str) -> UsageError:
    """Return the error of a task that needs modules that are not installed."""
    return UsageError(
        f"{task} needs {', '.join(missing)}, which this installation leaves out: it predicts and serves.",
        "Install everything: pip install genrekit",
    )


def _needs(extra: str, required: list[Requirement], seen: set[str]) -> list[Requirement]:
    """Return the requirements of an extra, those of the extras that it names included."""
    seen.add(extra)
    found: list[Requirement] = []
    environment = {key: str(value) for key, value in default_environment().items()}
    for one in required:
        if not one.marker or not one.marker.evaluate({**environment, "extra": extra}):
            continue
        if one.name == _NAME:
            for other in one.extras - seen:
                found += _needs(other, required, seen)
        else:
            plain = Requirement(f"{one.name}{one.specifier}")
            found.append(plain)
    return found


def _is_there(one: Requirement) -> bool:
    version = _version(one.name)
    return bool(version) and one.specifier.contains(version, prereleases=True)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
