"""Containers: named bytes in one zip file without times, verified when it is read.

*Conventions.* A container is a zip file without folders, links, compression, encryption, comments or 64-bit
extensions, and without bytes before or after. Its members together are therefore never larger than the file, and
nothing is unpacked to disk. These rules apply to every format of a bundle; see ``docs/bundle.md``.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
from collections.abc import Mapping

from genrekit.errors import BundleError

MAX_BYTES = 2**31 - 1  # without 64-bit extensions; protobuf, and so ONNX, ends there too
MAX_MEMBERS = 1024
MAX_DIRECTORY_BYTES = 256 * MAX_MEMBERS
FRESH_COPY = "Get a fresh copy of the file, or train it again with 'genrekit train'."

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# The last record of a zip file, and the size of the 64-bit one that may precede it: APPNOTE.TXT 6.3.10,
# sections 4.3.16 and 4.3.15, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR_BYTES = 20
# Further errors of zipfile on damaged directories.
_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error, OSError)


def pack(members: Mapping[str, bytes]) -> bytes:
    """Make a container: the same members give the same bytes, on every system and in every order.

    Parameters
    ----------
    members : Mapping[str, bytes]
        Contents by plain file name.

    Returns
    -------
    bytes

    Raises
    ------
    BundleError
        If a name is not a plain file name, or a limit of containers is exceeded.
    """
    for name in members:
        _check_name(name)
    if len(members) > MAX_MEMBERS or sum(map(len, members.values())) > MAX_BYTES - MAX_DIRECTORY_BYTES:
        raise BundleError(f"it is too large: at most {MAX_MEMBERS} members and {MAX_BYTES} bytes fit.")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, also on Windows
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, members[name])
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Check a container, and return its members.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    dict of str to bytes
        Contents by name.

    Raises
    ------
    BundleError
        If it is not a zip archive, is truncated or damaged, or uses a feature that containers do not allow.
    """
    _check_ends(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_directory(infos, len(data))
            return {info.filename: archive.read(info) for info in infos}
    except _DAMAGE as error:  # zipfile quotes names at any length
        raise BundleError(f"it is a damaged zip archive: {str(error)[:300]}.", FRESH_COPY) from None


def _check_ends(data: bytes) -> None:
    """Compare both ends of the file, before zipfile creates an object per entry of the directory."""
    if data[:4] != b"PK\x03\x04":
        raise BundleError(f"it is not a zip archive: it begins with {data[:4]!r}.", FRESH_COPY)
    end = data[-_END.size :].rjust(_END.size)
    magic, disk, first_disk, here, total, size, offset, comment = _END.unpack(end)
    if magic != b"PK\x05\x06" or comment:
        raise BundleError("the end of the zip archive is missing: the file is incomplete.", FRESH_COPY)
    locator = len(data) - _END.size - _END64_LOCATOR_BYTES
    whole = disk == first_disk == 0 and here == total and offset + size + _END.size == len(data)
    if not whole or data[locator : locator + 4] == b"PK\x06\x07":
        raise BundleError("the directory of the zip archive contradicts the file.", FRESH_COPY)
    if total > MAX_MEMBERS or size > MAX_DIRECTORY_BYTES:
        raise BundleError(f"it lists {total} members; at most {MAX_MEMBERS} are allowed.", FRESH_COPY)


def _check_directory(infos: list[zipfile.ZipInfo], n_bytes: int) -> None:
    seen: set[str] = set()
    for info in infos:
        name = info.orig_filename  # as it is in the file: zipfile cleans `filename`
        _check_name(name)
        if name in seen:
            raise BundleError(f"it has two members named {name!r}.", FRESH_COPY)
        seen.add(name)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise BundleError(f"its member {name!r} is a link or another special file.", FRESH_COPY)
        if info.flag_bits & 0x1:
            raise BundleError(
                f"its member {name!r} is encrypted; members must be stored unchanged.", FRESH_COPY
            )
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise BundleError(
                f"its member {name!r} is compressed; members must be stored unchanged.", FRESH_COPY
            )
    if (total := sum(info.file_size for info in infos)) > n_bytes:
        raise BundleError(f"its members claim {total} bytes in a file of {n_bytes}.", FRESH_COPY)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BundleError(
            f"it has a member named {name[:120]!r}; allowed are plain file names, without a folder, of "
            "letters, digits, '.', '_' and '-'.",
            FRESH_COPY,
        )
