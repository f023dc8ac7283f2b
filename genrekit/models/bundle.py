"""Bundles, the files of models: a container of named bytes, and a manifest that lists every one of them.

*Conventions.* A bundle is read once into memory and verified there: names, sizes and SHA-256 are checked before
any payload is parsed. Nothing is unpickled or written to disk. A bundle contains no time, so equal content gives
equal files. ``docs/bundle.md`` describes the format.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.backends import GRAPH_FILE
from genrekit.errors import BundleError, OutputExistsError
from genrekit.hashing import hash_bytes
from genrekit.models.container import FRESH_COPY, MAX_BYTES, pack, unpack
from genrekit.models.manifest import FORMAT, CombinedMember, Manifest, Member, parse_manifest

if TYPE_CHECKING:
    from genrekit.models.keys import LearntKeys

__all__ = ["FORMAT", "Bundle", "Manifest", "dumps", "load", "loads", "save"]

MANIFEST, CARD = "manifest.json", "README.md"
NATIVE_SUFFIXES = {1: (".safetensors", ".ubj"), 2: (".safetensors",)}
"""Allowed suffixes of the name of a payload, per number of the format."""
MAX_CARD_BYTES = 1 << 20

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A verified model in memory.

    Attributes
    ----------
    path : Path or None
        The file that it came from.
    manifest : Manifest
    sha256 : str
        The hash of the whole file, as ``sha256sum`` prints it: the identity of the model.
    files : Mapping[str, bytes]
        Every file of the bundle except the manifest, by name.
    """

    path: Path | None
    manifest: Manifest
    sha256: str
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def onnx(self) -> bytes:
        """ONNX graph for `genrekit.models.runtime.Runtime`.

        Raises
        ------
        BundleError
            If the bundle is a combination, whose members have a graph each.
        """
        if self.manifest.members:
            raise BundleError(f"{self.manifest.name!r} is a combination: its members have a graph each.")
        return self.files[GRAPH_FILE]

    @cached_property
    def members(self) -> tuple[Bundle, ...]:
        """Bundles of the members of a combination, in their order; empty for another model."""
        return tuple(loads(self.files[member.file]) for member in self.manifest.members)

    @property
    def card(self) -> str:
        """Model card in Markdown."""
        return self.files[CARD].decode("utf-8")

    @property
    def payload(self) -> Mapping[str, bytes]:
        """Files that a backend explains with, and scores many rows with: the graph and the native payload.

        Raises
        ------
        BundleError
            If the bundle is of format 1, whose native payload is not read.
        """
        if self.manifest.format == 1:
            raise BundleError(
                f"{self.manifest.name!r} is a bundle of format 1: it predicts with its graph, but its native payload, "
                "which explanations need, is not read any more.",
                f"Train it again, or install the genrekit that wrote it: {self.manifest.genrekit}",
            )
        return self.files

    @cached_property
    def learnt(self) -> LearntKeys | None:
        """Content keys of what the model learnt; None if it has none.

        Raises
        ------
        BundleError
            If they are damaged.
        """
        from genrekit.models.keys import KEYS, loads

        return loads(self.files[KEYS]) if KEYS in self.files else None


def load(path: str | Path) -> Bundle:
    """Read a bundle and verify it completely.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If the file cannot be read, is not a bundle, is damaged or hostile, or is from a newer genrekit.
    """
    path = Path(path)
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise BundleError(f"{path} is a folder or a device, not a model file.", "Use a .genrekit file.")
        if facts.st_size > MAX_BYTES:
            raise BundleError(f"{path} has {facts.st_size} bytes; a model file has at most {MAX_BYTES}.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise BundleError(
            f"The model {str(path)!r} cannot be read: {_reason(error)}.", "Check the path."
        ) from None
    try:
        return loads(data, path)
    except BundleError as error:
        raise BundleError(f"{path} cannot be used as a model: {error.message}", error.hint) from None


def loads(data: bytes, path: Path | None = None) -> Bundle:
    """Verify a bundle in memory, as `load` does.

    Parameters
    ----------
    data : bytes
        The whole file.
    path : Path, optional
        The file that it came from.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        As `load`.
    """
    if len(data) > MAX_BYTES:
        raise BundleError(f"it is larger than a model file can be ({MAX_BYTES} bytes).")
    members = unpack(data)
    if MANIFEST not in members:
        raise BundleError(f"it has no {MANIFEST}: a zip archive, but not a genrekit model.", FRESH_COPY)
    manifest = parse_manifest(members.pop(MANIFEST))
    _check_members(manifest, members)
    return Bundle(path=path, manifest=manifest, sha256=hash_bytes(data), files=members)


