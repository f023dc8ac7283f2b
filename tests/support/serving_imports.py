"""Serve and predict one input of each kind where only named distributions can be imported; print what was imported."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from importlib import import_module, metadata
from importlib.abc import MetaPathFinder
from pathlib import Path

_SEPARATOR = str.maketrans("_.", "--")
_TEST_CLIENT = {"httpx2", "httpcore2", "httpx", "httpcore", "truststore", "sniffio", "opentelemetry-api"}


class _Only(MetaPathFinder):
    """Refuses modules of distributions that are not named."""

    def __init__(self, allowed: set[str]) -> None:
        self._by_module = metadata.packages_distributions()
        self._allowed = allowed

    def find_spec(self, name, path=None, target=None):
        owners = {owner.lower().translate(_SEPARATOR) for owner in self._by_module.get(name, ())}
        if "." not in name and owners and not owners & self._allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


# Worker processes import this file again, with the same arguments.
sys.meta_path.insert(0, _Only({*sys.argv[1:], "genrekit", *_TEST_CLIENT}))


def loaded(number: int) -> list[str]:
    """Return the top-level modules of this process."""
    return sorted({name.partition(".")[0] for name in sys.modules})


def main() -> None:
    from starlette.testclient import TestClient

    from genrekit.server import Settings, create_app
    from genrekit.server.service import Service

    media, examples = Path("examples/media"), Path("examples")
    failed, modules = [], set()

    def answer(response, what) -> None:
        if response.status_code != 200:
            failed.append(f"{what}: {response.status_code} {response.text[:300]}")

    kept = Path(tempfile.mkdtemp())
    os.environ["GENREKIT_SPOOL"] = str(kept / "spool")
    keeping = {"keep": "asked", "store": str(kept / "store")}
    service = Service(Settings(models=("gtzan", "image", "spotify"), jobs=1, watch_s=0, **keeping))
    with TestClient(create_app(service=service), base_url="http://127.0.0.1:8000") as client:
        song, photo = media / "boom_bap.ogg", media / "night_drive.jpg"
        for path in (song, photo, examples / "tracks.csv"):
            send = {"files": (path.name, path.read_bytes())}
            answer(client.post("/v1/predict?with=bpm,key,loudness&duration=4&keep", files=send), path.name)
        table = {"file": ("tracks.csv", (examples / "tracks.csv").read_bytes())}
        answer(client.post("/v1/explain", files=table), "reasons of a table")
        answer(client.post("/v1/predict", json={"features": [0.5] * 57}), "numbers")
        answer(client.get("/v1/models/gtzan/confusion", headers={"Accept": "image/png"}), "confusion matrix")
        for path in ("/metrics", "/docs", "/openapi.json", "/v1/models"):
            answer(client.get(path), path)
        give_up_s = time.monotonic() + 60
        while len(list(kept.glob("store/objects/*/*"))) < 2 and time.monotonic() < give_up_s:
            time.sleep(0.1)
        if len(list(kept.glob("store/objects/*/*"))) < 2:
            failed.append("a song and a picture were not kept")
        modules |= set(service.pool.caller(loaded)(1).result().value)
    service.close()
    shutil.rmtree(kept)
    modules |= _command_line(media / "boom_bap.ogg", failed)
    print(json.dumps({"failed": failed, "modules": sorted(modules | set(loaded(0)))}))


def _command_line(song: Path, failed: list[str]) -> set[str]:
    """Run what the server does not: tags, playlists, settings of a file, containers that FFmpeg reads."""
    from genrekit.cli import main as run

    with tempfile.TemporaryDirectory() as folder:
        tracks = Path(folder) / "list.xspf"
        tracks.write_text(
            '<playlist xmlns="http://xspf.org/ns/0/" version="1"><trackList><track><title>A</title></track></trackList></playlist>'
        )
        broken = Path(folder) / "broken.m4a"
        broken.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(4000))
        with suppress(SystemExit):
            run(["predict", "--no-cache", str(broken)])
        os.environ.pop("GENREKIT_CACHE_DIR", None)
        os.environ["XDG_CACHE_HOME"] = folder
        for words in (
            ["predict", "--model", "gtzan", "--duration", "4", str(song)],
            ["tag", "--model", "gtzan", str(song)],
            ["ingest", str(tracks), "-o", str(tracks.with_suffix(".csv"))],
            ["info"],
        ):
            try:
                run(words)
            except SystemExit as leave:
                if leave.code not in (0, None):
                    failed.append(f"{words[0]}: {leave.code}")
    for name in (
        "genrekit.server.run",
        "httptools",
        "uvloop",
        "websockets",
    ):  # what a server that listens imports
        import_module(name)
    return set(loaded(0))


if __name__ == "__main__":
    main()
