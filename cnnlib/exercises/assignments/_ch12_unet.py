"""A task of chapter 12: the sizes and channels of a U-Net without padding."""
from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task


def _unet_sizes(size, channels, depth):
    return _walk(size, channels, depth)


def _walk(size, channels, depth, *, down=4, bottom=4, up=4, enlarge=lambda n: 2 * n,
          border=lambda kept, n: (kept - n) // 2, skip=0, deep=lambda c, depth: c * 2**depth, joined=lambda c: 2 * c):
    """Go down, across and up; the numbers down, bottom and up are what two convolutions take from a side."""
    kept = []
    for _ in range(depth):
        size -= down
        kept.append(size)
        size //= 2
    lowest = size = size - bottom
    borders = []
    for each in reversed(kept):
        size = enlarge(size)
        borders.insert(0, border(each, size))
        size -= up
    return lowest, deep(channels, depth), borders[skip], joined(channels), size


def _other(**parts):
    return lambda *case: _walk(*case, **parts)


def _border_to_the_output(size, channels, depth):
    lowest, deep, _, joined, out = _walk(size, channels, depth)
    return lowest, deep, (size - out) // 2, joined, out


def _before_the_last_convolutions(size, channels, depth):
    lowest, *others = _walk(size, channels, depth)
    return lowest + 4, *others


def _draw_sizes(random):
    for _ in range(10):
        size, depth = int(random.integers(10, 25)), int(random.integers(1, 5))
        for _ in range(depth):
            size = 2 * size + 4
        yield size, int(random.integers(3, 70)), depth


UNET_SIZES = Task(
    points=3,
    draw=_draw_sizes,
    forbidden=("cnnlib.models", "cnnlib.shapes"),
    exercise=Exercise(
        name="unet_sizes",
        objective=5,
        reference=_unet_sizes,
        cases=((24, 4, 1), (28, 6, 1), (52, 8, 2), (108, 16, 3), (572, 64, 4)),
        mistakes=(
            Mistake("padded", "your convolutions keep the size. Without padding, what does a window of three pixels "
                    "cost at each side?", _other(down=0, bottom=0, up=0)),
            Mistake("one-convolution", "you take one convolution on each level. There are two.",
                    _other(down=2, bottom=2, up=2)),
            Mistake("nothing-at-the-bottom", "you go straight up from the last pooling. What stands at the bottom?",
                    _other(bottom=0)),
            Mistake("bottom-too-early", "the side of your lowest map is the one before its convolutions.",
                    _before_the_last_convolutions),
            Mistake("nothing-on-the-way-up", "on your way up, the maps only double. What mixes the two maps that are "
                    "put together?", _other(up=0)),
            Mistake("stamps-of-three", "your maps do not grow by a factor of two. Where does the last stamp of two "
                    "pixels end, if the step is two as well?", _other(enlarge=lambda n: 2 * n + 1)),
            Mistake("both-sides", "your border is what is cut off on both sides together.",
                    _other(border=lambda kept, n: kept - n)),
            Mistake("cut-to-the-output", "you cut the skip to the size of what comes out. It is joined before the last "
                    "two convolutions.", _other(border=lambda kept, n: (kept - n + 4) // 2)),
            Mistake("border-of-the-picture", "your border is the one by which the output is smaller than the picture. "
                    "The skip is not the picture.", _border_to_the_output),
            Mistake("deepest-skip", "your border is that of the lowest skip. It is asked for the topmost.",
                    lambda *case: _walk(*case, skip=-1)),
            Mistake("added", "your two maps are added, as in ResNet. What does U-Net do with a skip?",
                    _other(joined=lambda c: c)),
            Mistake("up-keeps-the-channels", "your transposed convolution keeps the channels. Here it halves them.",
                    _other(joined=lambda c: 3 * c)),
            Mistake("doubled-once-too-few", "after the last pooling the channels double once more.",
                    _other(deep=lambda c, depth: c * 2 ** (depth - 1))),
            Mistake("channels-added", "your channels grow by the same number on each level. They double.",
                    _other(deep=lambda c, depth: c * (depth + 1))),
        ),
    ),
)
