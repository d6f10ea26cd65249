import itertools
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.scratch import numerical_gradient, softmax
from cnnlib.scratch.attention import (
    multi_head_attention,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from cnnlib.scratch.attention_masks import causal_mask, global_mask, local_mask, strided_mask
from tests.judge import KINDS, close, refused


def normal(*shape, seed=0, kind=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(kind)


def random_mask(rng, numbers, shape, kind):
    """Return None or a mask that broadcasts to a shape: of booleans or floats, now and then with a blind row."""
    if rng.random() < 0.3:
        return None
    own = [rng.choice([1, size]) for size in shape[rng.randint(0, len(shape) - 2):]]
    allowed = numbers.random(own) < rng.choice([0.4, 0.8])
    if rng.random() < 0.5:
        return allowed
    return np.where(allowed, numbers.normal(size=own), -np.inf).astype(kind)


def test_300_random_cases_agree_with_pytorch():
    rng, numbers, blind = random.Random(0), np.random.default_rng(0), 0
    for _ in range(300):
        kind, leading = rng.choice(KINDS), [rng.randint(1, 3) for _ in range(rng.randint(0, 3))]
        queries, keys, size, held = (rng.randint(1, 6) for _ in range(4))
        shapes = [(*(rng.choice([1, n, n]) for n in leading), *last)
                  for last in ((queries, size), (keys, size), (keys, held))]
        query, key, value = (numbers.normal(size=shape).astype(kind) * rng.choice([1, 5]) for shape in shapes)
        scores = (*np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2]), queries, keys)
        causal = rng.random() < 0.2
        mask = None if causal else random_mask(rng, numbers, scores, kind)
        tensors = [torch.tensor(each, requires_grad=True) for each in (query, key, value)]
        right = F.scaled_dot_product_attention(
            *tensors, attn_mask=None if mask is None else torch.tensor(mask), is_causal=causal)
        options, case = {"mask": mask, "causal": causal}, (shapes, mask, causal)
        out, weights = scaled_dot_product_attention(query, key, value, return_weights=True, **options)
        assert close(out, right, scale=np.abs(value).max()), case
        blind += (weights.sum(axis=-1) == 0).any()
        grad_output = numbers.normal(size=out.shape).astype(kind)
        right.backward(torch.tensor(grad_output))
        grads = scaled_dot_product_attention_backward(grad_output, query, key, value, **options)
        scale = np.abs(grad_output).max() * np.abs(value).max() * max(np.abs(query).max(), np.abs(key).max())
        for grad, tensor in zip(grads, tensors, strict=True):
            assert close(grad, tensor.grad, scale=scale), case
    assert blind > 20


SIZES = st.integers(1, 4)


@given(leading=st.lists(SIZES, max_size=2), queries=SIZES, keys=SIZES, size=SIZES, held=SIZES, other=SIZES,
       where=st.sampled_from(["nowhere", "key size", "value tokens"]))
def test_shapes_that_fit_and_shapes_that_do_not(leading, queries, keys, size, held, other, where):
    key_size, held_by = other if where == "key size" else size, other if where == "value tokens" else keys
    arrays = [np.ones((*leading, *last)) for last in ((queries, size), (keys, key_size), (held_by, held))]
    if (key_size, held_by) != (size, keys):
        with pytest.raises(ValueError):
            scaled_dot_product_attention(*arrays)
        return
    out, weights = scaled_dot_product_attention(*arrays, return_weights=True)
    assert out.shape == F.scaled_dot_product_attention(*map(torch.tensor, arrays)).shape
    assert weights.shape == (*leading, queries, keys)
    np.testing.assert_allclose(weights, 1 / keys)  # all scores are equal
    grads = scaled_dot_product_attention_backward(out, *arrays)
    assert [grad.shape for grad in grads] == [array.shape for array in arrays]


def test_the_tempting_mistakes_are_wrong():
    query, key, value = normal(4, 16), normal(5, 16, seed=1), normal(5, 3, seed=2)
    right = F.scaled_dot_product_attention(*map(torch.tensor, (query, key, value)))
    scores = query @ key.T
    assert close(scaled_dot_product_attention(query, key, value), right)
    assert close(softmax(scores / 4) @ value, right)
    for wrong in (softmax(scores), softmax(scores / 16), softmax(scores / 4, dim=0)):  # no root, no √, wrong axis
        assert not np.allclose(wrong @ value, right, atol=0.1)


