"""Load pytest's plugins once, for all processes that are then forked to run tests."""
import gc
from importlib.metadata import entry_points


def preload():
    """Load what every such process needs; none of it is garbage that it must look for."""
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    gc.freeze()
