"""``genrekit tune``."""

import pytest
from support import quick


@pytest.fixture
def tune(genrekit):
    words = quick.as_words({**quick.SPOTIFY, "n_estimators": 10})
    return lambda *more: genrekit("tune", "--jobs", 1, *words, *more)


def test_a_search_writes_a_bundle_that_predicts(tune, genrekit, tracks_csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tune(
        tracks_csv, "--backend", "spotify", "-o", "a.genrekit", "--trials", 3, "--space", "max_depth=1..4"
    )
    assert run.status == 0, run.err
    assert "trial 0: max_depth=3" in run.err
    assert "than the defaults" in run.err
    assert "accuracy" in run.out
    assert (tmp_path / "a.tune" / "report.html").exists()
    assert genrekit("predict", tracks_csv, "--model", "a.genrekit", "-o", "out.csv").status == 0
    run = tune(
        tracks_csv, "--backend", "spotify", "-o", "a.genrekit", "--trials", 3, "--space", "max_depth=1..4"
    )
    assert run.status == 2


def test_wrong_usage_is_explained(tune, tracks_csv, tmp_path):
    output = tmp_path / "a.genrekit"
    for words, said in (
        (("--space", "max_dept=1..4"), "max_depth"),
        (("--space", "max_depth=4..1"), "below the second"),
        (("--timeout", "soon"), "--timeout 90s"),
        (("--timeout", "0h"), "--timeout 90s"),
        (("--objective", "beauty"), "log_loss"),
        (("--trials", "0"), "trials"),
    ):
        run = tune(tracks_csv, "--backend", "spotify", "-o", output, *words)
        assert (run.status, said in run.err) == (2, True), run.err
    assert not list(tmp_path.iterdir())
