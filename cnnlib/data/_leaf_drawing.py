"""Draw one leaf: where it lies, its margin, veins, color, light and ground, in float32, no loop over pixels."""
import math
from functools import lru_cache

import numpy as np

from cnnlib.data._leaf_classes import CELLS, REACH, half_width, leaf_class, main_veins, radius

COLORS = np.array([  # corners of the colors that a blade of any class may have: red, green, blue, fractions of 1
    [0.20, 0.36, 0.10], [0.36, 0.52, 0.16], [0.16, 0.42, 0.26], [0.50, 0.54, 0.16], [0.66, 0.52, 0.14],
    [0.62, 0.30, 0.12], [0.46, 0.16, 0.14]])
TILT = 0.3  # standard deviation of the angle to upright, radians
PLAIN = 0.9  # share of leaves that lie on something nearly gray
COARSE = 4  # pixels of a cell of shadow and ground
WOBBLE = np.array([1, 1 / 1.5, 1 / 2, 1 / 3])  # strength of waves 1 to 4 around the leaf


def paint(label, rng, size):
    """Return a picture of a leaf, (3, size, size), uint8.

    Args:
        label: class, 0 to 175.
        rng: NumPy's generator of all that differs between two leaves of the class.
        size: rows and columns, in pixels.
    """
    kind = leaf_class(label)
    u, v, scale = _place(kind, rng, size)
    edge, fields = (_around if kind.margin == "palmate" else _beside)(label, rng, u, v)
    edge *= scale  # now in pixels
    edge += 0.5
    cover = np.maximum(edge, _stalk(kind, rng, u, v, scale))
    np.clip(cover, 0, 1, out=cover)
    picture = _ground(rng, cover)
    leaf = np.flatnonzero(cover > 0)
    shade = _light(rng, size).take(leaf)
    shade += _veins(kind, rng, *fields(leaf), scale)
    halves = rng.uniform(-0.09, 0.09, 2).astype(np.float32)  # of a blade that is folded along its midrib
    shade += halves.take(v.take(leaf) > 0)
    part = cover.take(leaf)
    for channel, color in zip(picture.reshape(3, -1), _colors(kind, rng, size, leaf), strict=True):
        ground = channel.take(leaf)
        channel[leaf] = ground + part * (color * shade - ground)
    picture += _grain(rng, size)
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def _place(kind, rng, size):
    """Return coordinates along and across the midrib, in half leaf lengths, and the pixels of a half length."""
    turn, slant, bend, stretch = rng.normal(0, (TILT, 0.06, 0.07, 0.07)).tolist()
    scale = size * rng.uniform(0.34, 0.46)
    row, col = (size * rng.uniform(0.47, 0.53, 2)).tolist()
    stretch = math.exp(stretch)
    middle = 0.1 if kind.margin == "palmate" else 0.0  # of the blade, along the midrib
    cells = np.arange(size) + 0.5
    y, x = (row - cells) / scale, (cells - col) / scale
    cos, sin = math.cos(turn), math.sin(turn)
    u = _plane(cos * y, sin * x + middle)
    v = u * u
    v *= bend * stretch
    v += _plane((slant * cos - sin) * stretch * y, ((cos + slant * sin) * x - 0.4 * bend) * stretch)
    return u, v, scale


def _plane(down, across):
    return down[:, None].astype(np.float32) + across.astype(np.float32)


def _beside(label, rng, u, v):
    """Return the distance to the margin of a blade along a midrib, and a function of pixels.

    That function gives the places along the midrib, off it, and between it (0) and the margin (1).
    """
    width = half_width(label) * (1 + _wobble(rng, REACH * 1.3))
    across = np.abs(v)
    at = ((u + REACH) * ((CELLS - 1) / 2 / REACH)).astype(np.intp)
    edge = width.take(at)
    edge -= across
    edge *= _flat(width, (CELLS - 1) / 2 / REACH).take(at)

    def fields(pixels):
        off = across.take(pixels)
        return u.take(pixels), off, off / np.maximum(width.take(at.take(pixels)), 0.02)
    return edge, fields


def _around(label, rng, u, v):
    """Return the same for a blade with main veins that start at the stalk's end."""
    reach = radius(label) * (1 + _wobble(rng, math.pi))
    across = np.abs(v)
    place = across / (across + np.abs(u) + 1e-6)
    place = np.where(u > 0, place, 2 - place)
    at = (np.copysign(place, v) * ((CELLS - 1) / 4) + (CELLS - 1) / 2).astype(np.intp)
    far = np.sqrt(u * u + v * v)
    edge = reach.take(at)
    edge -= far
    edge *= _flat(np.log(reach), (CELLS - 1) / 2 / math.pi).take(at)

    def fields(pixels):
        angle, away = at.take(pixels), far.take(pixels)
        cos, sin = main_veins(label)
        return away * cos.take(angle), away * sin.take(angle), away / reach.take(angle)
    return edge, fields


def _flat(table, cells):
    """Return how much nearer than along its axis the curve of a table is, with so many cells a unit, (CELLS,)."""
    slope = np.empty_like(table)
    slope[1:-1] = table[2:] - table[:-2]
    slope[[0, -1]] = 0
    slope *= cells / 2
    return np.maximum(1 / np.sqrt(1 + slope * slope), 0.2)  # a leap has no slope


