from . import registry
from .base import GRAPH_FILE, INPUT, OUTPUT, Backend, BackendConfig, BackendInfo, Fitted, Prepared
from .capabilities import (
    Explainer,
    Explains,
    ExplainsWithImages,
    FitsInFolder,
    ImageExplainer,
    NativeScorer,
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
    "ExplainsWithImages",
    "FitsInFolder",
    "Fitted",
    "ImageExplainer",
    "NativeScorer",
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
