"""The table of the fuzz with a few inputs a name, and faults that its machinery must see."""
import pickle
import time
import warnings

import numpy as np
import pytest
from hypothesis import strategies as st

from cnnlib import scratch
from tests.fuzz import __main__ as command
from tests.fuzz.loader_rows import Bomb, loader
from tests.fuzz.row import Call, Row
from tests.fuzz.runner import run
from tests.fuzz.table import ROWS, WITHOUT, public_names
from tests.fuzz.values import LAYOUTS, array, call, laid_out
from tests.fuzz.watch import Fault, judged, memory_limit

X = Call(args={"x": np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])})


@pytest.mark.parametrize("name", ROWS)
def test_every_function_keeps_its_promises(name):
    counts, _ = run(ROWS[name], examples=6)
    assert counts["inputs"] >= 6


def test_every_public_function_is_in_the_table_or_has_a_reason():
    there, without = {name.partition(" ")[0] for name in ROWS}, set(WITHOUT)
    assert set(public_names()) - there - without == set() and there & without == set()
    assert without <= set(public_names()) and all(WITHOUT.values())


def planted(function, *, right=None, says=()):
    """Return a row of relu's with another function under its name."""
    return Row(name="scratch.relu", function=function, calls=call({"x": array((2, 3))}), says=says,
               right=right or ROWS["scratch.relu"].right)


def changes_its_input(x):
    y = scratch.relu(x)
    if x.flags.writeable:
        x[0] = 0
    return y


def raises_index_error(x):
    return x[:, 7]


def forgets_the_last(x):
    return np.concatenate([scratch.relu(x)[..., :-1], x[..., -1:]], axis=-1)


def returns_float32(x):
    return scratch.relu(x).astype(np.float32)


def never_ends(x):
    while True:
        time.sleep(0.01)


def never_ends_and_swallows(x):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def reads_the_memory_behind(x):
    return scratch.relu(np.frombuffer(x.base if x.base is not None else x, x.dtype)[:x.size].reshape(x.shape))


def warns(x):
    warnings.warn("a word", stacklevel=1)
    return scratch.relu(x)


def asks_for_too_much(x):
    return np.ones(2**40)


def refuses_in_its_own_words(x):
    raise ValueError("something is wrong")


def refuses_what_is_good(x):
    raise ValueError("relu: x must be better, got this")


@pytest.mark.parametrize(("function", "message"), [
    (changes_its_input, "an argument was changed"), (raises_index_error, "raised IndexError"),
    (forgets_the_last, r"wrong: np.float64\(-6.0\) for np.float64\(0.0\) at \(1, 2\)"),
    (returns_float32, "wrong: float32 .* for float64"),
    (never_ends, "no answer within 2 s"), (never_ends_and_swallows, "no answer within 2 s"), (warns, "warned: "),
    (asks_for_too_much, "asked for too much memory"), (refuses_in_its_own_words, "undocumented ValueError"),
    (refuses_what_is_good, "refused a good input"),
], ids=lambda each: getattr(each, "__name__", ""))
def test_a_planted_fault_is_seen_and_relu_is_not_blamed(function, message):
    with memory_limit(), pytest.raises(Fault, match=message):
        judged(planted(function), X, seconds=2)
    assert judged(planted(scratch.relu), X) == "judged"


def test_an_answer_that_depends_on_the_memory_is_seen():
    assert judged(planted(reads_the_memory_behind), X) == "judged"
    with pytest.raises(Fault, match="the layout 'every second' gives"):
        judged(planted(reads_the_memory_behind), X, layout="every second")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_hold_the_same_numbers(layout):
    x = laid_out(X.args["x"], layout)
    assert np.array_equal(x, X.args["x"]) and not x.flags.writeable
    assert x.flags.c_contiguous == (layout == "read-only")


def test_a_loader_that_runs_a_pickle_is_seen():
    def trusting(path):
        return pickle.loads(path.read_bytes())
    row = loader("data.load", trusting, "file", pickle.dumps(Bomb()), check=lambda result, content: None)
    with pytest.raises(Fault, match="code in the file was run"):
        judged(row, Call(args={"content": pickle.dumps(Bomb())}, harmed=("content",)))


def test_wrong_arrays_are_found_among_random_ones_and_the_smallest_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(command, "ROWS", {"scratch.relu": planted(forgets_the_last)})
    assert command.main(["--examples", "100"]) == 1
    said = capsys.readouterr().out
    assert "WRONG: wrong: " in said and "Call(args={'x': array(" in said and said.endswith("wrong: scratch.relu\n")
    monkeypatch.setattr(command, "ROWS", {"scratch.relu": planted(scratch.relu)})
    assert command.main(["--examples", "100", "scratch"]) == 0
    assert capsys.readouterr().out.endswith("100 inputs of 1 names, wrong: 0\n")
    with pytest.raises(SystemExit):
        command.main(["no.such.name"])


def test_a_rare_fault_is_shrunk():
    def rarely(x):
        if x.size > 3 and x.ndim == 2:
            raise IndexError("rare")
        return scratch.relu(x)
    row = Row(name="scratch.relu", function=rarely, calls=call({"x": array(st.tuples(*[st.integers(1, 6)] * 2))}))
    with pytest.raises(Fault, match="raised IndexError: rare"):
        run(row, examples=100)
