import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.id3 import ID3, TCON
from support.tagged_sounds import KINDS, samples, untranslated

from genrekit.hashing import content_of, hash_file
from genrekit.library.tags.changes import Existing, Policy, Status
from genrekit.library.tags.fields import Field
from genrekit.library.tags.formats import open_tags
from genrekit.library.tags.journal import Journal, read_journal
from genrekit.library.tags.tagging import tag, undo
from genrekit.types import Prediction

OVERWRITE = Policy(Existing.OVERWRITE)


def answered(path, *labels, score=0.9):
    labels = labels or ("jazz",)
    return Prediction(
        str(path),
        label=labels[0],
        score=score,
        labels=labels,
        scores=tuple((label, score) for label in labels),
        content=content_of(path),
    )


def tagged(path, *labels, policy=OVERWRITE, journal=None, **options):
    (row,) = tag([answered(path, *labels)], policy, journal=journal, **options)
    return row


def genre(row):
    return row.changes[Field.GENRE]


def put(path, *genres):
    """Give a file genres to begin with."""
    tags = open_tags(path)
    tags.put(Field.GENRE, genres)
    tags.save()


def genres(path):
    return open_tags(path).values(Field.GENRE)


def raw_others(path):
    """Everything but the genre, read by mutagen without genrekit."""
    tags = mutagen.File(path).tags
    if isinstance(tags, ID3):
        # sub-frames of a chapter have no equality
        return {key: vars(tag) for key, tag in untranslated(path).items() if key not in ("TCON", "CHAP:a")}
    return {key: value for key, value in (tags or {}).items() if key.lower() not in ("genre", "\xa9gen")}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("old", [(), ("Polka", "Ska")], ids=["none", "two"])
