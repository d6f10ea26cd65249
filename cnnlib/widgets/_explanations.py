"""Read the files that tools.explanations writes for the widgets of chapter 9."""
import base64
import json
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "data"
RANKS = ("largest", "second largest", "third largest", "smallest")  # the classes that a widget knows, by their scores


@cache
def load(name):
    """Return one file's data."""
    return json.loads((FOLDER / f"explanations_{name}.json").read_text(encoding="utf-8"))


def signed(entry, side):
    """Return a map (side, side) of which the file holds 128 + 127·value / scale in bytes."""
    steps = np.frombuffer(base64.b64decode(entry["bytes"]), np.uint8).reshape(side, side)
    return (steps.astype(float) - 128) / 127 * entry["scale"]


def picture_names(data):
    """Return the names of a file's pictures."""
    return [picture["name"] for picture in data["pictures"]]
