"""The parameters of 176 invented kinds of leaves, and the tables that a drawing looks them up in."""
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

COUNT = 176  # classes of the contest
CELLS = 4096  # entries of a table
REACH = 3.0  # tables along the midrib go from -REACH to REACH; a leaf's own length is 2
MARGINS = ("entire", "toothed", "lobed", "palmate")
_STEMS = ("Alvi", "Brema", "Caldo", "Dreva", "Elmo", "Fari", "Gleno", "Hova", "Irmi", "Jora", "Kesti", "Lumo", "Marvi",
          "Nolda", "Orsi", "Pelu")
_ENDINGS = ("bris", "cera", "dium", "fora", "gelia", "lindra", "mira", "nera", "ptera", "ralis", "santha")
_EPITHETS = {"entire": "lenis", "toothed": "denticosa", "lobed": "undosa", "palmate": "stellosa"}
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


@dataclass(frozen=True, kw_only=True)
class LeafClass:
    """What all leaves of a class share; lengths are fractions of half the leaf's length.

    Attributes:
        name: invented, "genus_epithet".
        margin: "entire", "toothed", "lobed" (along the midrib) or "palmate" (lobes around the stalk's end).
        width: half the width of the blade.
        widest: where the blade is widest, from 0 (base) to 1 (tip).
        tip: exponent of the outline at the tip: below 1 is blunt, above 1 drawn out.
        teeth: number of teeth or lobes, on one side of a blade with a midrib, all around a palmate one.
        depth: how deep they cut, a fraction of the width.
        sharp: 0 gives round teeth or lobes, 1 pointed ones.
        notch: depth of the notch at the base of a palmate blade.
        arched: True for veins that run from the base to the tip, False for veins that branch off.
        veins: number of side veins on one side.
        slope: how far side veins lean to the tip, length along the midrib per length across.
        bend: how much they curve.
        net: strength of the finest veins, 0 to 1.
        pale: 1 for veins lighter than the blade, -1 for darker ones.
        tint: what the class adds to the color, (red, green, blue), small against the spread within a class.
    """

    name: str
    margin: str
    width: float
    widest: float
    tip: float
    teeth: int
    depth: float
    sharp: float
    notch: float
    arched: bool
    veins: int
    slope: float
    bend: float
    net: float
    pale: int
    tint: tuple


@lru_cache(maxsize=COUNT)
def leaf_class(label):
    """Return the parameters of a class, from numbers that are spread evenly: multiples of square roots, modulo 1."""
    margin, turn = MARGINS[label % 4], label // 4
    spread = [math.modf(0.37 + (label + 1) * math.sqrt(prime))[0] for prime in _PRIMES]
    width, widest, tip, teeth, depth, sharp, notch, veins, slope, bend, net, tint = spread
    counts = {"entire": 1, "toothed": 7 + round(13 * teeth), "lobed": 3 + round(3.4 * teeth),
              "palmate": (3, 5, 7, 9, 11)[int(5 * teeth)]}
    depths = {"entire": 0.0, "toothed": 0.1 + 0.12 * depth, "lobed": 0.3 + 0.38 * depth, "palmate": 0.12 + 0.5 * depth}
    widths = {"entire": 0.2 + 0.5 * width, "toothed": 0.3 + 0.4 * width, "lobed": 0.42 + 0.3 * width,
              "palmate": 0.85 + 0.35 * width}
    return LeafClass(
        name=leaf_name(label), margin=margin, width=widths[margin], widest=0.28 + 0.44 * widest, tip=0.55 + 1.1 * tip,
        teeth=counts[margin], depth=depths[margin], sharp=sharp, notch=0.3 + 0.6 * notch,
        arched=margin == "entire" and turn % 2 == 1, veins=4 + round(6 * veins),
        slope=0.35 + 0.9 * slope, bend=0.8 * bend - 0.1, net=net, pale=-1 if (turn + label) % 3 == 0 else 1,
        tint=tuple(0.03 * math.cos(2 * math.pi * (tint + third / 3)) for third in range(3)))


def leaf_name(label):
    """Return a class's name; genus and epithet are made up."""
    stem, ending = _STEMS[label % 16], _ENDINGS[label // 16]
    return f"{stem}{ending}_{_EPITHETS[MARGINS[label % 4]]}".lower()


@lru_cache(maxsize=1)
def axis():
    """Return the places along the midrib of a table's entries, (CELLS,)."""
    return np.linspace(-REACH, REACH, CELLS, dtype=np.float32)


@lru_cache(maxsize=1)
def turns():
    """Return the angles of a table's entries, (CELLS,), radians from -pi to pi.

    Entries are evenly spread on the diamond |u| + |v| = 1, because its place needs no arctangent per pixel.
    """
    place = np.linspace(-2, 2, CELLS)
    return np.arctan2(np.sign(place) * (1 - np.abs(1 - np.abs(place))), 1 - np.abs(place)).astype(np.float32)


@lru_cache(maxsize=COUNT)
def half_width(label):
    """Return half the width of a blade at each place of ``axis``, negative beyond base and tip, (CELLS,)."""
    kind, along = leaf_class(label), axis()
    t = np.clip((along + 1) / 2, 0, 1)
    at = kind.widest
    base = kind.tip * at / (1 - at)  # so that the product is largest at ``widest``
    blade = kind.width * (t / at) ** base * ((1 - t) / (1 - at)) ** kind.tip
    blade *= 1 - kind.depth * _cuts(t * (kind.teeth + 0.5) - 0.25, kind)
    return np.where(np.abs(along) <= 1, blade, 1 - np.abs(along)).astype(np.float32)


@lru_cache(maxsize=COUNT)
def radius(label):
    """Return the distance from the stalk's end to the margin at each of ``turns``, (CELLS,)."""
    kind, angle = leaf_class(label), turns()
    cuts = _cuts(angle * kind.teeth / (2 * math.pi), kind)
    oval = 1 / np.sqrt(np.cos(angle) ** 2 + (np.sin(angle) / kind.width) ** 2)
    base = 1 - kind.notch * np.exp(-((math.pi - np.abs(angle)) / 0.45) ** 2)
    return (oval * (0.8 + 0.2 * np.cos(angle)) * base * (1 - kind.depth * cuts)).astype(np.float32)


@lru_cache(maxsize=COUNT)
def main_veins(label):
    """Return cosine and sine of the angle to the nearest main vein at each of ``turns``, two arrays (CELLS,)."""
    step = 2 * math.pi / leaf_class(label).teeth
    angle = turns()
    away = np.abs(angle - step * np.round(angle / step))
    return np.cos(away).astype(np.float32), np.sin(away).astype(np.float32)


def _cuts(phase, kind):
    """Return 0 on the top of a tooth or lobe (whole phases) and 1 in the cut between two."""
    if kind.margin == "entire":
        return np.zeros_like(phase)
    if kind.margin == "toothed":  # teeth lean to the tip
        return 1 - np.mod(phase, 1) ** (1 + kind.sharp)
    pointed = 2 * np.abs(phase - np.round(phase))
    return (1 - kind.sharp) * (0.5 - 0.5 * np.cos(2 * math.pi * phase)) + kind.sharp * pointed ** 0.8
