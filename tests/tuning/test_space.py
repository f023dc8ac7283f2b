"""Spaces of settings: words, files, defaults, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.backends import make_config, registry
from genrekit.errors import ConfigError
from genrekit.tuning import Parameter, default_space, make_space

SPOTIFY = registry.get("spotify")
CONFIG = make_config(SPOTIFY, {})


def space(*words):
    return make_space(SPOTIFY, CONFIG, words)


def test_ranges_and_choices():
    found = space(
        "learning_rate=1e-3..0.1:log", "max_depth=2..6", "class_weight=none,balanced", "subsample=0.5 .. 1"
    )
    assert found == (
        Parameter("learning_rate", 0.001, 0.1, True),
        Parameter("max_depth", 2, 6),
        Parameter("class_weight", choices=("none", "balanced")),
        Parameter("subsample", 0.5, 1.0),
    )
    assert isinstance(found[1].low, int)


def test_a_file_says_the_same(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        "learning_rate: 0.001..0.1:log\nmax_depth: {low: 2, high: 6}\nclass_weight: [none, balanced]\n"
        "gamma: {choices: [0, 1.5]}\n"
    )
    assert space(str(path)) == space(
        "learning_rate=0.001..0.1:log", "max_depth=2..6", "class_weight=none,balanced", "gamma=0,1.5"
    )


@pytest.mark.parametrize("name", ["gtzan", "spotify", "spectrogram", "image", "encoder"])
def test_every_backend_has_a_space_of_its_own_that_has_its_defaults(name):
    backend = registry.get(name)
    config = make_config(backend, {})
    found = make_space(backend, config)
    assert {one.key for one in found} == set(default_space(backend))
    assert all(one.has(getattr(config, one.key)) for one in found)


def test_booleans_are_choices():
    backend = registry.get("spectrogram")
    assert make_space(backend, make_config(backend, {}), ["time_shift=true,false"])[0].choices == (
        True,
        False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["learning_rat=0.1..0.2"], "learning_rate"),
        (["window_s=1..2"], "unknown key"),
        (["learning_rate=0.1..5"], "less than or equal to 1"),
        (["learning_rate=0..1"], "greater than 0"),
        (["max_depth=3,99"], "less than or equal to 16"),
        (["max_depth=2.5..4"], "whole numbers"),
        (["max_depth=6..2"], "below the second"),
        (["max_depth=3..3"], "below the second"),
        (["gamma=0..1:log"], "above 0"),
        (["gamma=1e400..2"], "below the second"),
        (["class_weight=1..2"], "no numbers"),
        (["class_weight=none,heavy"], "class_weight"),
        (["max_depth=3"], "1 value;"),
        (["max_depth=3,3"], "1 value;"),
        (["max_depth="], "0 values"),
        (["max_depth=[[1],[2]]"], "value that is a list"),
        (["seed=1,2"], "not searched"),
        (["device=cpu,cuda"], "not searched"),
        (["max_depth=a..b"], "max_depth"),
        (["none.yaml"], "cannot be read"),
    ],
)
def test_wrong_spaces_are_refused(words, said):
    with pytest.raises(ConfigError) as refused:
        space(*words)
    assert said in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    "text", ["", "max_depth: {low: 2}", "max_depth: {lowest: 1, high: 3}", "max_depth: {}"]
)
def test_wrong_files_are_refused(tmp_path, text):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        space(str(path))


def test_a_backend_without_a_space_says_so():
    class Plain:
        info = SPOTIFY.info

        class Config(type(CONFIG).__bases__[0]):
            """No field says what to search."""

    with pytest.raises(ConfigError, match="nothing to search"):
        make_space(Plain(), Plain.Config())


@given(st.floats(1e-6, 0.4), st.floats(0.5, 1), st.booleans())
def test_the_ends_of_a_range_are_as_they_were_written(low, high, log):
    (one,) = space(f"learning_rate={low!r}..{high!r}{':log' * log}")
    assert (one.low, one.high, one.log) == (low, high, log)
    assert one.has(low)
    assert one.has(high)
    assert not one.has(high + 1)
