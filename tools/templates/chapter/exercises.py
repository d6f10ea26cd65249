"""The exercises of chapter 00: places of a window, a smoothed row, the largest window."""
# Replace: the exercises, their right answers and the mistakes that readers make; name each after its cells.
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake


def _places(size, kernel_size, step=1):
    return (size - kernel_size) // step + 1


PLACES = Exercise(
    name="places",
    objective=1,
    reference=_places,
    cases=((5, 3), (10, 3), (10, 3, 2), (9, 4, 3)),
    mistakes=(
        Mistake("start-not-counted",
                "you count how often the window moves. Where is it before it moves for the first time?",
                lambda size, kernel_size, step=1: (size - kernel_size) // step),
        Mistake("step-ignored",
                "your window moves by one number, whatever the step.",
                lambda size, kernel_size, step=1: size - kernel_size + 1),
        Mistake("rounded-up",
                "your last window hangs over the end. Only whole windows count.",
                lambda size, kernel_size, step=1: -(-(size - kernel_size) // step) + 1),
        Mistake("windows-side-by-side",
                "you lay the windows side by side. The step says how far apart they are; they may overlap.",
                lambda size, kernel_size, step=1: size // kernel_size),
        Mistake("window-of-one",
                "your count does not depend on the window. How much room does it need at the end?",
                lambda size, kernel_size, step=1: -(-size // step)),
    ),
)


def _smoothed(row, kernel_size):
    return np.convolve(row, np.ones(kernel_size) / kernel_size, mode="valid")


SMOOTHED = Exercise(
    name="smoothed",
    objective=2,
    reference=_smoothed,
    cases=((np.array([3, 1, 2]), 2), (np.array([1, 4, 2, 8, 5]), 3), (np.array([2, 7]), 1)),
    mistakes=(
        Mistake("sums",
                "you return the sums. What turns a sum into a mean?",
                lambda row, kernel_size: _smoothed(row, kernel_size) * kernel_size),
        Mistake("divided-by-row",
                "you divide by the length of the row. How many numbers are in one window?",
                lambda row, kernel_size: _smoothed(row, kernel_size) * kernel_size / len(row)),
        Mistake("zeros-outside",
                "your row is as long as before: windows over the border take zeros from outside.",
                lambda row, kernel_size: np.convolve(row, np.ones(kernel_size) / kernel_size, mode="full")),
        Mistake("mean-of-all-before",
                "your windows grow: each number is the mean of all readings up to there.",
                lambda row, kernel_size: np.cumsum(row) / np.arange(1, len(row) + 1)),
        Mistake("last-window-missing",
                "the last window is missing. At which number does it start?",
                lambda row, kernel_size: _smoothed(row, kernel_size)[:-1]),
    ),
)

LARGEST_WINDOW = Exercise(
    name="largest_window",
    objective=3,
    reference=lambda size, places: size - places + 1,
    cases=((10, 8), (10, 1), (7, 2)),
    mistakes=(
        Mistake("one-too-small",
                "a window that is larger by one number still has enough places. Try the case of one place.",
                lambda size, places: size - places),
        Mistake("one-too-large",
                "your window has one place too few. Count its places in the smallest case.",
                lambda size, places: size - places + 2),
        Mistake("whole-row",
                "your window is the whole row. How many places does it have?",
                lambda size, places: size),
        Mistake("places-returned",
                "you return the number of places. The exercise asks for the window.",
                lambda size, places: places),
        Mistake("shared-out",
                "you cut the row into pieces. Windows may overlap.",
                lambda size, places: size // places),
    ),
)

EXERCISES = {each.name: each for each in (PLACES, SMOOTHED, LARGEST_WINDOW)}
check_places, check_smoothed, check_largest_window = (exercise.check for exercise in EXERCISES.values())
