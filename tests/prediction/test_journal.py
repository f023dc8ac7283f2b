"""The journal of a batch: whole lines count, others do not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.errors import OutputExistsError, UsageError
from genrekit.prediction import journal as journal_module
from genrekit.prediction.journal import Journal
from genrekit.types import Content, Contribution, Prediction, WindowScore

CONTENT = Content(7, "a" * 64, "b" * 32)
FULL = Prediction(
    id="caf\udce9.wav",
    model="m",
    label="jazz",
    score=0.1 + 0.2,
    scores=(("jazz", 0.1 + 0.2), ("pop", 1e-9)),
    labels=("jazz", "pop"),
    windows=(WindowScore(0.0, 3.0, "jazz", 0.5),),
    extra={"artist": "A"},
    reasons=(Contribution("energy", None, 0.25),),
    content=CONTENT,
    model_sha256="b" * 64,
)
FAILED = Prediction(id="x", error="is broken", content=CONTENT)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def everything(journal):
    return [p for name in list(journal._entries) for p in journal.read([span(journal.find(name))])]


def span(entry):
    return entry.start, entry.end


def test_what_is_written_is_read_back_as_it_was(path):
    with Journal(path, "key") as journal:
        entries = [journal.append(p.id, p) for p in (FULL, FAILED)]
    with Journal(path, "key") as journal:
        assert [journal.find(p.id) for p in (FULL, FAILED)] == entries
        assert list(journal.read([(entries[0].start, entries[1].end)])) == [FULL, FAILED]
        assert [entry.failed for entry in entries] == [False, True]
        assert entries[0].content == CONTENT
        assert journal.find("other") is None


def test_lines_of_another_key_stay_and_are_not_given(path):
    with Journal(path, "one") as journal:
        journal.append("a", FULL)
    with Journal(path, "two") as journal:
        assert len(journal) == 0
        journal.append("a", FAILED)
    with Journal(path, "one") as journal:
        assert list(journal.read([span(journal.find("a"))])) == [FULL]


def test_the_latest_answer_counts(path):
    with Journal(path, "key") as journal:
        journal.append("a", FAILED)
        journal.append("a", FULL)
    with Journal(path, "key") as journal:
        assert len(journal) == 1
        assert list(journal.read([span(journal.find("a"))])) == [FULL]


@given(cut=st.integers(0, 10_000))
@settings(deadline=None)
def test_a_line_that_was_cut_short_does_not_count(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal(path, "key") as journal:
        ends = [journal.append(name, FULL).end for name in "abcd"]
    data = path.read_bytes()
    cut = min(cut, len(data))
    path.write_bytes(data[:cut])
    with Journal(path, "key") as journal:
        kept = sum(end <= cut for end in ends)
        assert len(journal) == kept
        assert path.stat().st_size == (ends[kept - 1] if kept else 0)
        journal.append("e", FULL)
    with Journal(path, "key") as journal:
        assert len(journal) == kept + 1


def test_a_second_run_is_kept_off(path):
    with Journal(path, "key"), pytest.raises(OutputExistsError, match="Another run"):
        Journal(path, "key")
    Journal(path, "key").__exit__(None, None, None)


@pytest.mark.parametrize(
    "text", ["no json\n", "[]\n", '{"key": "key"}\n', '{"key": 1, "input": "a", "answer": 3}\n']
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path, text):
    path.write_text(text)
    with pytest.raises(UsageError, match="not a journal"):
        Journal(path, "key")
    assert path.read_text() == text


@pytest.mark.parametrize("itself", [True, False], ids=["the file is locked", "as on Windows"])
def test_one_run_at_a_time(tmp_path, monkeypatch, itself):
    monkeypatch.setattr(journal_module, "IS_LOCKED_ITSELF", itself)
    path = tmp_path / "journal"
    with Journal(path, "key"):
        with pytest.raises(OutputExistsError, match="Another run is writing"):
            Journal(path, "key")
        assert path.read_bytes() == b""
    with Journal(path, "key"):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["journal"]
    path.write_bytes(b"not a journal\n")
    for _ in range(2):
        with pytest.raises(UsageError, match="is not a journal"):
            Journal(path, "key")
