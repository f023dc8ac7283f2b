"""Help in words of the command line, and options that are spelt alike in all commands."""

import re

import pytest
import typer
from support.night import day_and_night

from genrekit import __version__
from genrekit.cli import app

COMMANDS = [
    (name, *sub)
    for name, child in typer.main.get_command(app).commands.items()
    for sub in ([(key,) for key in child.commands] if hasattr(child, "commands") else [()])
]


@pytest.mark.parametrize("columns", day_and_night([60, 80, 120], day=1))
@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_help_has_no_types_of_a_framework(genrekit, words, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    run = genrekit(*words, "--help")
    assert run.status == 0
    assert not re.search(r"<\w|\bINTEGER\b|\bTEXT\b.*\[x|x[<>]=|\]\.\.\.|\[\[|\{|(?<!=)VALUE", run.out)
    assert max(map(len, run.out.splitlines())) <= columns
    assert genrekit(*words, "-h").out == run.out


def test_brackets_in_help_are_shown(genrekit, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    help_ = genrekit("train", "--help").out
    assert "genrekit[dask]" in help_
    assert "cuda[:N]" in help_


def test_options_are_in_panels(genrekit):
    titles = re.findall(r"╭─ (\w+) ", genrekit("predict", "--help").out)
    assert titles == ["Input", "Prediction", "Output", "Run"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_one_spelling_per_option(words):
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    short = {"output": "-o", "format": "-f", "jobs": "-j", "model": "-m", "quiet": "-q", "verbose": "-v"}
    options = {p.name: p.opts for p in command.params if p.param_type_name == "option"}
    assert {"quiet", "verbose"} <= set(options)
    assert all(short[name] in opts for name, opts in options.items() if name in short)


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version(genrekit, flag):
    assert genrekit(flag).out == f"genrekit {__version__}\n"


def test_quiet_says_errors_only_and_verbose_says_more(genrekit, model_path, songs):
    words = ("predict", "--model", model_path, songs.examples[0].path)
    plain = genrekit(*words)
    quiet = genrekit(*words, "nowhere.wav", "-q")
    verbose = genrekit(*words, "-v")
    assert (quiet.err, quiet.status) == ("", 3)
    assert plain.out == verbose.out
    assert "took" in verbose.err
    assert "took" not in plain.err
    assert genrekit(*words, "-q", "-v").status == 2
    assert "no model 'nosuch'" in genrekit("models", "nosuch", "-q").err


def test_sources_are_arguments_and_options(genrekit, tmp_path):
    one, two = "synthetic:?songs=6&seconds=2&genres=2", "synthetic:?songs=6&seconds=2&genres=2&seed=1"
    quick = (
        "--set",
        "classifier=logistic",
        "--set",
        "folds=2",
        "--set",
        "transform=standard",
        "--set",
        "window_s=2",
    )
    model = tmp_path / "m.genrekit"
    run = genrekit("train", one, "--data", two, "-o", model, *quick)
    assert run.status == 0, run.err
    assert f"{one} + {two}: 24 examples" in run.err
    as_option = genrekit("evaluate", model, "--data", one)
    as_argument = genrekit("evaluate", model, one)
    assert (as_option.status, as_option.out) == (0, as_argument.out)
    folds = genrekit("evaluate", "--backend", "gtzan", "--cv", 2, one, two, *quick)
    assert (folds.status, f"{one} + {two}" in folds.err) == (0, True)
    assert genrekit("train").status == genrekit("evaluate", model).status == genrekit("evaluate").status == 2
