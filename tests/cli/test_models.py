import json

from genrekit.features.schema import GTZAN_COLUMNS


def test_a_bundle_shows_its_facts_and_its_card(genrekit, model_path, songs):
    facts = json.loads(genrekit("models", model_path, "--json").out)
    assert facts["labels"] == list(songs.labels)
    assert len(facts["sha256"]) == 64
    assert genrekit("models", model_path, "--card").out.startswith("# ")


def test_shipped_models_are_listed(genrekit):
    run = genrekit("models")
    assert run.status == 0
    assert all(len(line.split("\t")) == 5 for line in run.out.splitlines())


def test_an_unknown_model_is_a_sentence(genrekit):
    run = genrekit("models", "nosuch")
    assert run.status == 2
    assert "There is no model 'nosuch'" in run.err


def test_backends_list_their_settings(genrekit):
    assert "gtzan\taudio\t" in genrekit("backends").out
    assert "window_s = 30.0  [number >= 0.5 <= 600]" in genrekit("backends", "gtzan").out
    assert genrekit("backends", "gtsan").status == 2


def test_backends_list_their_columns_one_a_line(genrekit):
    assert tuple(genrekit("backends", "gtzan", "--columns").out.splitlines()) == GTZAN_COLUMNS
    assert tuple(json.loads(genrekit("backends", "gtzan", "--columns", "-f", "json").out)) == GTZAN_COLUMNS
    assert "--columns is not printed as yaml" in genrekit("backends", "gtzan", "--columns", "-f", "yaml").err
    nameless = genrekit("backends", "--columns")
    assert nameless.status == 2
    assert "needs the name of a backend" in nameless.err


def test_version_and_help(genrekit):
    from genrekit import __version__

    assert genrekit("--version").out.strip() == f"genrekit {__version__}"
    assert "predict" in genrekit("--help").out
    assert genrekit("nonsense").status == 2