def test_without_the_root_long_vectors_pick_one_token():
    query, key = normal(200, 512), normal(200, 512, seed=1)
    _, weights = scaled_dot_product_attention(query, key, key, return_weights=True)
    assert weights.max(axis=1).mean() < 0.2 < 0.8 < softmax(query @ key.T).max(axis=1).mean()


def test_true_means_allowed_and_pytorchs_layer_says_the_opposite():
    x, mask = normal(1, 4, 6), causal_mask(4)
    layer = torch.nn.MultiheadAttention(6, 2, batch_first=True).double().eval()
    right = layer(*3 * [torch.tensor(x)], attn_mask=torch.tensor(~mask))[0]
    weights = {name: value.numpy() for name, value in layer.state_dict().items()}
    assert close(multi_head_attention(x, x, x, weights, num_heads=2, mask=mask), right)
    wrong = multi_head_attention(x, x, x, weights, num_heads=2, mask=~mask | np.eye(4, dtype=bool))
    assert not np.allclose(wrong, right.detach(), atol=1e-3)


def test_a_mask_after_the_softmax_leaves_shares_missing():
    query, key, mask = normal(3, 4), normal(3, 4, seed=1), causal_mask(3)
    _, weights = scaled_dot_product_attention(query, key, key, mask=mask, return_weights=True)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    late = scaled_dot_product_attention(query, key, key, return_weights=True)[1] * mask
    assert late.sum(axis=1).min() < 0.9


def test_a_token_that_may_see_nothing():
    x, mask = normal(1, 3, 4), np.ones((3, 3), bool)
    mask[1] = False
    tensors = [torch.tensor(x, requires_grad=True) for _ in range(3)]
    right = F.scaled_dot_product_attention(*tensors, attn_mask=torch.tensor(mask))
    right.sum().backward()
    out, weights = scaled_dot_product_attention(x, x, x, mask=mask, return_weights=True)
    assert close(out, right) and not out[0, 1].any() and not weights[0, 1].any()
    grads = scaled_dot_product_attention_backward(np.ones_like(x), x, x, x, mask=mask)
    assert all(close(grad, tensor.grad, scale=1) for grad, tensor in zip(grads, tensors, strict=True))
    layer = torch.nn.MultiheadAttention(4, 1, batch_first=True).double()
    assert layer(*3 * [torch.tensor(x)], attn_mask=torch.tensor(~mask))[0][0, 1].isnan().all()  # another answer


def test_large_scores_do_not_overflow():
    x = normal(3, 4, kind=np.float32) * np.float32(1e4)
    out = scaled_dot_product_attention(x, x, x)
    assert close(out, F.scaled_dot_product_attention(*3 * [torch.tensor(x)])) and np.isfinite(out).all()


@pytest.mark.parametrize("mask", [None, causal_mask(4), np.where(causal_mask(4), 0.5, -np.inf)], ids=["all", "b", "f"])
def test_backward_is_the_slope(mask):
    arrays, grad_output = [normal(4, 3, seed=seed) for seed in range(3)], normal(4, 3, seed=3)
    grads = scaled_dot_product_attention_backward(grad_output, *arrays, mask=mask)
    for position, grad in enumerate(grads):
        def loss(array, position=position):
            parts = [array if i == position else arrays[i] for i in range(3)]
            return (grad_output * scaled_dot_product_attention(*parts, mask=mask)).sum()
        np.testing.assert_allclose(grad, numerical_gradient(loss, arrays[position]), atol=1e-8)


def test_attention_does_not_know_the_order_of_tokens():
    x, order = normal(6, 4), np.random.default_rng(1).permutation(6)
    mixed = scaled_dot_product_attention(x, x, x)
    np.testing.assert_allclose(scaled_dot_product_attention(x[order], x[order], x[order]), mixed[order])
    causal = scaled_dot_product_attention(x, x, x, causal=True)
    assert not np.allclose(scaled_dot_product_attention(*3 * [x[order]], causal=True), causal[order])


