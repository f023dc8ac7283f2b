"""Tempo and key in the tags, beside the genre."""

import json
import math
import shutil

import mutagen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.apev2 import APEv2
from mutagen.id3 import COMM, ID3, TBPM, TKEY
from mutagen.mp4 import MP4FreeForm
from support.night import day_and_night
from support.tagged_sounds import KINDS, samples, untranslated

from genrekit.errors import MediaError
from genrekit.hashing import content_of, hash_file
from genrekit.library.tags.base import NAMES
from genrekit.library.tags.changes import Existing, Policy, Status, planned
from genrekit.library.tags.fields import MEASURED, MIN_KEY_CONFIDENCE, Field, comparable, measured
from genrekit.library.tags.formats import open_tags
from genrekit.library.tags.journal import read_journal
from genrekit.library.tags.tagging import tag, undo
from genrekit.types import Content, Prediction

OVERWRITE = Policy(Existing.OVERWRITE, measured=MEASURED)
KEEP = Policy(measured=MEASURED)
FOUND = {"bpm": 127.6, "key": "G# minor", "key_confidence": 0.5}
ATOM = "----:com.apple.iTunes:initialkey"


def tagged(path, policy=OVERWRITE, journal=None, **found):
    prediction = Prediction(
        str(path), label="jazz", score=0.9, labels=("jazz",), content=content_of(path), analysis=FOUND | found
    )
    (row,) = tag([prediction], policy, journal=journal)
    return row


def put(path, **values):
    tags = open_tags(path)
    for name, words in values.items():
        tags.put(Field(name), words)
    tags.save()


def now(path):
    tags = open_tags(path)
    return {field.value: list(tags.values(field)) for field in (Field.GENRE, *MEASURED)}


def raw(path):
    """What a reader other than genrekit finds under the names that others write: tempo, key."""
    tags = APEv2(path) if path.name == "ape.mp3" else mutagen.File(path).tags
    if isinstance(tags, ID3):
        return [str(text) for text in tags["TBPM"].text], [str(text) for text in tags["TKEY"].text]
    if "tmpo" in tags:
        return [str(number) for number in tags["tmpo"]], [value.decode() for value in tags[ATOM]]
    return list(tags["BPM"]), list(tags["INITIALKEY"])


def raw_others(path):
    """Everything but genre, tempo and key, read by mutagen without genrekit."""
    tags = mutagen.File(path).tags
    if isinstance(tags, ID3):
        mine = ("TCON", "TBPM", "TKEY", "CHAP:a")  # sub-frames of a chapter have no equality
        return {name: vars(frame) for name, frame in untranslated(path).items() if name not in mine}
    mine = {
        "\xa9gen",
        "tmpo",
        ATOM.lower(),
        *(name for field in (Field.GENRE, *MEASURED) for name in NAMES[field]),
    }
    return {name: value for name, value in (tags or {}).items() if name.lower() not in mine}


