"""A picture of a song: waveform, spectrogram, beats, key, genre over time, and the network's heat map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genrekit.analysis import analyse_song
from genrekit.backends import picture_of
from genrekit.inspection.drawing import DARK, LIGHT, MAP, faded, outline, panels, png_of, short
from genrekit.inspection.seen import Seen, see
from genrekit.media import audio
from genrekit.prediction import Model
from genrekit.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from genrekit.analysis import Analysis

SR = 22050
MAX_S = 600.0
_N_FFT = 2048
_MAX_FRAMES = 2500
_MAX_BEATS = 300
_MAX_ROWS = 6


def draw_song(
    model: Model, name: str, path: Path, offset_s: float = 0.0, duration_s: float | None = None
) -> tuple[bytes, str]:
    """Draw a song as a model saw it, at most ten minutes of it.

    Parameters
    ----------
    model : Model
        A model for songs.
    name : str
        The name in the title.
    path : Path
    offset_s : float >= 0
        Start of the part to draw, in seconds.
    duration_s : float > 0, optional
        Its length in seconds.

    Returns
    -------
    bytes
        A PNG.
    str
        Content of the picture, in words.

    Raises
    ------
    MediaError
        If the song cannot be read.
    """
    limit_s = min(duration_s or MAX_S, MAX_S)
    y = audio.read(path, sr=SR, offset_s=offset_s, duration_s=limit_s).require().y
    seen = see(model, name, path, offset_s, limit_s)
    analysis = analyse_song(path, ("bpm", "key"), offset_s, limit_s)
    heat = seen.heat()
    times = seen.windows.times_s
    n_rows = min(len(model.labels), _MAX_ROWS)
    heights = [1.1, 2.2, 0.9, 1.8, 0.35 * n_rows + 0.5] + ([2.2] if heat is not None else [])
    figure, axes = panels(
        heights, title=f"{Path(name).name}: {seen.label} {seen.prediction.score or 0:.0%} ({model.name})"
    )
    beats = _beats(y, analysis)
    kept = _wave(axes[0], y, offset_s)
    _mel(axes[1], y, offset_s)
    words = _onsets(axes[2], y, beats, analysis, offset_s)
    words += " " + _chroma(axes[3], y, analysis, offset_s)
    _timeline(axes[4], seen, offset_s, offset_s + len(y) / SR)
    for one in axes[:4]:
        one.tick_params(labelbottom=False)
    for one in axes[:5]:
        one.set_xlim(offset_s, offset_s + len(y) / SR)
    if heat is not None:
        _heat_map(axes[5], seen, heat, times[seen.best] if times else None)
    png = png_of(figure)
    del kept
    cut = (
        f" The first {limit_s:.0f} s from {offset_s:g} s on are drawn." if len(y) >= limit_s * SR - SR else ""
    )
    return png, f"{seen.words} {words}{cut}".strip()


def _hop(y: np.ndarray) -> int:
    """Return the samples between frames: 512, or more in a long song, whose frames are finer than pixels."""
    return max(512, -(-len(y) // _MAX_FRAMES))


def _wave(axes: Axes, y: np.ndarray, offset_s: float) -> object:
    from librosa import display

    drawn = display.waveshow(y, sr=SR, offset=offset_s, ax=axes, color=DARK, axis="s")
    axes.set(ylabel="wave", xlabel="", ylim=(-1, 1) if np.abs(y).max() > 0.5 else None)
    return drawn  # it stops drawing when nothing holds it


def _mel(axes: Axes, y: np.ndarray, offset_s: float) -> None:
    import librosa
    from librosa import display

    hop = _hop(y)
    power = librosa.feature.melspectrogram(y=_padded(y), sr=SR, n_fft=_N_FFT, hop_length=hop)
    mel = librosa.power_to_db(power, ref=np.max)
    display.specshow(
        mel, sr=SR, x_coords=_times(mel, hop, offset_s), x_axis="s", y_axis="mel", cmap=MAP, ax=axes
    )
    axes.set(ylabel="log-mel, Hz", xlabel="")


def _padded(y: np.ndarray) -> np.ndarray:
    return y if len(y) >= _N_FFT else np.pad(y, (0, _N_FFT - len(y)))


def _times(frames: np.ndarray, hop: int, offset_s: float) -> np.ndarray:
    return offset_s + np.arange(frames.shape[-1]) * hop / SR


def _beats(y: np.ndarray, analysis: Analysis) -> np.ndarray:
    """Return the times of beats in seconds from the start of the part."""
    import librosa

    if not analysis.bpm:
        return np.empty(0)
    _, frames = librosa.beat.beat_track(y=y, sr=SR, bpm=analysis.bpm)
    found: np.ndarray = librosa.frames_to_time(frames, sr=SR)
    return found


def _onsets(axes: Axes, y: np.ndarray, beats: np.ndarray, analysis: Analysis, offset_s: float) -> str:
    import librosa

    strength = librosa.onset.onset_strength(y=_padded(y), sr=SR)
    axes.plot(_times(strength, 512, offset_s), strength, color="black", linewidth=0.7)
    axes.set(ylabel="onsets", yticks=[], ylim=(0, None))
    if analysis.bpm is None:
        axes.set_title("no tempo: too short, or without onsets", fontsize=9, loc="left")
        return "No tempo."
    words = f"Tempo {analysis.bpm:.1f} BPM, {len(beats)} beats."
    title = words
    if len(beats) <= _MAX_BEATS:
        axes.vlines(
            offset_s + beats, 0, axes.get_ylim()[1], color=LIGHT, linewidth=1.4, linestyle="--", zorder=0
        )
        title += " Beats are dashed."
    axes.set_title(title, fontsize=9, loc="left")
    return words


def _chroma(axes: Axes, y: np.ndarray, analysis: Analysis, offset_s: float) -> str:
    import librosa
    from librosa import display

    hop = _hop(y)
    chroma = librosa.feature.chroma_stft(y=_padded(y), sr=SR, n_fft=_N_FFT, hop_length=hop, tuning=0.0)
    display.specshow(
        chroma, sr=SR, x_coords=_times(chroma, hop, offset_s), x_axis="s", y_axis="chroma", cmap=MAP, ax=axes
    )
    axes.set(ylabel="pitch class", xlabel="")
    axes.tick_params(axis="y", labelsize=7)
    key = analysis.key
    words = (
        f"Key {key.tonic} {key.mode} ({key.camelot}), clarity {key.confidence:.2f} of 1."
        if key
        else "No key."
    )
    axes.set_title(words, fontsize=9, loc="left")
    return words


def _timeline(axes: Axes, seen: Seen, start_s: float, end_s: float) -> None:
    """Draw the scores of the best labels over time, a row per label; a dot marks the best of each window."""
    mean = seen.scores.mean(axis=0)
    order = np.argsort(-mean, kind="stable")[:_MAX_ROWS]
    times = seen.windows.times_s or ((start_s, end_s),) * len(seen.scores)
    for (left, right), scores in zip(times, seen.scores, strict=True):
        axes.imshow(
            scores[order][:, None],
            extent=(left, right, len(order) - 0.5, -0.5),
            aspect="auto",
            cmap=MAP,
            vmin=0,
            vmax=1,
            interpolation="nearest",
        )
        top = int(scores[order].argmax())
        middle = (left + right) / 2
        if len(times) <= 40:
            colour = "black" if scores[order][top] > 0.5 else "white"
            axes.text(
                middle,
                top,
                f"{scores[order][top]:.0%}" if len(times) <= 12 else "●",
                color=colour,
                ha="center",
                va="center",
                fontsize=8,
            )
        axes.axvline(right, color="white", linewidth=0.5)
    names = [f"{short(seen.model.labels[k])} {mean[k]:.0%}" for k in order]
    axes.set_yticks(range(len(order)), names, parse_math=False, fontsize=9)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlabel("seconds")
    axes.set_title("scores over time (bright: high; the mean is beside the name)", fontsize=9, loc="left")


def _heat_map(axes: Axes, seen: Seen, heat: np.ndarray, times: tuple[float, float] | None) -> None:
    picture_axes = seen.model.picture_axes
    assert picture_axes is not None
    seconds = picture_axes.seconds or 0.0
    picture, n_pieces = picture_of(seen.windows.values[seen.best], picture_axes)
    low, high = np.percentile(picture, (1, 99))
    scaled = np.clip((picture - low) / max(high - low, 1e-9), 0, 1)
    width_s = n_pieces * seconds
    start_s = times[0] if times and n_pieces == 1 else 0.0
    extent = (start_s, start_s + width_s, 0.0, float(len(picture)))
    axes.imshow(faded(scaled, heat), extent=extent, aspect="auto", origin="lower")
    outline(axes, heat, extent)
    what = f"the window from {times[0]:.0f} to {times[1]:.0f} s" if times else "the window"
    axes.set_title(
        f"parts that raise the score of {visible(seen.label)}: bright and outlined, in {what}",
        fontsize=9,
        loc="left",
        parse_math=False,
    )
    axes.set(
        ylabel="mel band",
        xlabel=f"{n_pieces} pieces of {seconds:.1f} s, in seconds" if n_pieces > 1 else "seconds",
    )