def dumps(manifest: Manifest, *, onnx: bytes | None, native: Mapping[str, bytes], card: str) -> bytes:
    """Make the bytes of a bundle: the same arguments give the same bytes, on every system.

    Parameters
    ----------
    manifest : Manifest
        The manifest; its ``files`` are filled in here.
    onnx : bytes or None
        The graph; None for a combination.
    native : Mapping[str, bytes]
        Payloads by file name, ``.safetensors``; the bundles of the members of a combination.
    card : str
        The model card.

    Returns
    -------
    bytes

    Raises
    ------
    BundleError
        If the manifest is of an older format, a payload has a name that is not allowed, the manifest holds a
        NaN or an infinity, or a limit of the format is exceeded.
    """
    if manifest.format != FORMAT:
        raise BundleError(f"format {manifest.format} is read only; what is written is format {FORMAT}.")
    for name in native:
        _check_native_name(name, manifest)
    members = {**native, CARD: card.encode("utf-8", "replace")}
    if onnx is not None:
        members[GRAPH_FILE] = onnx
    files = {
        name: Member(sha256=hash_bytes(content), size=len(content))
        for name, content in sorted(members.items())
    }
    manifest = manifest.model_copy(update={"files": files})
    try:
        facts = manifest.model_dump(mode="json", exclude=set() if manifest.members else {"members"})
        text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        members[MANIFEST] = text.encode("utf-8")
    except ValueError as error:  # a NaN, an infinity, half of a surrogate pair
        raise BundleError(f"the manifest has a value that JSON does not allow: {error}.") from None
    data = pack(members)
    loads(data)  # a bundle that cannot be read back is never returned
    return data


def save(
    path: str | Path,
    manifest: Manifest,
    *,
    onnx: bytes | None,
    native: Mapping[str, bytes],
    card: str,
    overwrite: bool = False,
) -> None:
    """Write a bundle, completely or not at all.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder must exist.
    manifest, onnx, native, card
        As for `dumps`.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    BundleError
        If it cannot be written (a full disk, a missing folder), or as `dumps`.
    """
    path = Path(path)
    exists = OutputExistsError(f"{path} exists.", "Choose another output, or allow overwriting.")
    if not overwrite and os.path.lexists(path):
        raise exists
    try:
        data = dumps(manifest, onnx=onnx, native=native, card=card)
    except BundleError as error:
        raise BundleError(f"The model {path} cannot be saved: {error.message}", error.hint) from None
    beside = path.parent / f".genrekit-{secrets.token_hex(8)}.part"
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _move(beside, path, overwrite=overwrite)
    except FileExistsError:
        raise exists from None
    except (OSError, ValueError) as error:
        raise BundleError(
            f"The model {path} cannot be saved: {_reason(error)}. No part of it was left behind.",
            "Free some space, or choose another output.",
        ) from None
    finally:
        with suppress(OSError, ValueError):
            beside.unlink()


def _move(beside: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        beside.replace(path)
        return
    path.open("xb").close()  # takes the name, or fails if another process was faster
    try:
        beside.replace(path)
    except BaseException:
        path.unlink()
        raise


def _reason(error: OSError | ValueError) -> str:
    """Return why a path cannot be used; ValueError means a NUL in it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _check_members(manifest: Manifest, members: Mapping[str, bytes]) -> None:
    """Compare the members with the manifest: the same names, sizes and hashes, and nothing else."""
    for name in manifest.files.keys() - {GRAPH_FILE, CARD}:
        _check_native_name(name, manifest)
    graphs = {member.file for member in manifest.members} or {GRAPH_FILE}
    if missing := {CARD}.union(graphs, manifest.files) - members.keys():
        raise BundleError(f"it has no {', '.join(sorted(missing))[:200]}.", FRESH_COPY)
    if unlisted := members.keys() - manifest.files.keys():
        raise BundleError(f"it has a member {min(unlisted)!r} that the manifest does not list.", FRESH_COPY)
    for name, content in members.items():
        listed = manifest.files[name]
        if len(content) != listed.size:
            raise BundleError(f"{name} has {len(content)} bytes, not {listed.size} as listed.", FRESH_COPY)
        if hash_bytes(content) != listed.sha256:
            raise BundleError(f"{name} does not have the SHA-256 that the manifest lists.", FRESH_COPY)
    for member in manifest.members:
        _check_member(member, members[member.file])
    try:
        text = members[CARD].decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{CARD} is not UTF-8 text.", FRESH_COPY) from None
    if len(members[CARD]) > MAX_CARD_BYTES or _CONTROL.search(text):  # a terminal obeys control characters
        raise BundleError(f"{CARD} has control characters, or more than {MAX_CARD_BYTES} bytes.", FRESH_COPY)


def _check_member(member: CombinedMember, content: bytes) -> None:
    """Verify the bundle of a member of a combination; it is not a combination itself."""
    inner = loads(content)
    if inner.manifest.members:
        raise BundleError(f"its member {member.file} is a combination itself.", FRESH_COPY)
    if (inner.sha256, inner.manifest.name, inner.manifest.backend) != (
        member.sha256,
        member.name,
        member.backend,
    ):
        raise BundleError(f"its member {member.file} is not the one that the manifest lists.", FRESH_COPY)


def _check_native_name(name: str, manifest: Manifest) -> None:
    if name in {member.file for member in manifest.members}:
        return
    suffixes = NATIVE_SUFFIXES[manifest.format]
    if not name.endswith(suffixes):
        allowed = " or ".join(suffixes)
        raise BundleError(f"a payload is named {name[:120]!r}; its name must end in {allowed}.", FRESH_COPY)
