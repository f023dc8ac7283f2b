"""Help must come at once: it imports nothing heavy."""

import os
import subprocess
import sys

import pytest

HEAVY = {
    "numpy", "pandas", "librosa", "scipy", "sklearn", "torch", "xgboost", "onnxruntime", "onnx", "pyarrow", "soundfile",
    "matplotlib", "numba", "torchvision", "lightning", "onnxscript", "requests", "urllib3", "mutagen", "defusedxml",
}  # fmt: skip
COMMANDS = (
    ["tag"], ["sort"],
    [], ["predict"], ["train"], ["evaluate"], ["backends"], ["models"], ["datasets"],
    ["ingest"], ["datasets", "list"], ["datasets", "fetch"], ["datasets", "verify"],
    ["datasets", "show"], ["datasets", "check"], ["datasets", "split"], ["datasets", "features"],
)  # fmt: skip
CODE = """
import sys
from genrekit.cli import main
try:
    main(sys.argv[1:])
except SystemExit as leave:
    assert not leave.code, leave.code
print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded(*words):
    out = subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=True
    ).stdout
    return set(out.rpartition("LOADED")[2].split())


# A process that has imported the command line becomes as many as there are commands.
HELP_OF_ALL = """
import os, sys
from genrekit.cli import main
for words in sys.argv[1:]:
    if not (child := os.fork()):
        try:
            main([*words.split(), "--help"])
        except SystemExit as leave:
            assert not leave.code, leave.code
        print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, words
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_help_imports_nothing_heavy():
    command = [sys.executable, "-c", HELP_OF_ALL, *map(" ".join, COMMANDS)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = [set(line.split()) for line in out.splitlines() if line.startswith("LOADED")]
    assert len(found) == len(COMMANDS)
    for words, modules in zip(COMMANDS, found, strict=True):
        assert not HEAVY & modules, words


def test_a_prediction_needs_neither_sklearn_nor_pandas(model_path, songs):
    modules = loaded("predict", "--model", str(model_path), str(songs.examples[0].path))
    assert "onnxruntime" in modules
    assert (
        not {
            "sklearn",
            "pandas",
            "xgboost",
            "librosa",
            "numba",
            "matplotlib",
            "onnx",
            "torch",
            "joblib",
            "PIL",
            "yaml",
            "av",
        }
        & modules
    )


def test_a_command_imports_no_other_command():
    code = CODE.replace('.partition(".")[0]', "")
    out = subprocess.run(
        [sys.executable, "-c", code, "predict", "--help"], capture_output=True, text=True, check=True
    ).stdout
    modules = set(out.rpartition("LOADED")[2].split())
    assert "genrekit.cli.predict" in modules
    assert (
        not {f"genrekit.cli.{name}" for name in ("train", "evaluate", "datasets", "tag", "ingest")} & modules
    )
