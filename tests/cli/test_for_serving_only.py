"""Commands of an installation without what training needs."""

import subprocess
import sys

import pytest
from support.night import day_and_night

CODE = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
from genrekit.cli import main
main(sys.argv[2:])
"""


def run(missing, *words):
    return subprocess.run([sys.executable, "-c", CODE, missing, *words], capture_output=True, text=True)


@pytest.mark.parametrize("missing", day_and_night(["lightning,onnx", "torch", "sklearn"], day=1))
def test_train_says_at_once_what_is_missing(missing, tmp_path):
    done = run(missing, "train", "synthetic:", "-o", str(tmp_path / "a.genrekit"))
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert ", ".join(missing.split(",")) in first
    assert "this installation leaves out" in first
    assert "pip install genrekit" in second
    assert run(missing, "train", "--help").returncode == 0


def test_another_command_says_it_where_it_meets_it(tmp_path):
    done = run("sklearn", "datasets", "split", "synthetic:?songs=4&seconds=1", "-o", str(tmp_path / "s.csv"))
    assert done.returncode == 2
    assert "'genrekit datasets' needs sklearn" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_module_that_is_not_of_training_is_a_fault():
    done = run("soundfile", "predict", "--model", "gtzan", "examples/media/boom_bap.ogg")
    assert "this installation leaves out" not in done.stderr
