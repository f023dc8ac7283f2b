"""``genrekit listen``."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer


class Shown(StrEnum):
    """Formats of events."""

    TABLE = "table"
    JSONL = "jsonl"


class Encoding(StrEnum):
    """Encodings of samples on stdin."""

    S16LE = "s16le"
    F32LE = "f32le"


def listen(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="'mic' (extra 'microphone'), an http:// or https:// stream, a file, or '-' for raw samples on stdin.",
        ),
    ],
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="MODEL", help="A bundle or a shipped model that hears songs."),
    ] = "spectrogram",
    window: Annotated[
        float, typer.Option("--window", metavar="SECONDS", min=3, max=60, help="Length of a window.")
    ] = 10.0,
    hop: Annotated[
        float,
        typer.Option("--hop", metavar="SECONDS", min=0.25, max=60, help="Time from one window to the next."),
    ] = 1.0,
    smooth: Annotated[
        float,
        typer.Option(
            "--smooth", metavar="SECONDS", min=0, max=3600, help="Smooth scores over so long; 0: not."
        ),
    ] = 15.0,
    top_k: Annotated[int, typer.Option("--top-k", "-k", metavar="N", min=1, help="Labels per window.")] = 3,
    rate: Annotated[
        int,
        typer.Option(
            "--rate",
            metavar="HZ",
            min=8000,
            max=192_000,
            help="Sample rate of stdin, the microphone, or a stream.",
        ),
    ] = 44_100,
    encoding: Annotated[
        Encoding, typer.Option("--encoding", help="Encoding of the samples on stdin.")
    ] = Encoding.S16LE,
    channels: Annotated[
        int, typer.Option("--channels", metavar="N", min=1, max=8, help="Channels of the samples on stdin.")
    ] = 1,
    format: Annotated[
        Shown, typer.Option("--format", "-f", help="table: a line per window; jsonl: an event per line.")
    ] = Shown.TABLE,
) -> None:
    """Predict the genre of live sound: the microphone, an internet radio, a file, or samples on stdin.

    Every HOP seconds the last WINDOW seconds are predicted; Ctrl-C ends it and prints the genres with their times. A
    lost radio is connected again.

    Exit status: 0 the sound ended; 1 it could not be opened; 2 wrong usage; 130 interrupted.
    """
    from genrekit.cli.printing import say
    from genrekit.errors import UsageError
    from genrekit.live import listen as events_of
    from genrekit.live import open_source
    from genrekit.prediction import load_model
    from genrekit.types import Modality

    loaded = load_model(model)
    if loaded.backend.info.modality is not Modality.AUDIO:
        raise UsageError(f"The model {loaded.name!r} does not hear songs.", "Try --model spectrogram")
    opened = open_source(source, sr=rate, channels=channels, encoding=encoding.value, say=say)
    for event in events_of(opened, loaded, window_s=window, hop_s=hop, smooth_s=smooth, top_k=top_k):
        text = json.dumps(event, ensure_ascii=False) if format is Shown.JSONL else _line(event)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _line(event: dict[str, Any]) -> str:
    kind = event["type"]
    if kind == "window":
        smooth = ", ".join(f"{label} {score:.0%}" for label, score in event["smooth"])
        unfamiliar = "  unlike anything that the model learnt" if event["familiar"] is False else ""
        return f"{_clock(event['end_s'])}  {event['label']:<16} {event['score']:>4.0%}   {smooth}{unfamiliar}"
    if kind == "change":
        return f"{_clock(event['at_s'])}  {event['from']} -> {event['to']}"
    if kind == "title":
        return f"{_clock(event['at_s'])}  the radio plays {event['title']}"
    if kind == "silence":
        return f"{_clock(event['end_s'])}  silence"
    if kind == "error":
        return f"{_clock(event['end_s'])}  {event['detail']}"
    pieces = ", ".join(
        f"{_clock(p['start_s'])} to {_clock(p['end_s'])} {p['label']}" for p in event["timeline"]
    )
    return f"in all: {pieces or 'nothing was heard'}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:>3}:{seconds % 60:04.1f}"
