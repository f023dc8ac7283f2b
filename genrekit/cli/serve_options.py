"""Options of ``genrekit serve``; each is also an environment variable."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import PROVIDERS


class Keep(StrEnum):
    """Uploads to keep if their senders agree."""

    NONE = "none"
    ASKED = "asked"
    FEEDBACK = "feedback"


class Log(StrEnum):
    """Formats of the log."""

    TEXT = "text"
    JSON = "json"


Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL...",
        envvar="GENREKIT_MODELS",
        help="Bundles and names of shipped models, in routing order; by default the shipped ones.",
    ),
]
Host = Annotated[
    str,
    typer.Option("--host", metavar="ADDRESS", envvar="GENREKIT_HOST", help="The address to listen on."),
]
Port = Annotated[
    int,
    typer.Option(
        "--port",
        metavar="N",
        envvar=["GENREKIT_PORT", "PORT"],
        min=0,
        max=65535,
        help="The port; 0 is any free one.",
    ),
]
Workers = Annotated[
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
]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        envvar="GENREKIT_API_KEY_FILE",
        help="Keys of users: lines 'name:key' or 'name:sha256:HEX'. GENREKIT_API_KEY holds a key itself.",
    ),
]
AdminKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--admin-key-file",
        metavar="FILE",
        envvar="GENREKIT_ADMIN_KEY_FILE",
        help="Keys that may also swap models; as --api-key-file. GENREKIT_ADMIN_KEY holds a key itself.",
    ),
]
NoKey = Annotated[
    bool, typer.Option("--no-key", envvar="GENREKIT_NO_KEY", help="Serve other machines without a key.")
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        envvar="GENREKIT_ALLOW_HOST",
        help="A name by which the server may be called, '*' for any; may be given several times.",
    ),
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-origin",
        metavar="URL",
        envvar="GENREKIT_ALLOW_ORIGIN",
        help="A site whose pages may send requests; may be given several times.",
    ),
]
AllowPath = Annotated[
    Path | None,
    typer.Option(
        "--allow-path",
        metavar="DIR",
        envvar="GENREKIT_ALLOW_PATH",
        help="Requests may name files below this folder.",
    ),
]
RootPath = Annotated[
    str,
    typer.Option(
        "--root-path",
        metavar="/PREFIX",
        envvar="GENREKIT_ROOT_PATH",
        help="The prefix of the address behind a proxy.",
    ),
]
TrustProxy = Annotated[
    list[str] | None,
    typer.Option(
        "--trust-proxy",
        metavar="NETWORK",
        envvar="GENREKIT_TRUST_PROXY",
        help="Proxies whose X-Forwarded-For counts, as 10.0.0.0/8; may be given several times.",
    ),
]
MaxUpload = Annotated[
    str,
    typer.Option("--max-upload", metavar="SIZE", envvar="GENREKIT_MAX_UPLOAD", help="Bytes of one request."),
]
MaxFiles = Annotated[
    int,
    typer.Option(
        "--max-files",
        metavar="N",
        envvar="GENREKIT_MAX_FILES",
        min=1,
        max=10_000,
        help="Files of one request.",
    ),
]
MaxDuration = Annotated[
    float,
    typer.Option(
        "--max-duration",
        metavar="SECONDS",
        envvar="GENREKIT_MAX_DURATION",
        min=0.001,
        help="Hear at most so many seconds of every song.",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        envvar="GENREKIT_TIMEOUT",
        min=0.001,
        help="Give up on an input after so many seconds.",
    ),
]
Queue = Annotated[
    int,
    typer.Option(
        "--queue",
        metavar="N",
        envvar="GENREKIT_QUEUE",
        min=0,
        max=100_000,
        help="Requests that may wait; the next ones are refused with 503.",
    ),
]
RequestRate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="N/UNIT",
        envvar="GENREKIT_RATE",
        help="Requests of one key or address: 120/minute.",
    ),
]
Drain = Annotated[
    float,
    typer.Option(
        "--drain",
        metavar="SECONDS",
        envvar="GENREKIT_DRAIN",
        min=0,
        help="After SIGTERM requests under way have so long.",
    ),
]
AbTest = Annotated[
    str | None,
    typer.Option(
        "--ab",
        metavar="A=90,B=10",
        envvar="GENREKIT_AB",
        help="Models that share the requests for one of them: by key, else by request.",
    ),
]
Shadow = Annotated[
    str | None,
    typer.Option(
        "--shadow",
        metavar="MODEL",
        envvar="GENREKIT_SHADOW",
        help="A model that predicts too, unseen; what differs is counted and written to --shadow-file.",
    ),
]
ShadowFile = Annotated[
    Path,
    typer.Option(
        "--shadow-file",
        metavar="FILE",
        envvar="GENREKIT_SHADOW_FILE",
        help="Differences of --shadow, JSON Lines.",
    ),
]
IndexFolder = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="FOLDER",
        envvar="GENREKIT_INDEX",
        help="Find similar songs in this index, which 'genrekit index' wrote with a served model.",
    ),
]
LogFormat = Annotated[Log, typer.Option("--log", envvar="GENREKIT_LOG", help="How stderr is written.")]
LogNames = Annotated[
    bool, typer.Option("--log-names", envvar="GENREKIT_LOG_NAMES", help="Also log the names of files.")
]
CertificateFile = Annotated[
    Path | None,
    typer.Option(
        "--certfile", metavar="FILE", envvar="GENREKIT_CERTFILE", help="A certificate (PEM), for HTTPS."
    ),
]
PrivateKeyFile = Annotated[
    Path | None,
    typer.Option("--keyfile", metavar="FILE", envvar="GENREKIT_KEYFILE", help="Its private key (PEM)."),
]
KeepUploads = Annotated[
    Keep,
    typer.Option(
        "--keep",
        envvar="GENREKIT_KEEP",
        help="Keep uploads to learn from, if their senders agree: none, all that agree, or those that are corrected.",
    ),
]
StoreLimit = Annotated[
    str,
    typer.Option(
        "--store-limit", metavar="SIZE", envvar="GENREKIT_STORE_LIMIT", help="Bytes of all kept files."
    ),
]
UploaderLimit = Annotated[
    str,
    typer.Option(
        "--uploader-limit",
        metavar="SIZE",
        envvar="GENREKIT_UPLOADER_LIMIT",
        help="Bytes of the kept files of one key or browser.",
    ),
]
MaxKept = Annotated[
    int,
    typer.Option("--max-kept", metavar="N", envvar="GENREKIT_MAX_KEPT", min=1, help="Number of kept files."),
]
Retention = Annotated[
    float,
    typer.Option(
        "--retention",
        metavar="DAYS",
        envvar="GENREKIT_RETENTION",
        min=0.001,
        help="Days after which kept files and what was said of them are deleted.",
    ),
]
Playlists = Annotated[
    str,
    typer.Option(
        "--playlists",
        metavar="NAME|FILE",
        envvar="GENREKIT_PLAYLISTS",
        help=f"The source of playlists for a genre: {PROVIDERS}.",
    ),
]
OpenPage = Annotated[bool, typer.Option("--open", envvar="GENREKIT_OPEN", help="Open the page in a browser.")]
ExitWithPage = Annotated[
    bool,
    typer.Option(
        "--exit-with-page",
        envvar="GENREKIT_EXIT_WITH_PAGE",
        help="End when the last page in a browser was closed.",
    ),
]
