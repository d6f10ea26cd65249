"""Pictures of one simple shape each, with its place and its texture, drawn from a seed."""
from dataclasses import dataclass

import numpy as np

from cnnlib._arguments import flag, fraction, room, whole

KINDS = ("square", "disc", "triangle", "cross")
TEXTURES = ("plain", "upright stripes", "lying stripes", "checks")


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """What ``make_shapes`` returns.

    Attributes:
        images: (N, 1, size, size), float64, fractions of 1.
        labels: index into ``kinds``, (N,), int64.
        textures: index into ``TEXTURES``, (N,), int64; 0 is plain.
        positions: row and column of each shape's center, in pixels, (N, 2), float64.
        kinds: the names of the classes.
    """

    images: np.ndarray
    labels: np.ndarray
    textures: np.ndarray
    positions: np.ndarray
    kinds: tuple


def make_shapes(count, *, size=28, seed=0, kinds=KINDS, position="anywhere", texture=True, noise=0.05):
    """Draw one shape a picture: its kind is the class; place, texture, size and brightness vary.

    Args:
        count: number of pictures; the classes take turns, so each has the same share.
        size: rows and columns of a picture, in pixels, at least 12.
        seed: of all random choices; the same seed gives the same pictures.
        kinds: names of the classes, from "square", "disc", "triangle", "cross".
        position: "anywhere" (the whole shape inside the picture) or "center" (up to one pixel away from the middle).
        texture: True draws plain, striped and checkered shapes, False plain ones.
        noise: standard deviation of the noise that is added, a fraction of 1.

    Returns:
        Shapes with images, labels, textures, positions and kinds.

    Raises:
        ValueError: a number is too small, or a kind or position is unknown.

    Source:
        drawn by this function.

    >>> shapes = make_shapes(8, kinds=("square", "disc"))
    >>> shapes.images.shape, shapes.labels.tolist()
    ((8, 1, 28, 28), [0, 1, 0, 1, 0, 1, 0, 1])
    """
    count, size = whole("make_shapes", "count", count, least=1), whole("make_shapes", "size", size, least=12)
    seed = whole("make_shapes", "seed", seed, least=0)
    texts = isinstance(kinds, (tuple, list)) and all(isinstance(kind, str) for kind in kinds)
    if not texts or not kinds or any(kind not in KINDS for kind in kinds):
        raise ValueError(f"make_shapes: kinds must be names from {', '.join(KINDS)}, got {kinds!r}")
    if not isinstance(position, str) or position not in ("anywhere", "center"):
        raise ValueError(f"make_shapes: position must be 'anywhere' or 'center', got {position!r}")
    noise, texture = fraction("make_shapes", "noise", noise), flag("make_shapes", "texture", texture)
    room("make_shapes", "the images", (count, 1, size, size))
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(kinds)
    textures = rng.integers(len(TEXTURES), size=count) if texture else np.zeros(count, int)
    radii = rng.uniform(size * 0.14, size * 0.22, count)
    positions = _positions(rng, size, radii, position)
    images = np.empty((count, 1, size, size))
    for i, label in enumerate(labels):
        inside = inside_shape(kinds[label], size, positions[i], radii[i])
        images[i, 0] = inside * rng.uniform(0.6, 1.0) * _surface(textures[i], size)
    images = np.clip(images + rng.normal(0, noise, images.shape), 0, 1)
    return Shapes(images=images, labels=labels, textures=textures, positions=positions, kinds=tuple(kinds))


def _positions(rng, size, radii, position):
    middle = np.full((len(radii), 2), (size - 1) / 2)
    room = 1.0 if position == "center" else middle[:, :1] - 1.1 * radii[:, None] - 1  # a triangle's point
    return middle + rng.uniform(-1, 1, middle.shape) * room


def inside_shape(kind, size, center, radius):
    """Return which pixels belong to the shape, (size, size), 0 or 1."""
    row, col = np.mgrid[:size, :size]
    y, x = row - center[0], col - center[1]
    if kind == "square":
        inside = np.maximum(abs(y), abs(x)) <= radius * 0.9
    elif kind == "disc":
        inside = y**2 + x**2 <= radius**2
    elif kind == "triangle":  # the point is above
        inside = (y <= radius * 0.9) & (2 * abs(x) <= y + radius * 1.1)
    else:
        inside = (np.minimum(abs(y), abs(x)) <= radius * 0.3) & (np.maximum(abs(y), abs(x)) <= radius)
    return inside.astype(float)


def _surface(texture, size):
    """Return the brightness of a texture, (size, size): 1, or 0.5 on every second pair of rows or columns."""
    row, col = np.mgrid[:size, :size] // 2
    stripes = (np.zeros_like(row), col, row, row + col)[texture]
    return np.where(stripes % 2, 0.5, 1.0)
