import pytest

from genrekit.backends import registry
from genrekit.backends.config import make_config, parse_settings, read_config_file
from genrekit.errors import ConfigError

gtzan = registry.get("gtzan")


def test_words_keep_their_types():
    assert parse_settings(["a=1", "b=2.5", "c=true", "d=text", "e=[1, 2]", "f=", "g=x=y"]) == {
        "a": 1, "b": 2.5, "c": True, "d": "text", "e": [1, 2], "f": None, "g": "x=y",
    }  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["no_equals", "=1", "a=[1", "seed=2020-13-45", "x=!!int x", "x=!!bool x", "x=!!timestamp x", "no" * 9999],
)
def test_broken_words_are_refused(word):
    with pytest.raises(ConfigError, match="--set") as caught:
        parse_settings([word])
    assert len(str(caught.value)) < 1000


def test_unknown_keys_name_the_nearest_right_one():
    with pytest.raises(ConfigError, match=r"unknown key 'windows_s' \(did you mean 'window_s'\?\)"):
        make_config(gtzan, {"windows_s": 3})
    with pytest.raises(ConfigError, match="known keys: seed, "):
        make_config(gtzan, {"qqqq": 3})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"window_s": "long"}, "window_s = 'long': input should be a valid number"),
        ({"window_s": -1}, "window_s = -1: input should be greater than or equal to 0.5"),
        ({"classifier": "magic"}, "classifier = 'magic': input should be 'auto', 'lda'"),
        ({"window_s": float("nan")}, "window_s"),
        ({"window_s": True}, "window_s = True: input should be a valid number"),
        ({"folds": True}, "folds = True: input should be a valid number"),
        ({"folds": "5"}, "folds = '5': input should be a valid integer"),
        ({"seed": 1 << 20_000}, "seed = a very long int: input should be less than 4294967296"),
    ],
)
def test_wrong_types_and_ranges_say_what_is_allowed(values, says):
    with pytest.raises(ConfigError, match=says):
        make_config(gtzan, values)


def test_a_whole_number_and_what_yaml_takes_for_a_text_may_be_a_float():
    assert make_config(gtzan, {"window_s": 3}).window_s == 3
    assert make_config(gtzan, parse_settings(["window_s=1e1"])).window_s == 10


def test_messages_stay_short_whatever_the_values_are(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join(9 * [f'*a{i - 1}'])}]\n" for i in range(1, 9))
        + "".join(f"{'k' * 500}{i}: 1\n" for i in range(200))
        + "window_s: *a8\n"
    )
    with pytest.raises(ConfigError, match="unknown key") as caught:
        make_config(gtzan, read_config_file(path))
    assert len(str(caught.value)) < 4000


def test_a_file_is_yaml(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("window_s: 3\nclassifier: svm\n")
    assert make_config(gtzan, read_config_file(path)).window_s == 3
    path.write_text("")
    assert read_config_file(path) == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"- a\n- b\n", "must map keys"),
        (b"1: 2\n", "must map keys"),
        (b"a: [", "not YAML"),
        (b"seed: 2020-13-45", "not YAML"),
        (b"seed: !!int x", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"!!python/object/apply:os.system ['true']", "not YAML"),
        (b"a: " + b"x" * (1 << 20), "larger than 1 MiB"),
    ],
)
def test_bad_files_are_refused(tmp_path, content, says):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read_config_file(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config_file(tmp_path / "none.yaml")
