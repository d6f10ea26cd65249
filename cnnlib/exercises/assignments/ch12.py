"""The assignment of chapter 12: the sizes in a U-Net, boxes from YOLO's grid, and what a detector got right."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises.assignments._ch12_judge import JUDGE
from cnnlib.exercises.assignments._ch12_unet import UNET_SIZES


def _read_grid(grid, image_size, threshold):
    return _read(grid, image_size, threshold)


def _corners(x, y, width, height):
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _score(cell):
    return cell[4] * cell[5:].max()


def _best(cell):
    return [(_score(cell), cell[5:].argmax())]


def _read(grid, image_size, threshold, *, center=lambda at, place, cells: (at + place) / cells, size=lambda n, cells: n,
          box=_corners, found=_best, stays=lambda cell, score, threshold: score >= threshold, first=0, swap=False):
    """Read a grid with another center, size, form of box, score, choice or number of the first class."""
    rows, cells = [], len(grid)
    for row, column in np.ndindex(grid.shape[:2]):
        x, y, width, height = (cell := grid[row, column])[:4]
        down, right = (column, row) if swap else (row, column)
        places = (center(right, x, cells), center(down, y, cells), size(width, cells), size(height, cells))
        for score, kind in found(cell):
            if stays(cell, score, threshold):
                rows.append([*np.multiply(box(*places), image_size), score, kind + first])
    return np.array(rows)


def _other(**parts):
    return lambda *case: _read(*case, **parts)


def _every_class(cell):
    return [(cell[4] * share, kind) for kind, share in enumerate(cell[5:])]


def _with_columns(change):
    """Return the right function followed by a change of its boxes."""
    def answer(grid, image_size, threshold):
        rows = _read(grid, image_size, threshold)
        return np.concatenate([change(rows[:, :4], image_size), rows[:, 4:]], axis=1)
    return answer


def _sorted(*case):
    rows = _read(*case)
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def _grid_case(cells, classes, image_size, random):
    """Return a grid of eighths; one cell's score is the threshold itself."""
    grid = random.integers(1, 8, (cells, cells, 5 + classes)) / 8
    for cell in grid.reshape(-1, 5 + classes):
        cell[5:] = random.permutation(7)[:classes] / 8
    grid[0, 0, 4:] = [0.5, 0.5, *[0.25] * (classes - 1)]
    grid[-1, -1, 4:] = [1, *[0.125] * (classes - 1), 0.875]
    return grid, image_size, 0.25


def _draw_grids(random):
    for _ in range(7):
        yield _grid_case(int(random.integers(2, 5)), int(random.integers(1, 5)), int(random.integers(30, 200)), random)


_numbers = np.random.default_rng(12)
READ_GRID = Task(
    points=4,
    draw=_draw_grids,
    forbidden=("cnnlib.models.yolo", "cnnlib.boxes.box_convert"),
    exercise=Exercise(
        name="read_grid",
        objective=3,
        reference=_read_grid,
        cases=((np.array([[[0.5, 0.25, 0.5, 0.25, 0.75, 0.5]]]), 80, 0.25), _grid_case(2, 1, 10, _numbers),
               _grid_case(2, 2, 64, _numbers), _grid_case(3, 3, 90, _numbers), _grid_case(4, 2, 96, _numbers)),
        tolerance=1e-5,
        mistakes=(
            Mistake("rows-for-columns", "your boxes lie mirrored: the first axis of the grid counts rows. Is that x or "
                    "y?", _other(swap=True)),
            Mistake("cell-forgotten", "all your boxes lie in the first cell. Where does the cell itself begin?",
                    _other(center=lambda at, place, cells: place / cells)),
            Mistake("place-in-the-image", "you take x and y as shares of the image. They are shares of a cell.",
                    _other(center=lambda at, place, cells: place)),
            Mistake("size-in-cells", "you take width and height as shares of a cell. They are shares of the image.",
                    _other(size=lambda n, cells: n / cells)),
            Mistake("corner-for-center", "x and y are the center of the box; your box begins there.",
                    _other(box=lambda x, y, w, h: (x, y, x + w, y + h))),
            Mistake("whole-width", "your boxes are twice as wide and high. How far is it from the center to an edge?",
                    _other(box=lambda x, y, w, h: (x - w, y - h, x + w, y + h))),
            Mistake("center-and-size", "you return center and size. The task asks for two corners.",
                    _other(box=lambda *places: places)),
            Mistake("not-in-pixels", "your boxes are shares of the image. The task asks for pixels.",
                    _with_columns(lambda boxes, image_size: boxes / image_size)),
            Mistake("cut-at-the-border", "you cut the boxes off at the border of the image. The task leaves them.",
                    _with_columns(lambda boxes, image_size: boxes.clip(0, image_size))),
            Mistake("confidence-alone", "your score is the confidence. How sure is the cell of its class?",
                    _other(found=lambda cell: [(cell[4], cell[5:].argmax())])),
            Mistake("class-alone", "your score is the probability of the class. It says what it would be *if* there is "
                    "something.", _other(found=lambda cell: [(cell[5:].max(), cell[5:].argmax())])),
            Mistake("threshold-on-confidence", "your scores are right, but you compare the confidence with the "
                    "threshold.", _other(stays=lambda cell, score, threshold: cell[4] >= threshold)),
            Mistake("above-for-at-least", "a box whose score *is* the threshold stays.",
                    _other(stays=lambda cell, score, threshold: score > threshold)),
            Mistake("threshold-ignored", "you return every cell. What is the threshold for?",
                    _other(stays=lambda *_: True)),
            Mistake("row-for-each-class", "some of your cells give several rows. A cell answers with its best class.",
                    _other(found=_every_class)),
            Mistake("classes-from-one", "you count the classes from 1.", _other(first=1)),
            Mistake("sorted", "your rows are in the order of their scores. The task asks for the order of the grid.",
                    _sorted),
        ),
    ),
)

TASKS = (UNET_SIZES, READ_GRID, JUDGE)