def _wobble(rng, reach):
    """Return slow noise around 0 on the entries of a table, (CELLS,)."""
    strength = (rng.normal(0, 0.04, (2, 4)) * WOBBLE).astype(np.float32)
    return (strength.reshape(8, 1) * _waves(reach)).sum(axis=0)


@lru_cache(maxsize=2)
def _waves(reach):
    phase = np.arange(1, 5)[:, None] * np.linspace(-reach, reach, CELLS)
    return np.concatenate([np.cos(phase), np.sin(phase)]).astype(np.float32)


def _stalk(kind, rng, u, v, scale):
    """Return 0.5 plus the pixels inside the stalk's margin, (size, size)."""
    length, thick, bend = rng.uniform((0.25, 0.018, -0.25), (0.5, 0.03, 0.25)).tolist()
    base, length = (0.0, length + 0.75) if kind.margin == "palmate" else (-0.7, length + 0.3)
    below = u - base
    line = np.minimum(below, 0)
    line *= line
    line *= bend
    line += v
    np.abs(line, out=line)
    np.subtract(thick, line, out=line)
    np.abs(np.add(below, length / 2, out=below), out=below)
    np.minimum(line, length / 2 - below, out=line)
    line *= scale
    line += 0.5
    return line


def _veins(kind, rng, along, off, relative, scale):
    """Return how much veins lighten (or darken) pixels of the blade, fractions of 1."""
    pixel = 1 / scale
    shift, strength = rng.uniform((-0.5, 0.12), (0.5, 0.26)).tolist()
    if kind.arched:
        wave, wide = relative * (kind.veins * 0.6), 0.10
    else:
        wave = along - off * (kind.slope + kind.bend * off)
        wave = wave * kind.veins + shift
        wide = kind.veins * (0.014 * math.hypot(1, kind.slope) + 0.6 * pixel)
    wave -= np.rint(wave)
    side = 0.75 - np.abs(wave) * (0.75 / wide)
    main = 1 - off / max(0.022, 0.8 * pixel)
    shade = np.maximum(np.maximum(main, side), 0)
    if kind.net > 0.3:
        shade += 0.22 * kind.net * np.sin(along * (34 + 30 * kind.net)) * np.sin(off * 60)
    return shade * (kind.pale * strength)


@lru_cache(maxsize=16)
def _stretch(size, cells):
    """Return for each of size pixels the cell before it, the cell behind it and the share of the latter, (size, 1)."""
    at = np.clip((np.arange(size) + 0.5) / size * cells - 0.5, 0, cells - 1)
    before = np.minimum(at.astype(np.intp), cells - 2)
    share = 0.5 - 0.5 * np.cos(math.pi * (at - before))
    return before, before + 1, share.astype(np.float32)[:, None]


def _smooth(size, cells):
    """Return values on a small grid as a smooth field, (size, size)."""
    before, behind, share = _stretch(size, len(cells))
    field = cells.astype(np.float32)
    for _ in range(2):  # rows, then columns
        low = field.take(before, axis=0)
        field = field.take(behind, axis=0)
        field -= low
        field *= share
        field += low
        field = np.ascontiguousarray(field.T)
    return field


def _light(rng, size):
    """Return light over the picture: a slope and slow blotches around 1, (size, size)."""
    level, down, across = rng.normal(0, (0.1, 0.09, 0.09)).tolist()
    slope = np.linspace(-1, 1, 7)
    return _smooth(size, 1 + level + down * slope[:, None] + across * slope + rng.normal(0, 0.05, (7, 7)))


def _ground(rng, cover):
    """Return what the leaf lies on, with its shadow, (3, size, size), float32, 0 to 255."""
    size = len(cover)
    cells = size // COARSE
    small = cover[:cells * COARSE, :cells * COARSE].reshape(cells, COARSE, -1).mean(axis=1)
    small = small.reshape(cells, cells, COARSE).mean(axis=2)
    small = np.roll(small, tuple(rng.integers(-1, 2, 2).tolist()), (0, 1))
    rough = int(rng.choice((4, 9, 24)))
    field = 1 - rng.uniform(0.1, 0.35) * small + _smooth(cells, rng.normal(0, rng.uniform(0.01, 0.08), (rough, rough)))
    gray = rng.uniform(0.65, 0.97) + rng.normal(0, 0.05, 3)
    color = gray if rng.random() < PLAIN else rng.uniform(0.15, 0.8, 3)
    return _smooth(size, field) * (255 * color).astype(np.float32)[:, None, None]


def _colors(kind, rng, size, leaf):
    """Return the colors of pixels of the leaf, (3, pixels), float32, 0 to 255."""
    corners, shares = COLORS[rng.choice(len(COLORS), 3)], rng.dirichlet((1, 1, 1))
    color = shares @ corners * rng.uniform(0.8, 1.2) + kind.tint
    other = rng.normal(0, 0.08, 3)
    blotch = np.maximum(_smooth(size, rng.normal(0, 0.5, (9, 9))).take(leaf), 0)
    return np.multiply.outer((255 * other).astype(np.float32), blotch) + (255 * color).astype(np.float32)[:, None]


def _grain(rng, size):
    """Return noise of the camera, the same in all colors, (size, size), float32."""
    noise = np.frombuffer(rng.bytes(size * size), np.uint8).reshape(size, size)
    return (noise.astype(np.float32) - 127.5) * (rng.uniform(4, 22) / 255)
