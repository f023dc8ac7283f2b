"""Early stops by the median of the trials before."""

import pytest

from genrekit.progress import Epoch
from genrekit.training.early_stop import FEWEST, Stop, Watch


def run(watch, losses, part=""):
    for number, loss in enumerate(losses, start=1):
        watch(Epoch(number, len(losses), valid={"valid_loss": loss}, part=part))
    return watch.curve


def curve(*losses):
    return run(Watch(()), losses)


OTHERS = [curve(1, 0.8, 0.6, level) for level in (0.3, 0.4, 0.5, 0.6)]


def test_a_curve_never_rises():
    assert curve(1.0, 0.5, 0.7, 0.4) == ((0.25, 1.0), (0.5, 0.5), (0.75, 0.5), (1.0, 0.4))


def test_a_trial_behind_half_of_the_others_is_stopped():
    watch = Watch(OTHERS)
    with pytest.raises(Stop, match="epoch 2 of 4"):
        run(watch, [0.9, 0.9, 0.1, 0.1])
    assert len(watch.curve) == 2


def test_a_trial_ahead_goes_on():
    assert len(run(Watch(OTHERS), [1, 0.7, 0.5, 0.2])) == 4


def test_nothing_is_stopped_at_first():
    assert len(run(Watch(OTHERS[: FEWEST - 1]), [9, 9, 9, 9])) == 4
    watch = Watch(OTHERS)
    watch(Epoch(1, 10, valid={"valid_loss": 99.0}))


def test_shares_of_epochs_are_compared_where_their_numbers_differ():
    with pytest.raises(Stop, match="epoch 5 of 10"):
        run(Watch(OTHERS), [1, 1, 0.95, 0.9, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_only_the_first_network_of_the_first_fold_counts():
    watch = Watch(OTHERS)
    run(watch, [1, 0.7, 0.5, 0.2], part="network 1: ")
    run(watch, [9, 9, 9, 9], part="network 2: ")
    run(watch, [9, 9, 9, 9], part="network 1: ")  # on both splits
    watch.over = True
    run(watch, [9, 9, 9, 9, 9, 9, 9, 9], part="network 1: ")
    assert len(watch.curve) == 4


def test_epochs_without_a_validation_split_stop_nothing():
    watch = Watch(OTHERS)
    watch(Epoch(4, 4, loss=9.0))
    assert watch.curve == ()
