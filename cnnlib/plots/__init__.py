"""Every figure of the book: drawn by matplotlib, shown with an alt text, readable on a phone and in gray."""
from cnnlib.plots.arrays import show_array, show_arrays, show_pad_modes
from cnnlib.plots.charts import show_bars, show_images, show_lines
from cnnlib.plots.field import show_receptive_field
from cnnlib.plots.picture import Picture
from cnnlib.plots.points import show_points
from cnnlib.plots.scenes import show_boxes, show_masks
from cnnlib.plots.source import Source, show_source

__all__ = [
    "Picture", "Source", "show_array", "show_arrays", "show_bars", "show_boxes", "show_images", "show_lines",
    "show_masks", "show_pad_modes", "show_points", "show_receptive_field", "show_source",
]
