"""Bodies of requests: multipart, one raw file, or JSON, to inputs and parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from genrekit.prediction import Model
from genrekit.server.json_body import EXPECTED, JsonReader, read_limited
from genrekit.server.kinds import SUFFIXES, check_kind
from genrekit.server.problems import Problem
from genrekit.server.settings import Settings
from genrekit.server.uploads import Body, Upload, UploadFolder, read_multipart, read_raw

_RAW = ("application/octet-stream", "binary/octet-stream", "")


@dataclass(frozen=True)
class BodyReader:
    """Reads bodies under the limits of the settings."""

    settings: Settings
    uploads: UploadFolder

    @property
    def _json(self) -> JsonReader:
        return JsonReader(self.settings, self.uploads)

    async def read(self, request: Request, models: Sequence[Model], alone: str = "") -> Body:
        """Read a body; the caller closes it.

        Parameters
        ----------
        request : Request
        models : sequence of Model
            Those that may take numbers.
        alone : str
            A parameter that is an input itself.

        Raises
        ------
        Problem
            If it is malformed, too large, or of a kind that is not taken.
        """
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = Body()
        try:
            with _disk():
                if content_type == "application/json" or content_type.endswith("+json"):
                    self._json.read(await read_limited(request), body, models, alone)
                elif content_type == "multipart/form-data":
                    body.folder = self.uploads.request_folder()
                    found, body.fields = await read_multipart(
                        request.headers, request.stream(), body.folder, self.settings.max_files
                    )
                    self._multipart_fields(found, body, models)
                elif (
                    content_type in _RAW
                    or content_type in SUFFIXES
                    or content_type.startswith(("audio/", "image/"))
                ):
                    body.folder = self.uploads.request_folder()
                    body.inputs = [await read_raw(request.headers, request.stream(), body.folder)]
                else:
                    raise Problem(
                        "unsupported", f"The body is {content_type[:100]!r}, which is not taken.", EXPECTED
                    )
                for item in body.inputs:
                    if isinstance(item, Upload):
                        check_kind(item.name, item.path)
            if not body.inputs and all(name != alone for name, _ in body.fields):
                raise Problem("bad-request", "There is nothing to predict in the request.", EXPECTED)
        except BaseException:
            body.close()
            raise
        return body

    def _multipart_fields(self, found: list[Upload], body: Body, models: Sequence[Model]) -> None:
        """Take the files, and numbers in fields of a form, as browsers and curl send them."""
        body.inputs = list(found)
        numbers = [value for name, value in body.fields if name == "features"]
        body.fields = [(name, value) for name, value in body.fields if name != "features"]
        for text in numbers:
            self._json.read(b'{"features": [' + text.strip().strip("[]").encode() + b"]}", body, models)


@contextmanager
def _disk() -> Iterator[None]:
    """Turn a full disk into a refusal."""
    try:
        yield
    except OSError as error:
        raise Problem(
            "busy",
            f"The upload cannot be kept: {error.strerror or 'the disk failed'}.",
            "Try again later.",
            {"Retry-After": "30"},
        ) from error
