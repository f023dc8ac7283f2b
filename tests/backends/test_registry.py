import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from genrekit.backends import registry
from genrekit.errors import BackendError

HEAVY = {"numpy", "pandas", "librosa", "scipy", "sklearn", "torch", "xgboost", "onnxruntime", "soundfile"}


@pytest.fixture
def strangers(monkeypatch, tmp_path):
    """Entry points of packages that somebody else wrote badly."""
    (tmp_path / "strangers.py").write_text(
        "class Empty:\n    pass\n"
        "class Misnamed:\n"
        "    class info:\n        name = 'other'\n        columns = ()\n"
        "    Config = prepare = fit = None\n"
        "class Raises:\n    def __init__(self):\n        raise RuntimeError('no licence')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = {
        name: EntryPoint(name, target, registry.GROUP)
        for name, target in {
            "gtzan": "genrekit.backends.gtzan:GtzanBackend",
            "gone": "no_such_module_:Backend",
            "empty": "strangers:Empty",
            "misnamed": "strangers:Misnamed",
            "raises": "strangers:Raises",
        }.items()
    }
    monkeypatch.setattr(registry, "_entry_points", lambda: points)
    registry.get.cache_clear()
    yield
    registry.get.cache_clear()


def test_broken_backends_are_listed_with_their_reason_and_break_nothing_else(strangers):
    reasons = {item.name: item.reason for item in registry.listings() if item.info is None}
    assert set(reasons) == {"gone", "empty", "misnamed", "raises"}
    assert "No module named 'no_such_module_'" in reasons["gone"]
    assert "lacks info, Config, prepare, fit" in reasons["empty"]
    assert "calls itself 'other'" in reasons["misnamed"]
    assert "no licence" in reasons["raises"]
    assert list(registry.table_schemas()) == ["gtzan"]


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(BackendError, match="Did you mean 'gtzan'"):
        registry.get("gtsan")
    with pytest.raises(BackendError, match="genrekit backends"):
        registry.get("zzz")


def test_facts_are_readable_without_anything_heavy():
    code = (
        "import sys; from genrekit.backends import registry; "
        "[registry.get(name) for name, point in registry._entry_points().items() if 'genrekit.' in point.value]; "
        "print(*sorted(m for m in sys.modules if '.' not in m))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(loaded.split())
