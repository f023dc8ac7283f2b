"""A data set into a folder: packed, unpacked, interrupted, in the way of others, verified afterwards."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from support.dataset_files import write_song
from support.fma_host import fma_archives, fma_rows, source_of
from support.loopback import Host, serving

from genrekit.datasets import DataSource, Part, RemoteFile, open_dataset, registry
from genrekit.datasets.fetch import Options, entries, get, make_plan, verify
from genrekit.datasets.fetch import fetching as get_module
from genrekit.datasets.fetch.record import FOLDER
from genrekit.datasets.gtzan.facts import GENRES
from genrekit.errors import DatasetError, OutputExistsError, UsageError
from genrekit.testing import check_loader


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    return fma_archives(tmp_path_factory.mktemp("fma"), fma_rows(12))


@pytest.fixture
def host(archives, monkeypatch, clock):
    """The FMA's host on loopback, and the registry pointed to it."""
    with serving(Host(dict(archives))) as one:
        changed = source_of(archives, one.base)
        monkeypatch.setattr(registry, "get", lambda name: changed if name == "fma" else real(name))
        yield one


real = registry.get


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_part_comes_with_what_it_needs_and_is_read(host, tmp_path):
    said = []
    get(make_plan("fma:small"), tmp_path / "fma", say=said.append)
    assert len(open_dataset(f"fma:{tmp_path / 'fma'}").examples) == 12
    assert not list((tmp_path / "fma").glob("*.zip"))
    assert verify(tmp_path / "fma", entries(tmp_path / "fma")).ok
    assert sum("fetching" in line for line in said) == 2
    asked = len(host.seen)
    get(make_plan("fma:small"), tmp_path / "fma", say=said.append)
    assert len(host.seen) == asked
    assert "there already" in said[-1]


def test_straight_from_the_zip_and_unpacked_later(host, tmp_path):
    get(make_plan("fma:small"), tmp_path, Options(unpack=False))
    assert [p.name for p in sorted(tmp_path.iterdir())] == [FOLDER, "fma_metadata.zip", "fma_small.zip"]
    assert verify(tmp_path, entries(tmp_path)).ok
    packed = open_dataset(f"fma:{tmp_path}")
    check_loader(lambda: open_dataset(f"fma:{tmp_path}"))
    asked = len(host.seen)
    get(make_plan("fma:small"), tmp_path, Options(keep_archive=True))
    assert len(host.seen) == asked
    assert (tmp_path / "fma_small.zip").exists()
    unpacked = open_dataset(f"fma:{tmp_path}")
    assert [(e.id, e.labels, e.group, e.split) for e in packed.examples] == [
        (e.id, e.labels, e.group, e.split) for e in unpacked.examples
    ]


@pytest.mark.parametrize("stop_after", [0, 1, 5, 11])
def test_unpacking_goes_on_with_the_next_member(host, tmp_path, monkeypatch, stop_after):
    class Stopped(BaseException):
        pass

    unpack = get_module.unpack
    written = []

    def stopping(path, folder, skip, done):
        def one_more(member, sha256):
            if len(written) == stop_after:
                raise Stopped
            done(member, sha256)
            written.append(member.name)

        unpack(path, folder, skip, one_more)

    get(make_plan("fma:metadata"), tmp_path)
    monkeypatch.setattr(get_module, "unpack", stopping)
    with pytest.raises(Stopped):
        get(make_plan("fma:small"), tmp_path)
    assert not (tmp_path / "fma_small").exists()
    with (tmp_path / FOLDER / "fma_small.zip.jsonl.part").open("a") as file:
        file.write('["fma_small/half a li')
    again = []
    monkeypatch.setattr(
        get_module,
        "unpack",
        lambda path, folder, skip, done: unpack(
            path, folder, skip, lambda m, h: (again.append(m.name), done(m, h))
        ),
    )
    get(make_plan("fma:small"), tmp_path)
    assert sorted(written + again) == sorted(
        e.path for e in entries(tmp_path) if e.path.startswith("fma_small")
    )
    assert verify(tmp_path, entries(tmp_path)).ok


def test_nothing_is_replaced_unless_asked(host, tmp_path):
    (tmp_path / "fma_small").mkdir()
    (tmp_path / "fma_small" / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="fma_small exists"):
        get(make_plan("fma:small"), tmp_path)
    assert (tmp_path / "fma_small" / "mine.txt").read_text() == "mine"
    get(make_plan("fma:small"), tmp_path, Options(overwrite=True))
    assert not (tmp_path / "fma_small" / "mine.txt").exists()


