import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.scratch import conv2d_v1, conv2d_v2, conv2d_v3, conv2d_v4, conv2d_v5

NINE, FOUR = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
SIZES = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 4), st.integers(1, 4))


def arrays(sizes, *shape):
    """Return image and kernel of random numbers, the kernel no larger than the image."""
    height, width, kh, kw = sizes
    numbers = np.random.default_rng(sum(sizes))
    x = numbers.normal(size=(*shape, height, width))
    return x, numbers.normal(size=(*shape, min(kh, height), min(kw, width)))


def judge(x, weight, **options):
    """Return PyTorch's result for an image (…, H, W) and one kernel."""
    x, weight = (torch.tensor(array.reshape(1, -1, *array.shape[-2:])) for array in (x, weight))
    return F.conv2d(x, weight, **options)[0, 0].numpy()


@given(SIZES)
def test_v1_and_v2_agree_with_pytorch(sizes):
    x, weight = arrays(sizes)
    np.testing.assert_allclose(conv2d_v1(x, weight), judge(x, weight), atol=1e-12)
    np.testing.assert_allclose(conv2d_v2(x, weight), judge(x, weight), atol=1e-12)


@given(SIZES, st.integers(1, 3), st.integers(0, 2))
def test_v3_to_v5_agree_with_pytorch(sizes, stride, padding):
    options = {"stride": stride, "padding": padding}
    x, weight = arrays(sizes)
    np.testing.assert_allclose(conv2d_v3(x, weight, **options), judge(x, weight, **options), atol=1e-12)
    x, weight = arrays(sizes, 3)
    np.testing.assert_allclose(conv2d_v4(x, weight, **options), judge(x, weight, **options), atol=1e-12)
    batch, filters = np.stack([x, -x + 1]), np.stack([weight, weight * 2, weight + 1])
    right = F.conv2d(torch.tensor(batch), torch.tensor(filters), **options).numpy()
    np.testing.assert_allclose(conv2d_v5(batch, filters, **options), right, atol=1e-12)


def test_each_version_contains_the_one_before():
    x, weight = arrays((6, 5, 3, 2), 2)
    assert np.allclose(conv2d_v2(x[0], weight[0]), conv2d_v1(x[0], weight[0]))
    assert np.array_equal(conv2d_v3(x[0], weight[0]), conv2d_v2(x[0], weight[0]))
    assert np.allclose(conv2d_v4(x, weight), conv2d_v2(x[0], weight[0]) + conv2d_v2(x[1], weight[1]))
    assert np.array_equal(conv2d_v5(x[None], weight[None])[0, 0], conv2d_v4(x, weight))


def test_worked_examples():
    assert conv2d_v1(NINE, FOUR).tolist() == conv2d_v2(NINE, FOUR).tolist() == [[19, 25], [37, 43]]
    two = np.stack([NINE, NINE + 1]), np.stack([FOUR, FOUR + 1])
    assert conv2d_v4(*two).tolist() == [[56, 72], [104, 120]]
    assert conv2d_v5(two[0][None], np.ones((3, 2, 2, 2))).shape == (1, 3, 2, 2)


def test_a_kernel_taken_for_square_hides_its_mistake():
    def square_kernel(image, kernel):  # K = kernel.shape[0]: one size for both axes
        K = kernel.shape[0]
        rows, cols = image.shape[0] - K + 1, image.shape[1] - K + 1
        return np.array([[np.sum(image[i:i + K, j:j + K] * kernel) for j in range(cols)] for i in range(rows)])

    image, edge = np.array([[1.0, 1, 0, 0, 0, 0, 1, 1]] * 6), np.array([[1.0, -1]])
    wrong = square_kernel(image, edge)
    assert wrong.shape == (6, 8) and not wrong.any()  # no error: broadcasting hides it
    right = conv2d_v2(image, edge)
    assert right.shape == (6, 7) and right[0].tolist() == [0, 1, 0, 0, 0, -1, 0]
    assert not conv2d_v2(image.T, edge).any()  # this kernel sees vertical edges only


def test_eight_bit_photographs_do_not_wrap_around():
    photo, kernel = np.full((1, 1, 3, 3), 200, np.uint8), np.full((1, 1, 2, 2), 2, np.uint8)
    assert np.sum(photo[0, 0, :2, :2] * kernel[0, 0]) == 576  # the mistake: 200 * 2 is 144 in 8 bits
    for version in (conv2d_v1, conv2d_v2, conv2d_v3):
        assert version(photo[0, 0], kernel[0, 0]).tolist() == [[1600, 1600], [1600, 1600]]
    assert conv2d_v4(photo[0], kernel[0]).tolist() == [[1600, 1600], [1600, 1600]]
    assert conv2d_v5(photo, kernel).tolist() == [[[[1600, 1600], [1600, 1600]]]]


def test_padding_is_on_each_side_not_in_total():
    x, weight = np.ones((8, 8)), np.ones((3, 3))
    assert conv2d_v3(x, weight, padding=1).shape == judge(x, weight, padding=1).shape == (8, 8) != (7, 7)


def test_a_kernel_larger_than_the_image_fits_into_the_padding():
    x, weight = np.arange(4.0).reshape(2, 2), np.arange(12.0).reshape(4, 3)
    assert conv2d_v3(x, weight, padding=1).tolist() == judge(x, weight, padding=1).tolist()
    with pytest.raises(RuntimeError):
        judge(x, weight)
    with pytest.raises(ValueError, match=r"^conv2d_v3: .* into the 2 pixels of the padded input, got 4 pixels$"):
        conv2d_v3(x, weight)


IMAGE = np.ones((2, 4, 4))
BAD = [
    (conv2d_v1, (IMAGE, FOUR), {}, "conv2d_v1: x must have 2 axes, got shape (2, 4, 4)"),
    (conv2d_v1, (NINE, np.ones((4, 1))), {},
     "conv2d_v1: the kernel must fit into the 3 pixels of the padded input, got 4 pixels"),
    (conv2d_v1, (NINE, []), {}, "conv2d_v1: weight must have 2 axes, got shape (0,)"),
    (conv2d_v2, (NINE, np.ones((0, 2))), {}, "conv2d_v2: weight must not be empty, got shape (0, 2)"),
    (conv2d_v2, ([["a"]], FOUR), {}, "conv2d_v2: x must be an array of real numbers, got [['a']]"),
    (conv2d_v3, (NINE, FOUR), {"stride": 0}, "conv2d_v3: stride must be a whole number of at least 1, got 0"),
    (conv2d_v3, (NINE, FOUR), {"stride": (1, 1)}, "conv2d_v3: stride must be a whole number of at least 1, got (1, 1)"),
    (conv2d_v3, (NINE, FOUR), {"padding": 0.5}, "conv2d_v3: padding must be a whole number of at least 0, got 0.5"),
    (conv2d_v4, (IMAGE, np.ones((3, 2, 2))), {}, "conv2d_v4: weight must have 2 input channels as x, got 3"),
    (conv2d_v5, (IMAGE, IMAGE), {}, "conv2d_v5: x must have 4 axes, got shape (2, 4, 4)"),
    (conv2d_v5, (IMAGE[None], np.ones((1, 2, 5, 5))), {},
     "conv2d_v5: the kernel must fit into the 4 pixels of the padded input, got 5 pixels"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "message"), BAD)
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    with pytest.raises(ValueError) as caught:
        function(*arguments, **options)
    assert str(caught.value) == message
