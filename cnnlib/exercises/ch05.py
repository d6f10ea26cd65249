"""The exercises of chapter 5: flattened size, XOR's sister, prepared images, batch norm, folding."""
from functools import partial

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake


def _flat_features(size, channels, blocks, *, lost=0, step=2, axes=2):
    """Follow blocks of a 3x3 convolution and a pool; lost: pixels that a convolution takes away."""
    for _ in range(blocks):
        size = (size - lost) // step
    return channels * size**axes


def _rounded_up(size, channels, blocks):
    for _ in range(blocks):
        size = -(-size // 2)
    return channels * size * size


FLAT_FEATURES = Exercise(
    name="flat_features",
    objective=1,
    reference=_flat_features,
    cases=((8, 4, 1), (28, 64, 2), (32, 10, 3), (30, 16, 2), (45, 8, 3)),
    mistakes=(
        Mistake("rounded-up",
                "you round up where a size is odd. A pool without ceil mode leaves the last row out.",
                _rounded_up),
        Mistake("padding-forgotten",
                "you let each convolution take two rows away. With padding 1, a 3×3 kernel keeps the size.",
                partial(_flat_features, lost=2)),
        Mistake("one-axis",
                "you count the pixels of one row. A map has rows and columns.",
                partial(_flat_features, axes=1)),
        Mistake("channels-forgotten",
                "you count the numbers of one map. How many maps are flattened?",
                lambda size, channels, blocks: _flat_features(size, 1, blocks)),
        Mistake("one-block",
                "you pool once. Every block has a pool.",
                lambda size, channels, blocks: _flat_features(size, channels, 1)),
        Mistake("not-pooled",
                "you flatten maps of the image's size. What does each pool do to rows and columns?",
                lambda size, channels, blocks: _flat_features(size, channels, 0)),
        Mistake("halved-once",
                "a pool halves rows *and* columns. You divide the number of pixels by 2 for each block.",
                lambda size, channels, blocks: channels * size * size // 2**blocks),
        Mistake("side-only",
                "you return the side of a map. Count its numbers, in all channels.",
                lambda size, channels, blocks: _flat_features(size, 1, blocks, axes=1)),
    ),
)

PARITY_WEIGHTS = Exercise(
    name="parity_weights",
    objective=2,
    reference=np.array([1, -2, 2]),
    mistakes=(
        Mistake("slopes-not-changes",
                "these are the slopes of the zigzag. A ReLU stays on once it is on, so each weight is the *change* of "
                "the slope at its kink.",
                np.array([1, -1, 1])),
        Mistake("two-inputs-only",
                "this is XOR of two inputs. What does it give for s = 3?",
                np.array([1, -2, 0])),
        Mistake("last-too-small",
                "s = 0, 1 and 2 are right. At s = 3 the line should be back at 1.",
                np.array([1, -2, 1])),
        Mistake("last-too-large",
                "s = 0, 1 and 2 are right. At s = 3 your sum has risen by 2, not by 1.",
                np.array([1, -2, 3])),
        Mistake("sign-turned",
                "the zigzag is right, upside down.",
                np.array([-1, 2, -2])),
        Mistake("values-not-weights",
                "these are the values to reach at s = 1, 2 and 3. The weights stand in front of the ReLUs.",
                np.array([1, 0, 1])),
    ),
)


def _prepared(images, mean, std, *, order=(0, 3, 1, 2), scale=255):
    x = (images / scale - np.reshape(mean, (1, 1, 1, -1))) / np.reshape(std, (1, 1, 1, -1))
    return x.transpose(order)


def _reshaped(images, mean, std):
    n, height, width, channels = images.shape
    return _prepared(images, mean, std, order=(0, 1, 2, 3)).reshape(n, channels, height, width)


def _rescaled_last(images, mean, std):
    return _prepared(images, mean, std, scale=1) / 255


_pixels = np.random.default_rng(5)
RED_BLUE = _pixels.integers(0, 256, size=(1, 2, 3, 3))
PHOTOS = _pixels.integers(0, 256, size=(2, 4, 5, 3))
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
PREPARE_IMAGES = Exercise(
    name="prepare_images",
    objective=5,
    reference=_prepared,
    cases=((RED_BLUE[:, :1, :2], MEAN, STD), (RED_BLUE, MEAN, STD), (PHOTOS, MEAN, STD)),
    mistakes=(
        Mistake("not-scaled",
                "you subtract fractions of 1 from pixels of up to 255. Bring the pixels to fractions first.",
                partial(_prepared, scale=1)),
        Mistake("scaled-last",
                "you divide by 255 at the end. Mean and deviation are those of pixels between 0 and 1.",
                _rescaled_last),
        Mistake("divided-by-256",
                "you divide by 256, so white becomes less than 1. The largest pixel is 255.",
                partial(_prepared, scale=256)),
        Mistake("reshaped-not-transposed",
                "the shape is right, but reshape reads on in the same order: the colors are mixed up. Move the axis.",
                _reshaped),
        Mistake("channels-last",
                "your channels lie in the last axis. A convolution wants (N, C, H, W).",
                partial(_prepared, order=(0, 1, 2, 3))),
        Mistake("rows-and-columns-swapped",
                "the channels are in place, but rows and columns have changed places.",
                partial(_prepared, order=(0, 3, 2, 1))),
        Mistake("mean-only",
                "you never divide by the deviation.",
                lambda images, mean, std: _prepared(images, mean, np.ones(3))),
        Mistake("variance-for-deviation",
                "you divide by the square of the deviation.",
                lambda images, mean, std: _prepared(images, mean, np.square(std))),
    ),
)


def _by_channel(values):
    return np.reshape(values, (1, -1, 1, 1))


def _normalized(x, gamma, beta, *, eps=1e-5, axes=(0, 2, 3), ddof=0):
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True, ddof=ddof)
    return _by_channel(gamma) * (x - mean) / np.sqrt(var + eps) + _by_channel(beta)


def _variance_alone(x, gamma, beta, *, eps=1e-5):
    mean, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    return _by_channel(gamma) * (x - mean) / (var + eps) + _by_channel(beta)


def _eps_outside(x, gamma, beta, *, eps=1e-5):
    mean, std = x.mean(axis=(0, 2, 3), keepdims=True), x.std(axis=(0, 2, 3), keepdims=True)
    return _by_channel(gamma) * (x - mean) / (std + eps) + _by_channel(beta)


_maps = np.random.default_rng(6)
TINY = _maps.integers(-4, 9, size=(2, 2, 2, 2)).astype(float)
MAPS = _maps.integers(-4, 9, size=(3, 4, 2, 5)).astype(float)
NORMALIZE_MAPS = Exercise(
    name="normalize_maps",
    objective=3,
    reference=_normalized,
    cases=(
        (TINY, np.array([1.0, 1.0]), np.array([0.0, 0.0]), {"eps": 0.5}),
        (TINY, np.array([2.0, 3.0]), np.array([1.0, -1.0]), {"eps": 0.5}),
        (MAPS, np.array([1.0, 2.0, 0.5, 3.0]), np.array([0.0, 1.0, -1.0, 2.0]), {"eps": 0.5}),
    ),
    mistakes=(
        Mistake("each-image-alone",
                "you take mean and variance of each map of each image. A channel's statistics run over the batch too.",
                partial(_normalized, axes=(2, 3))),
        Mistake("batch-axis-only",
                "you take a mean for each pixel. All places of a channel share one mean.",
                partial(_normalized, axes=(0,))),
        Mistake("all-axes",
                "you take one mean of everything. Each channel has its own.",
                partial(_normalized, axes=(0, 1, 2, 3))),
        Mistake("channels-averaged",
                "you average over the channels of an image, which is layer normalization.",
                partial(_normalized, axes=(1, 2, 3))),
        Mistake("unbiased-variance",
                "you divide the squares by n − 1. The batch is normalized with n; n − 1 is for the running variance.",
                partial(_normalized, ddof=1)),
        Mistake("root-forgotten",
                "you divide by the variance. Its root has the unit of x.",
                _variance_alone),
        Mistake("eps-outside-the-root",
                "you add eps to the deviation. It belongs to the variance, under the root.",
                _eps_outside),
        Mistake("scale-and-shift-forgotten",
                "the maps are normalized, but gamma and beta are never used.",
                lambda x, gamma, beta, *, eps=1e-5: _normalized(x, np.ones(len(gamma)), np.zeros(len(beta)), eps=eps)),
        Mistake("shift-before-scale",
                "you add beta before you multiply, so gamma scales it too.",
                lambda x, gamma, beta, *, eps=1e-5: _normalized(x, gamma, np.multiply(gamma, beta), eps=eps)),
    ),
)


def _folded(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
    scale = gamma / np.sqrt(var + eps)
    return np.column_stack([weight * scale[:, None], (bias - mean) * scale + beta])


def _column_scaled(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
    scale = gamma / np.sqrt(var + eps)
    return np.column_stack([weight * scale, (bias - mean) * scale + beta])


def _with_bias(new_bias):
    """Return a folding whose weight is right and whose bias is new_bias(scale, bias, mean, beta)."""
    def wrong(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
        scale = gamma / np.sqrt(var + eps)
        return np.column_stack([weight * scale[:, None], new_bias(scale, bias, mean, beta)])
    return wrong


_units = np.random.default_rng(7)
SQUARE = (_units.integers(-3, 4, size=(2, 2)).astype(float), np.array([1.0, -2.0]), np.array([0.5, 1.0]),
          np.array([4.0, 0.25]), np.array([2.0, 0.5]), np.array([1.0, 3.0]))
CUBE = (_units.integers(-3, 4, size=(3, 3)).astype(float), np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, -1.0]),
        np.array([4.0, 0.25, 9.0]), np.array([2.0, 0.5, 1.5]), np.array([1.0, 3.0, -0.5]))
FOLD_BATCH_NORM = Exercise(
    name="fold_batch_norm",
    objective=3,
    reference=_folded,
    cases=(SQUARE, CUBE, (*CUBE, {"eps": 0.5})),
    mistakes=(
        Mistake("bias-not-scaled",
                "the weights are right. The dense layer's own bias is normalized as well.",
                _with_bias(lambda scale, bias, mean, beta: bias - mean * scale + beta)),
        Mistake("mean-not-scaled",
                "the weights are right. The mean is subtracted *before* the scale.",
                _with_bias(lambda scale, bias, mean, beta: bias * scale - mean + beta)),
        Mistake("mean-added",
                "the weights are right, but you add the mean.",
                _with_bias(lambda scale, bias, mean, beta: (bias + mean) * scale + beta)),
        Mistake("mean-forgotten",
                "the weights are right. What became of the running mean?",
                _with_bias(lambda scale, bias, mean, beta: bias * scale + beta)),
        Mistake("beta-forgotten",
                "the weights are right. What became of beta?",
                _with_bias(lambda scale, bias, mean, beta: (bias - mean) * scale)),
        Mistake("beta-scaled",
                "the weights are right, but beta is added after the scale, not before.",
                _with_bias(lambda scale, bias, mean, beta: (bias - mean + beta) * scale)),
        Mistake("columns-scaled",
                "you scale the columns. A unit is a row of the weight matrix.",
                _column_scaled),
        Mistake("gamma-forgotten",
                "you divide by the deviation, but gamma is never used.",
                lambda w, b, mean, var, gamma, beta, *, eps=1e-5: _folded(w, b, mean, var, np.ones(len(gamma)), beta,
                                                                          eps=eps)),
    ),
)

EXERCISES = {each.name: each
             for each in (FLAT_FEATURES, PARITY_WEIGHTS, PREPARE_IMAGES, NORMALIZE_MAPS, FOLD_BATCH_NORM)}
check_flat_features, check_parity_weights, check_prepare_images, check_normalize_maps, check_fold_batch_norm = (
    exercise.check for exercise in EXERCISES.values()
)
