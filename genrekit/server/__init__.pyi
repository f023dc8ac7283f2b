from .app import create_app
from .desktop import install, run_desktop, uninstall
from .health import check_health
from .keys import read_keys
from .parsing import parse_ab, parse_rate, parse_size
from .run import serve
from .settings import Settings

__all__ = [
    "Settings",
    "check_health",
    "create_app",
    "install",
    "parse_ab",
    "parse_rate",
    "parse_size",
    "read_keys",
    "run_desktop",
    "serve",
    "uninstall",
]
