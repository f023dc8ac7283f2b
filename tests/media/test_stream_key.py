"""Keys of encoded sound: the same after any edit of tags, another for another sound."""

import mutagen
import numpy as np
import pytest
import soundfile as sf
from mutagen.id3 import APIC, ID3, TIT2
from support.tagged_sounds import COVER, KINDS, make

from genrekit.errors import MediaError
from genrekit.media import stream_key

READ_HERE = [kind for kind in KINDS if not kind.endswith(".wv")]


@pytest.mark.parametrize("kind", READ_HERE)
def test_tags_do_not_change_a_key(tmp_path, kind):
    path = make(tmp_path, kind)
    before = stream_key(path)
    content = path.read_bytes()
    tagged = mutagen.File(path)
    if tagged.tags is None:
        tagged.add_tags()
    if isinstance(tagged.tags, ID3):
        tagged.tags.add(TIT2(encoding=3, text="another title"))
        tagged.tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=COVER))
    else:
        tagged.tags["\xa9nam" if kind.endswith("m4a") else "title"] = "another title" * 100
    tagged.save()
    assert path.read_bytes() != content
    assert stream_key(path) == before
    tagged.delete()
    assert stream_key(path) == before


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "aiff", "au", "caf"])
def test_another_sound_has_another_key(tmp_path, suffix):
    rng = np.random.default_rng(1)
    keys = set()
    for number in range(3):
        path = tmp_path / f"{number}.{suffix}"
        sf.write(path, rng.uniform(-0.5, 0.5, 8000), 22050)
        keys.add(stream_key(path))
    assert len(keys) == 3


@pytest.mark.parametrize(
    "content", [b"", b"RIFF\xff\0\0\0WAVE", b"fLaC", b"no sound at all" * 9, b"OggS" + bytes(60)]
)
def test_what_has_no_sound_has_no_key(tmp_path, content):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError):
        stream_key(path)
