"""Schemathesis over /openapi.json: no server error, and no response that its schema does not allow."""

import os
import subprocess
import sys

import pytest
from support.serving import started

KEY = "correct-horse-battery"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method,allow_header_conformance"
DAY = ("--phases", "examples,fuzzing", "--max-examples", "3")
NIGHT = pytest.param(("--max-examples", "200"), marks=pytest.mark.night, id="night")


@pytest.mark.parametrize("how", [pytest.param(DAY, id="day"), NIGHT])
def test_every_response_is_as_its_schema_says(tmp_path, how):
    pytest.importorskip("schemathesis", reason="Schemathesis is not installed (extra dev).")
    keys = tmp_path / "keys"
    keys.write_text(f"admin:{KEY}\n")
    with started(tmp_path / "s", "--jobs", "1", "--admin-key-file", str(keys)) as server:
        words = ["--checks", CHECKS, *how, "--header", f"X-API-Key: {KEY}"]
        words += ["--exclude-path", "/v1/similar", "--exclude-path", "/v1/models/reload"]  # 501; slow
        run = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"},
        )
        assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
        assert "fault" not in server.said()