def test_100_random_layers_agree_with_pytorch():
    rng, numbers = random.Random(1), np.random.default_rng(1)
    for _ in range(100):
        kind, heads = rng.choice(KINDS), rng.randint(1, 4)
        batch, size, queries, keys = rng.randint(1, 3), heads * rng.randint(1, 4), rng.randint(1, 6), rng.randint(1, 6)
        layer = torch.nn.MultiheadAttention(size, heads, bias=rng.random() < 0.7, batch_first=True)
        layer = layer.to(torch.float32 if kind is np.float32 else torch.float64)
        for parameter in layer.parameters():
            torch.nn.init.normal_(parameter, std=0.7)  # biases too
        weights = {name: value.numpy() for name, value in layer.state_dict().items()}
        query, key, value = (numbers.normal(size=(batch, count, size)).astype(kind) for count in (queries, keys, keys))
        if rng.random() < 0.5:
            key = value = query  # self-attention
        shape = (batch, heads, query.shape[1], key.shape[1])
        mask = rng.choice([None, numbers.random(shape) < 0.7, numbers.normal(size=shape).astype(kind)])
        if mask is not None and mask.dtype == bool:
            mask[..., 0] = True  # PyTorch's layer answers NaN where a token may see nothing
        judged = None if mask is None else torch.tensor(~mask if mask.dtype == bool else mask).flatten(0, 1)
        right, shares = layer(*map(torch.tensor, (query, key, value)), attn_mask=judged, average_attn_weights=False)
        out = multi_head_attention(query, key, value, weights, num_heads=heads, mask=mask, return_weights=True)
        assert close(out[0], right, scale=1) and close(out[1], shares, scale=1), (shape, mask)


def test_heads_are_neighboring_numbers():
    layer, x = torch.nn.MultiheadAttention(6, 2, batch_first=True).double(), normal(1, 4, 6)
    weights = {name: value.numpy() for name, value in layer.state_dict().items()}
    right = layer(*3 * [torch.tensor(x)], need_weights=False)[0]
    assert close(multi_head_attention(x, x, x, weights, num_heads=2), right)
    order = np.arange(6).reshape(3, 2).T.ravel()  # the mistake: every second number goes to a head
    mixed = {**weights, "in_proj_weight": weights["in_proj_weight"].reshape(3, 6, 6)[:, order].reshape(18, 6),
             "out_proj.weight": weights["out_proj.weight"][:, order]}
    assert not np.allclose(multi_head_attention(x, x, x, mixed, num_heads=2), right.detach(), atol=1e-3)


def reached(shape, window, dilation=1):
    """Return which places of a grid a convolution of ones carries each place to, (places, places)."""
    count = int(np.prod(shape))
    dots = torch.eye(count).reshape(count, 1, *shape)
    kernel = torch.ones(1, 1, *window)
    padding = [(width - 1) // 2 * dilation for width in window]
    return F.conv2d(dots, kernel, padding=padding, dilation=dilation).reshape(count, count).bool().numpy()


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 5), (1, 7)])
def test_local_and_strided_masks_are_the_windows_of_convolutions(shape):
    for window in ((1, 1), (3, 3), (1, 5), (7, 3)):
        assert np.array_equal(local_mask(shape, window=window), reached(shape, window))
    for stride in (1, 2, 3, 9):
        assert np.array_equal(strided_mask(shape, stride=stride), reached(shape, (15, 15), stride))
    length = shape[1]
    assert np.array_equal(local_mask(length, window=3), reached((1, length), (1, 3)))
    assert np.array_equal(strided_mask(length, stride=2), reached((1, length), (1, 15), 2))


def test_a_grid_is_not_a_line():
    line, grid = local_mask(16, window=3), local_mask((4, 4), window=3)
    assert line[3, 4] and not grid[3, 4]  # the end of one row, the start of the next
    assert grid[0, 4] and not line[0, 4]  # one below the other


