import json
import resource

import pytest
import yaml

from genrekit.errors import OutputExistsError, TrainingError, UsageError
from genrekit.training.run_folder import RunFolder, beside

FACTS = {
    "backend": "spectrogram",
    "config": {"epochs": 3, "device": "auto", "precision": "32", "batch_size": 8, "width": 4},
    "data": ["abc", "grouped", 3, 2, 1],
}
HISTORY = {"train": [[{"epoch": 1.0, "loss": 1.0}]], "device": "cpu"}


def start(path, *, resume=False, overwrite=False, **changes):
    facts = {**FACTS, **{key: value for key, value in changes.items() if key in FACTS}}
    return RunFolder(path, facts, resume=resume, overwrite=overwrite)


@pytest.fixture
def stopped(tmp_path):
    """A run with one checkpoint."""
    path = tmp_path / "m.run"
    place = start(path).checkpoints / "fit"
    place.mkdir()
    (place / "last.ckpt").write_bytes(b"weights")
    return path


def test_a_run_folder_is_beside_its_bundle(tmp_path):
    assert beside(tmp_path / "m.genrekit") == tmp_path / "m.run"
    assert beside(tmp_path / "model.bin") == tmp_path / "model.bin.run"


def test_its_files_while_training_runs_and_afterwards(tmp_path):
    run = start(tmp_path / "new" / "m.run")
    assert not run.resumes
    assert {path.name for path in run.path.iterdir()} == {"run.json", "config.yaml", "checkpoints"}
    assert yaml.safe_load((run.path / "config.yaml").read_text()) == FACTS["config"]
    assert json.loads((run.path / "run.json").read_text()) == FACTS
    run.finish(HISTORY, None)
    assert {path.name for path in run.path.iterdir()} == {"config.yaml", "history.json", "curves.png"}
    assert json.loads((run.path / "history.json").read_text()) == HISTORY


def test_going_on_with_the_same_training(stopped):
    run = start(stopped, resume=True)
    assert run.resumes
    assert (run.checkpoints / "fit" / "last.ckpt").read_bytes() == b"weights"


def test_another_device_or_batch_size_is_the_same_training(stopped):
    config = {**FACTS["config"], "device": "cuda", "precision": "bf16", "batch_size": 4}
    assert start(stopped, resume=True, config=config).resumes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {**FACTS["config"], "epochs": 4}}, "epochs was 3, is 4"),
        ({"config": {**FACTS["config"], "new": True}}, "new was None, is True"),
        ({"backend": "image"}, "backend differs"),
        ({"data": ["abd", "grouped", 3, 2, 1]}, "data differs"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_another_training_is_refused(stopped, changes, words, overwrite):
    with pytest.raises(UsageError, match=words) as refused:
        start(stopped, resume=True, overwrite=overwrite, **changes)
    assert "--overwrite" in refused.value.hint
    assert (stopped / "checkpoints" / "fit" / "last.ckpt").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": 3}', '{"config": {}, "backend": 1}', "\xff"])
def test_damaged_facts_are_refused(stopped, text):
    (stopped / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="damaged"):
        start(stopped, resume=True)


def test_checkpoints_are_not_overwritten_unless_asked(stopped):
    with pytest.raises(OutputExistsError, match="exists") as refused:
        start(stopped)
    assert "--resume to continue it" in refused.value.hint
    start(stopped, overwrite=True)
    assert not list((stopped / "checkpoints").iterdir())


def test_what_a_finished_training_left_is_not_overwritten_unless_asked(tmp_path):
    start(tmp_path / "m.run").finish(HISTORY, None)
    for resume in (False, True):
        with pytest.raises(OutputExistsError) as refused:
            start(tmp_path / "m.run", resume=resume)
        assert "--resume" not in refused.value.hint
    start(tmp_path / "m.run", overwrite=True)
    assert not (tmp_path / "m.run" / "history.json").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_ended_before_its_first_epoch_is_in_nobody_s_way(tmp_path, resume):
    start(tmp_path / "m.run")
    config = {**FACTS["config"], "epochs": 9}
    run = start(tmp_path / "m.run", resume=resume, config=config)
    assert not run.resumes
    assert json.loads((run.path / "run.json").read_text())["config"] == config


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_folders_and_files_are_left_alone(tmp_path, overwrite):
    folder = tmp_path / "m.run"
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    (tmp_path / "n.run").write_text("precious")
    for name in ("m.run", "n.run"):
        with pytest.raises(UsageError, match="files that are not of a training"):
            start(tmp_path / name, overwrite=overwrite)
    assert (folder / "thesis.txt").read_text() == (tmp_path / "n.run").read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be created"):
        start(tmp_path / "file" / "m.run")


def test_a_full_disk_is_an_error_in_words(tmp_path):
    run = start(tmp_path / "m.run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(TrainingError, match=r"curves\.png cannot be written"):
            run.finish(HISTORY, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    run = start(tmp_path / "m.run")
    run.finish(HISTORY, None)
    assert list(tmp_path.iterdir()) == []
