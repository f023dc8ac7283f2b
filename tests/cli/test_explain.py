"""``genrekit explain``."""


def test_the_folder_and_the_table(genrekit, model_path, songs, tmp_path):
    words = ("explain", model_path, songs.source, "-o", tmp_path / "out", "--jobs", 1, "--repeats", 1)
    run = genrekit(*words)
    assert run.status == 0, run.err
    assert run.out.split()[0] == "feature"
    assert len(run.out.splitlines()) >= 58
    assert (tmp_path / "out" / "explanation.html").is_file()
    assert (tmp_path / "out" / "importance.png").is_file()
    again = genrekit(*words)
    assert again.status == 2
    assert "--overwrite" in again.err
    assert genrekit(*words, "--overwrite").status == 0


def test_wrong_usage_is_explained(genrekit, model_path, tmp_path):
    assert "no data set" in genrekit("explain", model_path).err
    assert genrekit("explain", tmp_path / "none.genrekit", "synthetic:").status != 0
    (tmp_path / "file").write_text("x")
    run = genrekit("explain", model_path, "synthetic:", "-o", tmp_path / "file")
    assert (run.status, "is a file" in run.err) == (2, True)
