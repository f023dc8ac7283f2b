"""``info``, ``cache``, the summary of models, settings as a file, and completion."""

import json

import pytest
import yaml
from support.terminal import on_terminal

from genrekit.backends import config_yaml, make_config, read_config_file, registry
from genrekit.cli import app
from genrekit.installation import extras, versions


def test_info_shows_what_a_report_needs(genrekit, monkeypatch, tmp_path):
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path))
    run = genrekit("info")
    assert run.status == 0
    facts = dict(line.split(": ", 1) for line in run.out.splitlines() if not line.startswith(" "))
    assert facts["genrekit"] == versions()["genrekit"]
    assert facts["cache"].startswith(str(tmp_path))
    assert "gtzan" in facts["models"]
    assert "cores" in facts["devices"]
    as_json = json.loads(genrekit("info", "-f", "json").out)
    assert as_json["versions"]["numpy"]
    assert set(as_json) == {"versions", "extras", "models", "backends", "devices", "cache"}


def test_extras_are_there_or_say_what_is_missing(monkeypatch):
    from genrekit import installation

    assert {extra.name for extra in extras()} >= {"dask", "s3", "remote"}
    monkeypatch.setattr(installation, "_version", lambda name: "" if name == "aiohttp" else "9999")
    found = {extra.name: extra.missing for extra in extras()}
    assert found["dask"] == ()
    assert (
        found["remote"] == found["s3"] == ("aiohttp>=3.9",)
    )  # an extra has the needs of those that it names
    monkeypatch.setattr(installation, "_version", lambda name: "0.0.1")
    assert all(extra.missing for extra in extras())


def test_the_cache_is_shown_and_cleared_and_nothing_else(genrekit, songs, model_path, tmp_path, monkeypatch):
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "cache"))
    song = songs.examples[0].path
    assert genrekit("predict", song, "--model", model_path).status == 0
    mine = ["notes.txt", "ab/notes.txt", "synthetic/mine.flac", "synthetic/v1_seconds4_seed0/notes.txt"]
    for name in mine:
        (tmp_path / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / name).write_text("mine")
    outside = tmp_path / "outside.windows"
    outside.write_text("mine")
    (tmp_path / "cache" / "ab" / "link.windows").symlink_to(outside)
    shown = json.loads(genrekit("cache", "-f", "json").out)
    assert shown["kinds"]["prepared inputs"]["files"] >= 1
    assert shown["bytes"] > 0
    assert "--clear" in genrekit("cache").err
    assert "removed: " in genrekit("cache", "--clear").out
    assert json.loads(genrekit("cache", "-f", "json").out)["bytes"] == 0
    left = {
        path.relative_to(tmp_path / "cache").as_posix()
        for path in (tmp_path / "cache").rglob("*")
        if path.is_file()
    }
    assert left == {*mine, "ab/link.windows"}
    assert outside.read_text() == "mine"


def test_no_cache_yet_is_empty(genrekit, monkeypatch, tmp_path):
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "none"))
    assert genrekit("cache", "--clear").status == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", registry.names())
def test_settings_as_yaml_are_a_config_file(genrekit, tmp_path, name):
    backend = registry.get(name)
    path = tmp_path / "settings.yaml"
    path.write_text(genrekit("backends", name, "--format", "yaml").out)
    assert make_config(backend, read_config_file(path)) == make_config(backend, {})
    comments = [line for line in path.read_text().splitlines() if line.startswith("# ")]
    assert len(comments) > len(yaml.safe_load(path.read_text()))
    assert set(json.loads(genrekit("backends", name, "-f", "json").out)) == set(
        yaml.safe_load(path.read_text())
    )