def test_only_the_genre_changes_and_undo_brings_it_back(originals, tmp_path, kind, old, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    if old:
        put(path, *old)
    before, state = path.read_bytes(), open_tags(path).state([Field.GENRE])
    sound, others, raw = samples(path), dict(open_tags(path).others([Field.GENRE])), raw_others(path)
    journal = journal_at("journal.jsonl")

    row = tagged(
        path, "drum and bass", "jazz", policy=Policy(Existing.OVERWRITE, max_labels=2), journal=journal
    )

    assert (row.status, row.error, genre(row).before) == (Status.CHANGED, None, old)
    assert genres(path) == genre(row).after == ("drum and bass", "jazz")
    assert path.read_bytes() != before
    np.testing.assert_array_equal(samples(path), sound)
    assert dict(open_tags(path).others([Field.GENRE])) == others
    assert raw_others(path) == raw

    (row,) = undo(read_journal(journal.path), journal=journal_at("second.jsonl"))
    assert (row.status, row.error, genre(row).after) == (Status.CHANGED, None, old)
    assert open_tags(path).state([Field.GENRE]) == state
    np.testing.assert_array_equal(samples(path), sound)
    assert dict(open_tags(path).others([Field.GENRE])) == others


@pytest.mark.parametrize("kind", ["bare.mp3", "bare.wav", "bare.aiff"])
def test_undo_of_the_first_tag_gives_the_same_bytes(originals, tmp_path, kind, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    journal = journal_at("j.jsonl")
    tagged(path, journal=journal)
    list(undo(read_journal(journal.path), journal=journal_at("k.jsonl")))
    assert path.read_bytes() == originals[kind].read_bytes()


@pytest.mark.parametrize(
    ("kind", "version", "encoding"),
    [("v23.mp3", 3, 1), ("v24.mp3", 4, 3), ("tagged.wav", 3, 1), ("tagged.aiff", 3, 1), ("bare.mp3", 4, 3)],
)
def test_an_id3_tag_keeps_its_version(originals, tmp_path, kind, version, encoding, journal_at):
    path = shutil.copy(originals[kind], tmp_path / kind)
    tagged(path, "rock", journal=journal_at("j.jsonl"))
    tags = untranslated(path)
    assert tags.version[:2] == (2, version)
    assert tags["TCON"].text == ["rock"]
    assert tags["TCON"].encoding == encoding
    assert ("TYER" in tags) == (kind == "v23.mp3")


def test_a_genre_by_number_is_read_by_name_and_restored_as_number(originals, tmp_path, journal_at):
    path = shutil.copy(originals["v23.mp3"], tmp_path / "a.mp3")
    tags = ID3(path, translate=False)
    tags.add(TCON(encoding=0, text=["(17)"]))
    tags.save(path, v2_version=3, v23_sep=None)
    journal = journal_at("j.jsonl")
    assert genre(tagged(path, journal=journal)).before == ("Rock",)
    list(undo(read_journal(journal.path), journal=journal_at("k.jsonl")))
    assert ID3(path, translate=False)["TCON"].text == ["(17)"]


def test_id3v1_is_kept_and_follows_the_genre(originals, tmp_path, journal_at):
    path = shutil.copy(originals["v23_v1.mp3"], tmp_path / "a.mp3")
    v1 = path.read_bytes()[-128:]
    tagged(path, "jazz", journal=journal_at("j.jsonl"))
    assert path.read_bytes()[-128:] == v1[:-1] + b"\x08"


def v22(path, *frames):
    """Put an ID3v2.2 tag before the sound of an mp3 (https://id3.org/id3v2-00)."""
    body = b"".join(name + len(value).to_bytes(3, "big") + value for name, value in frames)
    path.write_bytes(b"ID3\2\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 127]) + body + path.read_bytes())
    return path


def test_id3v22_becomes_23_if_nothing_is_lost(originals, tmp_path, journal_at):
    path = v22(
        shutil.copy(originals["bare.mp3"], tmp_path / "a.mp3"), (b"TT2", b"\0Title"), (b"TCO", b"\0(8)")
    )
    row = tagged(path, "rock", journal=journal_at("j.jsonl"))
    assert (row.error, genre(row).before) == (None, ("Jazz",))
    tags = untranslated(path)
    assert tags.version[:2] == (2, 3)
    assert (tags["TIT2"].text, tags["TCON"].text) == (["Title"], ["rock"])
    path = v22(
        shutil.copy(originals["bare.mp3"], tmp_path / "b.mp3"), (b"TT2", b"\0Title"), (b"XYZ", b"mine")
    )
    assert refused(tagged(path, "rock", journal=journal_at("k.jsonl")), "no later version knows")


def v23(path, name, flags, data):
    """Put an ID3v2.3 tag of a title and one more frame before the sound of an mp3."""
    title = b"TIT2" + (6).to_bytes(4, "big") + b"\0\0" + b"\0Title"
    body = title + name + len(data).to_bytes(4, "big") + flags.to_bytes(2, "big") + data
    path.write_bytes(b"ID3\3\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 127]) + body + path.read_bytes())
    return path, body


@pytest.mark.parametrize(
    ("name", "flags", "data"),
    [
        (b"TALB", 0x80, (10**9).to_bytes(4, "big") + zlib.compress(b"\0" + b"x" * 50_000)),
        (b"TALB", 0x40, b"\1secret"),
        (b"TALB", 0x20, b"\1\0Album"),
        (b"APIC", 0, b"\0image/png"),
        (b"XABC", 0, b"anything"),
    ],
    ids=["compressed", "encrypted", "grouped", "junk", "unknown"],
)
def test_frames_that_are_not_read_stay_byte_for_byte(originals, tmp_path, journal_at, name, flags, data):
    path, body = v23(shutil.copy(originals["bare.mp3"], tmp_path / "a.mp3"), name, flags, data)
    assert tagged(path, journal=journal_at("j.jsonl")).error is None
    assert body[16:] in path.read_bytes()
    path, _ = v23(shutil.copy(originals["bare.mp3"], tmp_path / "b.mp3"), b"TCON", 0x80, data)
    assert refused(tagged(path), "compressed, encrypted or damaged")


@pytest.mark.parametrize("kind", ["tagged.flac", "tagged.ogg", "tagged.opus"])
@pytest.mark.parametrize("comment", [b"TITLE=T\xedtulo", b"T\xedTLE=Titulo", b"TitleXTitulo"])
def test_comments_that_could_not_be_kept_keep_the_file_as_it_is(originals, tmp_path, kind, comment):
    path = shutil.copy(originals[kind], tmp_path / kind)
    sound = mutagen.File(path)
    sound["TITLE"] = ["Titulo"]
    sound.save()
    assert tagged(path).status == Status.WOULD_CHANGE
    content = path.read_bytes()
    assert content.count(b"TITLE=Titulo") == 1
    path.write_bytes(content.replace(b"TITLE=Titulo", comment.ljust(12)))
    assert refused(tagged(path), "comments that could not be kept")


def test_a_large_comment_over_many_pages(originals, tmp_path, journal_at):
    path = shutil.copy(originals["tagged.ogg"], tmp_path / "a.ogg")
    sound = mutagen.File(path)
    sound["LYRICS"] = ["x" * 200_000]
    sound.save()
    assert tagged(path, journal=journal_at("j.jsonl")).status == Status.CHANGED
    assert mutagen.File(path)["LYRICS"] == ["x" * 200_000]


def test_a_file_that_needs_no_change_may_be_read_only(originals, tmp_path):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    put(path, "Jazz")
    path.chmod(0o444)
    assert tagged(path).status == Status.SAME


def test_a_dry_run_touches_nothing(originals, tmp_path):
    path = shutil.copy(originals["v23.mp3"], tmp_path / "a.mp3")
    before = path.stat()
    row = tagged(path)
    assert (row.status, genre(row).before, genre(row).after) == (Status.WOULD_CHANGE, (), ("jazz",))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert names(tmp_path) == ["a.mp3"]
    assert path.read_bytes() == originals["v23.mp3"].read_bytes()


@pytest.mark.parametrize("keep", [False, True])
def test_permissions_stay_and_the_time_where_wanted(originals, tmp_path, keep, journal_at):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18))
    tagged(path, journal=journal_at("j.jsonl"), keep_time=keep)
    status = path.stat()
    assert status.st_mode & 0o7777 == 0o640
    assert (status.st_mtime_ns == 10**18) == keep
    assert names(tmp_path) == ["a.flac", "j.jsonl"]


def test_a_link_stays_a_link_and_its_file_is_written(originals, tmp_path, journal_at):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    link = tmp_path / "link.flac"
    link.symlink_to(path)
    assert tagged(link, journal=journal_at("j.jsonl")).status == Status.CHANGED
    assert link.is_symlink()
    assert genres(path) == ("jazz",)


def refused(row, words):
    assert row.status == Status.ERROR
    assert words in row.error
    return True


def test_what_must_not_be_replaced_is_an_error(originals, tmp_path):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    os.link(path, tmp_path / "b.flac")
    assert refused(tagged(path), "hard links")
    (tmp_path / "b.flac").unlink()
    path.chmod(0o444)
    assert refused(tagged(path), "read-only")
    path.chmod(0o644)
    tmp_path.chmod(0o555)
    try:
        assert refused(tagged(path), "folder of the file is read-only")
    finally:
        tmp_path.chmod(0o755)
    assert tagged(path).status == Status.WOULD_CHANGE


def test_a_file_that_changed_since_is_left_alone(originals, tmp_path, journal_at):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    old = answered(path)
    journal = journal_at("j.jsonl")
    tagged(path, journal=journal)
    (row,) = tag([old], OVERWRITE, journal=journal)
    assert refused(row, "was changed since it was predicted")
    put(path, "Polka")
    (row,) = undo(read_journal(journal.path), journal=journal_at("k.jsonl"))
    assert refused(row, "was changed since it was tagged")
    assert genres(path) == ("Polka",)
    assert not (tmp_path / "k.jsonl").exists()


def test_undo_says_what_it_would_do_and_that_nothing_is_to_do(originals, tmp_path, journal_at):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    journal = journal_at("j.jsonl")
    tagged(path, journal=journal)
    (row,) = undo(read_journal(journal.path))
    assert (row.status, genre(row).before, genre(row).after) == (Status.WOULD_CHANGE, ("jazz",), ())
    shutil.copy(originals["bare.flac"], path)
    (row,) = undo(read_journal(journal.path))
    assert row.status == Status.SAME


HOSTILE = {
    "empty.mp3": b"",
    "text.mp3": b"this is no sound\n" * 500,
    "id3.mp3": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"x" * 100,
    "sync.mp3": b"\xff\xfb\x90\x64" + b"\0" * 400,
    "short.flac": b"fLaC\0\0\0\x22" + b"\1" * 10,
    "short.ogg": b"OggS\0\2" + b"\0" * 40,
    "short.m4a": b"\0\0\0\x20ftypM4A " + b"\0" * 30,
    "atom.m4a": b"\0\0\0\x08ftyp\0\0\0\x01moov" + b"\xff" * 8,
    "riff.wav": b"RIFF\xff\xff\xff\xffWAVEid3 \xff\xff\xff\x7fID3",
    "form.aiff": b"FORM\0\0\0\x04AIFF",
    "short.wv": b"wvpk" + b"\xff" * 60,
    "short.ape": b"MAC \x96\x0f",
    "picture.mp3": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_an_error_and_stays_as_it_is(tmp_path, name, journal_at):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    journal = journal_at("j.jsonl")
    row = tagged(path, journal=journal)
    assert row.status == Status.ERROR
    assert row.error
    assert path.read_bytes() == HOSTILE[name]
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_ends_whole_or_untouched(originals, tmp_path, kind, journal_at):
    content = originals[kind].read_bytes()
    for number, size in enumerate([13, 60, len(content) // 3, len(content) - 40]):
        path = tmp_path / f"{number}{originals[kind].suffix}"
        path.write_bytes(content[:size])
        row = tagged(path, journal=journal_at(f"{number}.jsonl"))
        assert row.status in (Status.CHANGED, Status.ERROR)
        if row.status is Status.ERROR:
            assert path.read_bytes() == content[:size]
        else:
            assert genres(path) == ("jazz",)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("label", ["(17)", "17", "a\0b", "a\nb", "", "x" * 201])
def test_a_label_that_would_not_read_back_is_an_error(originals, tmp_path, label, journal_at):
    path = shutil.copy(originals["v24.mp3"], tmp_path / "a.mp3")
    row = tagged(path, label, journal=journal_at("j.jsonl"))
    assert row.status == Status.ERROR
    assert path.read_bytes() == originals["v24.mp3"].read_bytes()


def test_a_failed_check_leaves_the_file(originals, tmp_path, monkeypatch, journal_at):
    path = shutil.copy(originals["tagged.flac"], tmp_path / "a.flac")

    def careless(self):
        self._sound["title"] = "another"
        self._sound.save()

    monkeypatch.setattr("genrekit.library.tags.vorbis.VorbisTags._write", careless, raising=False)
    row = tagged(path, journal=journal_at("j.jsonl"))
    assert refused(row, "more than the genre (comments)")
    assert path.read_bytes() == originals["tagged.flac"].read_bytes()
    assert names(tmp_path) == ["a.flac"]


def test_changed_sound_is_noticed(originals, tmp_path, monkeypatch, journal_at):
    path = shutil.copy(originals["tagged.wav"], tmp_path / "a.wav")
    write = open_tags(path)._write

    def careless(self):
        write.__func__(self)
        data = bytearray(self.path.read_bytes())
        data[1000] ^= 1
        self.path.write_bytes(data)

    monkeypatch.setattr("genrekit.library.tags.id3.Id3Tags._write", careless)
    assert refused(tagged(path, journal=journal_at("j.jsonl")), "change the sound")
    assert path.read_bytes() == originals["tagged.wav"].read_bytes()


SLOW = """
import sys, time
from pathlib import Path
from genrekit.hashing import content_of
from genrekit.library.tags import writing
from genrekit.library.tags.changes import Existing, Policy
from genrekit.library.tags.journal import Journal
from genrekit.library.tags.tagging import tag
from genrekit.types import Prediction

path, step = Path(sys.argv[1]), sys.argv[2]
def stop(*_, **__):
    print("here", flush=True)
    time.sleep(60)
if step == "copy":
    def half(source, copy):
        data = Path(source).read_bytes()
        with open(copy, "wb") as file:
            file.write(data[: len(data) // 2]); file.flush(); stop()
    writing.shutil.copyfile = half
elif step == "verify":
    writing._verify = stop
elif step == "replace":
    Path.replace = stop
elif step == "after":
    writing._sync_folder = stop
prediction = Prediction(str(path), label="jazz", score=0.9, labels=("jazz",), content=content_of(path))
list(tag([prediction], Policy(Existing.OVERWRITE), journal=Journal(path.parent / "j.jsonl")))
"""


@pytest.mark.parametrize("step", ["copy", "verify", "replace", "after"])
def test_kill_9_leaves_the_old_file_or_the_new_one(originals, tmp_path, step, journal_at):
    path = shutil.copy(originals["v23.mp3"], tmp_path / "a.mp3")
    old = hash_file(path)
    with subprocess.Popen([sys.executable, "-c", SLOW, str(path), step], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"here\n"
        os.kill(process.pid, signal.SIGKILL)
    assert (hash_file(path) == old) == (step != "after")
    assert genres(path) == (("jazz",) if step == "after" else ())
    journal = tmp_path / "j.jsonl"
    assert journal.exists() == (step in ("replace", "after"))
    if journal.exists():
        (row,) = undo(read_journal(journal), journal=journal_at("k.jsonl"))
        assert row.status == (Status.CHANGED if step == "after" else Status.SAME)
        assert genres(path) == ()


def test_a_name_that_is_no_text(originals, tmp_path, journal_at):
    name = os.fsencode(tmp_path) + b"/caf\xe9.flac"
    path = Path(os.fsdecode(name))
    shutil.copy(originals["bare.flac"], path)
    journal = journal_at("j.jsonl")
    assert tagged(path, journal=journal).status == Status.CHANGED
    (row,) = undo(read_journal(journal.path), journal=journal_at("k.jsonl"))
    assert row.status == Status.CHANGED


def test_another_program_wins(originals, tmp_path, monkeypatch, journal_at):
    path = shutil.copy(originals["bare.flac"], tmp_path / "a.flac")
    journal = journal_at("j.jsonl")
    append = journal.append

    def meanwhile(entry):
        append(entry)
        os.utime(path, ns=(1, time.time_ns() + 10**9))

    monkeypatch.setattr(journal, "append", meanwhile)
    assert refused(tagged(path, journal=journal), "Another program")
    assert path.read_bytes() == originals["bare.flac"].read_bytes()


def test_a_link_that_is_predicted_after_its_file_was_tagged_is_the_same(originals, tmp_path):
    path, link = tmp_path / "a.flac", tmp_path / "b.flac"
    shutil.copyfile(originals["tagged.flac"], path)
    link.symlink_to(path.name)

    def predictions():
        for one in (path, link):  # the second is read when the first is tagged
            yield Prediction(str(one), label="zydeco", score=0.9, labels=("zydeco",), content=content_of(one))

    with Journal(tmp_path / "j.jsonl") as journal:
        rows = list(tag(predictions(), Policy(Existing.OVERWRITE), journal=journal))
    assert [row.status.value for row in rows] == ["changed", "same"]
