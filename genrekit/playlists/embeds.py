"""Previews of addresses whose services have players for other pages."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from genrekit.playlists.playlist import Embed

YOUTUBE_FRAMES = "https://www.youtube-nocookie.com"
_FRAMES = (
    # https://developers.google.com/youtube/player_parameters: a playlist by its id
    (
        re.compile(
            r"https://(?:www\.|music\.|m\.)?youtube\.com/playlist\?(?:.*&)?list=([\w-]{10,80})(?:[&#].*)?"
        ),
        YOUTUBE_FRAMES + "/embed/videoseries?list={}",
    ),
    (
        re.compile(r"https://open\.spotify\.com/(?:intl-\w+/)?playlist/([0-9A-Za-z]{22})(?:[?#].*)?"),
        "https://open.spotify.com/embed/playlist/{}",
    ),
    (
        re.compile(r"https://www\.deezer\.com/(?:\w+/)?playlist/(\d{1,20})(?:[?#].*)?"),
        "https://widget.deezer.com/widget/auto/playlist/{}",
    ),
)
_SOUND = re.compile(r"\.(?:mp3|ogg|oga|opus|m4a|aac|flac|wav)", re.IGNORECASE)


def embed_of(url: str) -> Embed | None:
    """Return the preview of an address; None where none is known.

    Examples
    --------
    >>> embed_of("https://www.youtube.com/playlist?list=PL0123456789").url
    'https://www.youtube-nocookie.com/embed/videoseries?list=PL0123456789'
    """
    for pattern, address in _FRAMES:
        if found := pattern.fullmatch(url):
            return Embed("frame", address.format(found[1]))
    parts = urlsplit(url)
    if parts.scheme == "https" and _SOUND.fullmatch(parts.path[parts.path.rfind(".") :]):
        return Embed("audio", url)
    return None


def origin(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
