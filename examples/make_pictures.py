"""Draw five abstract album covers, free of anybody's rights, each in another format.

    python examples/make_pictures.py FOLDER

The same versions of NumPy and Pillow give the same files. No model knows these pictures: the link
between a shape or a colour and a genre is a joke among designers, not evidence about covers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 360
_FINE = 3  # drawn so many times as large, then reduced, for smooth edges

Rng = np.random.Generator


def canvas(colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty picture to draw on, and its pen."""
    image = Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), colour)
    return image, ImageDraw.Draw(image)


def blue_notes(rng: Rng) -> Image.Image:
    """Tilted blocks in two colours, as on the jazz records of the 1950s."""
    image, pen = canvas("#f1e8d6")
    side = image.width
    for k in range(7):
        left = side * (0.08 + 0.125 * k)
        top, height = side * rng.uniform(0.08, 0.4), side * rng.uniform(0.25, 0.55)
        slant = side * 0.05
        corners = [(left + slant, top), (left + side * 0.1 + slant, top), (left + side * 0.1, top + height)]
        pen.polygon([*corners, (left, top + height)], fill=("#123c69", "#e07a2f")[int(rng.random() < 0.3)])
    pen.ellipse([side * 0.62, side * 0.66, side * 0.86, side * 0.9], outline="#123c69", width=side // 40)
    return image


def night_drive(rng: Rng) -> Image.Image:
    """A striped sun over a grid, as on electronic records that miss the 1980s."""
    image, pen = canvas("#1b0b3a")
    side = image.width
    horizon = side * 0.6
    for k in range(60):
        x, y = rng.uniform(0, side), rng.uniform(0, horizon)
        pen.ellipse([x, y, x + 2 + k % 5, y + 2 + k % 5], fill="#c9b8ff")
    for k in np.arange(0, 40, 0.1):
        top = side * (0.18 + 0.42 * k / 40)
        half = side * 0.25 * np.sqrt(max(0, 1 - ((top / side - 0.43) / 0.25) ** 2))
        if k % 8 < 8 - k // 8:
            shade = (255, int(210 - 3 * k), int(60 + 3 * k))
            pen.rectangle([side / 2 - half, top, side / 2 + half, top + side * 0.0015], fill=shade)
    pen.rectangle([0, horizon, side, side], fill="#2a0f52")
    for k in range(-12, 13):
        ends = [(side / 2 + k * side * 0.03, horizon), (side / 2 + k * side * 0.2, side)]
        pen.line(ends, fill="#ff4fd8", width=side // 200)
    for k in range(1, 9):
        y = horizon + side * 0.4 * (k / 8) ** 2
        pen.line([(0, y), (side, y)], fill="#ff4fd8", width=side // 200)
    return image


def black_thorns(rng: Rng) -> Image.Image:
    """Spikes around a dark red disc on black, as on metal records."""
    image, pen = canvas("#0b0b0d")
    middle = image.width / 2
    for k in range(72):
        angle = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / 72
        reach, half = middle * rng.uniform(0.55, 0.95), 0.035
        ends = [(angle - half, 0.42 * middle), (angle, reach), (angle + half, 0.42 * middle)]
        shade = int(rng.integers(70, 190))
        pen.polygon([(middle + r * np.cos(a), middle + r * np.sin(a)) for a, r in ends], fill=(shade,) * 3)
    inner = 0.4 * middle
    pen.ellipse([middle - inner, middle - inner, middle + inner, middle + inner], fill="#8b1a1a")
    return image


def paper_hills(rng: Rng) -> Image.Image:
    """Hills behind hills under a low sun, as on country records."""
    image, pen = canvas("#f6d7a7")
    side = image.width
    pen.ellipse([side * 0.6, side * 0.14, side * 0.82, side * 0.36], fill="#f28c38")
    x = np.linspace(0, side, 200)
    for k, colour in enumerate(("#d9a566", "#b97f4b", "#8d5b36", "#5a3a26")):
        waves = sum(np.sin(x / side * rng.uniform(4, 12) + rng.uniform(0, 6)) for _ in range(3))
        ridge = side * (0.45 + 0.13 * k) + waves * side * 0.025
        pen.polygon([*zip(x, ridge, strict=True), (side, side), (0, side)], fill=colour)
    return image


def soft_dots(rng: Rng) -> Image.Image:
    """Blurred discs in sweet colours, as on pop records."""
    image, pen = canvas("#ffd9ec")
    side = image.width
    colours = ("#ff5fa2", "#7ad7f0", "#ffe066", "#b28dff", "#7be495")
    for k in range(26):
        x, y, r = rng.uniform(0, side), rng.uniform(0, side), side * rng.uniform(0.03, 0.13)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=colours[k % len(colours)])
    return image.filter(ImageFilter.GaussianBlur(side / 120))


# File name: (genre, how it is drawn, seed, options of the encoder).
PICTURES: dict[str, tuple[str, Callable[[Rng], Image.Image], int, dict[str, object]]] = {
    "blue_notes.png": ("jazz", blue_notes, 3, {"optimize": True}),
    "night_drive.jpg": ("electronic", night_drive, 1, {"quality": 85}),
    "black_thorns.jpg": ("metal", black_thorns, 2, {"quality": 85, "progressive": True}),
    "paper_hills.webp": ("country", paper_hills, 5, {"quality": 85}),
    "soft_dots.jpg": ("pop", soft_dots, 4, {"quality": 90}),
}


def write(folder: Path) -> None:
    """Write the pictures and a manifest, pictures.csv, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,label"]
    for name, (genre, draw, seed, options) in PICTURES.items():
        image = draw(np.random.default_rng(seed)).reduce(_FINE)
        if name.endswith(".png"):
            image = image.quantize(64)
        image.save(folder / name, **options)
        lines.append(f"{name},{genre}")
    (folder / "pictures.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
