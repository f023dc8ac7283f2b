"""Imports point downwards only: the layers of docs/architecture.md, from the bottom."""

import ast
from pathlib import Path

import genrekit

PACKAGE = Path(genrekit.__file__).parent
LAYERS = (
    {"types", "media", "labels", "hashing", "progress", "errors", "models", "measures", "ranks", "quiet", "opening"},
    {"features", "audio", "decoders", "images", "image_files"},
    {
        "backends", "datasets", "splits", "execution", "workers", "cache", "card", "bundle", "manifest",
        "container", "runtime", "cluster", "addresses", "stores", "remote", "shelf",
    },
    {
        "model", "routing", "inputs", "numbers", "preparation", "material", "evaluation", "metrics", "ranking",
        "bootstrap", "thresholds", "results", "report", "writers", "answer", "bulk", "fitting", "grid",
        "terminal", "columnar", "journal", "analysis", "audacity", "tags", "curves", "run_folder", "painting",
    },
    {"training", "assessment", "inference", "batch", "testing", "conformance", "sorting", "placing"},
    {"cli", "__init__", "__main__"},
)  # fmt: skip
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def pieces():
    """Every (file, piece it belongs to, piece that it imports)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        piece = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = (
                    [f"genrekit.{alias.name}" for alias in node.names]
                    if node.module == "genrekit"
                    else [node.module]
                )
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                first, _, rest = module.partition(".")
                if first == "genrekit" and rest and not rest.startswith("__"):
                    yield path, piece, rest.partition(".")[0]


def test_every_piece_has_a_layer():
    assert {piece for _, piece, _ in pieces()} <= set(RANK)


def test_imports_point_downwards():
    upwards = [
        f"{path.relative_to(PACKAGE)} imports {imported}"
        for path, piece, imported in pieces()
        if RANK[imported] > RANK[piece]
    ]
    assert not upwards


def test_backends_know_neither_splits_nor_cache():
    assert not {imported for _, piece, imported in pieces() if piece == "backends"} & {
        "splits",
        "cache",
        "cli",
    }
