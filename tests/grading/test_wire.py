"""What crosses between grader and sandbox comes out as it went in, and nothing else does."""
import itertools
import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grading.wire import LINE, decode, encode

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner)
                      | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=20)


def over(value):
    return decode(json.loads(json.dumps(encode(value))))


@given(VALUES)
def test_values_come_out_as_they_went_in(value):
    assert over(value) == value and type(over(value)) is type(value)


@given(hnp.arrays(hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.floating_dtypes(sizes=(16, 32, 64)),
                  hnp.array_shapes(min_dims=0, min_side=0)))
def test_arrays_keep_type_shape_and_bits(array):
    got = over(array)
    assert got.dtype == array.dtype and got.shape == array.shape and got.tobytes() == array.tobytes()
    assert got.flags.writeable


def test_tensors_and_views_cross_as_copies():
    tensor = torch.arange(12.0, requires_grad=True).reshape(3, 4).T
    assert torch.equal(over(tensor), tensor) and over(tensor).dtype == tensor.dtype
    assert np.array_equal(over(np.arange(10)[::-2]), np.arange(10)[::-2])
    assert np.isnan(over(float("nan"))) and over(np.float32(2.5)) == np.float32(2.5)


@pytest.mark.parametrize("value", [object(), np.array(["a"]), np.array([object()]), {1, 2}, print, b"bytes"])
def test_other_things_stay_unless_there_are_handles(value):
    with pytest.raises(TypeError, match=r"^encode: value must be of numbers, texts, lists or arrays, got "):
        encode(value)
    kept = []
    message = encode([1, value], handle=lambda each: kept.append(each) or 7)
    assert kept == [value] or kept[0] is value
    assert decode(message, handle=lambda number, kind, can_call: (number, can_call)) == [1, (7, callable(value))]


class Trick:
    def __reduce__(self):
        return print, ("it runs",)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["plain", "int", "float", "number", "array", "tensor", "tuple", "list", "dict", "handle", "x"]), inner,
        max_size=2), max_leaves=12))
def test_no_message_does_more_than_fail(message):
    try:
        decode(message)
    except ValueError:
        pass


@pytest.mark.parametrize("message", [
    {"array": ["|O", [1], ""]}, {"array": ["<f8", [2], "AAAA"]}, {"array": ["<f8", [3], ""]}, {"plain": [1]},
    {"float": "ten"}, {"handle": [1, "x", True]}, {"plain": 1, "int": "2"}, [1], None,
    {"x": pickle.dumps(Trick()).hex()}])
def test_malformed_messages_are_refused(message):
    with pytest.raises(ValueError, match=r".+"):
        decode(message)


def test_depth_and_size_have_limits():
    deep = []
    for _ in range(30):
        deep = [deep]
    with pytest.raises(ValueError, match=r"^encode: values must be at most 20 deep"):
        encode(deep)
    with pytest.raises(ValueError, match=r"^encode: texts and arrays must have at most 4194304 bytes together"):
        encode(np.broadcast_to(np.float64(1), (10**5, 10**3)))
    with pytest.raises(ValueError, match=r"^encode: texts and arrays must have at most"):
        encode([np.zeros(10**5)] * 6)
    for many in ([1] * 100_000, tuple(range(100_000)), dict.fromkeys(range(50_001), 1), [[[0]] * 50_000]):
        with pytest.raises(ValueError, match=r"^encode: at most 100000 values can be sent at once"):
            encode(many)
    with pytest.raises(ValueError, match=r"^encode: texts and arrays must have at most"):
        encode("\0" * 10**6)
    with pytest.raises(ValueError, match=r"^encode: at most 100000 values"):
        encode(itertools.count(), handle=id)


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_class_that_computes_while_it_is_read_does_not(kind):
    class Late(kind):
        def __iter__(self):
            raise AssertionError("it computes")

    assert over(Late([1, 2])) == kind([1, 2])
    assert over(torch.zeros(2, 3).shape) == (2, 3)


def test_the_largest_messages_fit_into_a_line():
    for value in (np.zeros(4 * 2**20, np.uint8), [-1.2345678901234567e-300] * 99_999, [np.float64(0.1)] * 50_000):
        assert len(json.dumps(encode(value))) < LINE
    assert len(json.dumps(encode("\0" * 699_050))) < LINE
