"""Code in the docs runs as it stands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["python.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_python_blocks_of_a_page_run_one_after_the_other(page, tmp_path):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    shutil.copytree(ROOT / "examples" / "media", tmp_path / "examples" / "media")
    shutil.copy(ROOT / "examples" / "tracks.csv", tmp_path / "examples")
    script = tmp_path / "page.py"
    body = "\n".join(block for block in blocks if "__main__" not in block)
    script.write_text(body, encoding="utf-8")
    guarded = [block for block in blocks if "__main__" in block]
    for number, block in enumerate(guarded):
        (tmp_path / f"guarded{number}.py").write_text(block, encoding="utf-8")
    for path in [script, *sorted(tmp_path.glob("guarded*.py"))]:
        done = subprocess.run(
            [sys.executable, "-W", "error", path], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
