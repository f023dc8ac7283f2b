"""Schemathesis over /openapi.json: no server error, and no response that its schema does not allow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.serving import started

from genrekit.similarity import index

TABLE = Path(__file__).parents[2] / "examples" / "tracks.csv"
KEY = "correct-horse-battery"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method,allow_header_conformance"


@pytest.mark.night
def test_every_response_is_as_its_schema_says(tmp_path):
    pytest.importorskip("schemathesis", reason="Schemathesis is not installed (extra dev).")
    keys = tmp_path / "keys"
    keys.write_text(f"admin:{KEY}\n")
    index(TABLE, tmp_path / "rows.index", model="spotify", jobs=1)
    options = ("--jobs", "1", "--admin-key-file", str(keys), "--index", str(tmp_path / "rows.index"))
    options += ("--keep", "asked", "--store", str(tmp_path / "store"))
    with started(tmp_path / "s", *options, GENREKIT_SPOOL=str(tmp_path / "spool")) as server:
        words = ["--checks", CHECKS, "--max-examples", "200", "--header", f"X-API-Key: {KEY}"]
        words += ["--exclude-path", "/v1/models/reload"]  # slow
        run = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"},
        )
        assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
        assert "fault" not in server.said()
