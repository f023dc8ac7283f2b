import pytest

from genrekit.errors import UsageError
from genrekit.labels import GenreNames
from genrekit.library import Existing, Policy, read_genre_names
from genrekit.library.tags.changes import Status, planned, wanted
from genrekit.library.tags.fields import Field
from genrekit.types import Prediction


@pytest.mark.parametrize(
    "text",
    ["hip-hop: Rap\n80s: Eighties\n1: Ones\n", '\ufeff{"hip-hop": "Rap", "80s": "Eighties", "1": "Ones"}'],
)
def test_a_map_is_read(tmp_path, text):
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    names = read_genre_names(tmp_path / "map.yaml")
    assert [names(label) for label in ("hiphop", "hip hop", "80s", "1", "jazz")] == [
        "Rap", "Rap", "Eighties", "Ones", "Jazz",
    ]  # fmt: skip
    assert read_genre_names(None)("rnb") == "R&B"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a mapping"),
        (b"- rock", "not a mapping"),
        (b"rock: [a, b]", "not a label and its name"),
        (b"rock:", "not a label and its name"),
        (b"yes: Rock", "quotation marks"),
        (b"rock: '  '", "not a label and its name"),
        (b"rock: " + b"x" * 300, "not fit for a tag"),
        (b"{rock", "cannot be read as YAML"),
        (b"\xff\xfe", "cannot be read as YAML"),
        (b"!!python/object/apply:os.system [ls]", "cannot be read as YAML"),
        (b"#" * (1 << 21), "longer than"),
    ],
)
def test_what_is_no_map_is_a_sentence(tmp_path, content, words):
    (tmp_path / "map.yaml").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read_genre_names(tmp_path / "map.yaml")
    assert words in f"{refused.value.message} {refused.value.hint}"


def test_labels_with_one_name_are_written_once():
    prediction = Prediction(
        "a", label="rock", score=0.5, scores=(("rock", 0.5), ("metal", 0.4)), labels=("rock",)
    )
    policy = Policy(min_confidence=0.1, max_labels=3, names=GenreNames({"metal": "Rock"}))
    assert wanted(prediction, policy) == {Field.GENRE: ("Rock",)}
    assert wanted(prediction, Policy(field=Field.GROUPING, names=GenreNames())) == {Field.GROUPING: ("Rock",)}


@pytest.mark.parametrize(
    ("own", "existing", "status"),
    [
        ({}, Existing.OVERWRITE, Status.SAME),  # the spelling of another program stays
        ({"hip-hop": "Hip Hop"}, Existing.OVERWRITE, Status.SAME),
        ({"hip-hop": "Rap"}, Existing.OVERWRITE, Status.WOULD_CHANGE),
        ({"hip-hop": "Rap"}, Existing.KEEP, Status.SAME),
        ({"hip-hop": "Rap"}, Existing.APPEND, Status.SAME),
    ],
)
def test_another_spelling_is_replaced_only_by_a_name_of_ones_own(own, existing, status):
    names = GenreNames(own)
    change = planned(Field.GENRE, ("Hip Hop",), (names("hiphop"),), existing, names)
    assert change.status is status


@pytest.mark.parametrize(
    ("own", "label", "expected"),
    [
        ("rokc", "rock", True),
        ("clasical", "classical", True),
        ("rock", "rock", False),
        ("polka", "rock", False),
    ],
)
def test_a_label_that_is_nearly_one_of_the_predicted_is_found(own, label, expected):
    names = GenreNames({own: "Mine"})
    names(label)
    assert names.near_misses() == ([(own, label)] if expected else [])


def test_a_map_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(UsageError, match="is not there"):
        read_genre_names(tmp_path / "map.yaml")
