"""The exercises of chapter 11: an independent right answer passes, typical wrong ones are told their mistake."""
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.exercises import ch11, verify_exercise
from cnnlib.models import create_model
from cnnlib.models.attention import ChannelAttention


def tensor(array):
    return torch.tensor(np.ascontiguousarray(array), dtype=torch.float64)


@pytest.mark.parametrize("name", ch11.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch11.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch11.EXERCISES[name])


# Right answers, written with PyTorch's layers, the book's models, and loops.

def layers(z, w1, b1, w2, b2):
    return F.linear(F.relu(F.linear(z, tensor(w1), tensor(b1))), tensor(w2), tensor(b2))


def pools(x):
    x = tensor(x)
    return F.adaptive_avg_pool2d(x, 1).flatten(1), F.adaptive_max_pool2d(x, 1).flatten(1)


def book_gate(x, w1, b1, w2, b2):
    block = ChannelAttention(x.shape[1], reduction=x.shape[1] // len(w1)).double()
    arrays = {"fc1.weight": w1[..., None, None], "fc1.bias": b1, "fc2.weight": w2[..., None, None], "fc2.bias": b2}
    block.load_state_dict({name: tensor(array) for name, array in arrays.items()})
    return block.gate(tensor(x)).detach()[:, :, 0, 0]


def torch_attention(query, key, value, mask=None):
    mask = None if mask is None else torch.tensor(mask)
    return F.scaled_dot_product_attention(tensor(query), tensor(key), tensor(value), attn_mask=mask)


def built_vit(image_size, patch_size, hidden_dim):
    with torch.device("meta"):
        sizes = {"image_size": image_size, "patch_size": patch_size, "hidden_dim": hidden_dim}
        vit = create_model("vit_b_16", **sizes, num_layers=1, num_heads=1)
    learned = [vit.class_token, vit.encoder.pos_embedding, *vit.conv_proj.parameters()]
    return vit.encoder.pos_embedding.shape[1], vit.conv_proj.weight[0].numel(), sum(p.numel() for p in learned)


def looped_pairs(height, width, window):
    places = list(itertools.product(range(height), range(width)))
    return sum(max(abs(a - c), abs(b - d)) <= window // 2 for a, b in places for c, d in places)


@pytest.mark.parametrize(("check", "answer"), [
    (ch11.check_channel_gate, book_gate),
    (ch11.check_channel_gate, lambda x, *weights: torch.sigmoid(sum(layers(z, *weights) for z in pools(x)))),
    (ch11.check_attention, torch_attention),
    (ch11.check_vit_start, built_vit),
    (ch11.check_local_pairs, looped_pairs),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_the_start_of_vit_b_16_is_the_published_one():
    assert ch11.VIT_START.reference(224, 16, 768) == (197, 768, 590_592 + 768 + 151_296)


# Wrong answers as readers write them.

def joined(x, w1, b1, w2, b2):
    return torch.sigmoid(layers(torch.cat(pools(x), dim=1), np.hstack([w1, w1]), b1, w2, b2))


def late_relu(x, w1, b1, w2, b2):
    hidden = sum(F.linear(z, tensor(w1), tensor(b1)) for z in pools(x))
    return torch.sigmoid(F.linear(F.relu(hidden), tensor(w2), tensor(b2)))


def straight(x, w1, b1, w2, b2):
    return torch.sigmoid(sum(F.linear(F.linear(z, tensor(w1), tensor(b1)), tensor(w2), tensor(b2)) for z in pools(x)))


def unbiased(x, w1, b1, w2, b2):
    return torch.sigmoid(sum(F.relu(z @ tensor(w1).T) @ tensor(w2).T for z in pools(x)))


def scores_of(query, key, mask=None, *, divide=None, forbidden=-torch.inf):
    scores = tensor(query) @ tensor(key).T / (divide or query.shape[1] ** 0.5)
    return scores if mask is None else scores.masked_fill(~torch.tensor(mask), forbidden)


def divided_by(divide):
    return lambda q, k, v, mask=None: scores_of(q, k, mask, divide=divide(q, k)).softmax(1) @ tensor(v)


def masked_shares(query, key, value, mask=None):
    shares = scores_of(query, key).softmax(dim=-1)
    return (shares if mask is None else shares * torch.tensor(mask)) @ tensor(value)


def lines(height, width, window):
    return looped_pairs(1, height * width, window)


def reached(height, width, radius):
    near = [[abs(i - j) <= radius for i in range(n) for j in range(n)] for n in (height, width)]
    return sum(near[0]) * sum(near[1])


def forward_pairs(height, width, window):
    ahead = [sum(0 <= j - i <= window // 2 for i in range(n) for j in range(n)) for n in (height, width)]
    return ahead[0] * ahead[1]


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch11.check_channel_gate, lambda x, *w: torch.sigmoid(layers(pools(x)[0], *w)), "mean-alone"),
    (ch11.check_channel_gate, lambda x, *w: torch.sigmoid(layers(tensor(x).amax((2, 3)), *w)), "maximum-alone"),
    (ch11.check_channel_gate, lambda x, *w: sum(layers(z, *w).sigmoid() for z in pools(x)), "two-gates-added"),
    (ch11.check_channel_gate, joined, "pools-joined-first"),
    (ch11.check_channel_gate, late_relu, "relu-after-the-sum"),
    (ch11.check_channel_gate, straight, "no-relu"),
    (ch11.check_channel_gate, lambda x, *w: sum(layers(z, *w) for z in pools(x)), "no-sigmoid"),
    (ch11.check_channel_gate, lambda x, *w: sum(layers(z, *w) for z in pools(x)).softmax(1), "softmax"),
    (ch11.check_channel_gate, unbiased, "biases-forgotten"),
    (ch11.check_channel_gate, lambda x, *w: tensor(x) * book_gate(x, *w)[..., None, None], "maps-scaled"),
    (ch11.check_attention, divided_by(lambda q, k: 1), "not-divided"),
    (ch11.check_attention, divided_by(lambda q, k: q.shape[1]), "divided-by-d"),
    (ch11.check_attention, divided_by(lambda q, k: len(k) ** 0.5), "divided-by-tokens"),
    (ch11.check_attention, lambda q, k, v, mask=None: scores_of(q, k, mask, forbidden=-1e9).softmax(0) @ tensor(v),
     "softmax-over-queries"),
    (ch11.check_attention, lambda q, k, v, mask=None: scores_of(q, k, mask, forbidden=0) @ tensor(v), "no-softmax"),
    (ch11.check_attention, lambda q, k, v, mask=None: torch_attention(q, k, v), "mask-ignored"),
    (ch11.check_attention, masked_shares, "mask-after-softmax"),
    (ch11.check_attention, lambda q, k, v, mask=None: scores_of(q, k, mask, forbidden=0).softmax(1) @ tensor(v),
     "zero-for-forbidden"),
    (ch11.check_attention, lambda q, k, v, mask=None: torch_attention(q, k, v, None if mask is None else mask == 0),
     "mask-upside-down"),
    (ch11.check_attention, lambda q, k, v, mask=None: torch_attention(q, k, k, mask), "keys-for-values"),
    (ch11.check_attention, lambda q, k, v, mask=None: scores_of(q, k, mask).softmax(1), "weights-alone"),
    (ch11.check_vit_start, lambda i, p, d: ((i // p) ** 2, 3 * p * p, d * (3 * p * p + 1 + (i // p) ** 2)),
     "class-token-forgotten"),
    (ch11.check_vit_start, lambda i, p, d: (*built_vit(i, p, d)[:2], built_vit(i, p, d)[2] - d), "one-vector-short"),
    (ch11.check_vit_start, lambda i, p, d: (i // p + 1, 3 * p * p, d * (3 * p * p + 3 + i // p)), "one-side"),
    (ch11.check_vit_start, lambda i, p, d: (built_vit(i, p, d)[0], p * p, built_vit(i, p, d)[2] - 2 * p * p * d),
     "channels-forgotten"),
    (ch11.check_vit_start, lambda i, p, d: (*built_vit(i, p, d)[:2], d * (1 + built_vit(i, p, d)[0])), "no-projection"),
    (ch11.check_vit_start, lambda i, p, d: (*built_vit(i, p, d)[:2], sum(
        q.numel() for q in nn.Conv2d(3, d, p, device="meta").parameters())), "projection-alone"),
    (ch11.check_vit_start, lambda i, p, d: (*built_vit(i, p, d)[:2], d * (3 * p * p + 2) + (i // p) ** 2 + 1),
     "one-number-for-a-place"),
    (ch11.check_local_pairs, lambda h, w, k: h * k * w * k, "border-ignored"),
    (ch11.check_local_pairs, lambda h, w, k: h * w * h * w, "all-pairs"),
    (ch11.check_local_pairs, lambda h, w, k: k * k * len(range(k - 1, h)) * len(range(k - 1, w)), "inner-tokens-alone"),
    (ch11.check_local_pairs, lambda h, w, k: looped_pairs(h, w, k) - h * w, "itself-forgotten"),
    (ch11.check_local_pairs, lines, "a-line"),
    (ch11.check_local_pairs, lambda h, w, k: looped_pairs(h, 1, k) + looped_pairs(1, w, k), "axes-added"),
    (ch11.check_local_pairs, lambda h, w, k: reached(h, w, k), "radius-for-width"),
    (ch11.check_local_pairs, forward_pairs, "one-direction"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch11.check_local_pairs(lambda height, width, window: 8)
    assert feedback.mistake is None
    assert feedback.message == "local_pairs(1, 3, 3) should be 7, got 8."


def test_a_missing_mask_argument_is_told_the_call():
    feedback = ch11.check_attention(lambda query, key, value: torch_attention(query, key, value))
    assert feedback.message.startswith("attention(") and "raised TypeError" in feedback.message
