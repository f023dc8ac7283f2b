"""Decoding with FFmpeg through PyAV, for files that libsndfile does not read completely.

FFmpeg receives an open file, the name of a demuxer, and no protocol: files and addresses listed in it are not opened.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from genrekit.errors import MediaError
from genrekit.media.containers import Container
from genrekit.media.reasons import reason

Samples = npt.NDArray[np.float32]

_NO_PROTOCOL = {"protocol_whitelist": "none"}
_MAX_EXCESS_BAD = 8  # bad packets beyond the number of good ones: beyond that the output is not trusted, unless frames were found
_DECLARING = ("mov", "matroska", "flac")  # whose length, as reported by FFmpeg, is a claim of the header
_BLOCK_FRAMES = 1 << 16


class AvDecoder:
    """An open file; all blocks have the ``sr`` and ``channels`` of its header, even if its content differs."""

    def __init__(self, container: Any, found: Container) -> None:
        import av

        if not container.streams.audio:
            raise MediaError("The file has no sound in it, only other streams.")
        self._container = container
        self._is_known = found.stream_s is not None
        self._stream = container.streams.audio[0]
        # a codec unknown to FFmpeg, or sound that it could not start to decode
        if self._stream.codec_context is None or not self._stream.sample_rate:
            raise MediaError("The file is damaged: nothing in it can be decoded.")
        self.sr: int = self._stream.sample_rate
        self.channels: int = self._stream.channels
        self.duration_s: float | None = None
        if self._stream.duration:
            self.duration_s = float(self._stream.duration * self._stream.time_base)
        elif container.duration and len(container.streams) == 1:
            self.duration_s = container.duration / av.time_base
        self.declared_s = self.duration_s if found.demuxer in _DECLARING else None

    def channel_blocks(self, offset_s: float, sr: int, channels: int) -> Iterator[Samples]:
        """Yield blocks [shape=(n, channels)] from ``offset_s`` seconds on, at a sampling rate of ``sr``.

        Parameters
        ----------
        offset_s : float >= 0
        sr : int > 0
            Sampling rate of the blocks in Hz.
        channels : int > 0
            Number of channels of the blocks.

        Yields
        ------
        np.ndarray [shape=(n, channels), dtype=float32]

        Raises
        ------
        MediaError
            At the end, if little of the file could be decoded.
        """
        skip = int(offset_s * sr)
        parts: list[Samples] = []
        n_waiting = 0
        try:
            for block in self._uniform(sr, channels):
                if skip >= len(block):
                    skip -= len(block)
                    continue
                parts.append(block[skip:])
                n_waiting += len(block) - skip
                skip = 0
                if n_waiting >= _BLOCK_FRAMES:
                    yield np.concatenate(parts)
                    parts, n_waiting = [], 0
        except Exception:
            if parts:
                yield np.concatenate(parts)
            raise
        if parts:
            yield np.concatenate(parts)

    def _uniform(self, sr: int, channels: int) -> Iterator[Samples]:
        """Yield blocks of one rate and one number of channels, even if a file changes them."""
        stream: soxr.ResampleStream | None = None
        rate = sr
        for block, block_sr in self._decoded():
            if block_sr != rate:
                if stream is not None:
                    yield stream.resample_chunk(np.empty((0, channels), np.float32), last=True)
                rate = block_sr
                stream = None if rate == sr else soxr.ResampleStream(rate, sr, channels, dtype="float32")
            block = _with_channels(block, channels)
            yield block if stream is None else stream.resample_chunk(np.ascontiguousarray(block))
        if stream is not None:
            yield stream.resample_chunk(np.empty((0, channels), np.float32), last=True)

    def _decoded(self) -> Iterator[tuple[Samples, int]]:
        import av

        kind: tuple[str, str, int] | None = None
        to_float = None
        n_good = n_bad = 0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
                n_good += 1
            except av.FFmpegError:  # continue like a player
                n_bad += 1
                continue
            for frame in frames:
                now = (frame.format.name, frame.layout.name, frame.sample_rate)
                if to_float is None or now != kind:
                    to_float, kind = av.AudioResampler(format="fltp"), now
                for part in to_float.resample(frame):
                    yield np.asarray(part.to_ndarray().T, np.float32), frame.sample_rate
        if n_bad > n_good + _MAX_EXCESS_BAD and not self._is_known:
            raise MediaError(
                f"The file is damaged: {n_bad} of its {n_good + n_bad} packets cannot be decoded."
            )


def _with_channels(block: Samples, channels: int) -> Samples:
    if block.shape[1] == channels:
        return block
    if block.shape[1] > 1:
        block = block.mean(axis=1, keepdims=True)
    return np.repeat(block, channels, axis=1)


class _Part:
    """The bytes of a container within a file; an impossible seek returns an error code as in C instead of raising."""

    def __init__(self, file: io.FileIO, start: int, end: int | None) -> None:
        self._file = file
        self._start = start
        self._end = os.fstat(file.fileno()).st_size if end is None else end
        self.seek(0)

    def read(self, n: int = -1) -> bytes:
        left = max(0, self._end - self._file.tell())
        return self._file.read(left if n < 0 else min(n, left)) or b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: self._start, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._end}.get(whence)
        if base is None or base + offset < self._start:
            return -1
        try:
            return self._file.seek(base + offset) - self._start
        except OSError:
            return -1

    def tell(self) -> int:
        return self._file.tell() - self._start


@contextmanager
def open_container(file: io.FileIO, found: Container) -> Iterator[Any]:
    """Open a file with FFmpeg, as the container that was found in it.

    Parameters
    ----------
    file : io.FileIO
        The opened file; it stays open.
    found : Container
        Format and position of the container in the file.

    Yields
    ------
    av.container.InputContainer
        Closed at the end of the block.

    Raises
    ------
    MediaError
        If it cannot be opened.
    """
    import av

    try:
        container = av.open(
            _Part(file, found.start, found.end),
            format=found.demuxer,
            metadata_errors="replace",
            options=dict(_NO_PROTOCOL),
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"The file is damaged or cut off{reason(error)}.") from None
    with container:
        yield container


@contextmanager
def open_av(file: io.FileIO, found: Container) -> Iterator[AvDecoder]:
    """Open a file with FFmpeg, as the container that was found in it.

    Parameters
    ----------
    file : io.FileIO
        The opened file; it stays open.
    found : Container
        Format and position of the container in the file.

    Yields
    ------
    AvDecoder
        Closed at the end of the block.

    Raises
    ------
    MediaError
        If it cannot be opened, or has no sound that can be decoded.
    """
    with open_container(file, found) as container:
        yield AvDecoder(container, found)
