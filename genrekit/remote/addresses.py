"""Addresses of remote files, and messages without secrets for their errors.

The libraries behind fsspec are recognised by the names of their errors only, so that none is imported.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from genrekit.errors import GenrekitError

_REMOTE = re.compile(r"(s3|gs|gcs|https?|zip|tar)://", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"<>]*", re.IGNORECASE)
_NEXT_IN_CHAIN = re.compile(r"::(?=[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
# Signed addresses of S3, Google, Azure and CloudFront, and other usual names for keys.
_SECRET = re.compile(
    r"sig|token|key|auth|secret|cred|pass|pwd|policy|session|code|jwt|hmac|hash|expires|x-(amz|goog|ms)-"
    r"|@|://|[^&=]{32}",
    re.IGNORECASE,
)
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")

_NO_CREDENTIALS = (
    "no credentials were found; they are read from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    "AWS_PROFILE) or from the configuration of the storage's own tools"
)
_REFUSED = "the credentials are not accepted"
_DENIED = "access is denied: the credentials do not allow it, or are missing or wrong"
_NO_HOST = "the host cannot be reached"
_SILENT = "the server did not answer in time"
_BROKEN = "the transfer broke off before the end"
NO_PARTS = "the server does not send parts of files; download the archive first"
_NO_ZIP = "the archive is damaged, or is of another kind"

# Codes of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CODES = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such file",
    "InvalidBucketName": "the name of the bucket is not valid",
    "AccessDenied": _DENIED,
    "SlowDown": "the server is overloaded",
    **dict.fromkeys(
        "InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken RequestTimeTooSkewed".split(),
        _REFUSED,
    ),
}
# Errors of botocore, aiohttp, requests, urllib3, google-auth and the standard library; the first of the classes of an
# error that is here counts.
_CLASSES = {
    **dict.fromkeys(
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError ProfileNotFound TokenRetrievalError "
        "SSOTokenLoadError UnauthorizedSSOTokenError DefaultCredentialsError".split(),
        _NO_CREDENTIALS,
    ),
    **dict.fromkeys(
        "ClientConnectorCertificateError ClientConnectorSSLError SSLError SSLCertVerificationError".split(),
        "the host's certificate is not trusted",
    ),
    **dict.fromkeys(
        "ConnectTimeoutError ReadTimeoutError ServerTimeoutError TimeoutError FSTimeoutError Timeout ConnectTimeout".split(),
        _SILENT,
    ),
    **dict.fromkeys(
        "ClientConnectorError EndpointConnectionError ProxyConnectionError gaierror ConnectionRefusedError".split(),
        _NO_HOST,
    ),
    **dict.fromkeys(
        "ClientPayloadError ServerDisconnectedError ConnectionClosedError IncompleteReadError IncompleteRead "
        "ResponseStreamingError ClientOSError ConnectionResetError ChunkedEncodingError ProtocolError".split(),
        _BROKEN,
    ),
    **dict.fromkeys(
        "NonHttpUrlClientError RedirectClientError TooManyRedirects".split(),
        "the server redirects to nowhere",
    ),
    **dict.fromkeys("InvalidURL MissingSchema ParamValidationError".split(), "the address is not valid"),
    **dict.fromkeys("BadZipFile LargeZipFile LZMAError EOFError".split(), _NO_ZIP),
    "ProxyError": "the proxy cannot be reached",
    "ConnectionError": "the host cannot be reached, or broke off",
    "NotImplementedError": "the file is compressed by a method that is not supported",
    "FileNotFoundError": "there is no such file",
    "PermissionError": _DENIED,
    "NoSuchBucket": _CODES["NoSuchBucket"],
}
_PASSING = frozenset({_NO_HOST, _SILENT, _BROKEN})
_PASSING_STATUS = frozenset({429, 500, 502, 503, 504})


def is_remote(word: str) -> bool:
    """Return whether a word is an address that `genrekit.remote.transfer` reads: s3, gs, gcs, http, https, zip or tar.

    Examples
    --------
    >>> is_remote("s3://bucket/a.wav"), is_remote("zip://a.wav::songs.zip"), is_remote("synthetic:")
    (True, True, False)
    """
    return _REMOTE.match(word) is not None


def redact(text: str) -> str:
    """Remove the secrets from an address, or from all addresses in a text.

    User names and passwords are removed, and the query and fragment of a web address if they look like a
    signature or a key: they contain known words, an address, or 32 characters or more without a break.

    Examples
    --------
    >>> redact("https://me:secret@host/a.wav?X-Amz-Signature=0f3a")
    'https://host/a.wav'
    >>> redact("https://host/a.wav?id=5")
    'https://host/a.wav?id=5'
    """
    if is_remote(text):
        # Not up to the first white space, which a typed address may contain.
        text = "::".join(_clean(part) for part in _NEXT_IN_CHAIN.split(text))
    return _ADDRESS.sub(
        lambda match: "::".join(_clean(part) for part in _NEXT_IN_CHAIN.split(match[0])), text
    )


def in_words(error: BaseException, address: str) -> str:
    """Return what went wrong with an address, without secrets, as a phrase without full stop.

    Parameters
    ----------
    error : BaseException
        An error of genrekit, fsspec or a library behind it.
    address : str
        The address as given.

    Returns
    -------
    str
    """
    if isinstance(error, GenrekitError):
        return redact(str(error))
    if isinstance(error, ImportError):
        scheme = address.rpartition("::")[2].partition("://")[0].lower()
        extra = {"s3": "s3", "gs": "gcs", "gcs": "gcs"}.get(scheme, "remote")
        return f'a package is missing; install it: pip install "genrekit[{extra}]"'
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "there is no space left for the temporary file"
    if isinstance(error, ValueError) and "range requests" in str(error):
        return NO_PARTS
    if isinstance(error, RuntimeError) and "encrypted" in str(error):
        return "the file is encrypted"
    for one in _chain(error):
        response = getattr(one, "response", None)
        code = str(response.get("Error", {}).get("Code")) if isinstance(response, dict) else ""
        if code in _CODES:
            return _CODES[code] + (f" ({code})" if _CODES[code] == _REFUSED else "")
        for kind in type(one).__mro__:
            if kind.__name__ in _CLASSES:
                return _CLASSES[kind.__name__]
        status = getattr(one, "status", None)
        if isinstance(status, int):
            return _DENIED if status in (401, 403) else f"the server answered with HTTP status {status}"
        if type(one).__module__ == "zlib":
            return _NO_ZIP
    text = redact(str(error).replace(address, redact(address)))
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        text = text.replace(value, "***") if len(value) > 7 else text
    text = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[:200])
    return f"{type(error).__name__}: {text}".rstrip(": ")


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later."""
    status = getattr(error, "status", None)
    return status in _PASSING_STATUS if isinstance(status, int) else in_words(error, "") in _PASSING


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes; an S3 error has its code in the cause."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    # The code of the cause is more specific than the class of fsspec's error.
    yield from sorted(causes, key=lambda one: not isinstance(getattr(one, "response", None), dict))


def _clean(address: str) -> str:
    scheme, mark, rest = address.partition("://")
    if not mark or scheme.lower() in ("zip", "tar"):
        return address
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        rest = rest[authority.rindex("@") + 1 :]
    elif "@" in rest and not re.fullmatch(r"[^:]*(:\d*)?|\[[^]]*\](:\d*)?", authority):
        # A password with a character that must be escaped in an address.
        rest = rest.rpartition("@")[2]
    if scheme.lower() not in ("s3", "gs", "gcs"):
        for sign in "#?":
            start, mark, end = rest.partition(sign)
            rest = start if _SECRET.search(end) else rest
    return f"{scheme}://{rest}"
