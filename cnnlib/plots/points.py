"""Points with their names beside them: one thing against another."""
from matplotlib import rc_context
from matplotlib.ticker import LogLocator, MaxNLocator

from cnnlib.plots.charts import MARKERS, chart, label, plain_ticks
from cnnlib.plots.picture import LINE, LINES, STYLE, Picture, check_alt, numbers

PLACES = (  # where a name may stand: offset from its point in CSS pixels, and how it is aligned
    (8, 0, "left", "center"), (-8, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top"),
    (6, 6, "left", "bottom"), (6, -6, "left", "top"), (-6, 6, "right", "bottom"), (-6, -6, "right", "top"),
    (0, 22, "center", "bottom"), (0, -22, "center", "top"), (14, 18, "left", "bottom"), (14, -18, "left", "top"),
    (-14, 18, "right", "bottom"), (-14, -18, "right", "top"))


@rc_context(STYLE)
def show_points(x, y, names, *, alt, x_label, y_label, groups=None, log=False, title=None):
    """Draw a point for each pair of numbers, with its name beside it; groups differ in marker and color.

    Args:
        x: positions, (n,).
        y: heights, (n,).
        names: n short names; "" leaves a point without one.
        alt: a sentence of at least 40 characters that says what the picture shows.
        x_label: name and unit of the x axis.
        y_label: name and unit of the y axis.
        groups: n strings, at most four different ones, or None.
        log: a logarithmic x axis; all positions must be positive.
        title: one line above the picture, or None.

    Returns:
        A Picture whose data are "x", "y" and "names".

    Raises:
        ValueError: lengths differ, there are more than four groups, a label or alt text is missing.

    >>> show_points([1, 2], [3, 4], ["first", "second"], x_label="cost", y_label="gain",
    ...             alt="The second thing costs more than the first and gains more.").data["y"]
    array([3, 4])
    """
    alt = check_alt("show_points", alt)
    x, y = (numbers("show_points", name, value, dims=(1,)) for name, value in (("x", x), ("y", y)))
    names, groups = [str(name) for name in names], None if groups is None else [str(group) for group in groups]
    for name, values in (("y", y), ("names", names), ("groups", names if groups is None else groups)):
        if len(values) != len(x):
            raise ValueError(f"show_points: {name} must have {len(x)} entries, as x, got {len(values)}")
    kinds = list(dict.fromkeys(groups or [""]))
    if len(kinds) > len(MARKERS):
        raise ValueError(f"show_points: groups must be at most {len(MARKERS)} different ones, got {len(kinds)}")
    if log and x.min() <= 0:
        raise ValueError(f"show_points: a log axis needs positive values, got {x.min()}")
    x_label, y_label = label("show_points", "x_label", x_label), label("show_points", "y_label", y_label)
    figure, axes = chart(400 + (24 * -(-len(kinds) // 2) if groups else 0) + (20 if title else 0))
    for kind, color, marker in zip(kinds, LINES, MARKERS, strict=False):
        own = [at for at in range(len(x)) if groups is None or groups[at] == kind]
        axes.scatter(x[own], y[own], color=color, marker=marker, s=36, label=kind, zorder=3)
    axes.set(xlabel=x_label, ylabel=y_label, title=title or "")
    axes.set_xscale("log" if log else "linear")
    axes.margins(0.12, 0.08)
    plain_ticks(axes.xaxis, LogLocator(numticks=5) if log else MaxNLocator(4))
    axes.grid(color=LINE, linewidth=0.5, alpha=0.5)
    if groups:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, handlelength=1)
    _write_names(figure, axes, x, y, names)
    return Picture(figure, alt=alt, data={"x": x, "y": y, "names": names})


def _write_names(figure, axes, x, y, names):
    """Give each name the first place that no point and no other name has taken; the first place if there is none."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the axes stay where they are
    points, taken = axes.transData.transform(list(zip(x, y, strict=True))), []
    for place, name in zip(zip(x, y, strict=True), names, strict=True):
        if name:
            free = (each for each in PLACES if _is_free(_written(axes, name, place, each), axes, points, taken))
            taken.append(_written(axes, name, place, next(free, PLACES[0]), keep=True))


def _written(axes, name, place, where, *, keep=False):
    """Return the box of a name at a place; it stays in the figure if asked for."""
    right, up, ha, va = where
    text = axes.annotate(name, place, (right * 0.75, up * 0.75), textcoords="offset points", ha=ha, va=va)
    box = text.get_window_extent()
    if not keep:
        text.remove()
    return box


def _is_free(box, axes, points, taken):
    frame = axes.get_window_extent()
    inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 - 8 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    return inside and not box.count_overlaps(taken) and not box.count_contains(points)
