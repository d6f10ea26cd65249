"""The Picture that each figure function returns, with the page sizes, fonts and colors that all figures share."""
import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from cnnlib.plots.png import png

WIDTH = 420  # CSS pixels: no figure is wider
PHONE = 328  # CSS pixels left for a figure on a phone that is 360 wide
FONT = 12  # points; a figure of the full width shrinks to PHONE / WIDTH of itself, which leaves 9.4 points
PIXELS = FONT * 96 / 72  # the same in CSS pixels
INK, MUTED, LINE = "#1b1f24", "#4d5660", "#8a94a0"
LINES = ("#14213d", "#0b57a4", "#c44e00", "#4d9a63")  # lightness about 13, 36, 48, 58 of 100: apart in gray as well
POSITIVE, NEGATIVE, PADDED = "#9cc9ef", "#f3b27a", "#eceff2"
STYLE = {
    "font.family": "DejaVu Sans", "font.size": FONT, "axes.labelsize": FONT, "axes.titlesize": FONT,
    "xtick.labelsize": FONT, "ytick.labelsize": FONT, "legend.fontsize": FONT, "text.color": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": LINE, "axes.facecolor": "white",
    "axes.unicode_minus": True, "text.usetex": False, "savefig.facecolor": "white", "axes.grid": False,
    "axes.spines.top": False, "axes.spines.right": False, "hatch.linewidth": 0.6, "hatch.color": LINE,
}


def check_alt(function, alt):
    """Return the alt text with single spaces, or say what it lacks."""
    if not isinstance(alt, str) or len(" ".join(alt.split())) < 40:
        raise ValueError(f"{function}: alt must be a sentence of at least 40 characters, got {alt!r}")
    return " ".join(alt.split())


def numbers(function, name, value, *, dims):
    """Return value as a NumPy array of finite numbers whose number of axes is in dims."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors that need a gradient
        raise ValueError(f"{function}: {name} must be an array of numbers, got {type(value).__name__}") from error
    if array.dtype.kind not in "biuf" or array.size == 0:
        raise ValueError(f"{function}: {name} must be a non-empty array of numbers, got {array.dtype} {array.shape}")
    if array.ndim not in dims:
        wanted = " or ".join(f"{n}-D" for n in dims)
        raise ValueError(f"{function}: {name} must be {wanted}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{function}: {name} must be finite, got nan or inf")
    return array


def pairs(function, name, value):
    """Return a list of (title, thing) with different titles."""
    listed = list(value.items()) if isinstance(value, dict) else list(value)
    if not listed or not all(isinstance(p, (tuple, list)) and len(p) == 2 and isinstance(p[0], str) for p in listed):
        raise ValueError(f"{function}: {name} must be a list of (title, array), got {listed!r:.60}")
    titles = [title for title, _ in listed]
    if len(set(titles)) < len(titles):
        raise ValueError(f"{function}: {name} must have different titles, got {titles}")
    return listed


def text_width(text, *, size=PIXELS):
    """Return the width of a line of text in CSS pixels (the font comes with matplotlib)."""
    return TextPath((0, 0), text, size=size, prop="DejaVu Sans").get_extents().x1 if text.strip() else 0.0


def canvas(width, height):
    """Return a white figure of that many CSS pixels, and an axes whose units are these pixels, y downwards."""
    figure = Figure(figsize=(width / 96, height / 96), dpi=192, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


class Picture:
    """A finished drawing with the sentence that replaces it for those who cannot see it.

    In a notebook and on the website it is an image twice as fine as its size on the page; as text it is its alt text.

    Args:
        figure: a matplotlib figure; it is drawn once and closed.
        alt: a sentence of at least 40 characters that says what the picture shows.
        data: the arrays behind the picture, by name, for assertions.

    Attributes:
        alt: the sentence.
        data: the arrays.
        png: the image, as bytes.
        width: CSS pixels, half of the image's own.
        height: CSS pixels, half of the image's own.

    Raises:
        ValueError: alt is missing or too short.

    >>> figure = Figure(figsize=(2, 1))
    >>> picture = Picture(figure, alt="An empty white card, twice as wide as it is high.", data={})
    >>> picture
    Picture: An empty white card, twice as wide as it is high.
    >>> picture.width, picture.height
    (192, 96)
    """

    def __init__(self, figure, *, alt, data=None):
        self.alt = check_alt("Picture", alt)
        self.data = dict(data or {})
        figure.set_size_inches(*(np.maximum(1, np.round(figure.get_size_inches() * 96)) + 0.01) / 96)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="rgba", dpi=192, facecolor="white")
        plt.close(figure)
        width, height = (int(pixels) for pixels in figure.get_size_inches() * 192)
        self.png = png(np.frombuffer(buffer.getvalue(), np.uint8).reshape(height, width, 4)[..., :3])
        self.width, self.height = width // 2, height // 2

    def __repr__(self):
        return f"Picture: {self.alt}"

    def _repr_html_(self):
        source = base64.b64encode(self.png).decode()
        return (f'<img src="data:image/png;base64,{source}" alt="{html.escape(self.alt)}" width="{self.width}" '
                f'height="{self.height}" style="max-width:100%;height:auto;background:#fff" loading="lazy" '
                'class="cnn-figure">')

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}
