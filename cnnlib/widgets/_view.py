"""What every widget is made of: stock ipywidgets controls and one picture, linked in the browser."""
import anywidget
import ipywidgets

from cnnlib.widgets._esm import css


class View(anywidget.AnyWidget):
    """A picture drawn in the browser from the view's traits.

    A subclass sets ``_esm = esm("name.mjs")`` and its traits with ``.tag(sync=True)``.
    """

    _css = css()


class Explorer(ipywidgets.VBox):
    """Controls above a view; ``jslink`` joins them, so they work with no kernel.

    Args:
        view: the picture.
        controls: a dict from trait name to the control whose value is that trait; of a list it is the index.
        linked: more such controls that stand in ``rows``.
        rows: rows of controls between the controls and the view.
    """

    def __init__(self, view, controls, *, linked=None, rows=()):
        self.view, self.controls = view, {**controls, **(linked or {})}
        for trait, control in self.controls.items():
            ipywidgets.jslink((control, "index" if "index" in control.keys else "value"), (view, trait))
            control.style = {"description_width": "8em"}
        super().__init__([*controls.values(), *rows, view])


def play_row(view, *, interval=600):
    """Return a play button and a slider for the view's ``position``.

    Args:
        view: a view with the traits ``position`` and ``last_position`` (which its script derives).
        interval: time between two steps, in milliseconds.

    Returns:
        A row; the slider and the button end at ``last_position``.
    """
    play = ipywidgets.Play(min=0, max=view.last_position, interval=interval, description="play")
    slider = ipywidgets.IntSlider(value=view.position, min=0, max=view.last_position, description="position")
    slider.style = {"description_width": "8em"}
    for control in (play, slider):
        ipywidgets.jslink((view, "last_position"), (control, "max"))
        ipywidgets.jslink((control, "value"), (view, "position"))
    return ipywidgets.HBox([slider, play])
