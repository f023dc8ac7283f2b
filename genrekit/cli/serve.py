"""``genrekit serve``."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import PROVIDERS, RegionsFile, job_count
from genrekit.errors import UsageError


class Keep(StrEnum):
    """Uploads to keep if their senders agree."""

    NONE = "none"
    ASKED = "asked"
    FEEDBACK = "feedback"


class Log(StrEnum):
    """Formats of the log."""

    TEXT = "text"
    JSON = "json"


def _keys_of(variable: str) -> str | None:
    """Return the keys in an environment variable; an empty one is a secret that did not arrive."""
    if (text := os.environ.get(variable)) is not None and not text.strip():
        raise UsageError(f"{variable} is empty.", "Write a line 'name:key' into it, or do not set it.")
    return text


def _no_store(ctx: typer.Context, store: str) -> str:
    """Return no store where it comes from the environment alone, which other commands share."""
    source = ctx.get_parameter_source("store")
    return "" if source is not None and source.name == "ENVIRONMENT" else store


def serve(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL...",
            envvar="GENREKIT_MODELS",
            help="Bundles and names of shipped models, in routing order; by default the shipped ones.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", envvar="GENREKIT_HOST", help="The address to listen on."),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            envvar=["GENREKIT_PORT", "PORT"],
            min=0,
            max=65535,
            help="The port; 0 is any free one.",
        ),
    ] = 8000,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            envvar="GENREKIT_JOBS",
            min=1,
            max=1024,
            help="Processes that decode and prepare; the default is one per core.",
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            "--api-key-file",
            metavar="FILE",
            envvar="GENREKIT_API_KEY_FILE",
            help="Keys of users: lines 'name:key' or 'name:sha256:HEX'. GENREKIT_API_KEY holds a key itself.",
        ),
    ] = None,
    admin_key_file: Annotated[
        Path | None,
        typer.Option(
            "--admin-key-file",
            metavar="FILE",
            envvar="GENREKIT_ADMIN_KEY_FILE",
            help="Keys that may also swap models; as --api-key-file. GENREKIT_ADMIN_KEY holds a key itself.",
        ),
    ] = None,
    no_key: Annotated[
        bool, typer.Option("--no-key", envvar="GENREKIT_NO_KEY", help="Serve other machines without a key.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            envvar="GENREKIT_ALLOW_HOST",
            help="A name by which the server may be called, '*' for any; may be given several times.",
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="URL",
            envvar="GENREKIT_ALLOW_ORIGIN",
            help="A site whose pages may send requests; may be given several times.",
        ),
    ] = None,
    allow_path: Annotated[
        Path | None,
        typer.Option(
            "--allow-path",
            metavar="DIR",
            envvar="GENREKIT_ALLOW_PATH",
            help="Requests may name files below this folder.",
        ),
    ] = None,
    root_path: Annotated[
        str,
        typer.Option(
            "--root-path",
            metavar="/PREFIX",
            envvar="GENREKIT_ROOT_PATH",
            help="The prefix of the address behind a proxy.",
        ),
    ] = "",
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-proxy",
            metavar="NETWORK",
            envvar="GENREKIT_TRUST_PROXY",
            help="Proxies whose X-Forwarded-For counts, as 10.0.0.0/8; may be given several times.",
        ),
    ] = None,
    max_upload: Annotated[
        str,
        typer.Option(
            "--max-upload", metavar="SIZE", envvar="GENREKIT_MAX_UPLOAD", help="Bytes of one request."
        ),
    ] = "64MB",
    max_files: Annotated[
        int,
        typer.Option(
            "--max-files",
            metavar="N",
            envvar="GENREKIT_MAX_FILES",
            min=1,
            max=10_000,
            help="Files of one request.",
        ),
    ] = 32,
    max_duration: Annotated[
        float,
        typer.Option(
            "--max-duration",
            metavar="SECONDS",
            envvar="GENREKIT_MAX_DURATION",
            min=0.001,
            help="Hear at most so many seconds of every song.",
        ),
    ] = 3600.0,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            envvar="GENREKIT_TIMEOUT",
            min=0.001,
            help="Give up on an input after so many seconds.",
        ),
    ] = 60.0,
    queue: Annotated[
        int,
        typer.Option(
            "--queue",
            metavar="N",
            envvar="GENREKIT_QUEUE",
            min=0,
            max=100_000,
            help="Requests that may wait; the next ones are refused with 503.",
        ),
    ] = 64,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            metavar="N/UNIT",
            envvar="GENREKIT_RATE",
            help="Requests of one key or address: 120/minute.",
        ),
    ] = None,
    drain: Annotated[
        float,
        typer.Option(
            "--drain",
            metavar="SECONDS",
            envvar="GENREKIT_DRAIN",
            min=0,
            help="After SIGTERM requests under way have so long.",
        ),
    ] = 20.0,
    ab: Annotated[
        str | None,
        typer.Option(
            "--ab",
            metavar="A=90,B=10",
            envvar="GENREKIT_AB",
            help="Models that share the requests for one of them: by key, else by request.",
        ),
    ] = None,
    shadow: Annotated[
        str | None,
        typer.Option(
            "--shadow",
            metavar="MODEL",
            envvar="GENREKIT_SHADOW",
            help="A model that predicts too, unseen; what differs is counted and written to --shadow-file.",
        ),
    ] = None,
    shadow_file: Annotated[
        Path,
        typer.Option(
            "--shadow-file",
            metavar="FILE",
            envvar="GENREKIT_SHADOW_FILE",
            help="Differences of --shadow, JSON Lines.",
        ),
    ] = Path("shadow.jsonl"),
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            metavar="FOLDER",
            envvar="GENREKIT_INDEX",
            help="Find similar songs in this index, which 'genrekit index' wrote with a served model.",
        ),
    ] = None,
    log: Annotated[
        Log, typer.Option("--log", envvar="GENREKIT_LOG", help="How stderr is written.")
    ] = Log.TEXT,
    log_names: Annotated[
        bool, typer.Option("--log-names", envvar="GENREKIT_LOG_NAMES", help="Also log the names of files.")
    ] = False,
    certfile: Annotated[
        Path | None,
        typer.Option(
            "--certfile", metavar="FILE", envvar="GENREKIT_CERTFILE", help="A certificate (PEM), for HTTPS."
        ),
    ] = None,
    keyfile: Annotated[
        Path | None,
        typer.Option("--keyfile", metavar="FILE", envvar="GENREKIT_KEYFILE", help="Its private key (PEM)."),
    ] = None,
    keep: Annotated[
        Keep,
        typer.Option(
            "--keep",
            envvar="GENREKIT_KEEP",
            help="Keep uploads to learn from, if their senders agree: none, all that agree, or those that are corrected.",
        ),
    ] = Keep.NONE,
    store: Annotated[
        str,
        typer.Option(
            "--store",
            metavar="DIR|URL",
            envvar="GENREKIT_STORE",
            help="Where: a folder, or s3://bucket/prefix with credentials of the environment.",
        ),
    ] = "",
    store_limit: Annotated[
        str,
        typer.Option(
            "--store-limit", metavar="SIZE", envvar="GENREKIT_STORE_LIMIT", help="Bytes of all kept files."
        ),
    ] = "10GB",
    uploader_limit: Annotated[
        str,
        typer.Option(
            "--uploader-limit",
            metavar="SIZE",
            envvar="GENREKIT_UPLOADER_LIMIT",
            help="Bytes of the kept files of one key or browser.",
        ),
    ] = "1GB",
    max_kept: Annotated[
        int,
        typer.Option(
            "--max-kept", metavar="N", envvar="GENREKIT_MAX_KEPT", min=1, help="Number of kept files."
        ),
    ] = 100_000,
    retention: Annotated[
        float,
        typer.Option(
            "--retention",
            metavar="DAYS",
            envvar="GENREKIT_RETENTION",
            min=0.001,
            help="Days after which kept files and what was said of them are deleted.",
        ),
    ] = 365.0,
    playlists: Annotated[
        str,
        typer.Option(
            "--playlists",
            metavar="NAME|FILE",
            envvar="GENREKIT_PLAYLISTS",
            help=f"The source of playlists for a genre: {PROVIDERS}.",
        ),
    ] = "links",
    regions_file: RegionsFile = None,
    open_: Annotated[
        bool, typer.Option("--open", envvar="GENREKIT_OPEN", help="Open the page in a browser.")
    ] = False,
    exit_with_page: Annotated[
        bool,
        typer.Option(
            "--exit-with-page",
            envvar="GENREKIT_EXIT_WITH_PAGE",
            help="End when the last page in a browser was closed.",
        ),
    ] = False,
) -> None:
    """Serve predictions over HTTP: songs, pictures, tables and numbers to the rows of 'genrekit predict'.

    Without options it serves this machine only, at http://127.0.0.1:8000; /docs describes the endpoints. SIGTERM ends
    it when the requests under way are done.

    Exit status: 0 ended by SIGTERM; 1 it could not start; 2 wrong usage; 130 interrupted.
    """
    from genrekit.feedback import Limits
    from genrekit.server import Settings, parse_ab, parse_rate, parse_size, read_keys
    from genrekit.server import serve as run

    keys = read_keys(api_key_file, _keys_of("GENREKIT_API_KEY"), option="--api-key-file")
    # An image sets GENREKIT_NO_KEY, so that it starts; keys that its user gives close it again.
    source = ctx.get_parameter_source("no_key")
    if keys and source is not None and source.name == "ENVIRONMENT":
        no_key = False
    settings = Settings(
        models=tuple(models or ()),
        host=host,
        port=port,
        jobs=job_count(jobs),
        keys=keys,
        admin_keys=read_keys(admin_key_file, _keys_of("GENREKIT_ADMIN_KEY"), option="--admin-key-file"),
        no_key=no_key,
        allow_hosts=tuple(allow_host or ()),
        allow_origins=tuple(allow_origin or ()),
        allow_path=allow_path,
        root_path=root_path,
        trust_proxy=tuple(trust_proxy or ()),
        max_upload_bytes=parse_size(max_upload),
        max_files=max_files,
        max_duration_s=max_duration,
        timeout_s=timeout,
        queue=queue,
        rate=parse_rate(rate) if rate else None,
        drain_s=drain,
        ab=parse_ab(ab) if ab else (),
        shadow=shadow,
        shadow_file=shadow_file,
        index=index,
        log=log.value,
        log_names=log_names,
        certfile=certfile,
        keyfile=keyfile,
        keep=keep.value,
        store=store if keep is not Keep.NONE else _no_store(ctx, store),
        limits=Limits(
            max_bytes=parse_size(store_limit),
            max_uploader_bytes=parse_size(uploader_limit),
            max_files=max_kept,
            retention_days=retention,
        ),
        exit_with_page=exit_with_page,
        playlists=playlists,
        regions_file=regions_file,
    )
    if status := run(settings, open_page=open_):
        raise typer.Exit(status)
