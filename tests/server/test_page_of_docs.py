"""The Python of ``docs/serve.md`` runs against a server, and the page names what is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.serving import started
from support.waiting import GIVE_UP_S

from genrekit.server.problems import KINDS
from genrekit.similarity import index

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("coarse_heat_maps")
def test_the_python_that_needs_no_index_runs_against_this_process(client, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setitem(sys.modules, "requests", client)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for block in [block for block in blocks if "similar" not in block]:
        exec(compile(block, "serve.md", "exec"), {})
        assert capsys.readouterr().out


@pytest.mark.night
def test_the_python_of_the_page_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    songs = tmp_path / "songs.index"
    index(ROOT / "examples" / "media", songs, model="spectrogram", jobs=1)
    with started(tmp_path, "--jobs", "1", "--index", str(songs)) as server:
        for block in blocks:
            code = block.replace("http://127.0.0.1:8000", server.url)
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=GIVE_UP_S,
                env=os.environ,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout


def test_every_problem_is_explained():
    for name, kind in KINDS.items():
        assert f"| {kind.status} | `{name}` |" in PAGE


def test_every_endpoint_is_on_the_page(client):
    for path in client.get("/openapi.json").json()["paths"]:
        last = path.rstrip("/").rsplit("/", 1)[-1]
        assert path in PAGE or f"/{last}" in PAGE or path.startswith(("/v2/models", "/problems")), path