def test_masks_save_products():
    counts = [mask.sum() for mask in (global_mask(196), local_mask((14, 14), window=3), strided_mask(196, stride=14),
                                      causal_mask(196))]
    assert counts == [196 ** 2, (3 * 14 - 2) ** 2, 196 * 14, 196 * 197 // 2]


def test_global_and_causal_masks():
    assert np.array_equal(causal_mask(5), torch.ones(5, 5).tril().bool())
    assert global_mask(3).all()
    mask = global_mask((2, 3), tokens=(1, 5))
    assert all(mask[i, j] == bool({i, j} & {1, 5}) for i, j in itertools.product(range(6), repeat=2))
    x = normal(2, 5, 3)
    assert np.array_equal(scaled_dot_product_attention(x, x, x, causal=True),
                          scaled_dot_product_attention(x, x, x, mask=causal_mask(5)))


def test_arguments_stay_what_they_were():
    arrays = [normal(3, 4), normal(3, 4), normal(3, 4), np.where(causal_mask(3), 0, -np.inf)]
    kept = [array.copy() for array in arrays]
    scaled_dot_product_attention_backward(normal(3, 4), *arrays[:3], mask=arrays[3])
    assert all(map(np.array_equal, arrays, kept))


X, WEIGHTS = np.ones((3, 4)), {"in_proj_weight": np.ones((12, 4)), "out_proj.weight": np.ones((4, 4))}
SHAPE = "mask must have at least 2 axes that broadcast to (3, 3), got"


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((X[0], X, X), {}, "query must have at least 2 axes, got shape (4,)"),
    ((X, X[:, :3], X), {}, "key must have 4 numbers a token as query, got 3"),
    ((X, X, X[:2]), {}, "value must have 3 tokens as key, got 2"),
    ((np.ones((2, 3, 4)), np.ones((3, 3, 4)), X), {}, "the axes of key before the last two must broadcast with (2,), "
     "got (3,)"),
    ((X, X, X), {"mask": np.ones(3, bool)}, f"{SHAPE} (3,)"),
    ((X, X, X), {"mask": np.ones((2, 3), bool)}, f"{SHAPE} (2, 3)"),
    ((X, X, X), {"mask": np.ones((5, 3, 3), bool)}, f"{SHAPE} (5, 3, 3)"),
    ((X, X, X), {"mask": np.ones((3, 3), int)},
     "mask must hold booleans (True: allowed) or floats, got an array of int64"),
    ((X, X, X), {"mask": np.full((3, 3), np.inf)}, "mask must hold finite numbers or -inf, got inf"),
    ((X, X, X), {"mask": causal_mask(3), "causal": True}, "causal must be False where a mask is given, got True"),
    ((X, X, X), {"causal": 1}, "causal must be True or False, got 1"),
    ((X, X, X), {"return_weights": None}, "return_weights must be True or False, got None"),
    ((X, X, "no"), {}, "value must be an array of real numbers, got 'no'"),
])
def test_bad_input_gets_the_rule_and_the_value(arguments, options, message):
    refused(scaled_dot_product_attention, f"scaled_dot_product_attention: {message}", *arguments, **options)


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (scaled_dot_product_attention_backward, (X[:2], X, X, X), {}, "grad_output must have the shape (3, 4), got (2, 4)"),
    (multi_head_attention, (X, X, X, WEIGHTS), {"num_heads": 3}, "num_heads must divide the 4 numbers of a token, got "
     "3"),
    (multi_head_attention, (X, X, X[:, :2], WEIGHTS), {"num_heads": 2},
     "value must have 4 numbers a token as query, got 2"),
    (multi_head_attention, (X, X, X, {"in_proj_weight": X}), {"num_heads": 2},
     "weights must hold in_proj_weight, out_proj.weight and at most in_proj_bias, out_proj.bias, got "
     "['in_proj_weight']"),
    (multi_head_attention, (X, X, X, X), {"num_heads": 2},
     "weights must hold in_proj_weight, out_proj.weight and at most in_proj_bias, out_proj.bias, got ndarray"),
    (multi_head_attention, (X, X, X, {**WEIGHTS, "out_proj.bias": np.ones(3)}), {"num_heads": 2},
     "out_proj.bias must have the shape (4,), got (3,)"),
    (causal_mask, (0,), {}, "length must be a whole number of at least 1, got 0"),
    (local_mask, (5,), {"window": 4}, "window must be odd, so that a token is in its middle, got 4"),
    (local_mask, (5,), {"window": (3, 3)}, "window must be one number or 1, one for each axis, got (3, 3)"),
    (local_mask, ((2, 3, 4),), {"window": 3}, "size must be one number or 2, one for each axis, got (2, 3, 4)"),
    (strided_mask, (5,), {"stride": 0}, "stride must be a whole number of at least 1, got 0"),
    (global_mask, (5,), {"tokens": 5}, "tokens must be from 0 to 4, got 5"),
    (global_mask, (5,), {"tokens": (0, 1.5)}, "tokens must hold whole numbers, got 1.5"),
])
def test_other_functions_say_what_is_wrong(function, arguments, options, message):
    refused(function, f"{function.__name__}: {message}", *arguments, **options)


@pytest.mark.parametrize("mask", [causal_mask, lambda size: local_mask(size, window=3), global_mask])
def test_no_mask_is_larger_than_a_memory(mask):
    with pytest.raises(ValueError, match=r"_mask: the mask must have at most 1073741824 numbers, got the shape \(2147"):
        mask(2**31)
