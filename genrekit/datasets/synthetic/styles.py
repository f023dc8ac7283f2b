"""Styles of generated songs, as data.

A bar has 16 steps. A pattern has one digit per step: 0 is silence, 9 is always played and loud; a digit in
between is played with the probability and the loudness of that fraction of nine. Styles
overlap on purpose: tempi, instruments and patterns are shared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}

OCTAVES_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000)

PARTS = ("bass", "comp", "lead", "pad")

Range = tuple[float, float]
Pattern = dict[str, str]


@dataclass(frozen=True)
class Part:
    """Part of one player of a band.

    Attributes
    ----------
    instruments : tuple of str
        Names in `genrekit.datasets.synthetic.instruments.NOTES`; a band plays one of them.
    patterns : tuple of str
        Rhythms; a section of a song keeps one of them.
    length : float
        Length of a note, in steps.
    octave : int
        The MIDI octave of the lowest notes.
    manner : {'root', 'walk', 'chord', 'arpeggio', 'melody'}
        Notes to play: the root of the chord, a walk through it, all of it, one tone after another, or a tune.
    """

    instruments: tuple[str, ...]
    patterns: tuple[str, ...]
    length: float
    octave: int
    manner: str


@dataclass(frozen=True)
class Style:
    """A genre as ranges and choices; tempo in beats per minute, the other ranges in [0, 1].

    ``spectrum_db`` is the target of mastering: the mean power density at `OCTAVES_HZ`, in dB below the loudest of
    them, close to that of the genre in GTZAN.
    """

    tempo_bpm: Range
    swing: Range
    scales: tuple[str, ...]
    progressions: tuple[tuple[int, ...], ...]
    tones: int
    drums: tuple[Pattern, ...]
    bass: Part
    comp: Part
    lead: Part
    pad: Part
    drive: Range
    room: Range
    spectrum_db: tuple[float, ...]


_TABLE = """\
classical: tempo_bpm 66-126, swing 0-0.02, drive 0-0.05, room 0.35-0.8, tones 3
scales: major minor
progressions: 0453 0340 0514 0403
spectrum_db: -11 -6 -3 -3 -8 -15 -24 -38
bass: strings keys | 9000000000000000 9000000090000000 | 14 2 root
comp: keys strings pluck | 9090909090909090 9999999999999999 9009009009009090 | 3 4 arpeggio
lead: strings keys strings | 9000500090003000 9000000050005030 9030600090000000 | 5 5 melody
pad: strings | 0000000000000000 | 15 3 chord
drums:

disco: tempo_bpm 106-130, swing 0-0.06, drive 0.1-0.35, room 0.1-0.4, tones 4
scales: minor dorian major
progressions: 0534 0303 0234 5434
spectrum_db: -1 -2 -9 -13 -14 -18 -24 -29
bass: saw pluck sub | 9090909090909090 9009009090900900 0090009000900090 | 1.6 2 walk
comp: pluck saw electric_piano strings | 0900909009009090 0090009000900090 9000000000900000 | 1.2 4 chord
lead: strings voice saw brass | 9000600090600030 9060003000906000 | 3.5 5 melody
pad: strings organ | 9000000000000000 | 15 4 chord
drums: kick 9000900090009000 snare 0000900000009000 open_hat 0090009000900090 hat 6030603060306030,
       kick 9000900090009000 clap 0000900000009000 open_hat 0080008000800080 hat 5353535353535353

hiphop: tempo_bpm 80-104, swing 0.05-0.25, drive 0.15-0.45, room 0.02-0.2, tones 4
scales: minor dorian phrygian
progressions: 0055 0000 0304 0506
spectrum_db: 0 -6 -12 -15 -19 -22 -28 -33
bass: sub sub saw | 9000003090200000 9000000000300000 9000900000300000 | 7 2 root
comp: electric_piano keys strings brass | 9000000000000000 9000003000000000 9000000090000000 | 6 4 chord
lead: voice voice voice keys | 9393639393639390 9060936090936030 | 1.5 3 melody
pad: strings organ | 9000000000000000 | 15 3 chord
drums: kick 9000003090200000 snare 0000900000009000 hat 9090909090909090,
       kick 9004000020900000 clap 0000900000009000 hat 9193919391939393,
       kick 9000020009200000 snare 0000900200009000 hat 9060906090609060 open_hat 0000000000000030

