"""Whether a model that learnt from pictures of spectrograms hears real songs: the same tracks both ways.

    python benchmarks/real_audio.py GTZAN [--model NAME] [--seen SIDE ...]

GTZAN is a folder with ``mel128.npz`` (levels read from the Kaggle pictures), some of the songs, and the published
split. Only songs of splits that training did not use are compared, and songs of no split.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from genrekit.datasets import open_dataset
from genrekit.features import from_levels, log_mel
from genrekit.media import audio
from genrekit.prediction import load_model

SR, FINE_HOP = 22050, 64
# Where the columns of the pictures are, in seconds: found by matching them with computed frames of clips of this
# length. All pictures are equally wide, so the columns of a longer clip lie further apart.
FIRST_S, STEP_S, LENGTH_S = 0.1675, 0.08968, 30.013


def at_columns(y: np.ndarray, n_columns: int, top_db: float) -> np.ndarray:
    """The frames nearest to the columns of a picture, their level relative to the loudest of all frames."""
    fine = log_mel(y, SR, n_fft=2048, hop_length=FINE_HOP, n_mels=128, top_db=top_db)
    stretch = len(y) / SR / LENGTH_S
    nearest = np.round((FIRST_S + STEP_S * np.arange(n_columns)) * stretch * SR / FINE_HOP).astype(int)
    return fine[:, np.minimum(nearest, fine.shape[1] - 1)]


def main() -> None:
    """Print a line a track, and what they say together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="spectrogram")
    parser.add_argument("--seen", nargs="*", default=["train", "valid"])
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    pictures = open_dataset(f"gtzan:{arguments.folder}", prefer="spectrogram").examples
    songs = {
        e.id.rpartition("/")[2].rsplit(".", 1)[0]: e
        for e in open_dataset(f"gtzan:{arguments.folder}", prefer="audio").examples
    }
    rows = []
    print("track\tr\tpicture\tsong\tlargest |dp|")
    for picture in pictures:
        name = picture.id.rpartition("/")[2]
        if picture.split in arguments.seen or name not in songs:
            continue
        song = songs[name]
        levels = from_levels(picture.array, model.config.top_db)
        heard = at_columns(audio.load(song.path, sr=SR), levels.shape[1], model.config.top_db)
        r = float(np.corrcoef(levels.ravel(), heard.ravel())[0, 1])
        both = [model.backend.prepare(example, model.config).values for example in (picture, song)]
        of_picture, of_song = model.runtime.example_scores(both)
        answers = [model.labels[int(scores.argmax())] for scores in (of_picture, of_song)]
        rows.append(
            (
                r,
                answers[0] == answers[1],
                np.abs(of_picture - of_song),
                [a in picture.labels for a in answers],
            )
        )
        print(f"{name}\t{r:.4f}\t{answers[0]}\t{answers[1]}\t{rows[-1][2].max():.3f}")
    if not rows:
        raise SystemExit("no track outside training has both a spectrogram and a song here")
    rs, equal, differences, right = (np.array(column) for column in zip(*rows, strict=True))
    print(f"{len(rows)} tracks outside training: r median {np.median(rs):.4f}, smallest {rs.min():.4f}")
    print(f"same prediction {equal.mean():.1%}; mean |dp| {differences.mean():.4f}")
    print(f"right by the picture {right[:, 0].mean():.1%}, by the song {right[:, 1].mean():.1%}")


if __name__ == "__main__":
    main()
