"""Matrices with their numbers in the cells: one, several in a row, and the padding modes."""
import numpy as np
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from cnnlib.plots.charts import show_images
from cnnlib.plots.picture import (
    INK,
    LINE,
    MUTED,
    NEGATIVE,
    PADDED,
    PIXELS,
    POSITIVE,
    STYLE,
    WIDTH,
    Picture,
    canvas,
    check_alt,
    numbers,
    pairs,
    text_width,
)

CELL, TITLE, SHAPE, GAP, EDGE = 32, 26, 24, 30, 6  # CSS pixels
NUMPY_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _words(array, digits):
    """Return the numbers as short text: at most `digits` decimals, no trailing zeros, a real minus sign."""
    def word(value):
        text = f"{value:.{digits}f}" if isinstance(value, float) else str(int(value))
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text.replace("-", "−")
    return [[word(value) for value in row] for row in array.tolist()]


class _Panel:
    """One matrix with its title above and its shape below; knows its size in CSS pixels."""

    def __init__(self, function, title, array, *, digits=2, frame=None, inner=None, below=True, side=CELL):
        self.title, self.array, self.frame, self.inner, self.below = title, np.atleast_2d(array), frame, inner, below
        self.words = _words(self.array, digits)
        self.side, self.cell = side, max(side, max(text_width(word) for row in self.words for word in row) + 8)
        height, width = self.array.shape
        self.grid = (self.cell * width, side * height)
        self.shape = f"{height} × {width}" if np.ndim(array) == 2 else f"{width} numbers"
        self.width = max(self.grid[0], text_width(title or ""), text_width(self.shape) if below else 0) + 2 * EDGE
        self.height = (TITLE if title else EDGE) + self.grid[1] + (SHAPE if below else EDGE)
        if self.width > WIDTH:
            raise ValueError(f"{function}: the numbers must fit {WIDTH} pixels, got shape {self.array.shape}; "
                             "show fewer columns or fewer digits, or values=False")
        if frame is not None:
            row, column, rows, columns = frame
            if min(row, column) < 0 or min(rows, columns) < 1 or row + rows > height or column + columns > width:
                raise ValueError(f"{function}: frame must be (row, column, height, width) inside {(height, width)}, "
                                 f"got {frame}")

    def draw(self, axes, x, y):
        """Put the panel with its top left corner at (x, y)."""
        if self.title:
            axes.text(x + self.width / 2, y + PIXELS, self.title, ha="center", va="baseline")
            y += TITLE
        else:
            y += EDGE
        left = x + (self.width - self.grid[0]) / 2
        most = max(np.abs(self.array.astype(float)).max(), 1e-12)
        for (row, column), value in np.ndenumerate(self.array.astype(float)):
            outside = self.inner is not None and not self.inner[row, column]
            tint, share = np.array(to_rgb(POSITIVE if value > 0 else NEGATIVE)), 0.25 + 0.75 * abs(value) / most
            color = PADDED if outside else 1 - (1 - tint) * (share if value else 0)
            corner = (left + column * self.cell, y + row * self.side)
            axes.add_patch(Rectangle(corner, self.cell, self.side, facecolor=color, edgecolor=LINE, linewidth=0.75,
                                     linestyle=(0, (2, 2)) if outside else "-"))
            axes.text(corner[0] + self.cell / 2, corner[1] + self.side / 2 + 0.36 * PIXELS, self.words[row][column],
                      ha="center", va="baseline", color=MUTED if outside else INK)
        frame = self.frame
        if self.inner is not None:
            rows, columns = (np.flatnonzero(self.inner.any(axis=axis)) for axis in (1, 0))
            frame = (rows[0], columns[0], len(rows), len(columns))
        if frame is not None:
            axes.add_patch(Rectangle((left + frame[1] * self.cell, y + frame[0] * self.side), frame[3] * self.cell,
                                     frame[2] * self.side, fill=False, edgecolor=INK, linewidth=2.25))
        if self.below:
            axes.text(x + self.width / 2, y + self.grid[1] + PIXELS + 2, self.shape, ha="center", va="baseline",
                      color=MUTED)


def _picture(panels, signs, *, alt, data):
    """Lay the panels in rows no wider than the page, each sign in front of the panel that follows it."""
    rows, used = [[]], 0
    for panel, sign in zip(panels, ["", *signs], strict=True):
        gap = (GAP if sign or rows[-1] else 0)
        if rows[-1] and used + gap + panel.width > WIDTH:
            rows.append([])
            used, gap = 0, GAP if sign else 0
        rows[-1].append((panel, sign, used + gap))
        used += gap + panel.width
    heights = [max(panel.height for panel, _, _ in row) for row in rows]
    width = max(x + panel.width for row in rows for panel, _, x in row)
    figure, axes = canvas(min(WIDTH, round(width + 0.5)), round(sum(heights) + 8 * (len(rows) - 1)))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for panel, sign, x in row:
            panel.draw(axes, x, top + (height - panel.height) / 2)
            axes.text(x - GAP / 2 + 1, top + height / 2 + 0.36 * PIXELS, sign, ha="center", va="baseline",
                      fontsize=1.3 * STYLE["font.size"])
        top += height + 8
    return Picture(figure, alt=alt, data=data)


