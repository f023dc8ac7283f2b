"""Heat maps by occlusion: one implementation for songs, photos and patches."""

import io

import numpy as np
import pytest
from PIL import Image

from genrekit.backends import PictureAxes, draw, heat_map, stacked

pytestmark = pytest.mark.usefixtures("drawn_charts")

SOUND = PictureAxes(height=0, width=1, seconds=4.0, blocks=(4, 4))
PHOTO = PictureAxes(height=1, width=2, blocks=(4, 4))
PATCHES = PictureAxes(height=2, width=1, pieces=0, seconds=1.0, blocks=(4, 4))
SHAPES = {"sound": (SOUND, (16, 24)), "photo": (PHOTO, (3, 16, 24)), "patches": (PATCHES, (2, 24, 16))}


def quarter(axes, window):
    """A window that is loud in the first quarter of its height and width, in its first piece."""
    picture = np.zeros((16, 24))
    picture[:4, :6] = 1
    if axes is PATCHES:
        window[0] = picture.T
    else:
        window[...] = picture
    return window


@pytest.mark.parametrize("kind", SHAPES)
def test_the_map_is_bright_where_the_score_comes_from(kind):
    axes, shape = SHAPES[kind]
    window = quarter(axes, np.zeros(shape, np.float32))
    pattern = window[:1] if axes is PATCHES else window
    calls = []

    def score(windows):
        calls.append(windows.shape)
        return (windows * pattern).sum(axis=tuple(range(1, windows.ndim))) / pattern.sum()

    heat = heat_map(score, window, axes)
    assert heat.shape == (16, 2 * 24 + 4 if axes is PATCHES else 24)
    assert heat.dtype == np.float32
    assert (heat[:4, :6] == 1).all()
    heat[:4, :6] = 0
    assert not heat.any()
    assert calls == [(17, *pattern.shape)] * (2 if axes is PATCHES else 1)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_where_nothing_speaks_for_it_the_map_is_dark(kind, value):
    axes, shape = SHAPES[kind]
    window = np.random.default_rng(0).random(shape)
    assert not heat_map(lambda windows: np.full(len(windows), value), window, axes).any()


def test_a_part_against_the_label_is_dark():
    window = quarter(SOUND, np.zeros((16, 24), np.float32))
    assert heat_map(lambda windows: 1 - windows.mean(axis=(1, 2)), window, SOUND)[:4, :6].max() == 0


def test_a_window_smaller_than_the_blocks():
    window = np.eye(2, 3, dtype=np.float32)
    assert heat_map(lambda windows: windows[:, 0, 0].clip(0, 1), window, SOUND).shape == (2, 3)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_the_drawing_is_a_picture_whatever_the_title(kind, dtype):
    axes, shape = SHAPES[kind]
    window = (np.random.default_rng(0).random(shape) * 255).astype(dtype)
    if dtype == np.float32:
        window /= 255
    heat = heat_map(lambda windows: np.ones(len(windows)), window, axes)
    png = draw(window, heat, axes, "50 % of $x_1$\n{y}")
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert min(image.size) >= 300


def test_pictures_are_stacked_on_the_widest():
    def png(size, colour):
        stream = io.BytesIO()
        Image.new("RGB", size, colour).save(stream, format="PNG")
        return stream.getvalue()

    one, other = png((30, 10), "red"), png((20, 5), "blue")
    assert stacked([one]) == one
    whole = Image.open(io.BytesIO(stacked([one, other])))
    assert whole.size == (30, 15)
    assert [whole.getpixel(at) for at in ((29, 9), (19, 10), (29, 14))] == [
        (255, 0, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]
