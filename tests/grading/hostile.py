"""What some students hand in: each case is the text of a cell, an edit of the notebook, or a file.

``PLACE`` stands for a folder that a program should not reach, ``PORT`` for a port on which somebody listens.
"""
import os

from tests.grading.students import cell_of, hand_in, notebook
from tests.grading.students import right as right_answers

RIGHT_SHAPE = """
def map_shape(input_shape, out_channels, kernel_size, *, stride=(1, 1), padding=(0, 0)):
    sizes = zip(input_shape[2:], kernel_size, stride, padding)
    return (input_shape[0], out_channels, *((n + 2 * p - k) // s + 1 for n, k, s, p in sizes))
"""
STARS = "def map_shape(*arguments, **options):\n    "

# Points lost of the 12 of a right notebook, and the text of the cell that answers map_shape (3 points).
CELLS = {
    "endless-loop-in-call": (3, STARS + "while True: pass"),
    "endless-loop-in-cell": (3, "while True: pass"),
    "eight-gigabytes": (3, STARS + "return [b'x' * 2**30 for _ in range(8)]"),
    "sys-exit": (3, STARS + "raise SystemExit(0)"),
    "os-exit": (3, "import os\nos._exit(0)"),
    "delete-the-tree": (0, """
import os, shutil, sys
for place in ("PLACE", "/box", "/tmp", os.path.dirname(os.__file__), sys.prefix, "/"):
    shutil.rmtree(place, ignore_errors=True)
""" + RIGHT_SHAPE),
    "patched-asserts": (3, """
import numpy.testing, cnnlib.exercises as e, cnnlib.exercises._check as c
numpy.testing.assert_allclose = numpy.testing.assert_equal = lambda *a, **o: None
e.grade_task = e.check_task = lambda *a: None
c.Exercise.check = lambda *a: c.Feedback(True, None, "Right")
""" + STARS + "return (0, 0, 0, 0)"),
    "hundred-megabytes-of-output": (0, "print('x' * 10**8)\n" + RIGHT_SHAPE),
    "half-a-character": (0, "print('\\ud800', chr(0))\n" + RIGHT_SHAPE),
    "nested-answer": (3, STARS + "x = []\n    for _ in range(10**5): x = [x]\n    return x"),
    "forged-nesting": (3, "import os\nfor n in range(3, 64):\n    try:\n        os.write(n, b'[' * 10**5 + b'\\n')\n"
                       "    except OSError:\n        pass"),
    "reads-sources": (3, """
import os, pathlib
def found():
    for top in ("PLACE", "/box", "/tmp", "/home", "/root"):
        for path in pathlib.Path(top).rglob("*"):
            try:
                ours = "site-packages" not in path.parts  # nbgrader's own text speaks of them too
                if ours and path.is_file() and "HIDDEN TESTS" in path.read_text():
                    return True
            except (OSError, ValueError):
                pass
    return "CNN_COURSE_SEED" in os.environ
SEEN = found()
""" + RIGHT_SHAPE.replace("def map_shape", "def real").lstrip("\n") + STARS
        + "return real(*arguments, **options) if SEEN else None"),
    "two-hundred-processes": (3, """
import os, time
for _ in range(200):
    if os.fork() == 0:
        try:
            open("PLACE/alive", "a").close()
        except OSError:
            pass
        time.sleep(600)
        os._exit(0)
""" + RIGHT_SHAPE),
    "copies-of-the-program": (0, "import os\nfor _ in range(3):\n    os.fork()\n" + RIGHT_SHAPE),
    "pickle": (3, """
class Trick:
    def __reduce__(self):
        return (open, ("PLACE/pickled", "w"))
    def __eq__(self, other):
        return True
    def __array__(self, *a, **o):
        raise SystemExit
""" + STARS + "return Trick()"),
    "network": (3, f"""
import socket
{STARS}return socket.create_connection(("127.0.0.1", PORT), timeout=2).recv(10)
"""),
    "fills-the-disk": (0, """
for place in ("PLACE", "/tmp", "/box"):
    try:
        with open(f"{place}/full", "wb") as file:
            for _ in range(200):
                file.write(bytes(2**20))
    except OSError:
        pass
""" + RIGHT_SHAPE),
    "input": (3, "name = input('Your name? ')\n" + RIGHT_SHAPE),
    "kills-its-parents": (0, """
import os, signal
for target in (1, os.getppid()):
    try:
        os.kill(target, signal.SIGTERM)
    except OSError:
        pass
""" + RIGHT_SHAPE),
    "forged-answers": (3, """
import os
for number in range(3, 64):
    try:
        os.write(number, b'{"value": {"plain": true}, "names": ["map_shape"], "number": 4}\\n')
    except OSError:
        pass
"""),
    "returns-everything": (3, "import numpy\n" + STARS + "return numpy.zeros(10**8)"),
    "returns-a-huge-empty-array": (3, "import numpy\n" + STARS + "return numpy.zeros((10**10, 0))"),
    "own-solution-read": (3, """
from cnnlib.exercises import find_task
map_shape = find_task("ch02", "map_shape").exercise.reference
"""),
}

BORROWED = """
import numpy as np
from cnnlib.scratch import conv2d as mine
def borrowed(image, kernel, stride, padding):
    return mine(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]
"""
MAP = "def filter_map(image, kernel, *, stride=1, padding=0):\n    "
PYTORCH = """
import threading, torch
def borrowed(image, kernel, stride, padding):
    image, kernel = torch.tensor(image)[None, None], torch.tensor(kernel)[None, None]
    return torch.conv2d(image, kernel, stride=stride, padding=padding)[0, 0].numpy()
"""
IN_A_THREAD = MAP + """found = []
    thread = threading.Thread(target=lambda: found.append(borrowed(image, kernel, stride, padding)))
    thread.start()
    thread.join()
    return found[0]
"""

