"""A few numbers of each drawing that change where any part of it does: ``python -m tests.drawn`` prints them.

The weights in the box were trained on these drawings, and chapters give figures measured on them.
"""
import dataclasses
import json

import numpy as np

from cnnlib import data


def drawn():
    """Return {what is drawn: three numbers of each of its arrays}."""
    one = {f"leaf {name}": [data.draw_leaf(label, seed=1, index=2, size=64)]
           for label, name in enumerate(data.LEAF_NAMES)}
    one["leaf in full size"] = [data.draw_leaf(11)]
    many = {"make_scenes": data.make_scenes(6), "make_shapes": data.make_shapes(12),
            "make_shapes in the middle": data.make_shapes(8, position="center", texture=False, seed=2),
            "make_volumes": data.make_volumes(2)}
    for name, made in many.items():
        one[name] = [array for field in dataclasses.fields(made) if field.name != "kinds"
                     for array in _arrays(getattr(made, field.name))]
    one |= {"make_sound": [data.make_sound(seed=seed)[0] for seed in (0, 1)],
            "load_picture": [data.load_picture("cat"), data.load_picture("pattern")],
            "load_digits": list(data.load_digits())}
    return {name: [number for array in arrays for number in _marks(array)] for name, arrays in one.items()}


def _arrays(value):
    return value if isinstance(value, list) else [value]


def _marks(array):
    """Return the sums of an array's numbers times three waves that meet each place differently, by its size's root."""
    flat = np.ravel(array).astype(float)
    place = np.arange(flat.size)
    waves = np.stack([np.sin(2 * np.pi * (place * place * step % 9973) / 9973 + step) for step in (1, 2, 3)])
    return (waves @ flat / np.sqrt(flat.size)).round(3).tolist()


if __name__ == "__main__":
    print("{" + ",\n ".join(f"{json.dumps(name)}: {json.dumps(marks)}" for name, marks in drawn().items()) + "}")
