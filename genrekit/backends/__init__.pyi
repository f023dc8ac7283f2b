from . import registry
from .base import GRAPH_FILE, INPUT, OUTPUT, Backend, BackendConfig, BackendInfo, Fitted, Prepared
from .capabilities import (
    Explainer,
    Explains,
    FitsInFolder,
    NativeScorer,
    Painter,
    PaintsReasons,
    ReadsTables,
    ScoresNatively,
    TableReader,
    TableRows,
)
from .config import make_config, parse_grid, parse_settings, read_config_file, resolve
from .registry import table_schemas

__all__ = [
    "GRAPH_FILE",
    "INPUT",
    "OUTPUT",
    "Backend",
    "BackendConfig",
    "BackendInfo",
    "Explainer",
    "Explains",
    "FitsInFolder",
    "Fitted",
    "NativeScorer",
    "Painter",
    "PaintsReasons",
    "Prepared",
    "ReadsTables",
    "ScoresNatively",
    "TableReader",
    "TableRows",
    "make_config",
    "parse_grid",
    "parse_settings",
    "read_config_file",
    "registry",
    "resolve",
    "table_schemas",
]
