"""Imports point downwards only: the ten levels of docs/architecture.md."""

import ast
import functools
import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import genrekit

PACKAGE = Path(genrekit.__file__).parent
LEVELS = {
    10: "cli",
    9: "server",
    8: "tuning feedback inspection tracking",
    7: "evaluation similarity live",
    6: "training prediction testing",
    5: "models preparation library playlists",
    4: "backends datasets analysis",
    3: "remote",
    2: "media tables features metrics execution output",
    1: "errors types labels hashing progress text files distributed plugins installation group_folds",
}
LEVEL = {name: level for level, names in LEVELS.items() for name in names.split()}
OUTSIDE = {"__init__", "__main__"}  # the names of the whole package, and its command


@functools.cache
def imports():
    """Return (importing file, its piece, imported module, imported name) of every import within the package."""
    return list(_imports())


def _imports():
    for path in sorted(PACKAGE.rglob("*.py")):
        piece = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                found = [(node.module, alias.name) for alias in node.names]
            elif isinstance(node, ast.Import):
                found = [(alias.name, "") for alias in node.names]
            else:
                continue
            for module, name in found:
                if module == "genrekit" and name != "__version__":
                    yield path, piece, f"genrekit.{name}", ""
                elif module.startswith("genrekit."):
                    yield path, piece, module, name


def test_every_piece_has_a_level():
    pieces = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert pieces - OUTSIDE <= set(LEVEL)


def test_imports_point_downwards_and_never_sideways():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for path, piece, module, _ in imports()
        if piece not in OUTSIDE
        and (other := module.split(".")[1]) != piece
        and not (LEVEL[other] < LEVEL[piece] or LEVEL[other] == LEVEL[piece] == 1)
    ]
    assert not wrong


def test_outside_a_package_one_imports_from_the_package():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name} from {module}"
        for path, piece, module, name in imports()
        if module.count(".") > 1 and module.split(".")[1] != piece
    ]
    assert not wrong


def test_the_single_modules_import_each_other_without_a_circle():
    graph = defaultdict(set)
    for _, piece, module, _ in imports():
        other = module.split(".")[1]
        if LEVEL.get(piece) == LEVEL.get(other) == 1:
            graph[piece].add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {error.args[1]}")


def test_the_levels_are_those_of_the_architecture_page():
    page = PACKAGE.parent / "docs" / "architecture.md"
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    drawn = {int(number): set(re.findall(r"`(\w+)`", packages)) for number, packages in rows}
    assert drawn == {level: set(names.split()) for level, names in LEVELS.items()}
