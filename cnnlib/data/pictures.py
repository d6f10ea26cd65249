"""Two small gray pictures."""
from pathlib import Path

import numpy as np

SIDE = 96
_FILES = Path(__file__).parent / "files"


def load_picture(name="cat"):
    """Return a gray picture.

    Args:
        name: "cat" (a photograph) or "pattern" (drawn by code: bars, a slanted line, a disc, a corner).

    Returns:
        (96, 96), uint8, 0 (black) to 255 (white).

    Raises:
        ValueError: there is no picture of this name.

    Source:
        files/LICENSES.md names the photograph's origin and license.

    >>> load_picture("cat").shape, load_picture("pattern").dtype
    ((96, 96), dtype('uint8'))
    """
    if isinstance(name, str) and name == "cat":
        return np.load(_FILES / "cat.npy")
    if isinstance(name, str) and name == "pattern":
        return _pattern()
    raise ValueError(f"load_picture: name must be 'cat' or 'pattern', got {name!r}")


def _pattern():
    row, col = np.mgrid[:SIDE, :SIDE]
    picture = np.full((SIDE, SIDE), 40)
    picture[8:40, 8:40][:, (np.arange(32) // 4) % 2 == 0] = 220  # upright bars
    picture[8:40, 56:88][(np.arange(32) // 4) % 2 == 0] = 220  # lying bars
    picture[(row - 70) ** 2 + (col - 24) ** 2 <= 16**2] = 180  # disc
    picture[(np.abs(row - col + 2) <= 2) & (row > 54) & (col > 52) & (row < 90) & (col < 90)] = 255  # slanted line
    return picture.astype(np.uint8)