def test_print_config_prints_what_would_be_used(genrekit, tmp_path, songs):
    path = tmp_path / "mine.yaml"
    path.write_text("window_s: 5.5\nfolds: 3\n")
    words = ("--config", path, "--set", "folds=4", "--seed", 7)
    run = genrekit("train", *words, "--print-config", songs.source)
    assert run.status == 0
    values = yaml.safe_load(run.out)
    assert (values["window_s"], values["folds"], values["seed"]) == (5.5, 4, 7)
    assert (
        yaml.safe_load(genrekit("train", *words, "--print-config").out) == values
    )  # without data: the default
    assert "--backend spectrogram" in genrekit("train", "--backend", "spectrogram", "--print-config").out
    assert genrekit("train", "--print-config", "--set", "nosuch=1").status == 2
    assert not list(tmp_path.glob("*.genrekit"))


def test_names_that_yaml_would_read_as_something_else_come_back():
    backend = registry.get("gtzan")
    assert yaml.safe_load(config_yaml(backend, make_config(backend, {"seed": 3})))["seed"] == 3


def test_the_summary_of_a_model(genrekit, model_path):
    shown = genrekit("models", "gtzan").out
    for words in (
        "accuracy 54.8 % (95 %: 43.3 to 66.7)",
        "always rock would be 11.0 %",
        "930 examples",
        "licence: MIT",
    ):
        assert words in shown
    assert "not measured" in genrekit("models", "tags").out
    assert "danceability" in genrekit("models", "spotify").out
    assert genrekit("models", model_path).status == 0
    assert genrekit("models", "gtzan", "--json", "--card").status == 2
    assert genrekit("models", "--card").status == 2
    assert json.loads(genrekit("models", "gtzan", "--json").out)["labels"][0] == "blues"
    assert len(json.loads(genrekit("models", "--json").out)) == len(genrekit("models").out.splitlines())


LISTS = ["models", "models gtzan", "models tags", "backends", "info", "cache"]
LISTS_AT = [("models", 60), ("models gtzan", 60)]
OTHERS_AT = [(command, columns) for command in LISTS for columns in (60, 80, 120)]


@pytest.mark.parametrize(
    ("command", "columns"),
    [*LISTS_AT, *(pytest.param(*one, marks=pytest.mark.night) for one in OTHERS_AT if one not in LISTS_AT)],
)
def test_lists_fit_the_terminal(command, columns):
    shown = on_terminal(f"genrekit {command}", columns)
    assert shown.status == 0
    assert not any("…" in line for line in shown.lines)
    assert all(len(line) <= columns for line in shown.lines)
    if command == "models":
        assert shown.lines[0].split() == ["model", "backend", "reads", "labels", "accuracy"]
        assert any("81.7 %" in line for line in shown.lines)


@pytest.fixture
def completions(monkeypatch, capsys):
    """Return what a shell offers after a line."""

    def complete(line):
        monkeypatch.setenv("_GENREKIT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        capsys.readouterr()
        with pytest.raises(SystemExit):
            app(prog_name="genrekit")
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return out.removesuffix("\n").split("\n")

    return complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("genrekit predict --model sp", ["spectrogram", "spotify"]),
        ("genrekit tag -m gt", ["gtzan"]),
        ("genrekit models en", ["encoder"]),
        ("genrekit backends sp", ["spectrogram", "spotify"]),
        ("genrekit train --backend im", ["image"]),
        ("genrekit train fm", ["fma:"]),
        ("genrekit evaluate gt", ["gtzan", "gtzan:"]),
        ("genrekit evaluate gtzan gt", ["gtzan:"]),
        ("genrekit evaluate --backend enc", ["encoder"]),
        ("genrekit predict -m gtzan --labels ro", ["rock"]),
        ("genrekit predict -m gtzan --labels rock,me", ["rock,metal"]),
        ("genrekit predict --labels lat", ["latin"]),
        ("genrekit predict -m nosuch --labels lat", [""]),
    ],
)
def test_completion_knows_models_backends_sources_and_genres(completions, line, expected):
    assert completions(line) == expected


def test_completion_knows_bundles_in_a_folder(completions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.genrekit").write_bytes(b"")
    assert completions("genrekit models mi") == ["mine.genrekit"]
    assert completions(f"genrekit models {tmp_path}/") == [str(tmp_path / "mine.genrekit")]
