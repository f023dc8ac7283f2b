"""Code and commands in the docs: Python runs as it stands, and every command is one that the program knows."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from genrekit.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = ["python.md", "start-python.md", "tutorial.md"]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SEPARATOR = "-- next block --"


def blocks_of(path):
    """Return the fenced blocks of a page: language and text."""
    return BLOCK.findall(path.read_text(encoding="utf-8"))


def run(script, cwd):
    done = subprocess.run([sys.executable, "-W", "error", script], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def calls(code, given):
    """Yield every call of a function of the package, with the function; imports and names that are missing raise."""
    names = dict(given)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {
                (one.asname or one.name.partition(".")[0]): importlib.import_module(
                    one.name if one.asname else one.name.partition(".")[0]
                )
                for one in node.names
                if one.name.partition(".")[0] == "genrekit"
            }
        elif isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "genrekit":
            module = importlib.import_module(node.module)
            names |= {(one.asname or one.name): getattr(module, one.name) for one in node.names}
    given |= names
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            getattr(names[node.value.id], node.attr)
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in names:
                yield names[called.id], node
            elif (
                isinstance(called, ast.Attribute)
                and isinstance(called.value, ast.Name)
                and called.value.id in names
            ):
                yield getattr(names[called.value.id], called.attr), node


@pytest.mark.parametrize("page", [*PAGES, "serve.md"])
def test_what_the_python_of_a_page_calls_takes_what_it_is_given(page):
    given, n = {}, 0
    for language, code in blocks_of(DOCS / page):
        for function, call in calls(code, given) if language == "python" else ():
            keywords = {one.arg: None for one in call.keywords if one.arg}
            inspect.signature(function).bind_partial(*call.args, **keywords)
            n += 1
    assert n or not given


@pytest.mark.night  # by day what they call, and the Python of the README
@pytest.mark.parametrize("page", PAGES)
def test_the_python_blocks_of_a_page_run_one_after_the_other(page, tmp_path):
    blocks = blocks_of(DOCS / page)
    shutil.copytree(ROOT / "examples" / "media", tmp_path / "examples" / "media")
    shutil.copy(ROOT / "examples" / "tracks.csv", tmp_path / "examples")
    codes = [text for language, text in blocks if language == "python"]
    assert codes
    script = tmp_path / "page.py"
    marked = [f"{code}\nprint({SEPARATOR!r})" for code in codes if "__main__" not in code]
    script.write_text("\n".join(marked), encoding="utf-8")
    printed = run(script, tmp_path).split(SEPARATOR + "\n")
    for number, code in enumerate(code for code in codes if "__main__" in code):
        guarded = tmp_path / f"guarded{number}.py"
        guarded.write_text(code, encoding="utf-8")
        assert run(guarded, tmp_path)
    position = -1
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for language, text in blocks:
        if language == "python" and "__main__" not in text:
            position += 1
        elif language == "text":
            assert checker.check_output(text, printed[position], flags), printed[position]


@pytest.mark.night  # by day tests/cli/test_docs_commands.py runs them, without a shell
def test_the_commands_of_the_readme_run_in_a_shell(tmp_path):
    shutil.copytree(ROOT / "examples" / "media", tmp_path / "examples" / "media")
    (block,) = [text for language, text in blocks_of(ROOT / "README.md") if language == "bash"]
    script = f'set -e\ngenrekit() {{ {shlex.quote(sys.executable)} -m genrekit "$@"; }}\n{block}'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all((tmp_path / name).stat().st_size > 0 for name in ("song.png", "genres.csv", "mine.genrekit"))


def test_the_python_of_the_readme_runs(tmp_path):
    shutil.copytree(ROOT / "examples" / "media", tmp_path / "examples" / "media")
    (code,) = [text for language, text in blocks_of(ROOT / "README.md") if language == "python"]
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    assert "label" in run(tmp_path / "code.py", tmp_path)


def commands():
    """Yield every genrekit command of the README and the docs, with its page."""
    for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        for language, text in blocks_of(page):
            if language in ("python", "text", "yaml", "json", "csv", "toml"):
                continue
            for line in text.replace("\\\n", " ").splitlines():
                line = line.strip().removeprefix("$ ")
                for part in re.split(r"\s(?:\||&&|;|>)\s|\s<\s", line):
                    if re.match(r"(?:[A-Z_]+=\S+ )*genrekit [a-z-]", part):
                        yield page.name, re.sub(r"^(?:[A-Z_]+=\S+ )+", "", part)


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_commands_in_the_docs_have_options_that_exist(page, line, tmp_path, monkeypatch):
    (tmp_path / "music").mkdir()
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)[1:]
    if "..." in words or "--install-completion" in words:
        pytest.skip("an illustration that leaves words out")
    command, name = typer.main.get_command(app), "genrekit"
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name, words = words[0], words[1:]
        found = command.get_command(None, name)
        assert found is not None, f"there is no command {name}"
        command = found
    command.make_context(name, words)


def test_there_are_commands_in_the_docs():
    assert len(set(commands())) > 60


def test_the_errors_are_those_of_the_code():
    spec = importlib.util.spec_from_file_location("make_errors", DOCS / "make_errors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert written == module.errors_page(), "run: python docs/make_errors.py"


def test_every_page_is_in_the_contents():
    listed = set(re.findall(r"^([a-z-]+)$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} == listed


def test_pictures_and_pages_that_are_linked_exist():
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("/"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
