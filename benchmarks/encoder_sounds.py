"""Make sounds that are no music, for ``encoder_plots.py``: noises, tones, and speech where eSpeak NG is installed.

    python benchmarks/encoder_sounds.py FOLDER

Each is 20 s at 22,050 Hz; FOLDER gets the folders ``noise``, ``tone`` and ``speech``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy.signal import butter, chirp, lfilter

SR, SECONDS = 22_050, 20
TEXT = (
    "The harbour was quiet when the first boats came in. Nobody had slept much. On the quay a woman counted boxes, wrote a "
    "number into a small book, and looked up at the clouds. It would rain before noon, she said, and went on counting. "
    "The men laughed, tied the ropes, and carried what they had caught up to the hall, where the auction was to begin."
)
VOICES = (
    "en-gb",
    "en-us",
    "en-gb+f2",
    "en-us+m3",
    "de",
    "de+f3",
    "fr-fr",
    "es",
    "it",
    "pl",
    "sv",
    "nl",
    "fi",
    "tr",
)


def noises(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return noises of several colours and kinds."""
    n = SR * SECONDS
    white = rng.normal(size=n)
    brown = np.cumsum(white)
    brown -= lfilter(*butter(1, 20 / (SR / 2)), brown)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.arange(n // 2 + 1) + 1), n)
    rain = white * (rng.random(n) < 0.02)
    wind = lfilter(*butter(2, 400 / (SR / 2)), white) * (
        1 + 0.5 * np.sin(2 * np.pi * 0.2 * np.arange(n) / SR)
    )
    hiss = lfilter(*butter(4, 5000 / (SR / 2), "high"), white)
    band = lfilter(*butter(2, [800 / (SR / 2), 1200 / (SR / 2)], "band"), white)
    faint = white * 1e-3
    crackle = hiss * 0.05 + (rng.random(n) < 3e-4) * rng.normal(size=n)
    return {"white": white, "brown": brown, "pink": pink, "rain": rain, "wind": wind, "hiss": hiss, "band": band,
            "faint": faint, "crackle": crackle}  # fmt: skip


def tones() -> dict[str, np.ndarray]:
    """Return steady and swept tones, chords and clicks."""
    t = np.arange(SR * SECONDS) / SR
    sine = {f"sine {hz} Hz": np.sin(2 * np.pi * hz * t) for hz in (60, 440, 3000)}
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220, 277.2, 329.6))
    hum = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 12))
    clicks = (np.arange(len(t)) % (SR // 2) == 0).astype(float)
    return {**sine, "chord": chord, "hum": hum, "sweep": chirp(t, 50, SECONDS, 8000), "clicks": clicks,
            "square": np.sign(np.sin(2 * np.pi * 220 * t))}  # fmt: skip


def main() -> None:
    out = Path(sys.argv[1])
    for kind, sounds in (("noise", noises(np.random.default_rng(7))), ("tone", tones())):
        (out / kind).mkdir(parents=True, exist_ok=True)
        for name, y in sounds.items():
            level = 1.0 if name == "faint" else 0.5 / np.abs(y).max()
            sf.write(out / kind / f"{name}.flac", y * level, SR)
    if shutil.which("espeak-ng"):
        (out / "speech").mkdir(exist_ok=True)
        for voice in VOICES:
            path = out / "speech" / f"{voice}.wav"
            subprocess.run(
                ["espeak-ng", "-v", voice, "-w", path, TEXT], check=True, stderr=subprocess.DEVNULL
            )


if __name__ == "__main__":
    main()
