"""Splits: sides disjoint and complete, groups whole, labels on both sides, inflation said in words."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.datasets.splits import SPLITS, Split, make_folds, make_split
from genrekit.datasets.stratified import group_keys
from genrekit.errors import DatasetError, UsageError
from genrekit.types import Example


def songs(
    n_groups: int, n_parts: int = 1, labels: str = "abc", *, groups: bool = True, side: str | None = None
) -> list[Example]:
    """Per label ``n_groups`` tracks of ``n_parts`` slices each."""
    return [
        Example(
            f"{side or ''}{label}/{track:03}.{part}",
            labels=(label,),
            group=f"{side or ''}{label}{track}" if groups else None,
            split=side,
        )
        for label in labels
        for track in range(n_groups)
        for part in range(n_parts)
    ]


def labels_of(examples: list[Example], side: tuple[int, ...]) -> Counter[str]:
    return Counter(label for i in side for label in examples[i].labels)


def groups_of(examples: list[Example], side: tuple[int, ...]) -> set[str]:
    return {str(examples[i].group) for i in side if examples[i].group}


def ids_of(examples: list[Example], split: Split) -> list[set[str]]:
    return [{examples[i].id for i in side} for side in (split.train, split.valid, split.test)]


@st.composite
def data_sets(draw: st.DrawFn) -> list[Example]:
    """Any mixture of labels and groups, from one label with one example upwards."""
    n = draw(st.integers(1, 60))
    label = st.sampled_from("abcd"[: draw(st.integers(1, 4))])
    group = st.none() | st.integers(0, draw(st.integers(0, 25))).map(str)
    several = draw(st.booleans())
    return [
        Example(
            f"{i:03}",
            labels=tuple(dict.fromkeys(draw(st.lists(label, min_size=1, max_size=3 if several else 1)))),
            group=draw(group),
        )
        for i in range(n)
    ]


class TestAlways:
    @given(data_sets(), st.sampled_from(["auto", "group", "random"]), st.integers(0, 5), st.data())
    @settings(deadline=None)
    def test_a_split_is_complete_disjoint_whole_and_says_when_it_is_inflated(self, examples, by, seed, data):
        test_size = data.draw(st.sampled_from([0, 0.01, 0.2, 0.33, 0.5, 0.9]))
        valid_size = data.draw(st.sampled_from([0, 0.05, 0.09]))
        try:
            split = make_split(examples, test_size=test_size, valid_size=valid_size, seed=seed, by=by)
        except DatasetError:
            assert test_size > 0
            return
        assert sorted(split.train + split.valid + split.test) == list(range(len(examples)))
        assert split.train
        assert bool(split.test) == (test_size > 0)
        if all(len(example.labels) == 1 for example in examples):
            assert labels_of(examples, split.train).keys() == {example.labels[0] for example in examples}
        assert not (valid_size == 0 and split.valid)
        assert "numbers are inflated" in split.method or not split.inflated
        measured, seen = (split.test, split.train + split.valid) if split.test else (split.valid, split.train)
        assert split.inflated == bool(groups_of(examples, measured) & groups_of(examples, seen))
        if by != "random":
            sides = [groups_of(examples, side) for side in (split.train, split.valid, split.test)]
            assert sum(map(len, sides)) == len(set.union(*sides))

    @given(data_sets(), st.sampled_from(["auto", "random"]), st.integers(2, 6), st.sampled_from([0, 0.1]))
    @settings(deadline=None)
    def test_folds_are_complete_and_test_nothing_twice(self, examples, by, k, valid_size):
        try:
            folds = make_folds(examples, k=k, seed=1, by=by, valid_size=valid_size)
        except DatasetError:
            return
        assert len(folds) == k
        tested = [i for fold in folds for i in fold.test]
        assert len(tested) == len(set(tested))
        for fold in folds:
            assert sorted(fold.train + fold.valid + fold.test) == list(range(len(examples)))
            assert fold.test
            assert fold.train
            assert (fold.method, fold.inflated) == (folds[0].method, folds[0].inflated)
            if by != "random":
                assert not groups_of(examples, fold.test) & groups_of(examples, fold.train + fold.valid)

    @given(st.randoms(use_true_random=False), st.sampled_from(["auto", "random"]))
    @settings(deadline=None, max_examples=10)
    def test_the_order_of_the_input_does_not_matter(self, random, by):
        examples = songs(12, 2) + songs(7, 3, "de", groups=False)
        shuffled = random.sample(examples, len(examples))
        assert ids_of(examples, make_split(examples, by=by)) == ids_of(shuffled, make_split(shuffled, by=by))
        folds = zip(make_folds(examples, by=by), make_folds(shuffled, by=by), strict=True)
        for ours, theirs in folds:
            assert ids_of(examples, ours) == ids_of(shuffled, theirs)

    @pytest.mark.parametrize("by", ["group", "random"])
    def test_the_seed_decides(self, by):
        examples = songs(30, 2)
        assert make_split(examples, seed=3, by=by) == make_split(examples, seed=3, by=by)
        assert make_split(examples, seed=3, by=by).test != make_split(examples, seed=4, by=by).test
        assert make_folds(examples, seed=3, by=by) == make_folds(examples, seed=3, by=by)
        assert make_folds(examples, seed=3, by=by)[0].test != make_folds(examples, seed=4, by=by)[0].test


class TestSizes:
    @pytest.mark.parametrize("groups", [True, False])
    @pytest.mark.parametrize(
        ("test_size", "valid_size"), [(0.2, 0.1), (0.3, 0), (0.15, 0.15), (0, 0.25), (0, 0)]
    )
    def test_shares_are_met_for_every_label(self, groups, test_size, valid_size):
        examples = songs(200, labels="ab", groups=groups)
        split = make_split(examples, test_size=test_size, valid_size=valid_size)
        for side, share in ((split.test, test_size), (split.valid, valid_size)):
            for label in "ab":
                assert labels_of(examples, side)[label] == pytest.approx(200 * share, abs=4)

    def test_a_small_share_of_many(self):
        examples = songs(1000, labels="ab", groups=False)
        assert len(make_split(examples, test_size=0.01, valid_size=0).test) == pytest.approx(20, abs=2)

    @pytest.mark.parametrize("sizes", [(-0.1, 0.1), (0.2, -0.1), (1, 0), (0.6, 0.4), (float("nan"), 0)])
    def test_impossible_shares_are_refused(self, sizes):
        with pytest.raises(UsageError, match="below 1"):
            make_split(songs(9), test_size=sizes[0], valid_size=sizes[1])

    def test_folds_are_even(self):
        examples = songs(50, 2, labels="ab")
        for fold in make_folds(examples, k=5, valid_size=0.1):
            assert labels_of(examples, fold.test) == {"a": 20, "b": 20}
            assert len(fold.valid) == pytest.approx(20, abs=4)


class TestRareLabels:
    def test_a_label_with_one_example_stays_in_train_and_the_method_names_it(self):
        examples = [*songs(20, groups=False), Example("z", labels=("zydeco",))]
        split = make_split(examples)
        assert labels_of(examples, split.train)["zydeco"] == 1
        assert "labels without an example in test: zydeco" in split.method
        folds = make_folds(examples, k=3)
        assert all(labels_of(examples, fold.train)["zydeco"] == 1 for fold in folds)
        assert "labels without an example in test: zydeco" in folds[0].method

    def test_a_label_with_one_group_stays_in_train(self):
        examples = songs(20, 1) + songs(1, 40, "z")
        split = make_split(examples)
        assert labels_of(examples, split.train)["z"] == 40
        assert len(split.test) == pytest.approx(20, abs=3)
        assert "z" in split.method

    def test_a_label_with_few_examples_is_tested_where_it_can_be(self):
        # 101: scikit-learn deals out the sorted labels in turn, so that z does not fall on the first fold.
        examples = [
            example for n, label in ((101, "a"), (100, "b"), (2, "z")) for example in songs(n, 1, label)
        ]
        for seed in range(10):
            split = make_split(examples, seed=seed, valid_size=0)
            assert labels_of(examples, split.test)["z"] == 1

    def test_ten_labels_of_four_songs(self):
        examples = songs(4, labels="abcdefghij", groups=False)
        split = make_split(examples, valid_size=0)
        assert set(labels_of(examples, split.test).values()) == {1}
        assert len(labels_of(examples, split.test)) == 10

    def test_every_measured_label_is_learned(self):
        examples = songs(50, labels="a", groups=False) + songs(2, labels="z", groups=False)
        for seed in range(10):
            split = make_split(examples, test_size=0.8, valid_size=0, seed=seed)
            assert labels_of(examples, split.train)["z"] == 1

    def test_a_single_label(self):
        examples = songs(10, labels="a", groups=False)
        split = make_split(examples)
        assert (len(split.train), len(split.valid), len(split.test)) == (7, 1, 2)
        assert len(make_folds(examples, k=5)) == 5

    def test_nothing_can_be_held_out(self):
        with pytest.raises(DatasetError, match="No test split") as caught:
            make_split(songs(1, 30))
        assert "other artists" in caught.value.hint
        assert make_split(songs(1, 30), test_size=0).train == tuple(range(90))

    def test_several_labels_stratify_the_rarest(self):
        examples = [
            Example(f"{i:03}", labels=("common", "rare") if i % 10 == 0 else ("common",)) for i in range(100)
        ]
        split = make_split(examples, valid_size=0)
        assert labels_of(examples, split.test) == {"common": 20, "rare": 2}


class TestFolds:
    def test_fewer_groups_than_folds_is_an_error_with_the_number_that_works(self):
        examples = songs(2, 10, "ab")
        with pytest.raises(DatasetError, match="5 folds") as caught:
            make_folds(examples, k=5)
        assert "Request 4 folds" in caught.value.hint
        assert len(make_folds(examples, k=4)) == 4

    def test_fewer_examples_a_label_than_folds(self):
        with pytest.raises(DatasetError) as caught:
            make_folds(songs(3, labels="abcdefgh", groups=False), k=5)
        assert "Request 3 folds" in caught.value.hint

    def test_no_fold_at_all(self):
        with pytest.raises(DatasetError) as caught:
            make_folds(songs(1, 10), k=2)
        assert "two groups" in caught.value.hint

    @pytest.mark.parametrize("k", [1, 0, -3])
    def test_less_than_two_folds_are_refused(self, k):
        with pytest.raises(UsageError, match="at least 2"):
            make_folds(songs(9), k=k)

    def test_published_folds_do_not_exist(self):
        with pytest.raises(UsageError, match="auto, group, random"):
            make_folds(songs(9), by="published")

    def test_examples_left_out_of_published_lists_stay_out(self):
        examples = songs(10, side="train") + songs(5, side="test") + songs(3)
        folds = make_folds(examples, k=3)
        assert {i for fold in folds for i in fold.test} == set(range(45))
        assert "9 examples without a published split left out" in folds[0].method
        assert {i for fold in make_folds(examples, k=3, by="group") for i in fold.test} == set(range(54))


class TestInflation:
    def test_random_separates_slices_and_says_so(self):
        split = make_split(songs(40, 3), by="random")
        assert split.inflated
        assert (
            "the numbers are inflated because parts of the same group were used for learning and measuring"
            in split.method
        )

    def test_random_folds_too(self):
        folds = make_folds(songs(40, 3), by="random")
        assert all(fold.inflated and "inflated" in fold.method for fold in folds)

    def test_random_without_known_groups_is_not_called_inflated_but_says_that_none_are_known(self):
        split = make_split(songs(40, 3, groups=False), by="random")
        assert not split.inflated
        assert "no groups known" in split.method
        assert "no groups known" in make_split(songs(40, 3, groups=False)).method
        assert "docs/honest-evaluation.md" in split.method

    def test_random_over_groups_of_one_is_not_inflated(self):
        assert not make_split(songs(40), by="random").inflated

    def test_groups_kept_whole_are_counted(self):
        split = make_split(songs(40, 3))
        assert not split.inflated
        assert "120 groups kept whole" in split.method

    def test_published_splits_that_share_an_artist_are_inflated(self):
        examples = [Example("1", labels=("a",), group="x", split="train")]
        examples += [Example("2", labels=("a",), group="x", split="test")]
        split = make_split(examples)
        assert split.inflated
        assert "(1 of the 1 group measured)" in split.method


class TestPublished:
    def test_sides_are_taken_as_they_are(self):
        examples = songs(5, side="valid") + songs(10, side="train") + songs(4, side="test")
        split = make_split(examples)
        assert (split.valid, split.train, split.test) == (
            tuple(range(15)),
            tuple(range(15, 45)),
            tuple(range(45, 57)),
        )
        assert split.method == "published split"

    def test_examples_without_a_split_are_left_out_and_counted(self):
        examples = songs(10, side="train") + songs(4, side="test") + songs(2)
        split = make_split(examples, by="published", valid_size=0)
        assert len(split.train + split.valid + split.test) == 42
        assert "6 examples without a split left out" in split.method

    def test_valid_is_cut_from_train_by_groups(self):
        examples = songs(20, 3, side="train") + songs(4, side="test")
        split = make_split(examples, valid_size=0.1)
        assert len(split.valid) == pytest.approx(18, abs=3)
        assert len(split.train) + len(split.valid) == 180
        assert not groups_of(examples, split.valid) & groups_of(examples, split.train)
        assert "valid cut from train" in split.method

    def test_a_list_of_tests_only_is_enough_to_measure_a_model(self):
        split = make_split(songs(4, side="test"))
        assert (split.train, split.valid, len(split.test)) == ((), (), 12)

    def test_a_label_that_is_only_tested_is_named(self):
        split = make_split(songs(4, side="test") + songs(4, labels="ab", side="train"), valid_size=0)
        assert "labels measured but not in train: c" in split.method

    def test_by_group_ignores_the_splits(self):
        examples = songs(10, side="train") + songs(10)
        assert len(make_split(examples, by="group", test_size=0.5).test) == 30

    def test_no_split_at_all(self):
        with pytest.raises(DatasetError, match="No example has") as caught:
            make_split(songs(5), by="published")
        assert "split column" in caught.value.hint

    def test_an_unknown_split(self):
        with pytest.raises(DatasetError, match="train, valid, test"):
            make_split(songs(5, side="dev"))

    def test_the_gtzan_lists_separate_artists(self, shared_data: Path):
        folder = shared_data / "gtzan"
        side = {
            Path(line).name: name
            for name in SPLITS
            for line in (folder / "splits" / f"{name}_filtered.txt").read_text().split()
        }
        lines = (folder / "artists.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        artist = {parts[0].strip(): parts[1].strip() for line in lines if len(parts := line.split(":::")) > 1}
        with (folder / "features_30_sec.csv").open(newline="") as file:
            examples = [
                Example(name, labels=(row["label"],), group=artist.get(name) or None, split=side.get(name))
                for row in csv.DictReader(file)
                if (name := row["filename"])
            ]
        split = make_split(examples)
        assert [len(split.train), len(split.valid), len(split.test)] == [443, 197, 290]
        assert len(groups_of(examples, split.test)) > 50
        assert not split.inflated
        assert make_split(examples, by="random").inflated
        assert len(make_split(examples, by="group").test) == pytest.approx(200, abs=20)


class TestInput:
    def test_an_example_without_a_label_is_refused_by_name(self):
        with pytest.raises(DatasetError, match=r"1 of 28 .*mystery"):
            make_split([*songs(9), Example("mystery")])

    def test_nothing_is_refused(self):
        with pytest.raises(DatasetError, match="0 of 0"):
            make_split([])

    def test_an_unknown_way_to_split(self):
        with pytest.raises(UsageError, match="auto, group, random, published"):
            make_split(songs(9), by="artist")

    def test_group_keys_tell_names_and_groups_apart(self):
        keys = group_keys(
            [Example("x"), Example("y", group="x"), Example("z", group="x"), Example("w", group="")]
        )
        assert len(set(keys)) == 3
        assert keys[1] == keys[2]
