"""Lines, bars and images: figures about measurements."""
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from cnnlib.plots.picture import INK, LINE, LINES, PIXELS, STYLE, WIDTH, Picture, canvas, check_alt, numbers, pairs
from cnnlib.plots.picture import text_width as measure

DASHES, MARKERS = ("-", "--", "-.", ":"), ("o", "s", "^", "D")
IMAGE_SIDE = 190  # CSS pixels


def label(function, name, value):
    """Return the text of an axis, or say that it is missing."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{function}: {name} must name the axis and its unit, got {value!r}")
    return value


def chart(height):
    """Return a figure of the full width and that many CSS pixels high, and its axes."""
    figure = Figure(figsize=(WIDTH / 96, height / 96), dpi=192, facecolor="white", layout="constrained")
    return figure, figure.add_subplot()


def plain_ticks(axis, locator):
    """Write the ticks as plain numbers: the small raised digits of 10³ cannot be read on a phone."""
    axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: _count(value))


def _count(value):
    """Write a number, in words where it would be too long: 2 billion."""
    for size, word in [(1e9, " billion"), (1e6, " million")]:
        if abs(value) >= size:
            return f"{value / size:,.4g}{word}"
    if 1e-8 < abs(value) < 1e-3:
        return f"{value:.8f}".rstrip("0")
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


@rc_context(STYLE)
def show_lines(x, lines, *, alt, x_label, y_label, title=None, log=False):
    """Draw up to four lines over the same positions; they differ in color, lightness, dashes and markers.

    Args:
        x: positions, (n,).
        lines: a dict name -> values, each (n,).
        alt: a sentence of at least 40 characters that says what the picture shows.
        x_label: name and unit of the x axis.
        y_label: name and unit of the y axis.
        title: one line above the picture, or None.
        log: a logarithmic y axis; all values must be positive.

    Returns:
        A Picture whose data are "x" and the lines by name.

    Raises:
        ValueError: more than four lines, lengths that differ, a label or alt text that is missing.

    >>> show_lines([1, 2, 3], {"squares": [1, 4, 9]}, alt="The squares of 1, 2 and 3 grow faster and faster.",
    ...            x_label="number", y_label="its square").data["squares"]
    array([1, 4, 9])
    """
    alt, x = check_alt("show_lines", alt), numbers("show_lines", "x", x, dims=(1,))
    if not isinstance(lines, dict) or not 1 <= len(lines) <= len(LINES):
        raise ValueError(f"show_lines: lines must be a dict of one to four lines, got {lines!r:.60}")
    data = {name: numbers("show_lines", f"lines[{name!r}]", y, dims=(1,)) for name, y in lines.items()}
    for name, y in data.items():
        if len(y) != len(x):
            raise ValueError(f"show_lines: lines[{name!r}] must have {len(x)} values, as x, got {len(y)}")
        if log and y.min() <= 0:
            raise ValueError(f"show_lines: a log axis needs positive values, got {y.min()}")
    x_label, y_label = label("show_lines", "x_label", x_label), label("show_lines", "y_label", y_label)
    rows = -(-len(data) // 2)
    figure, axes = chart(270 + (24 * rows if len(data) > 1 else 0) + (20 if title else 0))
    for (name, y), color, dash, marker in zip(data.items(), LINES, DASHES, MARKERS, strict=False):
        axes.plot(x, y, color=color, linestyle=dash, linewidth=2, label=name, marker=marker if len(x) <= 15 else None,
                  markersize=6)
    axes.set(xlabel=x_label, ylabel=y_label, title=title or "")
    axes.set_yscale("log" if log else "linear")
    if log:
        plain_ticks(axes.yaxis, LogLocator(numticks=6))
    axes.grid(axis="y", color=LINE, linewidth=0.5, alpha=0.5)
    if len(data) > 1:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, handlelength=3)
    return Picture(figure, alt=alt, data={"x": x, **data})


@rc_context(STYLE)
def show_bars(names, values, *, alt, x_label, title=None, log=False):
    """Draw one horizontal bar for each name, with its value written at the end.

    Args:
        names: what each bar stands for, from top to bottom.
        values: the lengths of the bars, (n,), not negative.
        alt: a sentence of at least 40 characters that says what the picture shows.
        x_label: name and unit of the values.
        title: one line above the picture, or None.
        log: a logarithmic axis; all values must be positive.

    Returns:
        A Picture whose data are "names" and "values".

    Raises:
        ValueError: names and values differ in number, a value is negative (or zero on a log axis), a label is missing.

    >>> show_bars(["loops", "matrix product"], [8.1, 0.2], alt="The loops take 40 times as long as the matrix product.",
    ...           x_label="time in ms").data["values"]
    array([8.1, 0.2])
    """
    alt, values = check_alt("show_bars", alt), numbers("show_bars", "values", values, dims=(1,))
    names = [str(name) for name in names]
    if len(names) != len(values):
        raise ValueError(f"show_bars: names and values must be as many, got {len(names)} and {len(values)}")
    if values.min() < 0 or (log and values.min() == 0):
        raise ValueError(f"show_bars: values must be {'positive' if log else '0 or more'}, got {values.min()}")
    x_label = label("show_bars", "x_label", x_label)
    figure, axes = chart(80 + 34 * len(names) + (20 if title else 0))
    axes.set_xscale("log" if log else "linear")
    bars = axes.barh(range(len(names)), values, color=LINES[1], height=0.62)
    labels = [f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in values]
    axes.bar_label(bars, labels=labels, padding=4)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    low, high = (values.min() / 2, values.max()) if log else (0, max(values.max(), 1e-12))
    room = WIDTH - 30 - max(map(measure, names))  # for the longest bar with its label
    share = max(0.3, 1 - (max(map(measure, labels)) + 8) / room)
    high = low * (high / low) ** (1 / share) if log else high / share
    axes.set(xlabel=x_label, title=title or "", xlim=(low, high))
    plain_ticks(axes.xaxis, LogLocator(numticks=5) if log else MaxNLocator(3))
    return Picture(figure, alt=alt, data={"names": names, "values": values})


def _wrapped(title):
    """Return the title in lines that are no wider than an image."""
    lines = [""]
    for word in title.split():
        joined = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], joined] if not lines[-1] or measure(joined) <= IMAGE_SIDE else [*lines, word]
    return lines


@rc_context(STYLE)
def show_images(images, *, alt, value_range=None):
    """Show gray or color images, two in a row, each under its title and above the values of black and white.

    Args:
        images: a list of (title, image); an image is (H, W), or (H, W, 3) with 0 … 255 or fractions of 1.
        alt: a sentence of at least 40 characters that says what the picture shows.
        value_range: (black, white) for all gray images, so that they can be compared; None: each its own.

    Returns:
        A Picture whose data are the images by title.

    Raises:
        ValueError: no images, titles twice, other shapes, colors outside their range, or an empty value_range.

    >>> show_images([("ramp", [[0, 1, 2]])], alt="Three pixels get lighter from left to right.").data["ramp"]
    array([[0, 1, 2]])
    """
    alt = check_alt("show_images", alt)
    listed = [(t, numbers("show_images", repr(t), i, dims=(2, 3))) for t, i in pairs("show_images", "images", images)]
    for title, image in listed:
        limit = 1 if image.dtype.kind == "f" else 255
        if image.ndim == 3 and (image.shape[2] != 3 or image.min() < 0 or image.max() > limit):
            raise ValueError(f"show_images: {title!r} must be (H, W, 3) with values 0 to {limit}, "
                             f"got shape {image.shape}")
    if value_range is not None and not value_range[0] < value_range[1]:
        raise ValueError(f"show_images: value_range must be (black, white) with black < white, got {value_range}")
    columns = min(2, len(listed))
    heights = [min(1.6, image.shape[0] / image.shape[1]) * IMAGE_SIDE for _, image in listed]
    gap = (WIDTH - 2 * IMAGE_SIDE) / 3
    titles = [_wrapped(title) for title, _ in listed]
    above = [max(len(lines) for lines in titles[i:i + columns]) * 20 + 10 for i in range(0, len(heights), columns)]
    rows = [max(heights[i * columns:(i + 1) * columns]) + top + 28 for i, top in enumerate(above)]
    figure, axes = canvas(round(columns * (IMAGE_SIDE + gap) + gap), round(sum(rows)))
    for i, ((_, image), height) in enumerate(zip(listed, heights, strict=True)):
        x, y = gap + (i % columns) * (IMAGE_SIDE + gap), sum(rows[:i // columns]) + above[i // columns]
        low, high = value_range or (image.min(), image.max())
        width = height * image.shape[1] / image.shape[0]
        left = x + (IMAGE_SIDE - width) / 2
        axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-12), interpolation="nearest",
                    extent=(left, left + width, y + height, y), aspect="auto", clip_on=False)
        axes.plot([left, left + width, left + width, left, left], [y, y, y + height, y + height, y], color=LINE, lw=0.8)
        for line, text in enumerate(reversed(titles[i])):
            axes.text(x + IMAGE_SIDE / 2, y - 9 - 20 * line, text, ha="center", va="baseline")
        if image.ndim == 2:
            axes.text(x + IMAGE_SIDE / 2, y + height + PIXELS + 2, f"{low:.4g} to {high:.4g}".replace("-", "−"),
                      ha="center", va="baseline", color=INK)
    axes.set(xlim=(0, figure.get_figwidth() * 96), ylim=(sum(rows), 0))
    return Picture(figure, alt=alt, data=dict(listed))
