"""Seeded mutations of files: what transfers, disks and attackers do to them.

A mutant is a function of its seed file and of the state of a `random.Random`, so that the words
``"0:wav:17"`` are enough to make a mutant again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

from genrekit.backends.base import GRAPH_FILE
from genrekit.errors import BundleError
from genrekit.hashing import hash_bytes
from genrekit.models.bundle import MANIFEST
from genrekit.models.container import pack, unpack
from support.fuzz_headers import FIELDS, Field, no_fields, with_right_sums
from support.fuzz_seeds import Seed

MAX_BYTES = 1 << 20
"""No mutant of sounds, pictures and tables is longer, whatever is doubled in it."""


def mutant(kind: str, files: dict[str, list[Seed]], number: int, *, seed: int = 0) -> Seed:
    """Make mutant ``number`` of a kind, the same one every time."""
    rng = Random(f"{seed}:{kind}:{number}")
    chosen = rng.choice(files[kind])
    if kind in ("facts", "graph", "payload"):
        return Seed(chosen.suffix, _member_mutant(kind, chosen.data, rng))
    other = rng.choice(files[rng.choice(sorted(files))] if rng.random() < 0.2 else files[kind])
    if kind in ("csv", "json", "manifest") and chosen.suffix != ".parquet" and rng.random() < 0.7:
        return Seed(chosen.suffix, _text_mutant(chosen.data, rng))
    data = mutate(chosen.data, rng, fields=FIELDS.get(kind, no_fields), other=other.data)
    if data[:4] == b"OggS" and rng.random() < 0.7:
        data = with_right_sums(data)
    return Seed(chosen.suffix, data if kind == "bundle" else data[:MAX_BYTES])


def mutate(
    data: bytes, rng: Random, *, fields: Callable[[bytes], Iterator[Field]], other: bytes = b""
) -> bytes:
    """Change bytes in one to four ways.

    Parameters
    ----------
    data : bytes
    rng : Random
    fields : callable
        Finds the numbers of the format's headers.
    other : bytes
        What may be spliced in.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        if rng.random() < 0.4 and (found := [*fields(data)]):
            data = _write_number(data, rng.choice(found), rng)
        else:
            data = rng.choice(_WAYS)(bytearray(data), rng, other)
    return data


def _place(data: bytearray, rng: Random) -> int:
    """A position, half of the time where headers and directories are."""
    end = len(data)
    return (
        rng.choice(
            (
                rng.randrange(end),
                rng.randrange(end),
                rng.randrange(min(end, 96)),
                end - 1 - rng.randrange(min(end, 96)),
            )
        )
        if end
        else 0
    )


def _flip(data: bytearray, rng: Random, other: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 4, 32))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(data)


def _truncate(data: bytearray, rng: Random, other: bytes) -> bytes:
    return bytes(data[: _place(data, rng)])


def _behead(data: bytearray, rng: Random, other: bytes) -> bytes:
    return bytes(data[rng.choice((1, 4, _place(data, rng))) :])


def _remove(data: bytearray, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 64, 1024))]
    return bytes(data)


