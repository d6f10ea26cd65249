"""What options are when they are not given, in whose name an argument is refused, and what is refused for its size."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib import scratch

ONE = np.ones((1, 1, 1, 1))
FAR = 2**15  # pixels of padding; a square of twice that side has more than 2³⁰ pixels


def numbers(*shape, seed=0):
    """Return random numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def test_options_that_are_not_given_are_those_of_pytorch():
    x, weight = numbers(2, 3, 4, 5, 6), numbers(2, 3, 2, 2, 2)
    np.testing.assert_allclose(scratch.conv3d(x, weight), F.conv3d(torch.tensor(x), torch.tensor(weight)))
    maps, grad = numbers(2, 3, 4), numbers(2, 3, 4, seed=1)
    np.testing.assert_allclose(scratch.Softmax().forward(maps), F.softmax(torch.tensor(maps), -1))
    for ours, theirs in ((scratch.softmax_backward, F.softmax), (scratch.log_softmax_backward, F.log_softmax)):
        start = torch.tensor(maps, requires_grad=True)
        theirs(start, -1).backward(torch.tensor(grad))
        np.testing.assert_allclose(ours(grad, maps), start.grad)


def test_a_window_that_does_not_fit_is_left_out_unless_asked_for():
    x, grad = numbers(1, 1, 5, 5), numbers(1, 1, 2, 2, seed=1)
    start = torch.tensor(x, requires_grad=True)
    F.max_pool2d(start, 2).backward(torch.tensor(grad))
    np.testing.assert_allclose(scratch.max_pool2d_backward(grad, x, 2), start.grad)


def test_a_mask_of_two_axes_serves_all_heads():
    query, key, value = (numbers(2, 3, 5, 4, seed=seed) for seed in range(3))
    mask = np.tril(np.ones((5, 5), bool))
    right = F.scaled_dot_product_attention(*map(torch.tensor, (query, key, value)), attn_mask=torch.tensor(mask))
    np.testing.assert_allclose(scratch.scaled_dot_product_attention(query, key, value, mask=mask), right)


@pytest.mark.parametrize("momentum", [0.5, 0.0, 1.0])
def test_batch_norm_weighs_the_batch_by_its_momentum(momentum):
    x = numbers(4, 3, 5, 5)
    ours, theirs = scratch.BatchNorm2d(3, momentum=momentum), torch.nn.BatchNorm2d(3, momentum=momentum).double()
    ours.forward(x)
    theirs(torch.tensor(x))
    np.testing.assert_allclose(ours.running_mean, theirs.running_mean)
    np.testing.assert_allclose(ours.running_var, theirs.running_var)


def test_a_parameter_without_a_gradient_stops_no_other_one():
    first, second = scratch.Parameter(np.ones(2)), scratch.Parameter(np.ones(2))
    second.grad = np.ones(2)
    scratch.SGD([first, second], lr=0.5).step()
    assert first.value.tolist() == [1, 1] and second.value.tolist() == [0.5, 0.5]


def test_seeds_and_counts_that_are_not_given():
    layer, x = scratch.Linear(21, 2, rng=0), numbers(10, 21)
    report = scratch.check_gradients(layer, x)
    assert report == scratch.check_gradients(layer, x, seed=0, most=200) != scratch.check_gradients(layer, x, seed=1)
    assert (report.rows[0].entries, report.rows[0].checked) == (210, 200)
    images, labels = numbers(8, 2), np.arange(8) % 2

    def losses(**options):
        net = scratch.Linear(2, 2, rng=0)
        return scratch.fit(net, images, labels, optimizer=scratch.SGD(net.parameters(), lr=1), epochs=1, batch_size=2,
                           **options)

    assert losses() == losses(seed=0) != losses(seed=1)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: scratch.adaptive_avg_pool2d(np.ones(3), 2),
     "adaptive_avg_pool2d: x must have 4 axes, got shape (3,)"),
    (lambda: scratch.check_gradients(scratch.ReLU(), [1.0], step=0),
     "check_gradients: step must be a number above 0, got 0"),
    (lambda: scratch.Softmax(dim=0.5), "Softmax: dim must hold whole numbers, got 0.5"),
    (lambda: scratch.softmax_backward([1.0], [1.0], dim=1),
     "softmax_backward: dim must be an axis of the shape (1,), got 1"),
    (lambda: scratch.log_softmax_backward([1.0], [1.0], dim=1),
     "log_softmax_backward: dim must be an axis of the shape (1,), got 1"),
    (lambda: scratch.conv_transpose2d(ONE, ONE, groups=0),
     "conv_transpose2d: groups must be a whole number of at least 1, got 0"),
    (lambda: scratch.conv2d_v4(ONE[0], ONE[0], padding=-1),
     "conv2d_v4: padding must be a whole number of at least 0, got -1"),
    (lambda: scratch.conv2d_v5(ONE, ONE, padding=-1),
     "conv2d_v5: padding must be a whole number of at least 0, got -1"),
    (lambda: scratch.conv2d_v5(ONE, ONE, stride=0),
     "conv2d_v5: stride must be a whole number of at least 1, got 0"),
    (lambda: scratch.conv2d_v3(ONE[0, 0], ONE[0, 0], padding=FAR),
     "conv2d_v3: the padded x must have at most 1073741824 numbers, got the shape (65537, 65537)"),
    (lambda: scratch.conv2d_v4(np.ones((5, 1, 1), np.float16), ONE[0].repeat(5, axis=0), padding=FAR // 4),
     "conv2d_v4: the padded x must have at most 1073741824 numbers, got the shape (5, 16385, 16385)"),
    (lambda: scratch.conv2d_backward(np.ones((1, 1, 2, 2)), ONE, ONE, stride=2 * FAR, padding=FAR),
     "conv2d_backward: the padded x must have at most 1073741824 numbers, got the shape (1, 1, 65537, 65537)"),
    (lambda: scratch.pad2d(np.zeros((1, 1, 1, FAR), np.uint8), (0, 0, FAR, 0)),
     "pad2d: the result must have at most 1073741824 numbers, got the shape (1, 1, 32769, 32768)"),
    (lambda: scratch.pad2d(np.zeros((1, 1, FAR, 1, 1), np.uint8), (FAR, 0)),
     "pad2d: the result must have at most 1073741824 numbers, got the shape (1, 1, 32768, 1, 32769)"),
])
def test_what_is_refused_names_who_was_called(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("function", [scratch.conv2d_v4, scratch.conv2d_v5])
def test_a_kernel_may_fit_by_its_padding_alone(function):
    x, weight = numbers(1, 2, 2, 2), numbers(1, 2, 3, 3)
    right = F.conv2d(torch.tensor(x), torch.tensor(weight), padding=1).numpy()
    cut = (lambda array: array) if function is scratch.conv2d_v5 else (lambda array: array[0])
    np.testing.assert_allclose(np.squeeze(function(cut(x), cut(weight), padding=1)), np.squeeze(right))