def test_a_file_of_that_name_is_taken_if_it_is_the_right_one(host, tmp_path, archives):
    (tmp_path / "fma_metadata.zip").write_bytes(archives["fma_metadata.zip"])
    get(make_plan("fma:metadata"), tmp_path, Options(keep_archive=True))
    assert not host.seen
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "fma_metadata.zip").write_bytes(b"another")
    with pytest.raises(OutputExistsError):
        get(make_plan("fma:metadata"), tmp_path / "b")


@pytest.mark.parametrize("entry", [("../x", 0), ("/x", 0), ("fma_small/link", 0o120777)])
def test_a_hostile_archive_leaves_nothing_behind(host, tmp_path, monkeypatch, entry):
    name, mode = entry
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("fma_metadata/tracks.csv", "good")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    host.files["fma_metadata.zip"] = bad.read_bytes()
    changed = source_of(host.files, host.base)
    monkeypatch.setattr(registry, "get", lambda name: changed)
    with pytest.raises(DatasetError, match="was refused"):
        get(make_plan("fma:metadata"), tmp_path / "out")
    assert files(tmp_path / "out") == []
    assert not (tmp_path / "x").exists()


def test_a_wrong_hash_leaves_nothing_behind(host, tmp_path):
    host.files["fma_metadata.zip"] += b"x"
    with pytest.raises(DatasetError, match="hashes to"):
        get(make_plan("fma:metadata"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_before_the_download(host, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DatasetError, match=r"needs .* free"):
        get(make_plan("fma:small"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_too_full_to_unpack_keeps_the_archive_and_what_was_unpacked(host, tmp_path, monkeypatch):
    get(make_plan("fma:metadata"), tmp_path, Options(unpack=False))
    real_usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: real_usage(folder)._replace(free=1000))
    with pytest.raises(DatasetError, match="what is in fma_metadata"):
        get(make_plan("fma:metadata"), tmp_path)
    assert (tmp_path / "fma_metadata.zip").exists()
    monkeypatch.setattr(shutil, "disk_usage", real_usage)
    get(make_plan("fma:metadata"), tmp_path)
    assert (tmp_path / "fma_metadata" / "tracks.csv").exists()
    assert not (tmp_path / "fma_metadata.zip").exists()


def test_one_process_at_a_time(host, tmp_path):
    (tmp_path / FOLDER).mkdir()
    code = (
        "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
        "print('held', flush=True); time.sleep(20)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / FOLDER / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DatasetError, match="Another process"):
            get(make_plan("fma:small"), tmp_path)
        holder.kill()
    get(make_plan("fma:small"), tmp_path)


def test_a_source_of_ones_own(archives, tmp_path, monkeypatch):
    changed = source_of(archives, "http://127.0.0.1:9/")
    monkeypatch.setattr(registry, "get", lambda name: changed)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for name, data in archives.items():
        (mirror / name).write_bytes(data)
    for origin in (str(mirror), f"{mirror}/"):
        get(make_plan("fma:small", origin=origin), tmp_path / f"to{len(origin)}")
        assert len(open_dataset(f"fma:{tmp_path / f'to{len(origin)}'}").examples) == 12
    get(make_plan("fma:metadata", origin=str(mirror / "fma_metadata.zip")), tmp_path / "one")
    assert (mirror / "fma_metadata.zip").exists()
    (mirror / "fma_metadata.zip").write_bytes(b"another")
    with pytest.raises(DatasetError, match="is not the fma_metadata"):
        get(make_plan("fma:metadata", origin=str(mirror / "fma_metadata.zip")), tmp_path / "two")


@pytest.mark.parametrize(
    ("name", "more", "match"),
    [
        ("fma:smal", {}, "Did you mean fma:small"),
        ("fma", {}, "has no part ''"),
        ("msd", {}, "is not fetched"),
        ("synthetic", {}, "is not fetched"),
        ("gtzan", {}, "no public host"),
        ("gtzan", {"origin": "/no/such/file"}, "no file"),
        ("fma:small", {"origin": "s3://a/b"}, "neither an address"),
        ("fma:small", {"shards": "1"}, "for parts that come in shards"),
        ("jamendo:genre", {"shards": "100"}, "from 0 to 99"),
        ("jamendo:genre", {"shards": "5-3"}, "from 0 to 99"),
        ("jamendo:genre", {"shards": "a"}, "from 0 to 99"),
        ("jamendo:genre", {"origin": "https://host/one.tar"}, "has 100 files"),
    ],
)
def test_what_cannot_be_planned_is_said(name, more, match):
    with pytest.raises(UsageError, match=match):
        make_plan(name, **more)


def test_shards_and_a_list_of_hashes(tmp_path, monkeypatch):
    """MTG-Jamendo's form: shards of songs, and a list of their hashes from another place."""
    song = write_song(tmp_path / "song.wav", duration_s=0.2).read_bytes()
    tars, listing = {}, []
    for shard in range(100):
        name = f"raw_30s_audio-low-{shard:02d}.tar"
        path = tmp_path / name
        with tarfile.open(path, "w") as archive:
            (tmp_path / "one.mp3").write_bytes(song)
            archive.add(tmp_path / "one.mp3", f"{shard:02d}/10{shard:02d}.low.mp3")
        tars[name] = path.read_bytes()
        listing.append(f"{hashlib.sha256(tars[name]).hexdigest()} {name}")
    head = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
    rows = [
        f"track_{s}\tartist_{s // 2}\talbum\t{s:02d}/10{s:02d}.mp3\t30.0\tgenre---rock\tgenre---{'pop' if s % 2 else 'jazz'}\n"
        for s in range(100)
    ]
    splits = {"train": rows[:60], "validation": rows[60:80], "test": rows[80:]}
    tars |= {
        f"autotagging_genre-{word}.tsv": (head + "".join(lines)).encode() for word, lines in splits.items()
    }
    tars["hashes.txt"] = "\n".join(listing).encode()
    jamendo = real("jamendo")
    with serving(Host(tars)) as host:
        parts = tuple(
            replace(
                part,
                files=tuple(
                    replace(
                        f, address=host.base + f.name, digest_list=f.digest_list and f"{host.base}hashes.txt"
                    )
                    for f in part.files
                ),
            )
            for part in jamendo.parts
        )
        changed = replace(jamendo, parts=parts)
        monkeypatch.setattr(registry, "get", lambda name: changed)
        get(make_plan("jamendo:genre", shards="0,61-62"), tmp_path / "j")
        dataset = open_dataset(f"jamendo:{tmp_path / 'j'}")
        check_loader(lambda: open_dataset(f"jamendo:{tmp_path / 'j'}"))
        assert [(e.id, e.labels, e.group, e.split) for e in dataset.examples] == [
            ("00/1000.mp3", ("rock", "jazz"), "artist_0", "train"),
            ("61/1061.mp3", ("rock", "pop"), "artist_30", "valid"),
            ("62/1062.mp3", ("rock", "jazz"), "artist_31", "valid"),
        ]
        assert any("97 songs of 97 shards" in note for note in dataset.notes)
        assert sum(one.path == "hashes.txt" for one in host.seen) == 1
        get(make_plan("jamendo:genre", shards="0,61-62"), tmp_path / "p", Options(unpack=False))
        packed = open_dataset(f"jamendo:{tmp_path / 'p'}")
        check_loader(lambda: open_dataset(f"jamendo:{tmp_path / 'p'}"))
        assert [(e.id, e.labels, e.group, e.split) for e in packed.examples] == [
            (e.id, e.labels, e.group, e.split) for e in dataset.examples
        ]
        assert all(one.path is None and one.address.startswith("tar://") for one in packed.examples)
        host.files["raw_30s_audio-low-07.tar"] = host.files["raw_30s_audio-low-08.tar"]
        with pytest.raises(DatasetError, match="hashes to sha256"):
            get(make_plan("jamendo:genre", shards="7"), tmp_path / "j")


def test_gtzan_from_an_archive_of_ones_own(tmp_path):
    """1,000 clips; lengths, names and the broken file are looked at."""
    noise = np.random.default_rng(0).uniform(-1, 1, 15_000)
    sf.write(tmp_path / "clip.wav", noise, 500, subtype="PCM_U8")
    clip = (tmp_path / "clip.wav").read_bytes()
    path = tmp_path / "genres.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for genre in GENRES:
            for number in range(100):
                name = f"{genre}.{number:05d}"
                data = b"no sound" if name == "jazz.00054" else clip[:5000] if name == "pop.00007" else clip
                if name == "rock.00099":
                    continue
                info = tarfile.TarInfo(f"genres/{genre}/{name}.wav")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    get(make_plan("gtzan", origin=str(path)), tmp_path / "g")
    found = registry.get("gtzan").inspect(tmp_path / "g")
    assert len(found) == 3
    assert any("jazz.00054.wav cannot be opened as sound, as is known" in one for one in found)
    assert any("pop.00007.wav has 9.9" in one for one in found)
    assert "rock.00099 is missing." in found
    shutil.rmtree(tmp_path / "g" / "genres" / "blues")
    assert "does not hold the ten genre folders" in registry.get("gtzan").inspect(tmp_path / "g")[0]


def test_verify_says_missing_changed_and_extra(host, tmp_path):
    get(make_plan("fma:small"), tmp_path)
    songs = [e.path for e in entries(tmp_path) if e.path.endswith(".mp3")]
    (tmp_path / songs[0]).unlink()
    data = (tmp_path / songs[1]).read_bytes()
    (tmp_path / songs[1]).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (tmp_path / songs[2]).write_bytes(b"short")
    (tmp_path / "fma_small" / "new.txt").write_text("new")
    found = verify(tmp_path, entries(tmp_path))
    assert found.missing == (songs[0],)
    assert found.changed == (songs[1], songs[2])
    assert found.extra == ("fma_small/new.txt",)
    with pytest.raises(DatasetError, match="no record"):
        entries(tmp_path / "fma_small")


def kill_and_resume(tmp_path: Path, kills: int, size: int) -> tuple[float, float]:
    """Kill -9 a fetch ``kills`` times at random bytes; return the bytes transferred, and those sent, by the bytes of the file.

    What stands in the buffers of the two sockets when the process dies was sent for nothing: it grows with the time that the
    process waits for its turn, and no program can write down what it was not given. What it was given is on the disk, and is
    never asked for again.
    """
    rng = random.Random(kills)
    data = rng.randbytes(size)
    points = sorted(rng.sample(range(size), kills))
    written: list[int] = []
    folder = tmp_path / "to"
    code = (
        "import sys; from dataclasses import replace; from genrekit.datasets import registry, DataSource, Part, RemoteFile\n"
        "from genrekit.datasets.fetch import get, make_plan, Options\n"
        "file = RemoteFile('a.bin', sys.argv[1] + 'a.bin', digest=sys.argv[3])\n"
        "source = DataSource('x1', 'X', 'tests', 'none', 'so', parts=(Part('', 'a file', (file,)),))\n"
        "registry.get = lambda name: source\n"
        "from pathlib import Path\n"
        "get(make_plan('x1'), Path(sys.argv[2]))\n"
    )
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with serving(Host({"a.bin": data}, pause_s=0.002)) as host:
        command = [sys.executable, "-c", code, host.base, str(folder), digest]
        for point in points:
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                part = folder / "a.bin.part"
                deadline = time.monotonic() + 60
                while process.poll() is None and time.monotonic() < deadline:
                    if part.exists() and part.stat().st_size >= point:
                        os.kill(process.pid, signal.SIGKILL)
                        written.append(part.stat().st_size)
                        break
                    time.sleep(0.001)
                process.wait(30)
        host.pause_s = 0
        subprocess.run(command, check=True, timeout=120)
        assert (folder / "a.bin").read_bytes() == data
        assert json.loads((folder / FOLDER / "a.bin.jsonl").read_text().splitlines()[-1])[1] == size
        starts = [int(one.headers["Range"][6:-1]) for one in host.seen if "Range" in one.headers]
        assert all(start >= there for start, there in zip(starts, written, strict=True))
        return host.crossed / size, host.sent / size


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_kill_9(tmp_path):
    kill_and_resume(tmp_path, 1, 4_000_000)


@pytest.mark.night
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_kill_9_thirty_times(tmp_path):
    transferred, _ = kill_and_resume(tmp_path, 30, 100_000_000)
    assert transferred <= 1.02


def test_a_source_of_a_stranger_is_fetched_too(tmp_path, monkeypatch):
    file = RemoteFile("list.csv", "http://127.0.0.1:9/list.csv")
    mine = DataSource("mine", "Mine", "tests", "none", "so", parts=(Part("", "a list", (file,)),))
    monkeypatch.setattr(registry, "get", lambda name: mine)
    (tmp_path / "x.csv").write_text("a\n1\n")
    get(make_plan("mine", origin=str(tmp_path / "x.csv")), tmp_path / "to")
    assert (tmp_path / "to" / "list.csv").read_text() == "a\n1\n"
