"""``genrekit serve``."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from genrekit.cli import serve_options as options
from genrekit.cli.options import RegionsFile, StorePlace, job_count
from genrekit.errors import UsageError


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
    models: options.Models = None,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    jobs: options.Workers = None,
    api_key_file: options.ApiKeyFile = None,
    admin_key_file: options.AdminKeyFile = None,
    no_key: options.NoKey = False,
    allow_host: options.AllowHost = None,
    allow_origin: options.AllowOrigin = None,
    allow_path: options.AllowPath = None,
    root_path: options.RootPath = "",
    trust_proxy: options.TrustProxy = None,
    max_upload: options.MaxUpload = "64MB",
    max_files: options.MaxFiles = 32,
    max_duration: options.MaxDuration = 3600.0,
    timeout: options.Timeout = 60.0,
    queue: options.Queue = 64,
    rate: options.RequestRate = None,
    drain: options.Drain = 20.0,
    ab: options.AbTest = None,
    shadow: options.Shadow = None,
    shadow_file: options.ShadowFile = Path("shadow.jsonl"),
    index: options.IndexFolder = None,
    log: options.LogFormat = options.Log.TEXT,
    log_names: options.LogNames = False,
    certfile: options.CertificateFile = None,
    keyfile: options.PrivateKeyFile = None,
    keep: options.KeepUploads = options.Keep.NONE,
    store: StorePlace = "",
    store_limit: options.StoreLimit = "10GB",
    uploader_limit: options.UploaderLimit = "1GB",
    max_kept: options.MaxKept = 100_000,
    retention: options.Retention = 365.0,
    playlists: options.Playlists = "links",
    regions_file: RegionsFile = None,
    open_: options.OpenPage = False,
    exit_with_page: options.ExitWithPage = False,
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
        store=store if keep is not options.Keep.NONE else _no_store(ctx, store),
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
