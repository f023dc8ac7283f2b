import logging
import multiprocessing
import os
import pickle
import time
from pathlib import Path
from unittest import TestCase

import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrekit.preparation.cache import Cache
from genrekit.types import Windows

KEY = "ab" + "0" * 62


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("GENREKIT_CACHE", raising=False)
    monkeypatch.delenv("GENREKIT_CACHE_DIR", raising=False)


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def windows_of(n: int = 2, size: int = 57) -> Windows:
    values = np.arange(n * size, dtype=np.float32).reshape(n, size)
    return Windows(values, tuple((3.0 * i, 3.0 * i + 3) for i in range(n)))


def entries(cache: Cache) -> list[Path]:
    return sorted(path for path in cache.folder.rglob("*") if path.is_file())


def equal(a: Windows | None, b: Windows) -> bool:
    return (
        a is not None
        and a.times_s == b.times_s
        and a.values.dtype == b.values.dtype
        and a.values.shape == b.values.shape
        and a.values.tobytes() == b.values.tobytes()
    )


finite_times = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st_numpy.arrays(
        st.sampled_from([np.float32, np.float64, np.uint8]),
        st_numpy.array_shapes(min_dims=1, max_dims=4, max_side=6),
    ),
    times_s=st.lists(st.tuples(finite_times, finite_times), max_size=4).map(tuple),
    fortran=st.booleans(),
)
def test_what_goes_in_comes_out(cache_folder, values, times_s, fortran):
    cache = Cache(cache_folder)
    windows = Windows(np.asfortranarray(values) if fortran else values, times_s)
    key = cache.key("c" * 64, "b", "1", {"example": repr((values.tobytes(), values.shape, times_s))})
    cache.put(key, windows)
    assert equal(cache.get(key), windows)


def test_an_unknown_key_is_a_miss(tmp_path):
    assert Cache(tmp_path).get(KEY) is None


def test_changing_what_came_out_changes_nothing_inside(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEY, windows_of())
    cache.get(KEY).values[:] = -1
    assert equal(cache.get(KEY), windows_of())


def test_a_key_depends_on_everything_and_on_no_order():
    cache = Cache(enabled=False)
    base = ("c" * 64, "gtzan", "1", {"window_s": 30.0, "sr": 22050})
    keys = {
        cache.key(*base),
        cache.key("d" * 64, *base[1:]),
        cache.key(base[0], "other", *base[2:]),
        cache.key(*base[:2], "2", base[3]),
        cache.key(*base[:3], {"window_s": 3.0, "sr": 22050}),
        cache.key(*base[:3], {"window_s": 30.0}),
    }
    assert len(keys) == 6
    assert all(len(key) == 64 for key in keys)
    assert cache.key(*base) == cache.key(*base[:3], {"sr": 22050, "window_s": 30.0})


def test_every_flipped_byte_and_every_cut_is_a_miss_and_removed(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEY, windows_of(1, 3))
    (path,) = entries(cache)
    data = path.read_bytes()
    damaged = [data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in range(len(data))]
    damaged += [data[:i] for i in range(len(data))] + [data + b"\0", b"\0" * 4]
    for content in damaged:
        path.write_bytes(content)
        assert cache.get(KEY) is None
        assert not path.exists()
    cache.put(KEY, windows_of(1, 3))
    assert path.read_bytes() == data


