"""What every function of cnnlib asks of numbers, pairs, sizes and flags, and its words where they do not fit."""
import math

import numpy as np
import pytest

from cnnlib import _arguments as ask
from cnnlib._arrays import as_array
from tests.judge import refused

WHOLE = "f: n must be a whole number of at least 2, got"


@pytest.mark.parametrize("function, arguments, options, right", [
    (ask.whole, (np.int8(2),), {"least": 2}, 2),
    (ask.within, (np.int8(-1), -1, 3), {}, -1),
    (ask.within, (3, -1, 3), {}, 3),
    (ask.within, (5, 1, 7), {"step": 2}, 5),
    (ask.choice, ("b", {"a": 0, "b": 1}), {}, 1),
    (ask.choice, (np.int64(8), (4, 8)), {}, 1),
    (ask.choice, (1, [0.5, 1.0]), {}, 1),
    (ask.stepped, (0, 0, 1, 0.05), {}, 0.0),
    (ask.stepped, (3 * 0.1, 0.1, 1.0, 0.1), {}, 3 * 0.1),
    (ask.stepped, (np.float32(0.5), -1.5, 1.0, 0.1), {}, 0.5),
    (ask.integer, (-3,), {}, -3),
    (ask.per_axis, (2, 3), {"least": 2}, (2, 2, 2)),
    (ask.per_axis, ([2, 5], 2), {"least": 2}, (2, 5)),
    (ask.sizes, ([1, np.int64(2)],), {}, (1, 2)),
    (ask.number, (np.float32(0.5),), {}, 0.5),
    (ask.number, (-1,), {"low": -1, "high": 1}, -1.0),
    (ask.number, (1,), {"low": -1, "high": 1}, 1.0),
    (ask.fraction, (0,), {}, 0.0),
    (ask.fraction, (1,), {}, 1.0),
    (ask.at_least_zero, (0,), {}, 0.0),
    (ask.above_zero, (1e-300,), {}, 1e-300),
    (ask.flag, (np.bool_(True),), {}, True),
    (ask.room, ([2**15, 2**15],), {}, (2**15, 2**15)),
])
def test_what_fits_is_returned_in_plain_types(function, arguments, options, right):
    found = function("f", "n", *arguments, **options)
    assert found == right and type(found) is type(right)


@pytest.mark.parametrize("function, arguments, options, message", [
    *[(ask.whole, (value,), {"least": 2}, f"{WHOLE} {value!r}") for value in (1, 2.0, "2", True, None)],
    *[(ask.within, (value, 0, 4), {}, f"f: n must be a whole number from 0 to 4, got {value!r}")
      for value in (-1, 5, 2.0, "2", False, [], 10**400)],
    (ask.within, (4, 1, 7), {"step": 2}, "f: n must be a whole number from 1 to 7 in steps of 2, got 4"),
    *[(ask.choice, (value, ("a", "b")), {}, f"f: n must be one of a, b, got {value!r}")
      for value in ("c", 0, None, [], ["a"], np.array(["a"]))],
    *[(ask.choice, (value, (1, 8)), {}, f"f: n must be one of 1, 8, got {value!r}") for value in (2, 8.0, True, "8")],
    *[(ask.choice, (value, (0.5, 1.0)), {}, f"f: n must be one of 0.5, 1, got {value!r}")
      for value in (0.7, True, math.nan, 10**400)],
    *[(ask.stepped, (value, -8, 8, 0.1), {}, f"f: n must be a number from -8 to 8 in steps of 0.1, got {value!r}")
      for value in (8.1, -8.1, 0.25, math.nan, math.inf, 10**400, "1", True, None)],
    (ask.integer, (0.5,), {}, "f: n must hold whole numbers, got 0.5"),
    (ask.integer, (False,), {}, "f: n must hold whole numbers, got False"),
    (ask.per_axis, ((2, 2), 3), {"least": 2}, "f: n must be one number or 3, one for each axis, got (2, 2)"),
    (ask.per_axis, ((2, 1), 2), {"least": 2}, f"{WHOLE} 1"),
    (ask.sizes, (5,), {}, "f: n must be a tuple of whole numbers, got 5"),
    (ask.sizes, ((5, 0),), {}, "f: n must hold whole numbers of at least 1, got (5, 0)"),
    (ask.sizes, ((5, 1.0),), {}, "f: n must hold whole numbers of at least 1, got (5, 1.0)"),
    *[(ask.number, (value,), {}, f"f: n must be a finite number, got {value!r}")
      for value in (math.inf, math.nan, 10**400, "1", True, None)],
    (ask.number, (-1.5,), {"low": -1, "high": 1, "rule": "small"}, "f: n must be small, got -1.5"),
    (ask.number, (1.5,), {"low": -1, "high": 1, "rule": "small"}, "f: n must be small, got 1.5"),
    (ask.fraction, (1.01,), {}, "f: n must be a fraction of 1, got 1.01"),
    (ask.fraction, (-0.01,), {}, "f: n must be a fraction of 1, got -0.01"),
    (ask.at_least_zero, (-1,), {}, "f: n must be a number of at least 0, got -1"),
    (ask.above_zero, (0,), {}, "f: n must be a number above 0, got 0"),
    (ask.flag, (1,), {}, "f: n must be True or False, got 1"),
    (ask.room, ((2**15, 2**15 + 1),), {},
     "f: n must have at most 1073741824 numbers, got the shape (32768, 32769)"),
])
def test_what_does_not_fit_is_refused(function, arguments, options, message):
    refused(function, message, "f", "n", *arguments, **options)


def test_several_settings_are_named_in_their_order():
    limits = {"size": (1, 12), "window": (1, 11, 2)}
    assert ask.all_within("f", limits, (12, 3)) == {"size": 12, "window": 3}
    refused(ask.all_within, "f: window must be a whole number from 1 to 11 in steps of 2, got 2", "f", limits, (12, 2))
    known = {"kind": {"max": 0, "mean": 1}, "stride": (1, 2)}
    assert ask.all_choices("f", known, ("mean", 1)) == {"kind": 1, "stride": 0}
    refused(ask.all_choices, "f: stride must be one of 1, 2, got 3", "f", known, ("max", 3))
    for function in (ask.all_within, ask.all_choices):
        with pytest.raises(ValueError, match="shorter"):
            function("f", limits, (1,))


def test_image_shapes_have_one_to_three_axes():
    for shape in ((1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5)):
        assert ask.image_shape("f", list(shape)) == shape
    for shape in ((1, 2), (1, 2, 3, 4, 5, 6)):
        refused(ask.image_shape, f"f: input_shape must be (N, C, L), (N, C, H, W) or (N, C, D, H, W), got {shape}", "f",
                shape)


def test_groups_divide_the_channels():
    assert ask.channels("f", 6, 4, 2) == (6, 4, 2) and ask.channels("f", 1, 1, 1) == (1, 1, 1)
    refused(ask.channels, "f: groups must divide in_channels = 6, got 4", "f", 6, 4, 4)
    refused(ask.channels, "f: groups must divide out_channels = 4, got 3", "f", 6, 4, 3)
    for place, name in enumerate(("in_channels", "out_channels", "groups")):
        numbers = [1, 1, 1]
        numbers[place] = 0
        refused(ask.channels, f"f: {name} must be a whole number of at least 1, got 0", "f", *numbers)


def test_what_is_no_array_becomes_one_of_objects():
    rows = np.ones((2, 2))
    assert as_array(rows) is rows and as_array([1, 2]).tolist() == [1, 2]
    assert as_array([[1], [1, 2]]).dtype == object
