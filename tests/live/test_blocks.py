"""Pieces of any size to samples, to blocks, to events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.errors import MediaError, UsageError
from genrekit.live import Blocks, Follower, Pcm

SIZES = st.lists(st.integers(1, 40_000), min_size=1, max_size=20)


def cut(data, sizes):
    """Cut data into pieces of these sizes, over and over."""
    at, number = 0, 0
    while at < len(data):
        size = sizes[number % len(sizes)]
        yield data[at : at + size]
        at, number = at + size, number + 1


@settings(deadline=None)
@given(SIZES, st.sampled_from(["f32le", "s16le"]), st.integers(1, 3))
def test_samples_are_the_same_whatever_the_pieces(sizes, encoding, channels):
    values = np.random.default_rng(0).uniform(-1, 1, (5000, channels)).astype("<f4")
    data = (values * 32767).astype("<i2").tobytes() if encoding == "s16le" else values.tobytes()
    whole = Pcm(encoding, channels).push(data)
    pcm = Pcm(encoding, channels)
    found = np.concatenate([pcm.push(piece) for piece in cut(data, sizes)])
    assert np.array_equal(found, whole)
    assert whole.shape == values.shape
    assert np.allclose(whole, values, atol=1e-4)


def test_a_sample_in_single_bytes_waits_for_its_last():
    pcm = Pcm("s16le", 2)
    found = [pcm.push(bytes([byte])) for byte in (0, 64, 0, 192)]
    assert [len(samples) for samples in found] == [0, 0, 0, 1]
    assert found[-1].tolist() == [[0.5, -0.5]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(MediaError):
        Pcm("f32le", 1).push(np.array([value], "<f4").tobytes())


@pytest.mark.parametrize(("encoding", "channels"), [("mp3", 1), ("f32le", 0), ("f32le", 9)])
def test_what_cannot_be_decoded_is_refused(encoding, channels):
    with pytest.raises(UsageError):
        Pcm(encoding, channels)


@settings(deadline=None)
@given(SIZES, st.sampled_from([8000, 11025, 22050]), st.sampled_from([0.25, 1 / 3, 1.0, 3.0, 4.5, 10.0]))
def test_blocks_are_the_same_whatever_the_pieces(sizes, sr, hop_s):
    samples = np.arange(20 * sr, dtype=np.float32)[:, None]
    blocks = Blocks(sr, 1, 3.0, hop_s)
    found = [block for piece in cut(samples, sizes) for block in blocks.push(piece)]
    starts = [round(k * hop_s * sr) for k in range(1000)]
    starts = [start for start in starts if start + 3 * sr <= len(samples)]
    assert [round(block.start_s * sr) for block in found] == starts
    for block in found:
        first = round(block.start_s * sr)
        assert np.array_equal(block.samples, samples[first : first + 3 * sr])


def test_a_sound_shorter_than_a_window_is_one_block():
    blocks = Blocks(8000, 1, 10.0, 1.0)
    assert list(blocks.push(np.ones((4 * 8000, 1), np.float32))) == []
    rest = blocks.rest()
    assert (rest.start_s, rest.end_s) == (0, 4)
    assert rest.level_db == pytest.approx(0, abs=0.01)


def test_nothing_is_left_after_a_block_and_of_less_than_three_seconds():
    blocks = Blocks(8000, 1, 3.0, 1.0)
    list(blocks.push(np.zeros((2 * 8000, 1), np.float32)))
    assert blocks.rest() is None
    list(blocks.push(np.zeros((2 * 8000, 1), np.float32)))
    assert blocks.rest() is None


@pytest.mark.parametrize(
    ("sr", "window_s", "hop_s"),
    [(7999, 10, 1), (200_000, 10, 1), (8000, 2, 1), (8000, 61, 1), (8000, 10, 0.1)],
)
def test_numbers_out_of_range_are_refused(sr, window_s, hop_s):
    with pytest.raises(UsageError):
        Blocks(sr, 1, window_s, hop_s)


def follow(scores, **settings):
    follower = Follower(("rock", "jazz"), **{"smooth_s": 0, "top_k": 2, **settings})
    events = []
    for number, rock in enumerate(scores):
        events += follower.add(number, number + 10, {"rock": rock, "jazz": 1 - rock})
    return events, follower.final()


def test_a_genre_changes_when_another_leads_for_two_windows():
    events, final = follow([0.9, 0.9, 0.2, 0.9, 0.2, 0.1, 0.1])
    changes = [event for event in events if event["type"] == "change"]
    assert changes == [{"type": "change", "at_s": 14, "from": "rock", "to": "jazz"}]
    assert [(p["start_s"], p["end_s"], p["label"]) for p in final["timeline"]] == [
        (0, 14, "rock"),
        (14, 16, "jazz"),
    ]
    assert final["summary"][0][1] == pytest.approx(1 - np.mean([0.9, 0.9, 0.2, 0.9, 0.2, 0.1, 0.1]))


def test_a_narrow_lead_changes_nothing():
    events, _ = follow([0.9, 0.46, 0.46, 0.46])
    assert [event["type"] for event in events] == ["window"] * 4


def test_smoothing_is_a_mean_of_log_odds_that_adds_up_to_one():
    events, _ = follow([0.9, 0.1], smooth_s=1.0)
    share = 1 - np.exp(-1)
    odds = np.log(9) * (1 - 2 * share)
    smooth = dict(events[-1]["smooth"])
    assert smooth["rock"] == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)
    assert sum(smooth.values()) == pytest.approx(1, abs=1e-5)


def test_certain_scores_stay_finite():
    events, _ = follow([1.0, 0.0, 1.0, 0.0], smooth_s=15)
    assert all(
        0 <= score <= 1 for event in events if event["type"] == "window" for _, score in event["smooth"]
    )


def test_nothing_heard_is_an_empty_timeline():
    assert Follower(("rock",), 15, 3).final() == {"type": "final", "timeline": [], "summary": []}
