"""The script that watches for the notice of a spot instance, against a stand-in of its metadata."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.waiting import GIVE_UP_S, wait_until

SCRIPT = Path(__file__).parents[2] / "deploy" / "spot.sh"
pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="needs curl and sh")


class Metadata(BaseHTTPRequestHandler):
    """IMDSv2: a token first, then 404 until the instance is taken back."""

    def do_PUT(self):
        self.reply(200, b"a token")

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "a token":
            self.reply(401, b"")
            return
        self.server.asked += 1
        self.reply(200 if self.server.taken else 404, b'{"action": "terminate"}')

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def test_the_server_is_stopped_at_the_notice_and_not_before(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        server.taken, server.asked = False, 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stopped = tmp_path / "stopped"
        settings = {
            "METADATA": f"http://127.0.0.1:{server.server_port}",
            "STOP": f"touch {stopped}",
            "EVERY": "0.1",
        }
        process = subprocess.Popen([SCRIPT], env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
        try:
            assert wait_until(lambda: server.asked >= 3)
            assert not stopped.exists()
            server.taken = True
            assert process.wait(GIVE_UP_S) == 0
            assert stopped.exists()
        finally:
            process.kill()
            process.wait()
            server.shutdown()
