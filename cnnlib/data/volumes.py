"""Volumes with one small organ among other bodies, drawn from a seed."""
from dataclasses import dataclass

import numpy as np

from cnnlib._arguments import fraction, room, whole

ORGAN, OTHER, TISSUE = 0.75, 0.5, 0.3  # mean brightness
OTHERS = 3  # bodies beside the organ


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """What ``make_volumes`` returns.

    Attributes:
        images: (N, 1, size, size, size), float32, about 0 to 1.
        masks: 1 where the organ is, (N, size, size, size), int64.
    """

    images: np.ndarray
    masks: np.ndarray


def make_volumes(count, *, size=32, seed=0, noise=0.15):
    """Draw volumes of noisy tissue with round bodies a little brighter and one bright ellipsoid, the organ.

    Args:
        count: number of volumes.
        size: depth, height and width, in voxels, at least 16.
        seed: of all random choices; the same seed gives the same volumes.
        noise: standard deviation of the noise that is added, a fraction of 1.

    Returns:
        Volumes with images and masks; the organ fills one to four of a hundred voxels.

    Raises:
        ValueError: a number is too small, or noise is no fraction.

    Source:
        drawn by this function.

    >>> volumes = make_volumes(2, size=16)
    >>> volumes.images.shape, volumes.masks.shape
    ((2, 1, 16, 16, 16), (2, 16, 16, 16))
    """
    count, size = whole("make_volumes", "count", count, least=1), whole("make_volumes", "size", size, least=16)
    seed, noise = whole("make_volumes", "seed", seed, least=0), fraction("make_volumes", "noise", noise)
    room("make_volumes", "the images", (count, 1, size, size, size))
    images = np.empty((count, 1, size, size, size), np.float32)
    masks = np.empty((count, size, size, size), np.int64)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        organ = _ellipsoid(rng, size)
        volume = np.full(organ.shape, TISSUE)
        for _ in range(OTHERS):
            volume[_ellipsoid(rng, size)] = OTHER
        volume[organ] = ORGAN
        images[number, 0] = volume + rng.normal(0, noise, volume.shape)
        masks[number] = organ
    return Volumes(images=images, masks=masks)


def _ellipsoid(rng, size):
    """Return which voxels lie inside an ellipsoid that is turned anyhow."""
    radii = size * rng.uniform(0.12, 0.22, 3)
    center = rng.uniform(radii.max(), size - 1 - radii.max(), 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    places = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1) - center
    return (((places @ turn) / radii) ** 2).sum(axis=-1) <= 1