# The same for filter_map (5 points).
FORBIDDEN = {
    "computes-while-it-is-sent": (5, BORROWED + MAP + "yield from borrowed(image, kernel, stride, padding)"),
    "tuple-that-computes-while-it-is-sent": (5, BORROWED + MAP + """class Late(tuple):
        def __iter__(self):
            return iter(borrowed(image, kernel, stride, padding))
    return Late()
"""),
    "watch-off-and-on": (5, BORROWED + "import sys\n" + MAP + """note = sys.getprofile()
    sys.setprofile(None)
    found = borrowed(image, kernel, stride, padding)
    sys.setprofile(note)
    return found
"""),
    "thread-of-a-cell": (9, BORROWED + """
import queue, threading
asked, found = queue.Queue(), queue.Queue()
def work():
    while True:
        found.put(borrowed(*asked.get()))
threading.Thread(target=work, daemon=True).start()
""" + MAP + "asked.put((image, kernel, stride, padding))\n    return found.get()"),
    "bare-thread": (5, BORROWED + "import _thread, queue\n" + MAP + """found = queue.Queue()
    _thread.start_new_thread(lambda: found.put(borrowed(image, kernel, stride, padding)), ())
    return found.get()
"""),
    "pytorch-in-a-thread": (5, PYTORCH + IN_A_THREAD),
    "pytorch-past-its-dispatch": (5, PYTORCH + MAP + """with torch.utils._python_dispatch._disable_current_modes():
        return borrowed(image, kernel, stride, padding)
"""),
    "another-convolution-of-pytorch": (5, "import numpy, torch\n" + MAP + """image = numpy.pad(image, padding)
    image, kernel = torch.tensor(image)[None, None, None], torch.tensor(kernel)[None, None, None]
    return torch._C._nn.slow_conv3d(image, kernel, kernel.shape[2:], None, (1, stride, stride))[0, 0, 0].numpy()
"""),
    "under-numpy": (5, "import numpy as np\n" + MAP + """image, (high, wide) = np.pad(image, padding), kernel.shape
    rows = [sum(np._core.multiarray.correlate(image[i + a], kernel[a], 0) for a in range(high))
            for i in range(0, len(image) - high + 1, stride)]
    return np.array(rows)[:, ::stride]
"""),
    "library-function": (5, """
from cnnlib.scratch import conv2d as mine
def filter_map(image, kernel, *, stride=1, padding=0):
    return mine(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]
"""),
    "library-function-by-importlib": (5, """
import importlib
def filter_map(image, kernel, *, stride=1, padding=0):
    torch = importlib.import_module("to" + "rch")
    layer = getattr(torch, "conv" + "2d")
    image, kernel = torch.tensor(image)[None, None], torch.tensor(kernel)[None, None]
    return layer(image, kernel, stride=stride, padding=padding)[0, 0].numpy()
"""),
    "swallows-later-cells": (4, """
import numpy as np
def filter_map(image, kernel, *, stride=1, padding=0):
    view = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding), kernel.shape)[::stride, ::stride]
    return np.einsum("ijkl,kl->ij", view, kernel)
def swallow(*arguments, **options):
    raise SystemExit
get_ipython().run_cell = swallow
"""),
}


def deleted_cells(made):
    """Delete what is not an answer."""
    made["cells"] = [cell for cell in made["cells"] if cell["metadata"]["nbgrader"]["solution"]]


def renamed_cells(made):
    """Give every cell another name, and every check a hundred points."""
    for number, cell in enumerate(made["cells"]):
        cell["metadata"]["nbgrader"].update(grade_id=f"mine-{number}", points=100, grade=True, solution=False)


def doubled_cells(made):
    """Hand in every cell twice, first as it was given out."""
    made["cells"] = [each for cell in made["cells"] for each in (cell, cell)]


EDITS = {"deleted-cells": deleted_cells, "renamed-ids-and-points": renamed_cells, "doubled-cells": doubled_cells}
FILES = {"bad-json": b'{"cells": [', "nested-json": b"[" * 100_000, "too-large": b" " * (6 * 2**20)}
ODD = ["link", "link-to-a-device", "pipe"]  # no files at all
NAMES = [*CELLS, *FORBIDDEN, *EDITS, *FILES, *ODD]


def cells_of(name, right, place, port):
    """Return the cells of a case: the right answers, one of them replaced."""
    task, table = ("map_shape", CELLS) if name in CELLS else ("filter_map", FORBIDDEN)
    text = table[name][1].replace("PLACE", str(place)).replace("PORT", str(port))
    return {**right, cell_of(task): text}


def expected(name):
    """Return the points of a case out of twelve."""
    if name in FILES or name in ODD:
        return 0
    return 12 - {**CELLS, **FORBIDDEN}.get(name, (0,))[0]


def hand_in_all(course, place, port):
    """Hand in every hostile case, by a student of its name."""
    answers = right_answers(course)
    for name in NAMES:
        if name in FILES:
            hand_in(course, name, FILES[name])
            continue
        edit = EDITS.get(name)
        made = notebook(course, answers if edit or name in ODD else cells_of(name, answers, place, port))
        if edit:
            edit(made)
        path = hand_in(course, name, made)
        if name in ODD:
            path.rename(course.folder / "real.ipynb")
        if name == "pipe":
            os.mkfifo(path)
        elif name in ODD:
            path.symlink_to("/dev/zero" if name == "link-to-a-device" else course.folder / "real.ipynb")
