"""A model on disk: a container of named bytes, and a manifest that accounts for every one of them.

*Conventions.* A bundle is read once into memory, and everything handed out was verified there: names, sizes
and SHA-256 come before any payload is parsed. Nothing is ever unpickled, or unpacked to disk. There is no
clock in a bundle, so the same content is the same file. ``docs/bundle.md`` is the format.
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
from pathlib import Path

from genrekit.errors import BundleError, OutputExistsError
from genrekit.hashing import hash_bytes
from genrekit.models.container import FRESH_COPY, MAX_BYTES, pack, unpack
from genrekit.models.manifest import FORMAT, Manifest, Member, parse_manifest

__all__ = ["FORMAT", "Bundle", "Manifest", "dumps", "load", "loads", "save"]

MANIFEST, MODEL, CARD = "manifest.json", "model.onnx", "README.md"
NATIVE_SUFFIXES = {1: (".safetensors", ".ubj"), 2: (".safetensors", ".ubj")}
"""What the name of a payload may end in, by the number of the format."""
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
    members : Mapping[str, bytes]
        Every file of the bundle but the manifest, by name.
    """

    path: Path | None
    manifest: Manifest
    sha256: str
    members: Mapping[str, bytes] = field(repr=False)

    @property
    def onnx(self) -> bytes:
        """The graph that `genrekit.models.runtime.Runtime` runs."""
        return self.members[MODEL]

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.members[CARD].decode("utf-8")

    @property
    def payload(self) -> Mapping[str, bytes]:
        """The files that a backend explains with, and scores many rows with: the graph and the native payload.

        Raises
        ------
        BundleError
            If the bundle is of format 1, whose native payload is not read.
        """
        if self.manifest.format == 1:
            raise BundleError(
                f"{self.manifest.name!r} is a bundle of format 1: it answers from its graph, but its native payload, "
                "which explanations need, is not read any more.",
                f"Train it again, or install the genrekit that wrote it: {self.manifest.genrekit}",
            )
        return self.members

    def native(self, name: str) -> bytes:
        """A native payload by its file name.

        Raises
        ------
        BundleError
            If the bundle has none of that name, or is of format 1.
        """
        self.payload  # noqa: B018
        payloads = sorted(set(self.members) - {MODEL, CARD})
        if name not in payloads:
            known = ", ".join(payloads) or "none"
            raise BundleError(f"{self.manifest.name!r} has no native payload {name!r}; it has {known}.")
        return self.members[name]


def load(path: str | Path) -> Bundle:
    """Read a bundle and verify all of it.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If the file cannot be read, is no bundle, is damaged or hostile, or is from a newer genrekit.
    """
    path = Path(path)
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise BundleError(f"{path} is a folder or a device, not a model file.", "Give a .genrekit file.")
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
    """Verify a bundle that is in memory already; as `load`.

    Parameters
    ----------
    data : bytes
        The whole file.
    path : Path, optional
        Where it came from, for the record.

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
        raise BundleError(f"it has no {MANIFEST}: a zip archive, but no genrekit model.", FRESH_COPY)
    manifest = parse_manifest(members.pop(MANIFEST))
    _check_members(manifest, members)
    return Bundle(path=path, manifest=manifest, sha256=hash_bytes(data), members=members)


def dumps(manifest: Manifest, *, onnx: bytes, native: Mapping[str, bytes], card: str) -> bytes:
    """Make the bytes of a bundle: the same arguments give the same bytes, on every system.

    Parameters
    ----------
    manifest : Manifest
        Its ``files`` are filled in here.
    onnx : bytes
        The graph.
    native : Mapping[str, bytes]
        Payloads by file name, ``.safetensors``.
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
        _check_native_name(name, FORMAT)
    members = {**native, MODEL: onnx, CARD: card.encode("utf-8", "replace")}
    files = {
        name: Member(sha256=hash_bytes(content), size=len(content))
        for name, content in sorted(members.items())
    }
    manifest = manifest.model_copy(update={"files": files})
    try:
        facts = manifest.model_dump(mode="json")
        text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        members[MANIFEST] = text.encode("utf-8")
    except ValueError as error:  # a NaN, an infinity, half of a surrogate pair
        raise BundleError(f"the manifest holds what JSON cannot hold: {error}.") from None
    data = pack(members)
    loads(data)  # nothing leaves here that cannot be read back
    return data


def save(
    path: str | Path,
    manifest: Manifest,
    *,
    onnx: bytes,
    native: Mapping[str, bytes],
    card: str,
    overwrite: bool = False,
) -> None:
    """Write a bundle: all of it or nothing.

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
    path.open("xb").close()  # takes the name, or fails where somebody was faster
    try:
        beside.replace(path)
    except BaseException:
        path.unlink()
        raise


def _reason(error: OSError | ValueError) -> str:
    """Why a path does not work; a ValueError is a NUL inside it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _check_members(manifest: Manifest, members: Mapping[str, bytes]) -> None:
    """Hold the members against the manifest: the same names, sizes and hashes, and nothing else."""
    for name in manifest.files.keys() - {MODEL, CARD}:
        _check_native_name(name, manifest.format)
    if missing := {MODEL, CARD}.union(manifest.files) - members.keys():
        raise BundleError(f"it lacks {', '.join(sorted(missing))[:200]}.", FRESH_COPY)
    if unlisted := members.keys() - manifest.files.keys():
        raise BundleError(f"it has a member {min(unlisted)!r} that the manifest does not list.", FRESH_COPY)
    for name, content in members.items():
        listed = manifest.files[name]
        if len(content) != listed.size:
            raise BundleError(f"{name} has {len(content)} bytes, not {listed.size} as listed.", FRESH_COPY)
        if hash_bytes(content) != listed.sha256:
            raise BundleError(f"{name} does not have the SHA-256 that the manifest lists.", FRESH_COPY)
    try:
        text = members[CARD].decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{CARD} is no UTF-8 text.", FRESH_COPY) from None
    if len(members[CARD]) > MAX_CARD_BYTES or _CONTROL.search(text):  # a terminal obeys control characters
        raise BundleError(f"{CARD} has control characters, or more than {MAX_CARD_BYTES} bytes.", FRESH_COPY)


def _check_native_name(name: str, number: int) -> None:
    suffixes = NATIVE_SUFFIXES[number]
    if not name.endswith(suffixes):
        allowed = " or ".join(suffixes)
        raise BundleError(f"a payload is named {name[:120]!r}; its name must end in {allowed}.", FRESH_COPY)
