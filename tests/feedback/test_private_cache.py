"""What comes of uploads does not stay in the cache."""

import numpy as np

from genrekit.feedback.private_cache import PrivateCache
from genrekit.preparation import ENCODING, Cache
from genrekit.types import Windows


def test_windows_of_uploads_and_all_encodings_go_to_the_private_folder(tmp_path):
    shared, private = tmp_path / "shared", tmp_path / "private"
    private.mkdir()
    cache = PrivateCache(Cache(shared, enabled=True), private, frozenset({"a" * 64}))
    of_upload = cache.key("a" * 64, "gtzan", "1", {})
    of_another = cache.key("b" * 64, "gtzan", "1", {})
    encoding = cache.key("c" * 64, f"encoder{ENCODING}", "1", {})
    for number, key in enumerate((of_upload, of_another, encoding)):
        cache.put(key, Windows(np.full((1, 2), number, np.float32)))
        assert cache.get(key).values[0, 0] == number
    assert len(list(private.rglob("*.windows"))) == 2
    assert len(list(shared.rglob("*.windows"))) == 1
    assert Cache(shared, enabled=True).get(of_another) is not None