OLD = {
    "nothing": {},
    "several": {"genre": ["Ska", "Polka"], "bpm": ["90", "180"], "key": ["8A", "Bm"]},
    "other": {"genre": ["Ska"], "bpm": ["90"], "key": ["C#"]},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("old", day_and_night(OLD.values(), day=2), ids=OLD)
def test_tempo_and_key_are_written_and_undone(originals, tmp_path, kind, old, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    put(path, **old)
    content, state = path.read_bytes(), open_tags(path).state(Field)
    before, others, sound, foreign = now(path), open_tags(path).others(Field), samples(path), raw_others(path)
    assert before == {"genre": [], "bpm": [], "key": []} | old
    assert tagged(path).status is Status.WOULD_CHANGE
    assert path.read_bytes() == content

    journal = journal_at("j.jsonl")
    row = tagged(path, journal=journal)

    assert (row.status, row.error) == (Status.CHANGED, None)
    assert {field: list(change.before) for field, change in row.changes.items()} == before
    assert now(path) == {"genre": ["jazz"], "bpm": ["128"], "key": ["G#m"]}
    assert raw(path) == (["128"], ["G#m"])
    assert (open_tags(path).others(Field), raw_others(path)) == (others, foreign)
    np.testing.assert_array_equal(samples(path), sound)

    (back,) = undo(read_journal(journal.path), journal=journal_at("k.jsonl"))
    assert (back.status, back.error) == (Status.CHANGED, None)
    assert now(path) == before
    assert open_tags(path).state(Field) == state
    assert (open_tags(path).others(Field), raw_others(path)) == (others, foreign)
    np.testing.assert_array_equal(samples(path), sound)
    if kind in ("bare.mp3", "bare.wav", "bare.aiff") and not old:
        assert path.read_bytes() == content
    (again,) = undo(read_journal(tmp_path / "k.jsonl"), journal=journal_at("l.jsonl"))
    assert again.status is Status.CHANGED
    assert now(path) == {"genre": ["jazz"], "bpm": ["128"], "key": ["G#m"]}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_kept(originals, tmp_path, kind, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    put(path, bpm=["90"])
    row = tagged(path, KEEP, journal_at("j.jsonl"))
    assert [change.status.value for change in row.changes.values()] == ["changed", "kept", "changed"]
    assert now(path) == {"genre": ["jazz"], "bpm": ["90"], "key": ["G#m"]}
    (entry,) = read_journal(tmp_path / "j.jsonl")
    assert set(entry.values) == {Field.GENRE, Field.KEY}
    content = path.read_bytes()
    row = tagged(path, Policy(Existing.APPEND, measured=MEASURED), journal_at("k.jsonl"))
    assert [change.status.value for change in row.changes.values()] == ["same", "kept", "same"]
    assert path.read_bytes() == content


def test_only_what_is_asked_for_is_written(originals, tmp_path, journal_at):
    path = shutil.copy(originals["tagged.flac"], tmp_path / "a.flac")
    tagged(path, Policy(measured=(Field.KEY,)), journal_at("j.jsonl"))
    assert now(path) == {"genre": ["jazz"], "bpm": [], "key": ["G#m"]}
    tagged(path, KEEP, journal_at("k.jsonl"), bpm=None, key=None)
    assert now(path) == {"genre": ["jazz"], "bpm": [], "key": ["G#m"]}


@pytest.mark.parametrize("kind", ["v23.mp3", "tagged.flac", "tagged.m4a", "tagged.wv"])
def test_what_was_not_found_is_not_written(originals, tmp_path, kind, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    row = tagged(path, OVERWRITE, journal_at("j.jsonl"), bpm=None, key_confidence=MIN_KEY_CONFIDENCE / 2)
    assert [change.status.value for change in row.changes.values()] == ["changed", "unsure", "unsure"]
    assert now(path) == {"genre": ["jazz"], "bpm": [], "key": []}


@pytest.mark.parametrize("kind", KINDS)
def test_a_journal_that_knows_the_genre_alone(originals, tmp_path, kind, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    put(path, genre=["Ska", "Polka"], bpm=["90"])
    state = open_tags(path).state(Field)
    tagged(path, Policy(Existing.OVERWRITE), journal_at("j.jsonl"))
    entry = json.loads((tmp_path / "j.jsonl").read_text())
    assert entry["genrekit_tags"] == 2
    before, after = entry.pop("values")["genre"]
    (genre,) = entry["before"].pop("fields").values()
    if kind.endswith(".wv") or kind.startswith("ape"):
        genre = genre["Genre"]  # version 1 had no names of items
    entry |= {"genrekit_tags": 1, "genres_before": before, "genres_after": after}
    entry["before"]["genre"] = genre
    (tmp_path / "old.jsonl").write_text(json.dumps(entry) + "\n")
    (row,) = undo(read_journal(tmp_path / "old.jsonl"), journal=journal_at("k.jsonl"))
    assert (row.status, row.error) == (Status.CHANGED, None)
    assert open_tags(path).state(Field) == state


def test_the_numbers_of_id3_are_latin1(originals, tmp_path, journal_at):
    for kind in ("v23.mp3", "v24.mp3", "tagged.wav"):
        path = shutil.copy(originals[kind], tmp_path / kind)
        version = untranslated(path).version
        assert tagged(path, journal=journal_at(f"{kind}.jsonl")).status is Status.CHANGED
        tags = untranslated(path)
        assert tags.version == version
        assert (tags["TBPM"].encoding, tags["TKEY"].encoding) == (0, 0)


def test_id3_frames_of_another_encoding_come_back(originals, tmp_path, journal_at):
    path = shutil.copy(originals["v23.mp3"], tmp_path / "a.mp3")
    tags = ID3(path, translate=False)
    tags.add(TBPM(encoding=1, text=["090"]))
    tags.add(TKEY(encoding=1, text=["o"]))
    tags.save(path, v2_version=3, v23_sep=None)
    tagged(path, journal=journal_at("j.jsonl"))
    list(undo(read_journal(tmp_path / "j.jsonl"), journal=journal_at("k.jsonl")))
    tags = untranslated(path)
    assert [(tags[name].encoding, tags[name].text) for name in ("TBPM", "TKEY")] == [(1, ["090"]), (1, ["o"])]


def test_picards_name_of_the_key_counts(originals, tmp_path, journal_at):
    for kind in ("tagged.ogg", "tagged.wv"):
        path = shutil.copy(originals[kind], tmp_path / kind)
        sound = mutagen.File(path)
        sound["Key"] = ["Am"]
        sound.save()
        assert tagged(path, KEEP).changes[Field.KEY].status is Status.KEPT
        journal = journal_at(f"{kind}.j")
        tagged(path, journal=journal)
        sound = mutagen.File(path)
        assert (list(sound["Key"]), sound.get("INITIALKEY")) == (["G#m"], None)
        sound["INITIALKEY"] = ["C"]
        sound["Key"] = ["D"]
        sound.save()
        state = open_tags(path).state(Field)
        journal = journal_at(f"{kind}.k")
        tagged(path, journal=journal)
        sound = mutagen.File(path)
        assert (sound.get("Key"), list(sound["INITIALKEY"])) == (None, ["G#m"])
        list(undo(read_journal(journal.path), journal=journal_at(f"{kind}.l")))
        assert open_tags(path).state(Field) == state


def test_a_key_of_an_mp4_that_is_no_text_comes_back(originals, tmp_path, journal_at):
    path = shutil.copy(originals["tagged.m4a"], tmp_path / "a.m4a")
    sound = mutagen.File(path)
    sound[ATOM] = [MP4FreeForm(b"\xff\xfe", 0), MP4FreeForm(b"Am")]
    sound["tmpo"] = [0]  # what iTunes writes for an unknown tempo
    sound.save()
    row = tagged(path, KEEP)
    assert (row.changes[Field.BPM].status, row.changes[Field.KEY].status) == ("would change", "kept")
    tagged(path, journal=journal_at("j.jsonl"))
    list(undo(read_journal(tmp_path / "j.jsonl"), journal=journal_at("k.jsonl")))
    sound = mutagen.File(path)
    assert [(bytes(value), value.dataformat) for value in sound[ATOM]] == [(b"\xff\xfe", 0), (b"Am", 1)]
    assert sound["tmpo"] == [0]


def test_a_failed_check_names_what_was_to_change(originals, tmp_path, monkeypatch, journal_at):
    path = shutil.copy(originals["tagged.flac"], tmp_path / "a.flac")
    put(path, genre=["Ska"], bpm=["90"])
    content = path.read_bytes()

    def careless(self):
        self._sound["bpm"] = "91"
        self._sound.save()

    monkeypatch.setattr("genrekit.library.tags.vorbis.VorbisTags._write", careless, raising=False)
    row = tagged(path, KEEP, journal_at("j.jsonl"))
    assert "more than the key (comments)" in row.error
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "has no bpm"),
        ({"bpm": 120.0}, "has no key"),
        ({"bpm": math.nan, "key": None}, "tempo of the result"),
        ({"bpm": math.inf, "key": None}, "tempo of the result"),
        ({"bpm": 0.2, "key": None}, "tempo of the result"),
        ({"bpm": None, "key": "8A"}, "key of the result"),
        ({"bpm": None, "key": "H major"}, "key of the result"),
    ],
)
def test_results_without_measures_are_rows_with_error(originals, found, said):
    path = originals["bare.flac"]
    prediction = Prediction(str(path), label="jazz", score=0.9, content=content_of(path), analysis=found)
    (row,) = tag([prediction], OVERWRITE)
    assert row.status is Status.ERROR
    assert said in row.error


@given(st.floats(0.5, 999))
def test_a_tempo_is_the_nearest_whole_number(bpm):
    (value,) = measured(Field.BPM, {"bpm": bpm})
    assert abs(int(value) - bpm) <= 0.5
    assert value == comparable(Field.BPM, str(bpm)) == comparable(Field.BPM, value)
    assert planned(Field.BPM, [str(bpm)], [value], Existing.OVERWRITE).status is Status.SAME


@given(st.sampled_from("ABCDEFG"), st.sampled_from(["", "#", "b"]), st.sampled_from(["major", "minor"]))
def test_a_key_has_three_characters_at_most(tonic, accidental, mode):
    (value,) = measured(Field.KEY, {"key": f"{tonic}{accidental} {mode}", "key_confidence": 1.0})
    assert value == tonic + accidental + ("m" if mode == "minor" else "")


def test_keys_of_one_pitch_are_the_same():
    for one, other in (("Abm", "G#m"), ("Db", "C#"), ("Cb", "B"), ("E#m", "Fm")):
        assert comparable(Field.KEY, one) == comparable(Field.KEY, other)
    assert len({comparable(Field.KEY, key) for key in ("A", "Am", "8A", "o", "a minor", "Bb")}) == 6
    with pytest.raises(MediaError):
        measured(Field.KEY, {"key": "Am"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", [Field.GROUPING, Field.COMMENT])
def test_labels_go_into_a_grouping_or_a_comment_and_back(originals, tmp_path, kind, field, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    genre, state = now(path)["genre"], open_tags(path).state(Field)
    others = open_tags(path).others([field])
    prediction = Prediction(
        id=str(path),
        label="jazz",
        score=0.9,
        labels=("jazz", "80s"),
        scores=(("jazz", 0.9), ("80s", 0.8)),
        content=Content(path.stat().st_size, hash_file(path)),
    )
    policy = Policy(Existing.OVERWRITE, max_labels=5, field=field)
    (row,) = tag([prediction], policy, journal=journal_at("j.jsonl"))
    assert (row.status, row.error) == (Status.CHANGED, None)
    assert open_tags(path).values(field) == ("jazz, 80s",)
    assert now(path)["genre"] == genre
    assert open_tags(path).others([field]) == others
    (back,) = undo(read_journal(tmp_path / "j.jsonl"), journal=journal_at("k.jsonl"))
    assert (back.status, back.error) == (Status.CHANGED, None)
    assert open_tags(path).state(Field) == state


def test_comments_of_programs_and_of_other_languages_stay(originals, tmp_path, journal_at):
    path = shutil.copy(originals["v24.mp3"], tmp_path / "a.mp3")
    tags = ID3(path)
    for lang, desc, text in (("eng", "iTunNORM", " 0000"), ("deu", "", "schön")):
        tags.add(COMM(encoding=3, lang=lang, desc=desc, text=[text]))
    tags.save()
    prediction = Prediction(id=str(path), label="jazz", score=0.9, content=Content(0, hash_file(path)))
    policy = Policy(Existing.OVERWRITE, field=Field.COMMENT)
    (row,) = tag([prediction], policy, journal=journal_at("j.jsonl"))
    assert row.changes[Field.COMMENT].before == ("schön",)
    found = {key: frame.text for key, frame in ID3(path).items() if key.startswith("COMM")}
    assert found.items() >= {"COMM:iTunNORM:eng": [" 0000"], "COMM::deu": ["jazz"]}.items()
    assert "COMM::eng" not in found
