import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from genrekit import plugins
from genrekit.backends import registry
from genrekit.errors import BackendError

HEAVY = {"numpy", "pandas", "librosa", "scipy", "sklearn", "torch", "xgboost", "onnxruntime", "soundfile"}


@pytest.fixture
def strangers(monkeypatch, tmp_path):
    """Entry points of packages that somebody else wrote badly."""
    (tmp_path / "strangers.py").write_text(
        "class Empty:\n    pass\n"
        "from genrekit.backends.base import BackendConfig, BackendInfo\n"
        "class Misnamed:\n"
        "    info = BackendInfo('other', 'Something.', 'audio', '1')\n"
        "    Config = BackendConfig\n"
        "    prepare = fit = None\n"
        "class Factless(Misnamed):\n    info = None\n"
        "class Unconfigured(Misnamed):\n    Config = dict\n"
        "class Raises:\n    def __init__(self):\n        raise RuntimeError('no licence')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        EntryPoint(name, target, registry.GROUP)
        for name, target in (
            ("gtzan", "genrekit.backends.gtzan.backend:GtzanBackend"),
            ("gtzan", "a_better_gtzan:Backend"),
            ("gone", "no_such_module_:Backend"),
            ("empty", "strangers:Empty"),
            ("misnamed", "strangers:Misnamed"),
            ("raises", "strangers:Raises"),
            ("factless", "strangers:Factless"),
            ("unconfigured", "strangers:Unconfigured"),
            ("wanted", "one:Backend"),
            ("wanted", "two:Backend"),
        )
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    registry.get.cache_clear()
    plugins.claims.cache_clear()
    yield
    registry.get.cache_clear()
    plugins.claims.cache_clear()


def test_broken_backends_are_listed_with_their_reason_and_break_nothing_else(strangers):
    reasons = {item.name: item.reason for item in registry.listings() if item.info is None}
    assert set(reasons) == {"gone", "empty", "misnamed", "raises", "factless", "unconfigured", "wanted"}
    assert "No module named 'no_such_module_'" in reasons["gone"]
    assert "is missing info, Config, prepare, fit" in reasons["empty"]
    assert "calls itself 'other'" in reasons["misnamed"]
    assert "no licence" in reasons["raises"]
    assert "is not a BackendInfo" in reasons["factless"]
    assert "does not derive from BackendConfig" in reasons["unconfigured"]
    assert "claimed by several packages (one:Backend, two:Backend)" in reasons["wanted"]
    assert list(registry.table_schemas()) == ["gtzan"]
    assert type(registry.get("gtzan")).__module__ == "genrekit.backends.gtzan.backend"


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(BackendError, match="Did you mean 'gtzan'"):
        registry.get("gtsan")
    with pytest.raises(BackendError, match="genrekit backends"):
        registry.get("zzz")


def test_facts_are_readable_without_anything_heavy():
    code = (
        "import sys; from genrekit.backends import registry; from genrekit.plugins import claims; "
        "[registry.get(item) for item, points in claims(registry.GROUP).items() if 'genrekit.' in points[0].value]; "
        "print(*sorted(m for m in sys.modules if '.' not in m))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(loaded.split())