jazz: tempo_bpm 96-210, swing 0.2-0.34, drive 0-0.15, room 0.1-0.45, tones 4
scales: dorian mixolydian major
progressions: 1405 0514 0304 2514
spectrum_db: -5 -4 -6 -8 -13 -20 -30 -40
bass: pluck | 9000900090009000 9000900090609030 | 3.6 2 walk
comp: keys keys electric_piano | 9000000600000000 0000009000000060 0060000090000030 | 2.5 4 chord
lead: brass brass keys | 9060906030906060 0090606090009060 9030600000906090 | 2.2 4 melody
pad: strings | 0000000000000000 | 15 4 chord
drums: ride 9000907090009070 hat 0000900000009000 snare 0010002000100030 kick 2000200020002000,
       ride 9000607090006070 hat 0000800000008000 rim 0000300000003020,
       ride 9000900090009000 hat 0000900000009000 snare 0030000000200010

metal: tempo_bpm 110-190, swing 0-0.02, drive 0.4-0.9, room 0.05-0.3, tones 3
scales: minor phrygian
progressions: 0056 0105 0536 0001
spectrum_db: 0 -3 -8 -13 -15 -16 -21 -29
bass: saw pluck | 9090909090909090 9900990099009900 | 1.8 1 root
comp: power | 9099909990999099 9000909090000090 9900990099009900 | 2 2 root
lead: lead_guitar voice lead_guitar | 9000600090306030 9090609060906090 | 3 4 melody
pad: strings | 0000000000000000 | 15 3 chord
drums: kick 9090909090909090 snare 0000900000009000 open_hat 9000900090009000,
       kick 9900990099009900 snare 0000900000009000 ride 9090909090909090,
       kick 9000000090900000 snare 0000900000009000 open_hat 9000900090009000

reggae: tempo_bpm 66-96, swing 0.05-0.28, drive 0.05-0.3, room 0.15-0.5, tones 3
scales: minor major mixolydian
progressions: 0303 0434 0033 0101
spectrum_db: 0 -5 -11 -13 -17 -22 -31 -38
bass: sub pluck sub | 9000009000900000 9060000090900000 0000906090000090 | 5 2 walk
comp: organ pluck keys | 0090009000900090 0093009300930093 | 1.1 4 chord
lead: voice organ brass | 9060600090003000 0000906060900000 | 2.5 4 melody
pad: organ | 9000000000000000 | 15 3 chord
drums: rim 0000000090000000 kick 0000000090000000 hat 9060906090609060,
       snare 0000000090000000 kick 9000000090000000 hat 9090909090909090,
       rim 0000900000009000 kick 9000300090003000 hat 9060906090609060
"""


def _part(line: str) -> Part:
    instruments, patterns, manner = (column.split() for column in line.split("|"))
    return Part(tuple(instruments), tuple(patterns), float(manner[0]), int(manner[1]), manner[2])


def _style(block: str) -> tuple[str, Style]:
    first, *rest = re.split(r"\n(?=\w)", block.strip())
    name, numbers = first.split(": ")
    facts = dict(re.findall(r"(\w+) (\S+?)(?:,|$)", numbers))
    fields: dict[str, Any] = {
        key: tuple(map(float, facts[key].split("-"))) for key in ("tempo_bpm", "swing", "drive", "room")
    }
    lines = dict(line.split(":", 1) for line in rest)
    fields.update({part: _part(lines[part]) for part in PARTS})
    return name, Style(
        **fields,
        tones=int(facts["tones"]),
        scales=tuple(lines["scales"].split()),
        progressions=tuple(tuple(map(int, roots)) for roots in lines["progressions"].split()),
        drums=tuple(dict(re.findall(r"(\w+) (\d+)", kit)) for kit in lines["drums"].split(",")),
        spectrum_db=tuple(map(float, lines["spectrum_db"].split())),
    )


STYLES = dict(map(_style, _TABLE.split("\n\n")))
"""The styles by name, in alphabetical order."""