def test_a_pickle_in_an_entry_is_never_loaded(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(ValueError, match="Object arrays"):
        cache.put(KEY, Windows(np.array([[{}]], dtype=object)))
    assert entries(cache) == []


def test_a_folder_in_place_of_an_entry_is_a_miss(tmp_path):
    cache = Cache(tmp_path)
    (tmp_path / "ab" / f"{KEY}.windows").mkdir(parents=True)
    assert cache.get(KEY) is None


def test_a_writer_that_fails_leaves_nothing_behind_and_is_noted_once(tmp_path, monkeypatch):
    cache = Cache(tmp_path)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with TestCase().assertLogs("genrekit", logging.WARNING) as said:
        cache.put(KEY, windows_of())
        cache.put(KEY, windows_of())
    assert [record.getMessage() for record in said.records] == [
        "Continuing without a cache: [Errno 28] No space left on device"
    ]
    assert entries(cache) == []
    assert not cache.enabled


def test_a_folder_that_cannot_be_made_disables_the_cache_with_one_note(tmp_path):
    (tmp_path / "file").write_text("")
    with TestCase().assertLogs("genrekit", logging.WARNING) as said:
        cache = Cache(tmp_path / "file" / "cache")
        cache.put(KEY, windows_of())
    assert len(said.records) == 1
    assert not cache.enabled
    assert cache.get(KEY) is None
    assert cache.prune() == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_disables_the_cache(tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert not Cache(tmp_path).enabled
    finally:
        tmp_path.chmod(0o700)


def test_the_environment_says_where_and_whether(tmp_path, monkeypatch):
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "here"))
    assert Cache().folder == tmp_path / "here"
    assert Cache(tmp_path / "there").folder == tmp_path / "there"
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "never"))
    monkeypatch.setenv("GENREKIT_CACHE", "off")
    cache = Cache()
    cache.put(KEY, windows_of())
    assert cache.get(KEY) is None
    assert not (tmp_path / "never").exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="Linux, where the variable below counts")
def test_the_default_is_the_cache_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache().folder == tmp_path / "genrekit"


def test_prune_removes_what_was_unused_for_longest(tmp_path):
    cache = Cache(tmp_path)
    keys = [f"{i:02x}" + "0" * 62 for i in range(6)]
    for age, key in enumerate(reversed(keys)):
        cache.put(key, windows_of())
        path = tmp_path / key[:2] / f"{key}.windows"
        os.utime(path, (time.time() - 1000 * (6 - age),) * 2)
    size = path.stat().st_size
    cache.get(keys[5])  # the oldest, used again
    assert cache.prune() == 0
    small = Cache(tmp_path, max_bytes=3 * size)
    assert small.prune() == 3
    assert [key for key in keys if cache.get(key)] == [keys[0], keys[1], keys[5]]


def test_prune_clears_up_after_killed_writers_and_touches_nothing_else(tmp_path):
    cache = Cache(tmp_path, max_bytes=0)
    cache.put(KEY, windows_of())
    old, new, foreign = (tmp_path / "ab" / name for name in ("old.tmp", "new.tmp", "notes.txt"))
    for path in (old, new, foreign):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    assert cache.prune() == 1
    assert entries(cache) == [new, foreign]


@pytest.mark.night
def test_many_writers_of_one_entry_and_readers_see_it_whole(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_again_and_again, args=(Cache(tmp_path),)) for _ in range(2)]
    for writer in writers:
        writer.start()
    cache = Cache(tmp_path)
    hits = 0
    while any(writer.is_alive() for writer in writers):
        windows = cache.get(KEY)
        assert windows is None or equal(windows, windows_of(40, 500))
        assert windows is not None or hits == 0  # once there, never away
        hits += windows is not None
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert hits > 0
    assert len(entries(cache)) == 1


def write_again_and_again(cache: Cache) -> None:
    for _ in range(100):
        cache.put(KEY, windows_of(40, 500))


def test_a_cache_goes_to_other_processes(tmp_path):
    cache = pickle.loads(pickle.dumps(Cache(tmp_path, max_bytes=5)))
    cache.put(KEY, windows_of())
    assert equal(Cache(tmp_path).get(KEY), windows_of())
    assert cache.max_bytes == 5


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def no_home(*_, **__):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    with TestCase().assertLogs("genrekit", logging.WARNING) as said:
        assert not Cache().enabled
    assert "GENREKIT_CACHE_DIR" in said.output[0]
