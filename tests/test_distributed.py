import pytest

from genrekit import distributed

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def told():
    return (
        distributed.rank(),
        distributed.local_rank(),
        distributed.world_size(),
        distributed.local_world_size(),
    )


def test_one_process_is_the_first_of_one():
    assert told() == (0, 0, 1, 1)


def test_torchrun_says_who_is_who(monkeypatch):
    for name, value in zip(NAMES, ("5", "1", "8", "4", "none"), strict=True):
        monkeypatch.setenv(name, value)
    assert told() == (5, 1, 8, 4)


def test_a_rank_of_somebody_else_means_nothing(monkeypatch):
    monkeypatch.setenv("RANK", "gold")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert told() == (0, 0, 1, 1)
