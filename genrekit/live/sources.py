"""Sources of live sound: the microphone, an address, a file, stdin."""

from __future__ import annotations

import queue
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from genrekit.errors import GenrekitError, MediaError, UsageError
from genrekit.live.icy import has_titles, open_icy
from genrekit.live.pcm import Pcm, Samples
from genrekit.media import open_decoder
from genrekit.types import silent

if TYPE_CHECKING:
    from av.container import InputContainer

READ_BYTES = 1 << 14
PATIENCE_S = 15
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
QUEUED = 64
# FFmpeg may open nothing else, whatever a playlist of a station says.
PROTOCOLS = "http,https,httpproxy,tcp,tls,crypto"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A sound that is open.

    Attributes
    ----------
    sr, channels : int
    pieces : iterator of np.ndarray [shape=(n, channels), dtype=float32]
    titles : deque of str
        What a radio says that it plays, since it was last looked at.
    """

    sr: int
    channels: int
    pieces: Iterator[Samples]
    titles: deque[str] = field(default_factory=deque)


def open_source(
    name: str,
    *,
    sr: int,
    channels: int = 1,
    encoding: str = "s16le",
    say: Say = silent,
    stdin: IO[bytes] | None = None,
) -> Source:
    """Open what a user names.

    Parameters
    ----------
    name : str
        ``mic``, ``-`` for raw samples on stdin, an ``http://`` or ``https://`` address, or the path of a file.
    sr, channels, encoding
        Of the samples on stdin; ``sr`` also of the microphone and of an address.
    say : callable
        Gets a line when a connection was lost.
    stdin : binary file, optional

    Raises
    ------
    GenrekitError
        If it cannot be opened.
    """
    if name == "-":
        return Source(sr, channels, _raw(stdin or sys.stdin.buffer, Pcm(encoding, channels)))
    if name == "mic":
        return Source(sr, 1, _microphone(sr))
    if name.startswith(("http://", "https://")):
        titles: deque[str] = deque(maxlen=QUEUED)
        return Source(sr, 1, _first(_radio(name, sr, say, titles.append)), titles)
    if "://" in name:
        raise UsageError(
            f"{name} is not an address of a stream.", "Pass http:// or https://, a file, mic, or -."
        )
    return _file(name)


def _raw(stream: IO[bytes], pcm: Pcm) -> Iterator[Samples]:
    read = getattr(stream, "read1", stream.read)
    while data := read(READ_BYTES):
        yield pcm.push(data)


def _file(name: str) -> Source:
    try:
        with open_decoder(name) as decoder:
            info = decoder.info
    except MediaError as error:
        raise MediaError(f"{name}: {error.message}", error.hint) from None

    def pieces() -> Iterator[Samples]:
        with open_decoder(name) as decoder:
            yield from decoder.channel_blocks(0.0)

    return Source(info.sr, info.channels, pieces())


def _microphone(sr: int) -> Iterator[Samples]:
    """Yield samples of the microphone; samples that are not consumed in time are dropped."""
    try:
        import sounddevice
    except ImportError:
        raise GenrekitError(
            "The microphone needs the package sounddevice.", "pip install 'genrekit[microphone]'"
        ) from None
    except OSError:
        raise GenrekitError(
            "The microphone needs PortAudio, which is not installed.",
            "On Debian: apt-get install libportaudio2",
        ) from None
    pieces: queue.Queue[Samples] = queue.Queue(QUEUED)

    def take(data: Any, frames: int, when: Any, status: Any) -> None:
        try:
            pieces.put_nowait(np.array(data, np.float32))
        except queue.Full:
            return

    try:
        stream = sounddevice.InputStream(samplerate=sr, channels=1, dtype="float32", callback=take)
    except Exception as error:  # PortAudio's errors have no narrower base class
        raise GenrekitError(f"The microphone cannot be opened: {error}.", "Try another --rate.") from None

    def heard() -> Iterator[Samples]:
        with stream:
            while True:
                yield pieces.get()

    return heard()


def _first(pieces: Iterator[Samples]) -> Iterator[Samples]:
    """Open now, so that a wrong address is reported at once."""
    first = next(pieces, None)

    def all_of_them() -> Iterator[Samples]:
        if first is not None:
            yield first
            yield from pieces

    return all_of_them()


def _radio(address: str, sr: int, say: Say, on_title: Say) -> Iterator[Samples]:
    """Yield mono samples of a stream, and connect again whenever it ends.

    Raises
    ------
    MediaError
        If the first connection gives no sound.
    """
    heard, wait_s = False, FIRST_WAIT_S
    while True:
        try:
            for piece in _connection(address, sr, on_title):
                heard, wait_s = True, FIRST_WAIT_S
                yield piece
            reason = "it ended"
        except Exception as error:  # FFmpeg's errors have no narrower base class
            reason = getattr(error, "strerror", None) or str(error)
        if not heard:
            raise MediaError(f"{address} sends no sound: {reason}.", "Pass the address of the stream itself.")
        say(f"the stream was lost ({reason}); connecting again in {wait_s:g} s")
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _connection(address: str, sr: int, on_title: Say) -> Iterator[Samples]:
    import av

    options = {"protocol_whitelist": PROTOCOLS}
    with av.open(address, options=options, timeout=(PATIENCE_S, PATIENCE_S)) as container:
        if not has_titles(container.metadata) or (reader := open_icy(address, PATIENCE_S, on_title)) is None:
            yield from _decoded(container, sr)
            return
    with av.open(reader, "r", options=options) as container:
        yield from _decoded(container, sr)


def _decoded(container: InputContainer, sr: int) -> Iterator[Samples]:
    import av

    if not container.streams.audio:
        raise MediaError("there is no sound in it")
    resampler = av.AudioResampler(format="flt", layout="mono", rate=sr)
    for frame in container.decode(container.streams.audio[0]):
        for part in resampler.resample(frame):
            yield part.to_ndarray().reshape(-1, 1).astype(np.float32)