@rc_context(STYLE)
def show_array(array, *, alt, title=None, values=True, frame=None, digits=2):
    """Draw a matrix with its numbers in the cells; blue cells are positive, orange negative, white zero.

    Args:
        array: (H, W), or (W,) for one row.
        alt: a sentence of at least 40 characters that says what the picture shows.
        title: a few words above it, or None.
        values: write the numbers; False paints pixels from black (least) to white (most) instead.
        frame: (row, column, height, width) of a thick frame, in cells, or None.
        digits: decimals that floats show at most.

    Returns:
        A Picture whose data["array"] is the array.

    Raises:
        ValueError: no alt text, not a matrix of numbers, too wide for its numbers, or a frame outside of it.

    >>> show_array([[1, 2], [3, 4]], alt="A matrix of two rows: 1 and 2, then 3 and 4.", title="x").data["array"].shape
    (2, 2)
    """
    alt, array = check_alt("show_array", alt), numbers("show_array", "array", array, dims=(1, 2))
    if values:
        panel = _Panel("show_array", title, array, digits=digits, frame=frame)
        return _picture([panel], [], alt=alt, data={"array": array})
    if frame is not None:
        raise ValueError(f"show_array: a frame needs values=True, got {frame}")
    picture = show_images([(title or "", np.atleast_2d(array))], alt=alt)
    picture.data = {"array": array}
    return picture


@rc_context(STYLE)
def show_arrays(arrays, *, alt, operators=None, frames=None, digits=2):
    """Draw several matrices in a row, with signs between them: input ∗ kernel = output.

    Args:
        arrays: a list of (title, array); an array is (H, W), or (W,) for one row.
        alt: a sentence of at least 40 characters that says what the picture shows.
        operators: the signs between them, one fewer than arrays, or () for none. None: ("∗", "=") for three arrays,
            none otherwise.
        frames: a dict title -> (row, column, height, width) of a thick frame, in cells.
        digits: decimals that floats show at most.

    Returns:
        A Picture whose data are the arrays by title.

    Raises:
        ValueError: no alt text, titles twice, too few or too many signs, an array too wide for its numbers.

    >>> show_arrays([("x", [1, 2, 4]), ("w", [-1, 1]), ("y", [1, 2])],
    ...             alt="The kernel -1 1 turns 1 2 4 into the differences 1 2.").data["y"]
    array([1, 2])
    """
    alt = check_alt("show_arrays", alt)
    listed = [(t, numbers("show_arrays", repr(t), a, dims=(1, 2))) for t, a in pairs("show_arrays", "arrays", arrays)]
    if operators is None:
        operators = ("∗", "=") if len(listed) == 3 else ()
    signs = list(operators) or [""] * (len(listed) - 1)
    if len(signs) != len(listed) - 1:
        raise ValueError(f"show_arrays: operators must be {len(listed) - 1} signs or (), got {tuple(operators)}")
    data, frames = dict(listed), dict(frames or {})
    if not set(frames) <= set(data):
        raise ValueError(f"show_arrays: frames must name titles of arrays, got {sorted(set(frames) - set(data))}")
    panels = [_Panel("show_arrays", title, array, digits=digits, frame=frames.get(title)) for title, array in listed]
    return _picture(panels, signs, alt=alt, data=data)


@rc_context(STYLE)
def show_pad_modes(x, pad, *, alt, modes=("constant", "reflect", "replicate", "circular"), digits=2):
    """Draw what each padding mode puts around the same array; padded cells are gray with dashed edges.

    Args:
        x: (W,) or (H, W).
        pad: cells added on each side: an int, or (left, right) or (left, right, top, bottom) as F.pad counts them.
        alt: a sentence of at least 40 characters that says what the picture shows.
        modes: names as in torch.nn.functional.pad.
        digits: decimals that floats show at most.

    Returns:
        A Picture whose data are the padded arrays by mode.

    Raises:
        ValueError: an unknown mode, negative or missing sides, more cells than reflect or circular can take from x.

    >>> show_pad_modes([1, 2, 3], 2, alt="Two cells added on each side of 1 2 3, once for each mode.").data["reflect"]
    array([3, 2, 1, 2, 3, 2, 1])
    """
    alt, x = check_alt("show_pad_modes", alt), numbers("show_pad_modes", "x", x, dims=(1, 2))
    modes = [modes] if isinstance(modes, str) else list(modes)
    if not modes or not set(modes) <= set(NUMPY_MODES):
        raise ValueError(f"show_pad_modes: modes must be some of {tuple(NUMPY_MODES)}, got {modes}")
    sides = [pad] * (2 * x.ndim) if isinstance(pad, (int, np.integer)) else list(pad)
    if len(sides) != 2 * x.ndim or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in sides):
        raise ValueError(f"show_pad_modes: pad must be an int or {2 * x.ndim} ints, 0 or more, got {pad}")
    widths = [(sides[2 * axis], sides[2 * axis + 1]) for axis in range(x.ndim)][::-1]  # F.pad starts at the last axis
    for mode, spare in [("reflect", 1), ("circular", 0)]:
        if mode in modes and any(max(pair) > size - spare for pair, size in zip(widths, x.shape, strict=True)):
            raise ValueError(f"show_pad_modes: {mode} can add at most size - {spare} cells a side, "
                             f"got {pad} for shape {x.shape}")
    inner = np.atleast_2d(np.pad(np.ones(x.shape, dtype=bool), widths))
    data = {mode: np.pad(x, widths, mode=NUMPY_MODES[mode]) for mode in modes}
    panels = [_Panel("show_pad_modes", mode, array, digits=digits, inner=inner, below=False, side=26)
              for mode, array in data.items()]
    return _picture(panels, [""] * (len(panels) - 1), alt=alt, data=data)