def _double(data: bytearray, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    block = data[at : at + rng.choice((1, 4, 64, 4096))] * rng.choice((1, 1, 2, 50))
    return bytes(data[:at] + block + data[at:])


def _overwrite(data: bytearray, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    size = rng.choice((1, 2, 4, 16, 256))
    data[at : at + size] = rng.choice((rng.randbytes(size), bytes(size), b"\xff" * size))
    return bytes(data)


def _number(data: bytearray, rng: Random, other: bytes) -> bytes:
    return _write_number(bytes(data), Field(_place(data, rng), rng.choice((1, 2, 4, 8))), rng)


def _splice(data: bytearray, rng: Random, other: bytes) -> bytes:
    at, there = _place(data, rng), _place(bytearray(other), rng)
    if rng.random() < 0.5:
        return bytes(data[:at]) + other[there:]
    return bytes(data[:at]) + other[there : there + 512] + bytes(data[at:])


def _append(data: bytearray, rng: Random, other: bytes) -> bytes:
    return bytes(data) + rng.choice((rng.randbytes(64), other, bytes(4096)))


def _noise(data: bytearray, rng: Random, other: bytes) -> bytes:
    """Random bytes behind a beginning that is right."""
    return bytes(data[: rng.choice((0, 4, 12, 16, 44))]) + rng.randbytes(rng.choice((0, 1, 100, 5000)))


_WAYS = (
    _flip,
    _flip,
    _flip,
    _truncate,
    _behead,
    _remove,
    _double,
    _overwrite,
    _overwrite,
    _number,
    _number,
    _splice,
    _append,
    _noise,
)


def _write_number(data: bytes, field: Field, rng: Random) -> bytes:
    """Give a number a value at the edge of what it can hold, or one near to what it was."""
    at, size, order = field
    old = int.from_bytes(data[at : at + size], order)
    top = 1 << (8 * size)
    new = rng.choice(
        (
            0,
            1,
            2,
            top - 1,
            top - 2,
            top // 2,
            top // 2 - 1,
            old + 1,
            old - 1,
            old * 2,
            old // 2,
            old + 4,
            rng.randrange(top),
        )
    )
    return data[:at] + (new % top).to_bytes(size, order) + data[at + size :]


# What stands in cells: numbers at the edges, other scripts, what spreadsheets, terminals and file systems obey.
CELLS = (
    "", " ", "nan", "NaN", "-inf", "1e999", "-1e308", "1e-320", "0x10", "1_000", "1,5", "٣", "-0", "9" * 400, "9" * 5000,
    "NULL", "None", "true", '"', '""', "'", "\n", "\r", "\t", ";", "|", "\\", "\0", "\x1b[31mred", "\x7f", "\u202egenre",
    "\ufeff", "\ud800", "é" * 300, "🎵", "=cmd()", "../../../../etc/passwd", "/dev/null", "/", ".", "~", "a" * 300,
    "x/" * 2000, "file:///etc/passwd", "https://127.0.0.1:9/x.wav", "*", "[", "{", "}", "]", "[" * 3000, '{"a":' * 2000,
    "null", '{"a": 1}', "path", "label", "tempo", "energy", "genre", "audio_features",
)  # fmt: skip


def _text_mutant(data: bytes, rng: Random) -> bytes:
    """Change cells, lines and marks of a text, and sometimes its encoding."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if wide else "utf-8")
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        cells = [*re.finditer(r"[^,;\t\n\"{}:\[\]]+", text)]
        lines = text.splitlines(keepends=True)
        way = rng.randrange(7)
        if way <= 2 and cells:
            cell = rng.choice(cells[:40] if rng.random() < 0.3 else cells)
            text = text[: cell.start()] + rng.choice(CELLS) + text[cell.end() :]
        elif way == 3 and lines:
            line = rng.choice(lines)
            at = rng.randrange(len(lines) + 1)
            text = "".join([*lines[:at], *[line] * rng.choice((1, 2, 200)), *lines[at:]])
        elif way == 4 and lines:
            lines.pop(rng.randrange(len(lines)))
            text = "".join(lines)
        elif way == 5 and text:
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(CELLS) + text[at + rng.randrange(3) :]
        elif text:
            mark = rng.choice(',;\t\n"{}:[]')
            text = text.replace(mark, rng.choice(',;\t\n"{}:[]'), rng.choice((1, 3, -1)))
        text = text[:MAX_BYTES]
    encoding = (
        rng.choice(("utf-16", "utf-16-le", "latin-1", "utf-8-sig"))
        if rng.random() < 0.1
        else "utf-16"
        if wide
        else "utf-8"
    )
    return text.encode(encoding, "backslashreplace" if encoding == "latin-1" else "surrogatepass")[:MAX_BYTES]


def _member_mutant(kind: str, data: bytes, rng: Random) -> bytes:
    """Change one member, and make its size and hash in the manifest right again."""
    members = unpack(data)
    facts = json.loads(members[MANIFEST])
    if kind == "facts":
        _change_value(facts, rng)
    else:
        payloads = sorted(set(members) - {MANIFEST, GRAPH_FILE, "README.md"})
        name = GRAPH_FILE if kind == "graph" else rng.choice(payloads)
        if rng.random() < 0.6:  # a change of length is soon noticed
            members[name] = _flip(bytearray(members[name]), rng, b"")
        else:
            members[name] = mutate(members[name], rng, fields=no_fields, other=members[rng.choice(payloads)])
        facts["files"][name] = {"sha256": hash_bytes(members[name]), "size": len(members[name])}
    try:
        members[MANIFEST] = json.dumps(facts).encode("utf-8", "surrogatepass")
        return pack(members)
    except BundleError:  # a name that no container takes
        return data[: rng.randrange(len(data))]


def _change_value(facts: object, rng: Random) -> None:
    """Change one value anywhere in a JSON text, or its key."""
    places = [*_places(facts)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        holder, key = rng.choice(places)
        value = rng.choice(
            (
                None,
                True,
                0,
                -1,
                2**63,
                1e308,
                0.5,
                "",
                "\x1b[2J",
                "é" * 400,
                [],
                {},
                [[]],
                rng.choice(CELLS),
                rng.random(),
                10**400,
            )
        )
        if isinstance(holder, dict) and rng.random() < 0.3:
            holder.pop(key, None)
            holder[rng.choice(CELLS)] = value
        elif isinstance(holder, dict) or key < len(holder):
            holder[key] = value


def _places(value: object) -> Iterator[tuple[dict | list, str | int]]:
    pairs: Sequence = (
        [*value.items()]
        if isinstance(value, dict)
        else [*enumerate(value)]
        if isinstance(value, list)
        else []
    )
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)
