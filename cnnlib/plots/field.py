"""The receptive field of one output, drawn as a pyramid over one axis of the image."""
from matplotlib import rc_context

from cnnlib.plots.picture import (
    INK,
    LINE,
    MUTED,
    PHONE,
    PIXELS,
    POSITIVE,
    STYLE,
    WIDTH,
    Picture,
    canvas,
    check_alt,
    text_width,
)

ROW = 62  # CSS pixels from one layer to the next
MOST = 25  # input pixels that fit


def _options(layer):
    """Return (kernel_size, stride, padding, dilation) of one layer."""
    values = tuple(layer) if isinstance(layer, (tuple, list)) else (layer,)
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in values)
    if len(values) not in (3, 4) or not whole or min(values[:2]) < 1 or values[2] < 0 \
            or (values[3:] and values[3] < 1):
        raise ValueError("show_receptive_field: a layer must be (kernel_size, stride, padding[, dilation]) in whole "
                         f"pixels, got {layer!r}")
    return values if len(values) == 4 else (*values, 1)


@rc_context(STYLE)
def show_receptive_field(layers, *, alt, names=None):
    """Draw which pixels of one axis one output sees, layer by layer, and how many of them.

    Args:
        layers: (kernel_size, stride, padding[, dilation]) of each layer in pixels, the one next to the image first.
        alt: a sentence of at least 40 characters that says what the picture shows.
        names: a short name for each layer; None: "layer 1", "layer 2", ….

    Returns:
        A Picture whose data are "size" (the field of one unit of each layer in input pixels, the image first), "jump"
        (input pixels between two units of that layer) and "seen" (the positions of the units that count, from 0).

    Raises:
        ValueError: no layers, a bad layer, a wrong number of names, or a field wider than 25 pixels.

    >>> show_receptive_field([(3, 1, 1), (3, 2, 1)], alt="One output sees 3 units, and through them 5 pixels.").data
    {'size': [1, 3, 5], 'jump': [1, 1, 2], 'seen': [[0, 1, 2, 3, 4], [0, 1, 2], [0]]}
    """
    alt, layers = check_alt("show_receptive_field", alt), [_options(layer) for layer in layers]
    names = [f"layer {i}" for i in range(1, len(layers) + 1)] if names is None else [str(name) for name in names]
    if not layers or len(names) != len(layers):
        raise ValueError(f"show_receptive_field: names must be as many as layers, at least one, got {len(names)}")
    size, jump = [1], [1]
    for kernel_size, stride, _, dilation in layers:
        size.append(size[-1] + dilation * (kernel_size - 1) * jump[-1])
        jump.append(jump[-1] * stride)
    if size[-1] > MOST:
        raise ValueError(f"show_receptive_field: the field must be at most {MOST} pixels, got {size[-1]}")
    seen, edges = [{0}], []
    for kernel_size, stride, _, dilation in reversed(layers):
        edges.insert(0, [(unit, unit * stride + tap * dilation) for unit in seen[0] for tap in range(kernel_size)])
        seen.insert(0, {below for _, below in edges[0]})

    labels = ["image", *names]
    left = max(text_width(label) for label in labels) + 14
    right = text_width(f"sees {size[-1]}") + 10
    unit = min(26, (WIDTH - left - right) / (size[-1] + 1))
    height = ROW * len(layers) + 84
    figure, axes = canvas(max(PHONE, round(left + right + unit * (size[-1] + 1))), height)

    def center(level, position):  # a unit stands over the middle of the pixels that it sees
        return left + unit * (1 + position * jump[level] + (size[level] - 1) / 2)

    def row(level):
        return height - 62 - ROW * level

    for level, links in enumerate(edges):
        for above, below in links:
            axes.plot([center(level + 1, above), center(level, below)], [row(level + 1), row(level)], color=LINE, lw=1)
    side = min(18, 0.8 * unit)
    for level, label in enumerate(labels):
        axes.text(left - 8, row(level) + 0.36 * PIXELS, label, ha="right", va="baseline")
        axes.text(figure.get_figwidth() * 96 - right + 6, row(level) + 0.36 * PIXELS,
                  f"sees {size[level]}" if level else "", va="baseline")
        for position in range(max(seen[level]) + 1):
            axes.plot(center(level, position), row(level), marker="s", markersize=side * 0.75, color=INK,
                      markerfacecolor=POSITIVE if position in seen[level] else "white", markeredgewidth=1,
                      linestyle="none", clip_on=False)
    for pixel in range(0, size[-1], 1 if unit >= 22 else 4):
        axes.text(center(0, pixel), row(0) + 32, str(pixel), ha="center", va="baseline", color=MUTED)
    axes.text(center(0, (size[-1] - 1) / 2), row(0) + 52, "pixels of the field", ha="center", va="baseline",
              color=MUTED)
    return Picture(figure, alt=alt, data={"size": size, "jump": jump, "seen": [sorted(units) for units in seen]})
